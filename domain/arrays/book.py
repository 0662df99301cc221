"""A book of loans as arrays: columns that agree, of whole numbers and of dates.

Shapes: a book is (loans,). Every argument is one value for each loan, or one for the whole book.
"""

from collections.abc import Callable, Sequence
from datetime import date
from operator import index
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Whole: TypeAlias = NDArray[np.int64]
Exact: TypeAlias = NDArray[np.int64] | NDArray[np.object_]
Bools: TypeAlias = NDArray[np.bool_]
Days: TypeAlias = NDArray[np.datetime64]
"""``datetime64[D]``."""

BLOCK = 8_192


def size_of(*arguments: Any) -> int:
    """How many loans the arguments speak of; they agree, and a matrix is a mistake."""
    shapes = {np.shape(argument) for argument in arguments} - {()}
    if len(shapes) != 1 or len(shape := shapes.pop()) != 1:
        given = ", ".join(str(np.shape(argument)) for argument in arguments)
        raise ValueError(f"a book is (loans,), the same for every argument; these are {given}")
    return int(shape[0])


def whole_of(figures: Any) -> Whole:
    array = np.asarray(figures)
    if array.dtype.kind != "i":
        raise TypeError(f"amounts, rates and units are int64, not {array.dtype}")
    return array.astype(np.int64, copy=False)


def exact_of(numerator: Any) -> Exact:
    array = np.asarray(numerator)
    if array.dtype.kind == "i":
        return whole_of(array)
    return narrow([index(one) for one in array.ravel().tolist()]).reshape(array.shape)


def narrow(figures: Sequence[int]) -> Exact:
    try:
        return np.array(figures, np.int64)
    except OverflowError:
        return np.array(figures, np.object_)


def days_of(day: Any) -> Days:
    array = np.asarray(np.datetime64(day, "D") if type(day) is date else day)
    if array.dtype != "M8[D]":
        raise TypeError(f"dates are datetime64[D], not {array.dtype}")
    if np.isnat(array).any():
        raise ValueError(f"element {np.isnat(array).argmax()} is no date")
    return array


def in_blocks(
    fast: Callable[..., Sequence[Whole]], columns: Sequence[NDArray[Any]]
) -> Sequence[Whole]:
    """``fast`` on the columns, so few loans at a time that what it puts aside stays in cache."""
    size = max(column.size for column in columns)
    if size <= BLOCK:
        return fast(*columns)
    whole: list[Whole] = []
    for at in range(0, size, BLOCK):
        block = slice(at, at + BLOCK)
        parts = fast(*(column[block] if column.ndim else column for column in columns))
        whole = whole or [np.empty(size, np.int64) for _ in parts]
        for column, part in zip(whole, parts, strict=True):
            column[block] = part
    return whole

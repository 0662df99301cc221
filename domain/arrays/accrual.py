"""The domain's accrual arithmetic on a book of loans: arrays in, the same integers out.

Every function here equals the scalar one of its name in domain.money and domain.daycount, loan by
loan. What fits an int64 on the way stays in numpy; the loans whose products could leave it, and
they alone, are counted in Python integers by the scalar functions. A result that is no int64 is an
``OverflowError`` naming its element, never a wrapped figure.

Numerators (exact sums of principal x rate x units) are the exception: they may outgrow an int64.
An array of them is int64 when every one fits, else an object array of Python integers; both are
taken and given back, and ``plus`` adds them up. Whoever stores them keeps a numeric column.

For shapes see domain.arrays.book; the day counts are those of domain.arrays.days.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain import money
from domain.arrays.book import (
    Bools,
    Exact,
    Whole,
    exact_of,
    in_blocks,
    narrow,
    size_of,
    whole_of,
)
from domain.arrays.days import days_between, elapsed, in_grace
from domain.money import MILLION, Rounding

__all__ = [
    "Accrued", "Exact", "Whole", "accrue", "days_between", "divide", "elapsed", "in_grace",
    "interest_of", "plus", "share",
]  # fmt: skip

_MOST = 2**63 - 1
_MILLION = np.asarray(MILLION)
_BEYOND = 2.0**64
_SURE = float(2**63) * (1 - 2**-40)
"""Magnitudes computed in floating point are wrong by less than 2^-49 of themselves: what they put
below this is an int64 for certain."""


class Accrued(NamedTuple):
    """What one step adds, per loan: minor units, and the exact ``numerator`` behind them."""

    interest: Whole
    tax: Whole
    numerator: Exact


def accrue(
    principal: Whole,
    rate: Whole | int,
    units: Whole | int,
    numerator: Exact,
    basis: Whole | int,
    rounding: Rounding,
    tax_rate: Whole | int,
    grace: tuple[Bools | bool, Bools | bool] = (False, False),
) -> Accrued:
    """One step of cumulative rounding: what ``units`` more come to, given all that ran before.

    Units: ``principal`` in minor units, rates in millionths, ``units`` of a year of ``basis``;
    ``numerator`` is the period's so far. For late interest these are the overdue principal, the
    ``late_rate`` and the ``late_numerator``, and ``grace`` says whether the instalment is
    ``in_grace`` before and after the step.
    Rounding: interest so far and its tax so far are rounded; each increment is their difference.
    Errors: ``OverflowError`` if interest or tax is no int64; a numerator may outgrow it.
    """
    size = size_of(principal, rate, units, numerator, basis, tax_rate, *grace)
    columns = [
        np.broadcast_to(whole_of(principal), size), whole_of(rate), whole_of(units),
        exact_of(numerator), whole_of(tax_rate),
    ]  # fmt: skip
    masks = [np.asarray(mask, np.bool_) for mask in grace]
    interest, tax, added = _blend(
        _wide(size, columns, _reach),
        [*columns, _year(basis), *masks],
        partial(_step, rounding),
        partial(_step_of_one, rounding),
    )
    return Accrued(_held("interest", interest), _held("tax", tax), added)


def _step(
    rounding: Rounding, principal: Whole, rate: Whole, units: Whole, numerator: Whole,
    tax_rate: Whole, year: Whole, grace_before: Bools, grace_after: Bools,
) -> tuple[Whole, Whole, Whole]:  # fmt: skip
    added = principal * rate * units
    before = _divided(_charged(numerator, grace_before), year, rounding)
    after = _divided(_charged(numerator + added, grace_after), year, rounding)
    tax_before = _divided(before * tax_rate, _MILLION, rounding)
    tax_after = _divided(after * tax_rate, _MILLION, rounding)
    return after - before, tax_after - tax_before, added


def _step_of_one(
    rounding: Rounding, principal: int, rate: int, units: int, numerator: int,
    tax_rate: int, year: int, grace_before: bool, grace_after: bool,
) -> tuple[int, int, int]:  # fmt: skip
    added = principal * rate * units
    before = 0 if grace_before else money.divide(numerator, year, rounding)
    after = 0 if grace_after else money.divide(numerator + added, year, rounding)
    tax = money.share(after, tax_rate, rounding) - money.share(before, tax_rate, rounding)
    return after - before, tax, added


def _charged(numerator: Whole, in_grace: Bools) -> Whole:
    return np.where(in_grace, 0, numerator) if in_grace.any() else numerator


def _reach(principal: Any, rate: Any, units: Any, numerator: Any, tax_rate: Any) -> Any:
    """The largest magnitude on the way of a step, for magnitudes of its arguments.

    Interest is taken over a year of one unit: for taxes up to 100 % no more than the numerator.
    """
    ran = principal * rate * np.maximum(units, 1.0) + numerator
    return np.maximum(ran, (ran / MILLION + 1.0) * tax_rate)


def interest_of(numerator: Exact, basis: Whole | int, rounding: Rounding) -> Whole:
    """What exact sums of principal x rate x units come to, in minor units, each rounded once."""
    size = size_of(numerator, basis)
    sums: Any = np.broadcast_to(exact_of(numerator), size)
    (interest,) = _blend(
        _wide(size, [sums], lambda magnitudes: magnitudes),
        [sums, _year(basis)],
        lambda few, year: (_divided(few, year, rounding),),
        lambda one, year: (money.divide(one, year, rounding),),
    )
    return _held("interest", interest)


def share(amount: Whole, rate: Whole | int, rounding: Rounding) -> Whole:
    """``rate`` (millionths) of each amount (minor units), rounded."""
    size = size_of(amount, rate)
    columns = [whole_of(amount), whole_of(rate)]
    (shares,) = _blend(
        _wide(size, columns, np.multiply),
        columns,
        lambda few, rates: (_divided(few * rates, _MILLION, rounding),),
        lambda one, rate: (money.share(one, rate, rounding),),
    )
    return _held("share", shares)


def plus(numerator: Exact, added: Exact) -> Exact:
    """``numerator + added``, exact: int64 where every sum is one, else Python integers."""
    size = size_of(numerator, added)
    columns = [exact_of(numerator), exact_of(added)]
    (total,) = _blend(
        _wide(size, columns, np.add),
        columns,
        lambda these, those: (these + those,),
        lambda this, that: (this + that,),
    )
    return total


def divide(
    numerator: Whole, denominator: Whole | int, rounding: Rounding = Rounding.HALF_EVEN
) -> Whole:
    """``numerator / denominator`` rounded to whole units; odd in the numerator.

    Never overflows: a quotient is no larger than its numerator.
    Errors: ``ValueError`` if a denominator is not positive.
    """
    size = size_of(numerator, denominator)
    columns = [np.broadcast_to(whole_of(numerator), size), _divisor(denominator)]
    (quotient,) = in_blocks(lambda few, by: (_divided(few, by, rounding),), columns)
    return quotient


def _divided(numerator: Whole, denominator: Whole, rounding: Rounding) -> Whole:
    quotient = numerator // denominator  # the floor, so remainders are positive under any sign
    # Beside -2^63 the product may wrap, and the difference wraps back: a remainder always fits.
    remainder = numerator - quotient * denominator
    past_half = remainder - (denominator - remainder)
    # Of two neighbours as near, the even one; or the upper of what is positive (away from zero).
    half_rises = quotient & 1 if rounding is Rounding.HALF_EVEN else numerator >= 0
    rounded: Whole = quotient + (past_half + half_rises > 0)
    return rounded


def _divisor(denominator: Any, most: int = _MOST) -> Whole:
    """Positive; where the book has but one, a single number, by which numpy divides faster."""
    array = whole_of(denominator)
    least, largest = array.min(initial=_MOST), array.max(initial=1)
    if least < 1 or largest > most:
        raise ValueError(f"divisors {least} to {largest} must be between 1 and {most}")
    return np.asarray(largest) if least == largest else array


def _year(basis: Any) -> Whole:
    return np.asarray(_divisor(basis, _MOST // MILLION) * MILLION)


def _wide(size: int, columns: Sequence[Exact], reach: Callable[..., Any]) -> Bools:
    """Which loans could leave an int64: none by the largest of each column, or else one by one.

    ``reach`` gives the largest magnitude on the way, from the arguments' magnitudes as floats.
    """
    if reach(*map(_largest, columns)) <= _SURE:
        return np.zeros(size, np.bool_)
    wide: Bools = np.broadcast_to(reach(*map(_magnitudes, columns)) > _SURE, size)
    return wide


def _largest(column: Exact) -> float:
    if column.dtype == np.object_:
        return _BEYOND
    return float(max(int(column.max(initial=0)), -int(column.min(initial=0))))


def _magnitudes(column: Exact) -> NDArray[np.float64]:
    if column.dtype == np.object_:
        return np.minimum(np.abs(column), 2**64).astype(np.float64)
    return np.abs(column.astype(np.float64))


def _blend(
    wide: Bools,
    columns: Sequence[NDArray[Any]],
    fast: Callable[..., Sequence[Whole]],
    exact: Callable[..., Sequence[int]],
) -> Sequence[Exact]:
    """``fast`` on the columns; on the loans that are ``wide``, ``exact`` one by one."""
    if not wide.any():
        return in_blocks(fast, columns)
    few = in_blocks(fast, [_at(~wide, column) for column in columns])
    each = (column[wide].tolist() if column.ndim else repeat(column.item()) for column in columns)
    counted = [exact(*one) for one in zip(*each, strict=False)]  # a number for the book repeats
    return [_joined(wide, *parts) for parts in zip(few, zip(*counted, strict=True), strict=True)]


def _at(where: Bools, column: NDArray[Any]) -> NDArray[Any]:
    some = column[where] if column.ndim else column
    return some.astype(np.int64) if some.dtype == np.object_ else some


def _joined(wide: Bools, few: Whole, counted: Sequence[int]) -> Exact:
    those = narrow(counted)
    joined: Exact = np.empty_like(those, shape=wide.shape)
    joined[~wide], joined[wide] = few, those
    return joined


def _held(what: str, figures: Exact) -> Whole:
    """Figures that are amounts: no int64, no amount."""
    if figures.dtype == np.object_:
        beyond = (figures > _MOST) | (figures < -_MOST - 1)
        at = int(np.argmax(beyond))
        raise OverflowError(f"{what} of element {at} is {figures[at]}, which no int64 holds")
    return figures.astype(np.int64, copy=False)

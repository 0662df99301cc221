"""The domain's accrual arithmetic on a book of loans: arrays in, the same integers out.

Every function here equals the scalar one of its name in domain.money and domain.daycount, loan by
loan. What fits an int64 on the way stays in numpy; the loans whose products could leave it, and
they alone, are counted in Python integers by the scalar functions. A result that is no int64 is an
``OverflowError`` naming its element, never a wrapped figure.

Numerators (exact sums of principal x rate x units) are the exception: they may outgrow an int64.
An array of them is int64 when every one fits, else an object array of Python integers; both are
taken and given back, and ``plus`` adds them up. Whoever stores them keeps a numeric column.

Shapes: a book is (loans,). Every argument is one value for each loan, or one for the whole book.
"""

from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from itertools import repeat
from operator import index
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from domain import money
from domain.daycount import CONVENTIONS
from domain.money import MILLION, Rounding
from domain.terms import DayCount

Whole: TypeAlias = NDArray[np.int64]
Exact: TypeAlias = NDArray[np.int64] | NDArray[np.object_]
Bools: TypeAlias = NDArray[np.bool_]
Days: TypeAlias = NDArray[np.datetime64]
"""``datetime64[D]``."""

_MOST = 2**63 - 1
_MILLION = np.asarray(MILLION)
_ISDA_YEAR = CONVENTIONS[DayCount.ACTUAL_ACTUAL][1]
_BEYOND = 2.0**64
_BLOCK = 8_192
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
    size = _size(principal, rate, units, numerator, basis, tax_rate, *grace)
    columns = [
        np.broadcast_to(_whole(principal), size), _whole(rate), _whole(units), _exact(numerator),
        _whole(tax_rate),
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


def in_grace(due_on: Days, on: Days | date, grace_days: Whole | int) -> Bools:
    """Whether late interest since ``due_on`` is still forgiven on ``on``."""
    _size(due_on, on, grace_days)
    late: Bools = (_days(on) - _days(due_on)).astype(np.int64) <= _whole(grace_days)
    return late


def interest_of(numerator: Exact, basis: Whole | int, rounding: Rounding) -> Whole:
    """What exact sums of principal x rate x units come to, in minor units, each rounded once."""
    size = _size(numerator, basis)
    sums: Any = np.broadcast_to(_exact(numerator), size)
    (interest,) = _blend(
        _wide(size, [sums], lambda magnitudes: magnitudes),
        [sums, _year(basis)],
        lambda few, year: (_divided(few, year, rounding),),
        lambda one, year: (money.divide(one, year, rounding),),
    )
    return _held("interest", interest)


def share(amount: Whole, rate: Whole | int, rounding: Rounding) -> Whole:
    """``rate`` (millionths) of each amount (minor units), rounded."""
    size = _size(amount, rate)
    columns = [_whole(amount), _whole(rate)]
    (shares,) = _blend(
        _wide(size, columns, np.multiply),
        columns,
        lambda few, rates: (_divided(few * rates, _MILLION, rounding),),
        lambda one, rate: (money.share(one, rate, rounding),),
    )
    return _held("share", shares)


def plus(numerator: Exact, added: Exact) -> Exact:
    """``numerator + added``, exact: int64 where every sum is one, else Python integers."""
    size = _size(numerator, added)
    columns = [_exact(numerator), _exact(added)]
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
    size = _size(numerator, denominator)
    columns = [np.broadcast_to(_whole(numerator), size), _divisor(denominator)]
    (quotient,) = _in_blocks(lambda few, by: (_divided(few, by, rounding),), columns)
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


def days_between(day_count: DayCount, start: Days | date, end: Days | date) -> Whole:
    """Units of a year from ``start`` to ``end``, as the convention of that name counts them.

    Errors: ``TypeError`` for other than ``datetime64[D]``, ``ValueError`` for a missing date.
    Source: domain.daycount, where each convention names its own.
    """
    _size(start, end)
    count = _CONVENTIONS[day_count]
    (units,) = _in_blocks(lambda one, other: (count(one, other),), [_days(start), _days(end)])
    return units


def elapsed(
    day_count: DayCount, start: Days | date, since: Days | date, until: Days | date
) -> Whole:
    """Units from ``since`` to ``until`` inside the periods that began on ``start``."""
    _size(start, since, until)
    count = _CONVENTIONS[day_count]
    (units,) = _in_blocks(
        lambda begun, one, other: (count(begun, other) - count(begun, one),),
        [_days(start), _days(since), _days(until)],
    )
    return units


def _actual(start: Days, end: Days) -> Whole:
    return (end - start).astype(np.int64)


def _actual_actual_isda(start: Days, end: Days) -> Whole:
    (one,), (other,) = _looked_up(_isda_position, start), _looked_up(_isda_position, end)
    units: Whole = np.maximum(other - one, 0)  # nothing runs backwards, as in the scalar
    return units


def _actual_actual_year_end(start: Days, end: Days) -> Whole:
    return _actual_actual_isda(start + 1, end + 1)


def _isda_position(day: Days) -> tuple[Whole]:
    """Units since 1970: whole years are all as long, the days of this one by its length."""
    year = day.astype("M8[Y]")
    first, following = year.astype("M8[D]"), (year + 1).astype("M8[D]")
    leap = following - first == np.timedelta64(366, "D")
    gone = (day - first).astype(np.int64) * np.where(leap, 365, 366)
    return (year.astype(np.int64) * _ISDA_YEAR + gone,)


def _thirty_360_us(start: Days, end: Days) -> Whole:
    months1, d1, february1 = _looked_up(_month_and_day, start)
    months2, d2, february2 = _looked_up(_month_and_day, end)
    d2 = np.where(february1 & february2, 30, d2)
    d1 = np.where(february1, 30, d1)
    d2 = np.where((d2 == 31) & (d1 >= 30), 30, d2)
    units: Whole = 30 * (months2 - months1) + d2 - np.minimum(d1, 30)
    return units


def _thirty_e_360(start: Days, end: Days) -> Whole:
    months1, d1, _ = _looked_up(_month_and_day, start)
    months2, d2, _ = _looked_up(_month_and_day, end)
    units: Whole = 30 * (months2 - months1) + np.minimum(d2, 30) - np.minimum(d1, 30)
    return units


def _month_and_day(day: Days) -> tuple[Whole, Whole, Bools]:
    """Months since January 1970, the day of the month, and whether it is February's last."""
    month = day.astype("M8[M]")
    months = month.astype(np.int64)
    of_month = (day - month.astype("M8[D]")).astype(np.int64) + 1
    return months, of_month, (months % 12 == 1) & ((day + 1).astype("M8[M]") != month)


def _looked_up(calendar: Callable[[Days], tuple[Any, ...]], day: Days) -> tuple[Any, ...]:
    """``calendar`` of the days, each read once: periods of a book begin on the same few days."""
    if not day.ndim or not day.size:
        return calendar(day)
    first, last = day.min(), day.max()
    spread = int((last - first).astype(np.int64)) + 1
    if spread > day.size:
        return calendar(day)
    place = (day - first).astype(np.int64)
    return tuple(column[place] for column in calendar(first + np.arange(spread)))


_CONVENTIONS: dict[DayCount, Callable[[Days, Days], Whole]] = {
    DayCount.ACTUAL_360: _actual,
    DayCount.ACTUAL_364: _actual,
    DayCount.ACTUAL_365: _actual,
    DayCount.ACTUAL_ACTUAL: _actual_actual_isda,
    DayCount.ACTUAL_ACTUAL_YEAR_END: _actual_actual_year_end,
    DayCount.THIRTY_360: _thirty_360_us,
    DayCount.THIRTY_E_360: _thirty_e_360,
}


def _size(*arguments: Any) -> int:
    """How many loans the arguments speak of; they agree, and a matrix is a mistake."""
    shapes = {np.shape(argument) for argument in arguments} - {()}
    if len(shapes) != 1 or len(shape := shapes.pop()) != 1:
        given = ", ".join(str(np.shape(argument)) for argument in arguments)
        raise ValueError(f"a book is (loans,), the same for every argument; these are {given}")
    return int(shape[0])


def _whole(figures: Any) -> Whole:
    array = np.asarray(figures)
    if array.dtype.kind != "i":
        raise TypeError(f"amounts, rates and units are int64, not {array.dtype}")
    return array.astype(np.int64, copy=False)


def _exact(numerator: Any) -> Exact:
    array = np.asarray(numerator)
    if array.dtype.kind == "i":
        return _whole(array)
    return _narrow([index(one) for one in array.ravel().tolist()]).reshape(array.shape)


def _narrow(figures: Sequence[int]) -> Exact:
    try:
        return np.array(figures, np.int64)
    except OverflowError:
        return np.array(figures, np.object_)


def _divisor(denominator: Any, most: int = _MOST) -> Whole:
    """Positive; where the book has but one, a single number, by which numpy divides faster."""
    array = _whole(denominator)
    least, largest = array.min(initial=_MOST), array.max(initial=1)
    if least < 1 or largest > most:
        raise ValueError(f"divisors {least} to {largest} must be between 1 and {most}")
    return np.asarray(largest) if least == largest else array


def _year(basis: Any) -> Whole:
    return np.asarray(_divisor(basis, _MOST // MILLION) * MILLION)


def _days(day: Any) -> Days:
    array = np.asarray(np.datetime64(day, "D") if type(day) is date else day)
    if array.dtype != "M8[D]":
        raise TypeError(f"dates are datetime64[D], not {array.dtype}")
    if np.isnat(array).any():
        raise ValueError(f"element {np.isnat(array).argmax()} is no date")
    return array


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
        return _in_blocks(fast, columns)
    few = _in_blocks(fast, [_at(~wide, column) for column in columns])
    each = (column[wide].tolist() if column.ndim else repeat(column.item()) for column in columns)
    counted = [exact(*one) for one in zip(*each, strict=False)]  # a number for the book repeats
    return [_joined(wide, *parts) for parts in zip(few, zip(*counted, strict=True), strict=True)]


def _in_blocks(
    fast: Callable[..., Sequence[Whole]], columns: Sequence[NDArray[Any]]
) -> Sequence[Whole]:
    """``fast`` on the columns, so few loans at a time that what it puts aside stays in cache."""
    size = max(column.size for column in columns)
    if size <= _BLOCK:
        return fast(*columns)
    whole: list[Whole] = []
    for at in range(0, size, _BLOCK):
        block = slice(at, at + _BLOCK)
        parts = fast(*(column[block] if column.ndim else column for column in columns))
        whole = whole or [np.empty(size, np.int64) for _ in parts]
        for column, part in zip(whole, parts, strict=True):
            column[block] = part
    return whole


def _at(where: Bools, column: NDArray[Any]) -> NDArray[Any]:
    some = column[where] if column.ndim else column
    return some.astype(np.int64) if some.dtype == np.object_ else some


def _joined(wide: Bools, few: Whole, counted: Sequence[int]) -> Exact:
    those = _narrow(counted)
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

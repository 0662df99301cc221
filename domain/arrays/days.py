"""Day counts of a book of loans: dates in, whole units of a year out.

Every function here equals the scalar one of its name in domain.daycount, loan by loan. For shapes
see domain.arrays.book.
"""

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np

from domain.arrays.book import Bools, Days, Whole, days_of, in_blocks, size_of, whole_of
from domain.arrays.due_dates import on_day
from domain.daycount import CONVENTIONS
from domain.terms import DayCount

_ISDA_YEAR = CONVENTIONS[DayCount.ACTUAL_ACTUAL][1]
_ICMA_MONTH = CONVENTIONS[DayCount.ACTUAL_ACTUAL_ICMA][1] // 12


def in_grace(due_on: Days, on: Days | date, grace_days: Whole | int) -> Bools:
    """Whether late interest since ``due_on`` is still forgiven on ``on``."""
    size_of(due_on, on, grace_days)
    late: Bools = (days_of(on) - days_of(due_on)).astype(np.int64) <= whole_of(grace_days)
    return late


def days_between(day_count: DayCount, start: Days | date, end: Days | date) -> Whole:
    """Units of a year from ``start`` to ``end``, as the convention of that name counts them.

    Errors: ``TypeError`` for other than ``datetime64[D]``, ``ValueError`` for a missing date.
    Source: domain.daycount, where each convention names its own.
    """
    size_of(start, end)
    count = _CONVENTIONS[day_count]
    (units,) = in_blocks(lambda one, other: (count(one, other),), [days_of(start), days_of(end)])
    return units


def elapsed(
    day_count: DayCount,
    start: Days | date,
    since: Days | date,
    until: Days | date,
    due_on: Days | date | None = None,
) -> Whole:
    """Units from ``since`` to ``until`` inside the periods from ``start``, to ``due_on`` if any."""
    size_of(start, since, until)
    if day_count is DayCount.ACTUAL_ACTUAL_ICMA and due_on is not None:
        size_of(start, since, until, due_on)
        columns = [days_of(start), days_of(since), days_of(until), days_of(due_on)]
        (units,) = in_blocks(lambda *days: (_icma_elapsed(*days),), columns)
        return units
    count = _CONVENTIONS[day_count]
    (units,) = in_blocks(
        lambda begun, one, other: (count(begun, other) - count(begun, one),),
        [days_of(start), days_of(since), days_of(until)],
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


def _actual_actual_icma(start: Days, end: Days) -> Whole:
    return _icma_position(start, end) - _icma_position(start, start)


def _icma_elapsed(start: Days, since: Days, until: Days, due_on: Days) -> Whole:
    (_, day, _), (months, _, _) = _month_and_day(start), _month_and_day(due_on)
    anchor = np.where(on_day(months, day) == due_on, start, due_on)
    return _icma_position(anchor, until) - _icma_position(anchor, since)


def _icma_position(anchor: Days, day: Days) -> Whole:
    """Units since January 1970, in months that begin on the anchor's day."""
    (_, of_month, _), (months, _, _) = _month_and_day(anchor), _month_and_day(day)
    months = months - (on_day(months, of_month) > day)
    begin, end = on_day(months, of_month), on_day(months + 1, of_month)
    gone, days = (day - begin).astype(np.int64), (end - begin).astype(np.int64)
    units: Whole = _ICMA_MONTH * months + _ICMA_MONTH * gone // days
    return units


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
    DayCount.ACTUAL_ACTUAL_ICMA: _actual_actual_icma,
    DayCount.THIRTY_360: _thirty_360_us,
    DayCount.THIRTY_E_360: _thirty_e_360,
}

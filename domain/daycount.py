"""How many units of a year lie between two dates, under each market convention.

A convention gives whole *units* and a *basis* of units a year, so that interest is exactly
``principal x rate x units / (basis x 10^6)`` and nothing is rounded before the end.
"""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from math import lcm

from domain.calendar import add_months
from domain.money import MILLION, divide
from domain.terms import DayCount, Terms

Units = Callable[[date, date], int]

_ISDA_BASIS = 365 * 366
_ICMA_MONTH = lcm(28, 29, 30, 31)


def actual(start: date, end: date) -> int:
    """Calendar days; the numerator of actual/360 and actual/365."""
    return (end - start).days


def actual_actual_isda(start: date, end: date) -> int:
    """Days in leap years weigh 365, other days 366, of a year of 365 x 366 units.

    Source: 2006 ISDA Definitions, section 4.16(b).
    """
    units = 0
    while start < end:
        upto = min(end, date(start.year + 1, 1, 1))
        units += (upto - start).days * (365 if _leap(start.year) else 366)
        start = upto
    return units


def thirty_360_us(start: date, end: date) -> int:
    """Every month has 30 days; the US (bond basis) rule, ends of February included.

    Source: 2006 ISDA Definitions, section 4.16(f), with the SIA rule for the end of February.
    """
    d1, d2 = start.day, end.day
    if _last_of_february(start):
        if _last_of_february(end):
            d2 = 30
        d1 = 30
    if d2 == 31 and d1 >= 30:
        d2 = 30
    return _thirty(start, end, min(d1, 30), d2)


def thirty_e_360(start: date, end: date) -> int:
    """Every month has 30 days; the Eurobond rule: a 31st counts as a 30th.

    Source: 2006 ISDA Definitions, section 4.16(g).
    """
    return _thirty(start, end, min(start.day, 30), min(end.day, 30))


def _thirty(start: date, end: date, d1: int, d2: int) -> int:
    return 360 * (end.year - start.year) + 30 * (end.month - start.month) + d2 - d1


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _last_of_february(day: date) -> bool:
    return day.month == 2 and (day + timedelta(days=1)).month == 3


def actual_actual_year_end(start: date, end: date) -> int:
    """As ``actual_actual_isda``, but the night of 31 December counts to the year it leads into.

    Source: the practice of systems that divide a period after the last day of the year.
    """
    return actual_actual_isda(start + timedelta(days=1), end + timedelta(days=1))


def actual_actual_icma(start: date, end: date, due_on: date | None = None) -> int:
    """Every month is a twelfth of the year, a part of one in proportion to its days.

    Months count back from ``due_on``, when the period falls due; from ``start`` where that is
    whole months before it, or where nothing falls due.
    Source: ICMA Rule Book, rule 251, with the month as the regular period.
    """
    anchor = start if due_on is None or _whole_months(start, due_on) else due_on
    return _icma_position(anchor, end) - _icma_position(anchor, start)


def _whole_months(start: date, due_on: date) -> bool:
    return due_on == add_months(start, _months(due_on) - _months(start))


def _icma_position(anchor: date, day: date) -> int:
    """Units from the anchor: months of it, each of as many units, whatever its days."""
    months = _months(day) - _months(anchor)
    months -= add_months(anchor, months) > day
    begin, end = add_months(anchor, months), add_months(anchor, months + 1)
    return _ICMA_MONTH * months + _ICMA_MONTH * (day - begin).days // (end - begin).days


def _months(day: date) -> int:
    return 12 * day.year + day.month


CONVENTIONS: dict[DayCount, tuple[Units, int]] = {
    DayCount.ACTUAL_360: (actual, 360),
    DayCount.ACTUAL_364: (actual, 364),
    DayCount.ACTUAL_365: (actual, 365),
    DayCount.ACTUAL_ACTUAL: (actual_actual_isda, _ISDA_BASIS),
    DayCount.ACTUAL_ACTUAL_YEAR_END: (actual_actual_year_end, _ISDA_BASIS),
    DayCount.ACTUAL_ACTUAL_ICMA: (actual_actual_icma, 12 * _ICMA_MONTH),
    DayCount.THIRTY_360: (thirty_360_us, 360),
    DayCount.THIRTY_E_360: (thirty_e_360, 360),
}
"""The units function and the units of a year of each convention."""


def elapsed(
    day_count: DayCount, start: date, since: date, until: date, due_on: date | None = None
) -> int:
    """Units from ``since`` to ``until`` inside the period that began on ``start``.

    Counted as the difference of two counts from ``start``, so that the days of a period add up
    to the period whatever a convention does with a 31st. ``due_on`` is the period's end, if any.
    """
    if day_count is DayCount.ACTUAL_ACTUAL_ICMA:
        before = actual_actual_icma(start, since, due_on)
        return actual_actual_icma(start, until, due_on) - before
    units, _ = CONVENTIONS[day_count]
    return units(start, until) - units(start, since)


def rate_units(
    terms: Terms, start: date, since: date, until: date, due_on: date | None = None
) -> int:
    """Annual rate times day units from ``since`` to ``until``, in a period begun on ``start``.

    Over a change of rate it is the sum of the stretches, each at its own rate.
    """
    if not terms.rate_steps:
        return terms.annual_rate * elapsed(terms.day_count, start, since, until, due_on)
    return sum(
        rate * elapsed(terms.day_count, start, begin, end, due_on)
        for rate, begin, end in _stretches(terms, since, until)
    )


def rate_days(terms: Terms, since: date, until: date) -> int:
    """Annual rate times calendar days from ``since`` to ``until``, over changes of rate."""
    if not terms.rate_steps:
        return terms.annual_rate * (until - since).days
    return sum(rate * (end - begin).days for rate, begin, end in _stretches(terms, since, until))


def _stretches(terms: Terms, since: date, until: date) -> Iterator[tuple[int, date, date]]:
    """(rate, from, to) of each stretch at one rate."""
    begin, rate = since, terms.rate_on(since)
    for step in terms.rate_steps:
        if since < step.from_on < until:
            yield rate, begin, step.from_on
            begin, rate = step.from_on, step.annual_rate
    yield rate, begin, until


def interest_of(terms: Terms, numerator: int) -> int:
    """What an exact sum of principal x rate x units comes to, in minor units, rounded once."""
    _, basis = CONVENTIONS[terms.day_count]
    return divide(numerator, basis * MILLION, terms.rounding)

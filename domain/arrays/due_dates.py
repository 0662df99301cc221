"""On which dates instalments fall due: domain.calendar for many loans at once."""

from contextlib import suppress
from typing import NamedTuple

import numpy as np

from domain.arrays.book import Bools, Days, Whole
from domain.business_days import BusinessDayRule, roll
from domain.calendar import DAYS, MONTHS
from domain.errors import InvalidTerms
from domain.terms import Frequency

_LAST = np.datetime64("9999-12-31", "D")
_NOWHERE = np.datetime64("0001-01-01", "D")


class DueDates(NamedTuple):
    """``due_on`` is (rows, loans); ``odd`` (loans,) are those that the scalar has to answer."""

    due_on: Days
    odd: Bools


def due_dates(
    frequency: Frequency,
    every: Whole,
    month_days: tuple[int, int],
    disbursed_on: Days,
    first_due_on: Days,
    rows: int,
) -> DueDates:
    """The first ``rows`` due dates of each loan, before business days and months to skip.

    ``first_due_on`` is NaT where the terms name none. Odd are loans whose first date is refused.
    """
    named = ~np.isnat(first_due_on)
    odd: Bools = named & (first_due_on <= disbursed_on)
    k = np.arange(rows)[:, None]
    if frequency is Frequency.SINGLE:
        return DueDates(np.where(named, first_due_on, disbursed_on)[None], odd | ~named)
    if frequency is Frequency.SEMI_MONTHLY:
        begin = np.where(named, first_due_on, disbursed_on + 1)
        early, late = sorted(month_days)
        month = begin.astype("M8[M]").astype(np.int64)
        half = 2 * month + (begin > on_day(month, early)) + (begin > on_day(month, late))
        halves = half + k * every
        due_on = on_day(halves >> 1, np.where(halves & 1, late, early))
        return DueDates(due_on, odd | (named & (due_on[0] != first_due_on)))
    if days := DAYS.get(frequency):
        step = days * every
        return DueDates(np.where(named, first_due_on, disbursed_on + step) + k * step, odd)
    step = MONTHS[frequency] * every
    anchor = np.where(named, first_due_on, disbursed_on)
    month = anchor.astype("M8[M]")
    day = (anchor - month.astype("M8[D]")).astype(np.int64) + 1
    months = month.astype(np.int64) + np.where(named, 0, step) + k * step
    return DueDates(on_day(months, day), odd)


def on_day(months: Whole, day: Whole | int) -> Days:
    """That day of each month (counted from January 1970), clipped to the month's end."""
    least = months.min(initial=0)
    spread = int(months.max(initial=0) - least) + 2
    if spread > months.size:
        begin, following = _begin(months), _begin(months + 1)
    else:
        begins, place = _begin(least + np.arange(spread)), months - least
        begin, following = begins[place], begins[1:][place]
    clipped: Days = np.minimum(begin + (day - 1), following - 1)
    return clipped


def _begin(months: Whole) -> Days:
    return months.astype("M8[M]").astype("M8[D]")


def worked(found: DueDates, rule: BusinessDayRule, calendar: str, last: Whole) -> DueDates:
    """The dates moved to business days; odd is also who would lose one, or leaves the calendar.

    ``last`` (loans,) is the index of each loan's last row; rows after it are of no account.
    """
    due_on, odd = found
    ends = due_on[last, np.arange(last.size)]
    odd = odd | (ends > _LAST)
    if rule is BusinessDayRule.NONE or odd.all():
        return DueDates(due_on, odd)
    counted = (np.arange(len(due_on))[:, None] <= last) & ~odd
    begin = due_on[counted].min()
    place = np.where(counted, (due_on - begin).astype(np.int64), 0)
    moved = np.full(int(place.max()) + 1, _NOWHERE)
    used = np.zeros(moved.size, np.bool_)
    used[place] = True
    for day in np.flatnonzero(used):
        with suppress(InvalidTerms):  # it stays nowhere, before every other: the scalar says why
            moved[day] = roll((begin + day).item(), rule, calendar)
    rolled = moved[place]
    lost = counted[1:] & (rolled[1:] <= rolled[:-1])
    return DueDates(rolled, odd | lost.any(axis=0) | (rolled[0] == _NOWHERE))

"""On which dates instalments fall due."""

import calendar
import re
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import chain, count, islice

from domain.business_days import BusinessDayRule, roll
from domain.errors import InvalidTerms
from domain.terms import Frequency, Method, Terms

DAYS = {
    Frequency.DAILY: 1,
    Frequency.WEEKLY: 7,
    Frequency.FORTNIGHTLY: 14,
    Frequency.FOUR_WEEKLY: 28,
}
MONTHS = {
    Frequency.MONTHLY: 1,
    Frequency.BIMONTHLY: 2,
    Frequency.QUARTERLY: 3,
    Frequency.SEMIANNUAL: 6,
    Frequency.ANNUAL: 12,
}
PERIODS_PER_YEAR = {
    Frequency.DAILY: 365,
    Frequency.WEEKLY: 52,
    Frequency.FORTNIGHTLY: 26,
    Frequency.FOUR_WEEKLY: 13,
    Frequency.SEMI_MONTHLY: 24,
    Frequency.MONTHLY: 12,
    Frequency.BIMONTHLY: 6,
    Frequency.QUARTERLY: 4,
    Frequency.SEMIANNUAL: 2,
    Frequency.ANNUAL: 1,
    Frequency.SINGLE: 1,
}
"""Nominal periods in a year: what a rate is divided by where interest is per period."""


def due_dates(terms: Terms, disbursed_on: date, *, same_day: bool = False) -> tuple[date, ...]:
    """The due date of every instalment of a loan disbursed on ``disbursed_on``.

    Months keep the day of the first due date, clipped to the month's end: the 31st falls on
    28 February and on 31 March again. Without ``first_due_on`` the first instalment falls due one
    period after disbursement (semi-monthly: on the next of the two days). Dates in months to skip
    fall away and the term goes on longer; then a date that is no business day moves by the terms'
    rule, and two that move to the same day are one. One that nobody chose falls away where that
    makes it the day of disbursement or an earlier one. With ``same_day`` the first may be the day
    itself, where it was agreed.
    Errors: ``InvalidTerms`` if an instalment would fall due on or before disbursement, or
    beyond what a calendar holds.
    """
    first = terms.first_due_on
    chosen = first is not None or terms.method is Method.IRREGULAR
    after = disbursed_on - timedelta(days=1) if same_day and first else disbursed_on
    if terms.method is Method.IRREGULAR:
        agreed: Iterator[date] | None = iter([row.due_on for row in terms.irregular])
    elif first is not None and first <= after:
        raise InvalidTerms(
            f"first_due {first} must be after the disbursement of {disbursed_on}", "first_due"
        )
    else:
        agreed = None
    try:
        agreed = agreed or _regular(terms, disbursed_on, first)
        begin = date.min if chosen else after
        dates = tuple(islice(_worked(terms, agreed, begin), terms.instalments))
    except (OverflowError, ValueError) as beyond:
        raise InvalidTerms("instalments reach beyond the year 9999", "instalments") from beyond
    if not dates or dates[0] <= after:
        raise InvalidTerms(f"the first instalment must be due after {disbursed_on}", "first_due")
    return dates


def _worked(terms: Terms, agreed: Iterator[date], begin: date) -> Iterator[date]:
    """Due dates after ``begin`` without the months to skip, each moved to a business day."""
    if not terms.skip_months and terms.business_day_rule is BusinessDayRule.NONE:
        yield from agreed
        return
    before = begin
    for due_on in agreed:
        if due_on.month in terms.skip_months:
            continue
        moved = roll(due_on, terms.business_day_rule, terms.calendar)
        if moved > before:
            yield moved
        before = max(before, moved)


def _regular(terms: Terms, disbursed_on: date, first: date | None) -> Iterator[date]:
    """The dates without end; ``OverflowError`` past the last that there is."""
    if terms.frequency is Frequency.SINGLE:
        if first is None:
            raise InvalidTerms("a single payment needs its due date", "first_due")
        return iter([first])
    if terms.frequency is Frequency.SEMI_MONTHLY:
        return _semi_monthly(terms, disbursed_on, first)
    if days := DAYS.get(terms.frequency):
        step = timedelta(days=days * terms.every)
        begin = first or disbursed_on + step
        return (begin + k * step for k in count())
    months = MONTHS[terms.frequency] * terms.every
    anchor, shift = (first, 0) if first else (disbursed_on, months)
    return (add_months(anchor, shift + k * months) for k in count())


def add_months(anchor: date, months: int) -> date:
    """The day of the anchor so many months on, clipped to the month's end."""
    year, month = divmod(anchor.month - 1 + months, 12)
    return _on_day(anchor.year + year, month + 1, anchor.day)


def _on_day(year: int, month: int, day: int) -> date:
    if year > date.max.year:
        raise OverflowError
    if day <= 28:
        return date(year, month, day)
    return date(year, month, min(day, calendar.monthrange(year, month)[1]))


def _semi_monthly(terms: Terms, disbursed_on: date, first: date | None) -> Iterator[date]:
    """Two days a month; ``every`` 2 takes every second one."""
    begin = first or disbursed_on + timedelta(days=1)
    halves: Iterator[date] = (
        day
        for months in count()
        for day in _halves(begin, months, terms.month_days)
        if day >= begin
    )
    if first is not None and (day := next(halves)) == first:
        halves = chain([day], halves)
    elif first is not None:
        raise InvalidTerms(
            f"first_due {first} is not one of the month days {terms.month_days}", "first_due"
        )
    return islice(halves, 0, None, terms.every)


def _halves(begin: date, months: int, days: tuple[int, int]) -> tuple[date, date]:
    month = add_months(begin.replace(day=1), months)
    early, late = sorted(days)
    return _on_day(month.year, month.month, early), _on_day(month.year, month.month, late)


def month_named(text: str) -> date | None:
    """The first day of the month written as 2026-03; None where that is no month's name."""
    if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", text) or text.startswith("0000"):
        return None
    return date(int(text[:4]), int(text[5:]), 1)

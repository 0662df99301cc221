"""On which dates instalments fall due."""

import calendar
from collections.abc import Iterator
from datetime import date, timedelta

from domain.errors import InvalidTerms
from domain.terms import Frequency, Method, Terms

_DAYS = {
    Frequency.DAILY: 1,
    Frequency.WEEKLY: 7,
    Frequency.FORTNIGHTLY: 14,
    Frequency.FOUR_WEEKLY: 28,
}
_MONTHS = {
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


def due_dates(terms: Terms, disbursed_on: date) -> tuple[date, ...]:
    """The due date of every instalment of a loan disbursed on ``disbursed_on``.

    Months keep the day of the first due date, clipped to the month's end: the 31st falls on
    28 February and on 31 March again. Without ``first_due_on`` the first instalment falls due one
    period after disbursement (semi-monthly: on the next of the two days).
    Errors: ``InvalidTerms`` if an instalment would fall due on or before disbursement, or
    beyond what a calendar holds.
    """
    first = terms.first_due_on
    if terms.method is Method.IRREGULAR:
        dates = tuple(row.due_on for row in terms.irregular)
    elif first is not None and first <= disbursed_on:
        raise InvalidTerms(
            f"first_due {first} must be after the disbursement of {disbursed_on}", "first_due"
        )
    else:
        try:
            dates = tuple(_regular(terms, disbursed_on, first))
        except (OverflowError, ValueError) as beyond:
            raise InvalidTerms("instalments reach beyond the year 9999", "instalments") from beyond
    if not dates or dates[0] <= disbursed_on:
        raise InvalidTerms(f"the first instalment must be due after {disbursed_on}", "first_due")
    return dates


def _regular(terms: Terms, disbursed_on: date, first: date | None) -> Iterator[date]:
    if terms.frequency is Frequency.SINGLE:
        if first is None:
            raise InvalidTerms("a single payment needs its due date", "first_due")
        return iter([first])
    if terms.frequency is Frequency.SEMI_MONTHLY:
        return _semi_monthly(terms, disbursed_on, first)
    if days := _DAYS.get(terms.frequency):
        step = timedelta(days=days * terms.every)
        begin = first or disbursed_on + step
        return (begin + k * step for k in range(terms.instalments))
    months = _MONTHS[terms.frequency] * terms.every
    anchor, shift = (first, 0) if first else (disbursed_on, months)
    return (_add_months(anchor, shift + k * months) for k in range(terms.instalments))


def _add_months(anchor: date, months: int) -> date:
    year, month = divmod(anchor.month - 1 + months, 12)
    return _on_day(anchor.year + year, month + 1, anchor.day)


def _on_day(year: int, month: int, day: int) -> date:
    if year > date.max.year:
        raise OverflowError
    return date(year, month, min(day, calendar.monthrange(year, month)[1]))


def _semi_monthly(terms: Terms, disbursed_on: date, first: date | None) -> Iterator[date]:
    """Two days a month; ``every`` 2 takes every second one."""
    begin = first or disbursed_on + timedelta(days=1)
    halves = (
        day
        for months in range(terms.instalments * terms.every + 2)
        for day in _halves(begin, months, terms.month_days)
        if day >= begin
    )
    kept = 0
    for index, day in enumerate(halves):
        if index % terms.every == 0 and kept < terms.instalments:
            kept += 1
            if kept == 1 and first is not None and day != first:
                raise InvalidTerms(
                    f"first_due {first} is not one of the month days {terms.month_days}",
                    "first_due",
                )
            yield day


def _halves(begin: date, months: int, days: tuple[int, int]) -> tuple[date, date]:
    month = _add_months(begin.replace(day=1), months)
    early, late = sorted(days)
    return _on_day(month.year, month.month, early), _on_day(month.year, month.month, late)

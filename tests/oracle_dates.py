"""Due dates and day counts, worked out a second time.

Part of the oracle (``tests/oracle.py``): exact fractions, no cleverness, nothing of the domain but
the words of ``terms``. Of the calendars it knows ``weekends`` only.
"""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from domain.money import Rounding
from domain.terms import DayCount, Frequency, Method, Terms

MONTHS = {"monthly": 1, "bimonthly": 2, "quarterly": 3, "semiannual": 6, "annual": 12}
DAYS = {"daily": 1, "weekly": 7, "fortnightly": 14, "four_weekly": 28}
PERIODS_A_YEAR = {
    "daily": 365, "weekly": 52, "fortnightly": 26, "four_weekly": 13, "semi_monthly": 24,
    "monthly": 12, "bimonthly": 6, "quarterly": 4, "semiannual": 2, "annual": 1,
}  # fmt: skip
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Period:
    """The nights one instalment bears interest for; ``spans`` more if months fell away."""

    start: date
    due: date
    spans: int = 1


def rounded(exact: Fraction, mode: Rounding) -> int:
    """To the nearest whole; of a half a negative figure is the mirror of a positive one."""
    if exact < 0:
        return -rounded(-exact, mode)
    exact = Fraction(exact)
    whole = exact.numerator // exact.denominator
    rest = exact - whole
    half = Fraction(1, 2)
    up = rest > half or (rest == half and (mode == Rounding.HALF_UP or whole % 2 == 1))
    return whole + up


def month_end(day: date) -> date:
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def add_months(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def thirty_days(start: date, end: date, *, european: bool) -> int:
    d1, d2 = start.day, end.day
    if european:
        d1, d2 = min(d1, 30), min(d2, 30)
    else:
        start_is_february_end = start.month == 2 and start == month_end(start)
        if start_is_february_end and end.month == 2 and end == month_end(end):
            d2 = 30
        if start_is_february_end:
            d1 = 30
        if d2 == 31 and d1 >= 30:
            d2 = 30
        d1 = min(d1, 30)
    return 360 * (end.year - start.year) + 30 * (end.month - start.month) + d2 - d1


def years(day_count: DayCount, start: date, end: date) -> Fraction:
    days = (end - start).days
    if day_count == DayCount.ACTUAL_360:
        return Fraction(days, 360)
    if day_count == DayCount.ACTUAL_364:
        return Fraction(days, 364)
    if day_count == DayCount.ACTUAL_365:
        return Fraction(days, 365)
    if day_count == DayCount.ACTUAL_ACTUAL_YEAR_END:
        leap = sum(calendar.isleap((start + n * ONE_DAY).year) for n in range(1, days + 1))
        return Fraction(leap, 366) + Fraction(days - leap, 365)
    if day_count == DayCount.ACTUAL_ACTUAL:
        leap = sum(calendar.isleap((start + n * ONE_DAY).year) for n in range(days))
        return Fraction(leap, 366) + Fraction(days - leap, 365)
    european = day_count == DayCount.THIRTY_E_360
    return Fraction(thirty_days(start, end, european=european), 360)


def months_of(anchor: date, since: date, until: date) -> Fraction:
    """Night by night, each the part of its month from the anchor's day to the same of the next."""
    found, n = Fraction(0), -1200
    while until > since:
        while add_months(anchor, n + 1) <= since:
            n += 1
        month = (add_months(anchor, n + 1) - add_months(anchor, n)).days
        found += Fraction(1, month)
        since += ONE_DAY
    return found


def part(
    day_count: DayCount, start: date, since: date, until: date, due: date | None = None
) -> Fraction:
    """The part of a year between two days, counted inside a period from ``start`` to ``due``."""
    if day_count == DayCount.ACTUAL_ACTUAL_ICMA:
        apart = 12 * (due.year - start.year) + due.month - start.month if due else 0
        whole = due is None or add_months(start, apart) == due
        return months_of(start if whole or due is None else due, since, until) / 12
    return years(day_count, start, until) - years(day_count, start, since)


def a_day(day_count: DayCount, start: date, day: date, due: date | None = None) -> Fraction:
    """The part of a year from the day before to ``day``, inside a period from ``start``."""
    return part(day_count, start, day - ONE_DAY, day, due)


def agreed_dates(terms: Terms, disbursed_on: date) -> Iterator[date]:
    """The dates as the frequency says, without end."""
    frequency, first, every = terms.frequency, terms.first_due_on, terms.every
    if terms.method == Method.IRREGULAR:
        yield from (row.due_on for row in terms.irregular)
    elif frequency == Frequency.SINGLE:
        assert first is not None
        yield first
    elif frequency == Frequency.SEMI_MONTHLY:
        found, day = 0, first or disbursed_on + ONE_DAY
        while True:
            if day.day in {min(wanted, month_end(day).day) for wanted in terms.month_days}:
                if found % every == 0:
                    yield day
                found += 1
            day += ONE_DAY
    elif frequency in MONTHS:
        step = MONTHS[frequency] * every
        anchor, n = (first, 0) if first else (disbursed_on, 1)
        while True:
            yield add_months(anchor, n * step)
            n += 1
    else:
        gap = timedelta(days=DAYS[frequency] * every)
        day = first or disbursed_on + gap
        while True:
            yield day
            day += gap


def worked(day: date, rule: str) -> date:
    """The working day that stands for ``day``."""
    forward = "following" in rule
    if rule == "none" or day.weekday() < 5:
        return day
    for direction in (1, -1) if forward else (-1, 1):
        moved = day
        while moved.weekday() >= 5:
            moved += direction * ONE_DAY
        if not rule.startswith("modified") or moved.month == day.month:
            return moved
    raise AssertionError(day)


def periods(terms: Terms, disbursed_on: date) -> list[Period]:
    """The periods of all instalments. Two dates moved to the same day are one, and none moves to
    the disbursement unless it was chosen."""
    found: list[Period] = []
    chosen = terms.first_due_on is not None or terms.method == "irregular"
    start, spans = disbursed_on, 1
    for agreed in agreed_dates(terms, disbursed_on):
        if agreed.month in terms.skip_months:
            spans += 1
            continue
        due = worked(agreed, terms.business_day_rule)
        if due <= start and (found or not chosen):
            continue
        found.append(Period(start, due, spans))
        start, spans = due, 1
        if len(found) == terms.instalments:
            break
    return found

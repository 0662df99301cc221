"""The schedule as agreed, worked out a second time: due dates, day counts, annuity, rows.

Part of the oracle (``tests/oracle.py``): exact fractions, no cleverness, nothing of the domain but
the words of ``terms``. Not covered: balloon and irregular schedules, the actual annuity.
"""

import calendar
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from domain.money import Rounding
from domain.terms import DayCount, Frequency, InterestBasis, Level, Method, Terms

MONTHS = {"monthly": 1, "bimonthly": 2, "quarterly": 3, "semiannual": 6, "annual": 12}
DAYS = {"daily": 1, "weekly": 7, "fortnightly": 14, "four_weekly": 28}
PERIODS_A_YEAR = {
    "daily": 365, "weekly": 52, "fortnightly": 26, "four_weekly": 13, "semi_monthly": 24,
    "monthly": 12, "bimonthly": 6, "quarterly": 4, "semiannual": 2, "annual": 1,
}  # fmt: skip
ONE_DAY = timedelta(days=1)


class DoesNotAmortize(Exception):
    """A level instalment below a row's interest."""


@dataclass(frozen=True)
class Row:
    """One instalment as agreed; ``start`` to ``due`` is its interest period."""

    number: int
    start: date
    due: date
    principal: int
    interest: int
    tax: int


def rounded(exact: Fraction, mode: Rounding) -> int:
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
        nights = [start + n * ONE_DAY for n in range(1, days + 1)]
        leap = sum(calendar.isleap(night.year) for night in nights)
        return Fraction(leap, 366) + Fraction(days - leap, 365)
    if day_count == DayCount.ACTUAL_ACTUAL:
        leap = sum(calendar.isleap((start + n * ONE_DAY).year) for n in range(days))
        return Fraction(leap, 366) + Fraction(days - leap, 365)
    european = day_count == DayCount.THIRTY_E_360
    return Fraction(thirty_days(start, end, european=european), 360)


def a_day(day_count: DayCount, start: date, day: date) -> Fraction:
    """The part of a year from the day before to ``day``, counted inside a period from ``start``."""
    return years(day_count, start, day) - years(day_count, start, day - ONE_DAY)


def due_dates(terms: Terms, disbursed_on: date) -> list[date]:
    frequency, first, every = terms.frequency, terms.first_due_on, terms.every
    if frequency == Frequency.SINGLE:
        assert first is not None
        return [first]
    if frequency == Frequency.SEMI_MONTHLY:
        found: list[date] = []
        day = first or disbursed_on + ONE_DAY
        while len(found) < terms.instalments * every:
            if day.day in {min(wanted, month_end(day).day) for wanted in terms.month_days}:
                found.append(day)
            day += ONE_DAY
        return found[::every]
    if frequency in MONTHS:
        step = MONTHS[frequency] * every
        anchor, shift = (first, 0) if first else (disbursed_on, 1)
        return [add_months(anchor, (n + shift) * step) for n in range(terms.instalments)]
    gap = timedelta(days=DAYS[frequency] * every)
    first = first or disbursed_on + gap
    return [first + n * gap for n in range(terms.instalments)]


def plan(terms: Terms, disbursed_on: date) -> list[Row]:
    """The schedule as agreed. Errors: ``DoesNotAmortize``."""
    principal, dues = terms.principal, due_dates(terms, disbursed_on)
    n, mode = len(dues), terms.rounding
    rate = Fraction(terms.annual_rate, 10**6)
    r = rate * terms.every / PERIODS_A_YEAR.get(terms.frequency, 1)
    taxed = terms.level == Level.WITH_TAX
    grows = r * (1 + Fraction(terms.tax_rate, 10**6)) if taxed else r
    annuity = principal * grows / (1 - (1 + grows) ** -n) if grows else Fraction(principal, n)
    level = terms.instalment_multiple * rounded(annuity / terms.instalment_multiple, mode)
    rows: list[Row] = []
    balance, start = principal, disbursed_on
    for number, due in enumerate(dues, start=1):
        if terms.method == Method.FLAT:
            interest = rounded(principal * r, mode)
        elif terms.interest == InterestBasis.PER_PERIOD:
            interest = rounded(balance * r, mode)
        else:
            interest = rounded(balance * rate * years(terms.day_count, start, due), mode)
        if number == n:
            part = balance
        elif terms.method == Method.EQUAL_INSTALMENTS:
            tax = rounded(interest * Fraction(terms.tax_rate, 10**6), mode)
            part = level - interest - (tax if taxed else 0)
        elif terms.method in {Method.EQUAL_PRINCIPAL, Method.FLAT}:
            part = rounded(Fraction(principal, n), mode)
        else:
            part = 0
        part = min(part, balance)
        if part < 0:
            raise DoesNotAmortize(number)
        tax = rounded(interest * Fraction(terms.tax_rate, 10**6), mode)
        rows.append(Row(number, start, due, part, interest, tax))
        balance, start = balance - part, due
    return rows

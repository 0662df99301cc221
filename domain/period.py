"""Interest of one period, by its days or as a fixed part of a year."""

from collections.abc import Callable
from datetime import date
from functools import partial

from domain.business_days import BusinessDayRule
from domain.calendar import DAYS, MONTHS, PERIODS_PER_YEAR
from domain.daycount import CONVENTIONS, interest_of, rate_days, rate_units
from domain.money import MILLION, divide
from domain.terms import DayCount, Frequency, Terms

Period = tuple[date, date]
"""From the previous due date to the next."""


def exact_interest(terms: Terms, balance: int, period: Period, since: date) -> int:
    """The exact numerator of what ``balance`` bears from ``since`` to the end of the period.

    Units: principal x rate x day units (daily), or x actual days (fixed per period).
    """
    start_on, due_on = period
    if terms.fixed_per_period:
        return balance * rate_days(terms, since, due_on)
    return balance * rate_units(terms, start_on, since, due_on, due_on)


def rounded_interest(terms: Terms, numerator: int, period: Period) -> int:
    """What the exact numerator of one period comes to, in minor units, rounded once."""
    if not terms.fixed_per_period:
        return interest_of(terms, numerator)
    parts = spans(terms, period)
    days = (period[1] - period[0]).days
    return divide(
        numerator * parts, PERIODS_PER_YEAR[terms.frequency] * MILLION * days, terms.rounding
    )


def period_interest(
    terms: Terms, balance: int, period: Period, since: date | None = None, numerator: int = 0
) -> int:
    """Interest (minor units) on ``balance`` over a period, or over its rest from ``since``.

    ``numerator`` is the exact interest that ran in the period before. One due at once bears none.
    """
    if period[0] == period[1]:
        return 0
    ran = exact_interest(terms, balance, period, since or period[0])
    return rounded_interest(terms, numerator + ran, period)


def whole_periods(terms: Terms) -> Callable[[int, Period], int]:
    """``period_interest`` of whole periods, with what the terms alone decide looked up once."""
    if terms.rate_steps or terms.day_count is DayCount.ACTUAL_ACTUAL_ICMA:
        return partial(period_interest, terms)
    rate, rounding = terms.annual_rate, terms.rounding
    if not terms.fixed_per_period:
        units, basis = CONVENTIONS[terms.day_count]
        year = basis * MILLION
        return lambda balance, period: divide(balance * rate * units(*period), year, rounding)
    if not is_regular(terms):
        return partial(period_interest, terms)
    rate, year = rate * terms.every, PERIODS_PER_YEAR[terms.frequency] * MILLION
    return lambda balance, period: (
        divide(balance * rate, year, rounding) if period[0] < period[1] else 0
    )


def is_regular(terms: Terms) -> bool:
    """Every period is as long as the others, as far as a nominal rate is concerned."""
    moves = terms.business_day_rule is not BusinessDayRule.NONE
    return not terms.skip_months and not (moves and terms.frequency is Frequency.DAILY)


def spans(terms: Terms, period: Period) -> int:
    """How many nominal periods of the frequency this one spans.

    More than ``every`` only over months that are skipped; a daily loan whose dates move to business
    days counts its days, as several dates may become one.
    """
    if is_regular(terms):
        return terms.every
    start_on, due_on = period
    if terms.frequency is Frequency.DAILY:
        return (due_on - start_on).days
    if days := DAYS.get(terms.frequency):
        steps = round((due_on - start_on).days / (days * terms.every))
    elif months := MONTHS.get(terms.frequency):
        apart = 12 * (due_on.year - start_on.year) + due_on.month - start_on.month
        steps = apart // (months * terms.every)
    else:
        steps = round((due_on - start_on).days * 24 / (365 * terms.every))  # half months
    return max(1, steps) * terms.every

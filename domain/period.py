"""Interest of one period, by its days or as a fixed part of a year."""

from datetime import date

from domain.calendar import DAYS, MONTHS, PERIODS_PER_YEAR
from domain.daycount import interest_of, rate_days, rate_units
from domain.money import MILLION, divide
from domain.terms import Terms

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
    years = terms.every * spans(terms, period)
    days = (period[1] - period[0]).days
    return divide(
        numerator * years, PERIODS_PER_YEAR[terms.frequency] * MILLION * days, terms.rounding
    )


def period_interest(
    terms: Terms, balance: int, period: Period, since: date | None = None, numerator: int = 0
) -> int:
    """Interest (minor units) on ``balance`` over a period, or over its rest from ``since``.

    ``numerator`` is the exact interest that ran in the period before.
    """
    ran = exact_interest(terms, balance, period, since or period[0])
    return rounded_interest(terms, numerator + ran, period)


def spans(terms: Terms, period: Period) -> int:
    """How many regular periods this one spans: more than one only over months that are skipped."""
    if not terms.skip_months:
        return 1
    start_on, due_on = period
    if days := DAYS.get(terms.frequency):
        steps = round((due_on - start_on).days / (days * terms.every))
    elif months := MONTHS.get(terms.frequency):
        apart = 12 * (due_on.year - start_on.year) + due_on.month - start_on.month
        steps = apart // (months * terms.every)
    else:
        steps = round((due_on - start_on).days * 24 / (365 * terms.every))  # half months
    return max(1, steps)

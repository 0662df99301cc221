"""What a loan costs a year: CAT (Costo Anual Total) and the effective rate.

These are rates to inform and compare, not amounts: they are worked out in floating point, far
finer than the one decimal that is published.
Source: Banco de México, Circular 21/2009; the sum of what the client receives, discounted at CAT,
equals the sum of what the client pays.
"""

import math
from collections.abc import Iterable, Sequence
from datetime import date
from enum import StrEnum

from msgspec import structs

from domain.calendar import PERIODS_PER_YEAR, due_dates
from domain.events import Instalment
from domain.terms import Frequency, Method, Terms

Flow = tuple[float, int]
"""Years since the contract, and minor units paid then."""


class TimeBasis(StrEnum):
    """How the years of a payment are counted: whole periods, or days of a year of 365.

    The circular as read does not say; published examples fit periods where instalments are
    regular, and days for a single payment.
    """

    PERIODS = "periods"
    DAYS = "days"


def cat(
    terms: Terms,
    rows: Sequence[Instalment],
    *,
    withheld_fees: int = 0,
    basis: TimeBasis | None = None,
) -> float | None:
    """CAT of a schedule, in percent a year, without tax; None where no positive rate exists.

    Units: ``withheld_fees`` in minor units, before tax; they count as paid on the first day.
    ``basis`` defaults to periods; to days where payments are single or irregular, or the first
    period is longer or shorter than the others.
    """
    received = sum(row.principal for row in rows) - withheld_fees
    disbursed_on = rows[0].start_on
    chosen = basis or _usual(terms, rows[0])
    flows = [
        (_years(terms, row, disbursed_on, chosen), row.principal + row.interest) for row in rows
    ]
    return internal_rate(received, flows)


def internal_rate(received: int, flows: Iterable[Flow]) -> float | None:
    """The yearly rate, in percent, at which ``flows`` are worth what was ``received``.

    Newton's method on log(1 + i): the present value is convex and falls in it, so that from zero
    it climbs to the only root. None where less is paid than received, or nothing was.
    """
    paid = [flow for flow in flows if flow[1]]
    if received <= 0 or sum(amount for _, amount in paid) < received:
        return None
    log_growth = 0.0
    for _ in range(_STEPS):
        value = slope = 0.0
        for years, amount in paid:
            present = amount * math.exp(-years * log_growth)
            value += present
            slope += years * present
        step = (value - received) / slope
        log_growth += step
        if step < _CLOSE_ENOUGH:
            break
    if log_growth > _LARGEST_LOG:
        return None
    return 100 * math.expm1(log_growth)


def effective_rate(terms: Terms) -> float:
    """The nominal annual rate compounded over the periods of a year, in percent."""
    periods = PERIODS_PER_YEAR[terms.frequency] / terms.every
    return 100 * math.expm1(periods * math.log1p(terms.annual_rate / 1e6 / periods))


def _usual(terms: Terms, first: Instalment) -> TimeBasis:
    single = terms.frequency is Frequency.SINGLE or terms.method is Method.SINGLE
    if single or terms.method is Method.IRREGULAR:
        return TimeBasis.DAYS
    regular = due_dates(structs.replace(terms, first_due_on=None), first.start_on)[0]
    return TimeBasis.PERIODS if first.due_on == regular else TimeBasis.DAYS


def _years(terms: Terms, row: Instalment, disbursed_on: date, basis: TimeBasis) -> float:
    if basis is TimeBasis.DAYS:
        return (row.due_on - disbursed_on).days / 365
    return row.number * terms.every / PERIODS_PER_YEAR[terms.frequency]


_STEPS = 500
_CLOSE_ENOUGH = 1e-14
_LARGEST_LOG = 600.0

"""What a loan costs a year: CAT (Costo Anual Total) and the effective rate.

These are rates to inform and compare, not amounts: they are worked out in floating point, far
finer than the one decimal that is published.
Source: Banco de México, Circular 21/2009; the sum of what the client receives, discounted at CAT,
equals the sum of what the client pays.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from enum import StrEnum

from msgspec import structs

from domain.calendar import PERIODS_PER_YEAR, due_dates
from domain.events import PlannedRow
from domain.schedule import withheld_interest
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
    rows: Sequence[PlannedRow],
    *,
    received: Sequence[tuple[date, int]] = (),
    withheld_fees: int = 0,
    basis: TimeBasis | None = None,
) -> float | None:
    """CAT of a schedule, in percent a year, without tax; None where no positive rate exists.

    Units: ``received`` are the tranches paid out (default: all on the first day); fees of the rows
    count as paid with them, ``withheld_fees`` (minor units, before tax) and what a discounted loan
    withholds as paid on the first day.
    ``basis`` defaults to periods; to days where payments are single or irregular, or the first
    period is longer or shorter than the others.
    """
    disbursed_on = rows[0].start_on
    lent = list(received) or [(disbursed_on, sum(row.principal for row in rows))]
    years = _clock(terms, rows, basis or _usual(terms, rows))
    kept = withheld_fees + withheld_interest(terms, rows)
    first, *later = [(years(on), amount) for on, amount in sorted(lent)]
    flows = [(years(row.due_on), row.principal + row.interest + row.fee) for row in rows]
    flows += [(when, -amount) for when, amount in later]
    return internal_rate(first[1] - kept, flows)


def internal_rate(received: int, flows: Iterable[Flow]) -> float | None:
    """The yearly rate, in percent, at which ``flows`` are worth what was ``received``.

    A negative flow is money that came later. Newton's method on log(1 + i): where all is paid the
    present value is convex and falls in it, so it climbs to the only root from below, where all
    of it at its mean date would be worth as much (Jensen); with payouts between it begins at
    zero. None where less is paid than received, or
    nothing was.
    """
    paid = [flow for flow in flows if flow[1]]
    if received <= 0 or sum(amount for _, amount in paid) < received:
        return None
    log_growth = 0.0
    if min(amount for _, amount in paid) > 0 and (weight := sum(y * a for y, a in paid)) > 0:
        whole = sum(amount for _, amount in paid)
        log_growth = math.log(whole / received) * whole / weight
    for _ in range(_STEPS):
        value = slope = 0.0
        for years, amount in paid:
            present = amount * math.exp(-years * log_growth)
            value += present
            slope += years * present
        if slope <= 0:  # so much is paid out late that the value does not fall yet
            slope = abs(slope) or 1.0
        step = (value - received) / slope
        log_growth += step
        if abs(step) < _CLOSE_ENOUGH:
            break
    if not 0 <= log_growth <= _LARGEST_LOG:
        return None
    return 100 * math.expm1(log_growth)


def effective_rate(terms: Terms) -> float:
    """The nominal annual rate compounded over the periods of a year, in percent."""
    periods = PERIODS_PER_YEAR[terms.frequency] / terms.every
    return 100 * math.expm1(periods * math.log1p(terms.annual_rate / 1e6 / periods))


def _usual(terms: Terms, rows: Sequence[PlannedRow]) -> TimeBasis:
    single = terms.frequency is Frequency.SINGLE or terms.method in (Method.SINGLE, Method.DISCOUNT)
    if single or terms.method is Method.IRREGULAR or terms.skip_months:
        return TimeBasis.DAYS
    first = next(row for row in rows if row.start_on < row.due_on)
    alone = structs.replace(terms, first_due_on=None, instalments=1)
    [regular] = due_dates(alone, first.start_on)
    return TimeBasis.PERIODS if first.due_on == regular else TimeBasis.DAYS


def _clock(terms: Terms, rows: Sequence[PlannedRow], basis: TimeBasis) -> Callable[[date], float]:
    """How many years after the first day a date lies."""
    begin = rows[0].start_on
    if basis is TimeBasis.DAYS:
        return lambda on: (on - begin).days / 365
    regular = [row for row in rows if row.start_on < row.due_on]
    part = terms.every / PERIODS_PER_YEAR[terms.frequency]
    on_dues = {row.due_on: part * n for n, row in enumerate(regular, start=1)}

    def years(on: date) -> float:
        """Whole periods, and of the one that runs its days."""
        if on in on_dues:
            return on_dues[on]
        for n, row in enumerate(regular):
            if on <= row.due_on:
                return part * (n + (on - row.start_on).days / (row.due_on - row.start_on).days)
        return part * len(regular)

    return years


_STEPS = 500
_CLOSE_ENOUGH = 1e-9  # the step after it would be about its square
_LARGEST_LOG = 600.0

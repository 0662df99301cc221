"""A loan seen on a date: past, present or future. Nothing here waits for a close of day."""

from collections.abc import Iterator
from datetime import date

from msgspec import Struct

from domain.daycount import elapsed, interest_of
from domain.draft import Draft, fixed_interest
from domain.errors import InvalidDate, NotAllowedNow
from domain.history import retell
from domain.loan import Amounts, Line, Loan, Status
from domain.money import share


def as_of(loan: Loan, on: date) -> Loan:
    """The loan as it stands at the end of ``on``, with all that is known now.

    A later date shows what closes up to it would record if nothing came in; an earlier one is
    told again from the facts effective by then.
    Errors: ``InvalidDate`` before the loan was opened.
    """
    if on < loan.opened_on:
        raise InvalidDate(on, f"is before the loan was opened ({loan.opened_on})", "as_of")
    if on >= loan.through:
        draft = Draft(loan)
        draft.catch_up(on)
    else:
        draft = retell(loan, on, loan.facts)
        draft.loan.version = loan.version
    draft.loan.through = on
    return draft.loan


def payoff(loan: Loan, on: date) -> Amounts:
    """What closes the loan if paid on ``on``, by component (minor units).

    Interest paid ahead of its accrual comes back as a negative amount.
    Errors: ``InvalidDate`` for a day before the latest recorded one, ``NotAllowedNow`` unless
    active.
    """
    if loan.status is not Status.ACTIVE:
        raise NotAllowedNow("quote a payoff", loan.status)
    if on < loan.through:
        raise InvalidDate(on, f"is before the latest recorded day ({loan.through})", "on")
    return as_of(loan, on).balances()


class ScheduleRow(Struct, frozen=True, kw_only=True):
    """One instalment as a reader wants it, in minor units.

    ``interest`` is final once due and a forecast before: on the actual balance, taking it that
    what is overdue is paid with the next instalment. ``tax`` is that on interest, late interest
    and fees. ``balance`` is the principal still to fall due after this row. ``paid_on`` is the
    day the last of it was paid, None while something is left.
    """

    number: int
    due_on: date
    principal: int
    interest: int
    tax: int
    fees: int
    late_interest: int
    total: int
    balance: int
    paid: int
    paid_on: date | None
    paid_late: int
    paid_in_advance: int


def schedule_rows(loan: Loan, on: date) -> tuple[ScheduleRow, ...]:
    """The schedule as it stands on ``on``, with what is paid."""
    seen = as_of(loan, on)
    late, early = _timings(seen)
    balance = sum(line.owed.principal for line in seen.lines)
    rows = []
    for line, (interest, tax) in zip(seen.lines, _interests(seen, on), strict=True):
        balance -= line.owed.principal
        owed = line.owed
        total = owed.total - owed.interest - owed.interest_tax + interest + tax
        complete = line.paid.total >= total
        rows.append(
            ScheduleRow(
                number=line.number,
                due_on=line.due_on,
                principal=owed.principal,
                interest=interest,
                tax=tax + owed.fee_tax + owed.late_interest_tax,
                fees=owed.fee,
                late_interest=owed.late_interest,
                total=total,
                balance=balance,
                paid=line.paid.total,
                paid_on=line.paid_on if complete else None,
                paid_late=late.get(line.number, 0),
                paid_in_advance=early.get(line.number, 0),
            )
        )
    return tuple(rows)


def _timings(loan: Loan) -> tuple[dict[int, int], dict[int, int]]:
    """What was paid after, and before, each instalment's due date."""
    late: dict[int, int] = {}
    early: dict[int, int] = {}
    for payment in loan.payments.values():
        if payment.reversed_on is not None:
            continue
        for number, cleared in payment.allocation.items():
            due_on = loan.lines[number - 1].due_on
            if payment.effective_on > due_on:
                late[number] = late.get(number, 0) + cleared.total
            elif payment.effective_on < due_on:
                early[number] = early.get(number, 0) + cleared.total
    return late, early


def _interests(loan: Loan, on: date) -> Iterator[tuple[int, int]]:
    """(interest, tax) of each instalment: final, or forecast while the loan runs."""
    terms = loan.terms
    principal = later = loan.principal
    for line in loan.lines:
        owed = line.owed
        coming = 0
        later -= owed.principal - line.paid.principal
        if loan.status is Status.ACTIVE and not line.due:
            coming = _coming(loan, line, principal, on)
            principal = later
        accrued = _accrued(loan, line, line.numerator)
        after = share(accrued + coming, terms.tax_rate, terms.rounding)
        before = share(accrued, terms.tax_rate, terms.rounding)
        yield owed.interest + coming, owed.interest_tax + after - before


def _accrued(loan: Loan, line: Line, numerator: int) -> int:
    if not loan.accrues_daily:
        return fixed_interest(line, loan.through, loan)
    return interest_of(loan.terms, numerator)


def _coming(loan: Loan, line: Line, principal: int, on: date) -> int:
    """Interest that the rest of the line's period will add on ``principal``."""
    accrued = _accrued(loan, line, line.numerator)
    if not loan.accrues_daily:
        return line.planned_interest - accrued
    terms = loan.terms
    begin = max(on, line.start_on)
    units = elapsed(terms.day_count, line.start_on, begin, line.due_on)
    return _accrued(loan, line, line.numerator + principal * terms.annual_rate * units) - accrued

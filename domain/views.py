"""A loan seen on a date: past, present or future. Nothing here waits for a close of day."""

from collections.abc import Iterator
from datetime import date

from msgspec import Struct

from domain.accrual import own_interest, tax_of
from domain.daycount import interest_of, rate_units
from domain.draft import Draft
from domain.errors import InvalidDate, NotAllowedNow
from domain.history import retell
from domain.loan import Amounts, Line, Loan, Status
from domain.payoff import closing_amounts, out_of_kept
from domain.statements import to_come_unbilled


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

    Money kept for the borrower counts: it clears its part first. Interest paid ahead of its accrual
    comes back as a negative amount.
    Errors: ``InvalidDate`` for a day before the latest recorded one, ``NotAllowedNow`` unless
    active.
    """
    if loan.status is not Status.ACTIVE:
        raise NotAllowedNow("quote a payoff", loan.status)
    if on < loan.through:
        raise InvalidDate(on, f"is before the latest recorded day ({loan.through})", "on")
    seen = as_of(loan, on)
    owed = closing_amounts(seen)
    return owed.less(Amounts(**out_of_kept(owed, seen.overpaid)))


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
        fee, fee_tax = _fees(seen, line)
        total = owed.principal + owed.late_interest + owed.late_interest_tax
        total += interest + tax + fee + fee_tax
        complete = line.paid.total >= total
        rows.append(
            ScheduleRow(
                number=line.number,
                due_on=line.due_on,
                principal=owed.principal,
                interest=interest,
                tax=tax + fee_tax + owed.late_interest_tax,
                fees=fee,
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


def _fees(loan: Loan, line: Line) -> tuple[int, int]:
    """Fees of the line and their tax, with what its period will be charged as it begins."""
    owed = line.owed
    if loan.status is Status.ACTIVE and line.number > loan.current + 1:
        return owed.fee + line.planned_fee, owed.fee_tax + line.planned_fee_tax
    return owed.fee, owed.fee_tax


def _interests(loan: Loan, on: date) -> Iterator[tuple[int, int]]:
    """(interest, tax) of each instalment: final, or forecast while the loan runs."""
    principal = later = loan.principal
    brought = brought_tax = 0
    for line in loan.lines:
        owed = line.owed
        interest, tax = owed.interest + brought, owed.interest_tax + brought_tax
        brought = brought_tax = 0
        later -= owed.principal - line.paid.principal
        if loan.status is Status.ACTIVE and not line.due:
            accrued = own_interest(loan, line, loan.through)
            coming = _coming(loan, line, accrued, principal, on)
            interest += coming
            tax += tax_of(loan, accrued + coming) - tax_of(loan, accrued)
            unbilled = to_come_unbilled(loan, line, principal, (interest, tax))
            principal = later
            ahead = line.paid.interest + line.paid.interest_tax
            credit = interest + tax < ahead and line.number < len(loan.lines)
            if line.deferred or line.deferred_tax or credit:  # a credit moves on as well
                paid = line.paid
                brought, interest = interest - paid.interest, paid.interest
                brought_tax, tax = tax - paid.interest_tax, paid.interest_tax
            elif any(unbilled):
                brought, brought_tax = unbilled
                interest, tax = interest - brought, tax - brought_tax
        yield interest, tax


def _coming(loan: Loan, line: Line, accrued: int, principal: int, on: date) -> int:
    """Interest that the rest of the line's period will add on ``principal``."""
    if loan.bears_no_interest(line) or loan.spared(line):
        return 0
    if not loan.accrues_daily:
        return line.planned_interest - accrued
    begin = max(on, line.start_on)
    due_on = line.due_on
    ran = principal * rate_units(loan.terms, line.start_on, begin, due_on, due_on)
    return interest_of(loan.terms, line.numerator + ran) - accrued

"""A loan seen on a date: past, present or future. Nothing here waits for a close of day."""

from collections.abc import Iterator
from datetime import date

from msgspec import Struct

from domain.draft import Draft
from domain.errors import InvalidDate, NotAllowedNow
from domain.forecast import bearing, coming
from domain.history import retell
from domain.loan import Amounts, Line, Loan, Status
from domain.payoff import closing_amounts, out_of_kept
from domain.statements import to_come_unbilled
from domain.terms import InstalmentRule
from domain.totals import rows_on


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
    what is overdue is paid as the terms say (``overdue_forecast``); so is the ``principal`` of
    instalments that keep their total. ``tax`` is that on interest, late interest
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
    """The schedule as it stands on ``on``, with what is paid; rows apart among it by due date."""
    seen = as_of(loan, on)
    late, early = _timings(seen)
    balance = sum(line.owed.principal for line in seen.rows)
    asked = dict(zip([line.number for line in seen.lines], _asked(seen, on), strict=True))
    rows = []
    for line in seen.rows:
        principal, interest, tax = asked.get(line.number, (line.owed.principal, 0, 0))
        balance -= principal
        owed = line.owed
        fee, fee_tax = _fees(seen, line)
        total = principal + owed.late_interest + owed.late_interest_tax
        total += interest + tax + fee + fee_tax
        complete = line.paid.total >= total
        rows.append(
            ScheduleRow(
                number=line.number,
                due_on=line.due_on,
                principal=principal,
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
            due_on = loan.line(number).due_on
            if payment.effective_on > due_on:
                late[number] = late.get(number, 0) + cleared.total
            elif payment.effective_on < due_on:
                early[number] = early.get(number, 0) + cleared.total
    return late, early


def _fees(loan: Loan, line: Line) -> tuple[int, int]:
    """Fees of the line and their tax, with what its period will be charged as it begins."""
    owed = line.owed
    if loan.status is Status.ACTIVE and not line.due and line.number > loan.current + 1:
        return owed.fee + line.planned_fee, owed.fee_tax + line.planned_fee_tax
    return owed.fee, owed.fee_tax


def _asked(loan: Loan, on: date) -> Iterator[tuple[int, int, int]]:
    """(principal, interest, tax) of each instalment: final, or forecast while the loan runs."""
    runs = loan.status is Status.ACTIVE
    done = len(loan.lines)
    if runs and loan.terms.instalment is InstalmentRule.KEEPS_TOTAL:
        done = loan.current
    for line, (interest, tax) in zip(loan.lines[:done], _interests(loan, on), strict=False):
        yield line.owed.principal, interest, tax
    if done < len(loan.lines):
        for row in rows_on(loan, on):
            yield row.principal, row.interest, row.tax


def _interests(loan: Loan, on: date) -> Iterator[tuple[int, int]]:
    """(interest, tax) of each instalment: final, or forecast on principal that stays as it is."""
    principal, later = bearing(loan), loan.to_come
    brought = brought_tax = 0
    for line in loan.lines:
        owed = line.owed
        interest, tax = owed.interest + brought, owed.interest_tax + brought_tax
        brought = brought_tax = 0
        if loan.status is Status.ACTIVE and not line.due:
            more, more_tax = coming(loan, line, principal, on)
            interest, tax = interest + more, tax + more_tax
            unbilled = to_come_unbilled(loan, line, principal, (interest, tax))
            later -= owed.principal - line.paid.principal
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

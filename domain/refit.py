"""The instalments not yet due, fitted anew to what is then owed."""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise

from msgspec import structs

from domain.accrual import fixed_interest, own_interest, tax_of
from domain.daycount import rate_days
from domain.events import CHARGES, Instalment
from domain.loan import Amounts, Line, Loan, brought_by
from domain.period import Period
from domain.schedule import Opening, Place, fitted, level_in
from domain.terms import REFITTING, FittedTo, Method


def refitted(
    loan: Loan, on: date, *, more: int = 0, level: int | None = None
) -> tuple[Instalment, ...]:
    """The rows from the running instalment on, for a loan caught up to ``on``.

    They repay what is not yet due, and ``more`` (minor units) that is being paid out. What was
    paid of a row in advance counts for it; where it lowered what is to come, it stands on top.
    What the running row of a line asks stays what its statement billed. ``level`` keeps that
    instalment and shortens the term.
    """
    running = loan.lines[loan.current]
    line = loan.terms.method is Method.REVOLVING
    lowers = line or loan.terms.allocation.in_advance in REFITTING
    ahead = () if lowers else tuple(line.paid.principal for line in loan.lines[loan.current :])
    place = Place(running.number, loan.current - loan.first_line, loan.financed + more, ahead,
                  _billed(loan, running, on))  # fmt: skip
    rows = fitted(
        loan.terms,
        loan.to_come + sum(ahead) + more,
        _periods(loan),
        place,
        on,
        opening_of(loan, running, on),
        level,
    )
    return tuple(with_paid(loan, row, on, on_top=lowers) for row in rows)


def level_to_come(loan: Loan, on: date) -> int:
    """The instalment that repays what is not yet due and what of the approved is still to come."""
    terms = structs.replace(loan.terms, fitted_to=FittedTo.DISBURSED)
    pending = max(loan.opened.terms.principal - loan.disbursed, 0)
    whole = structs.replace(loan, agreed=terms)
    return level_in(terms, refitted(whole, on, more=pending))


def _billed(loan: Loan, running: Line, on: date) -> int | None:
    """What is left of the minimum that a statement asks; None while none is cut."""
    if loan.cut_on is None or not running.start_on < loan.cut_on <= on:
        return None
    return max(running.owed.principal - running.paid.principal, 0)


def with_rest(loan: Loan, rows: tuple[Instalment, ...]) -> tuple[Instalment, ...]:
    """The rows, and after them the lines that hold something: these stay, asking for nothing."""
    end = rows[-1].number
    last = max([end, *(line.number for line in loan.lines[end:] if in_use(line))])
    rest = (_asking_as_paid(loan, line) for line in loan.lines[end:last])
    return rows + tuple(rest)


def _asking_as_paid(loan: Loan, line: Line) -> Instalment:
    """The line as it stands, asking for what was paid of it: of a fixed interest as well."""
    row = emptied(line, line.start_on, line.due_on)
    if loan.accrues_daily or line.paid.interest <= line.owed.interest:
        return row
    return structs.replace(row, interest=line.paid.interest, tax=line.paid.interest_tax)


def emptied(line: Line, start_on: date, due_on: date) -> Instalment:
    """The line as a row that asks for nothing more than what was paid of it."""
    return Instalment(
        number=line.number, start_on=start_on, due_on=due_on, principal=line.paid.principal,
        interest=0,
    )  # fmt: skip


def in_use(line: Line) -> bool:
    """Something other than planned principal stands on the line."""
    return bool(line.due or line.paid != Amounts() or line.owed.total != line.owed.principal)


def _periods(loan: Loan) -> Sequence[Period]:
    left = loan.lines[loan.current :]
    return list(pairwise([left[0].start_on, *(line.due_on for line in left)]))


def opening_of(loan: Loan, line: Line, on: date) -> Opening | None:
    """What the running period holds on ``on``; nothing if it begins that day."""
    brought, brought_tax = _brought(loan, line, on)
    since = max(on, line.start_on)
    numerator = numerator_of(loan, line, since)
    if on <= line.start_on and not (brought or brought_tax):
        return None
    return Opening(since, numerator, brought, brought_tax)


def _brought(loan: Loan, line: Line, on: date) -> tuple[int, int]:
    """(interest, tax) that the running line owes and its own period has not earned."""
    earned = own_interest(loan, line, on)
    return line.owed.interest - earned, line.owed.interest_tax - tax_of(loan, earned)


def numerator_of(loan: Loan, line: Line, on: date) -> int:
    """The exact interest (see ``exact_interest``) of the running period up to ``on``."""
    if loan.accrues_daily:
        return line.numerator
    begin = line.since or line.start_on
    planned = sum(other.owed.principal for other in loan.lines[loan.current :])
    bears = loan.financed if loan.terms.method is Method.FLAT else planned
    if loan.bears_no_interest(line):
        return 0
    return line.before + bears * rate_days(loan.terms, begin, on)


def with_paid(loan: Loan, row: Instalment, on: date, *, on_top: bool) -> Instalment:
    """The row with what is paid of it in advance, and where its interest stood on ``on``."""
    line = loan.lines[row.number - 1]
    paid = line.paid
    if on_top and paid.principal:
        row = structs.replace(row, principal=row.principal + paid.principal)
    if row.number == loan.current + 1:
        brought = _brought(loan, line, on)
        if brought != brought_by(loan.lines, row):
            row = structs.replace(row, brought=brought[0], brought_tax=brought[1])
    if loan.accrues_daily:
        return row
    divides = line.start_on < on < line.due_on
    whole = row.interest >= paid.interest
    if whole and not divides and row.since is None:
        return row
    return structs.replace(
        row,
        interest=max(row.interest, paid.interest),
        tax=row.tax if whole else max(row.tax, paid.interest_tax),
        since=on if divides else None,
        before=numerator_of(loan, line, on) if divides else 0,
        earned=fixed_interest(line, on, loan) if divides else 0,
    )


def row_at(loan: Loan, index: int) -> Instalment:
    """The line in that place as a row of a schedule, whole."""
    return row_of(loan, loan.lines[index])


def row_of(loan: Loan, line: Line) -> Instalment:
    """The line as a row of a schedule, whole."""
    if line.number > CHARGES:
        return Instalment(
            number=line.number, start_on=line.start_on, due_on=line.due_on,
            principal=line.owed.principal, interest=0,
        )  # fmt: skip
    brought, brought_tax = brought_by(loan.lines, line)
    return Instalment(
        number=line.number,
        start_on=line.start_on,
        due_on=line.due_on,
        principal=line.owed.principal,
        interest=line.planned_interest - line.deferred + brought,
        tax=line.planned_tax - line.deferred_tax + brought_tax,
        fee=line.planned_fee,
        fee_tax=line.planned_fee_tax,
        deferred=line.deferred,
        deferred_tax=line.deferred_tax,
        since=line.since,
        before=line.before,
        earned=line.earned,
        brought=line.brought,
        brought_tax=line.brought_tax,
    )

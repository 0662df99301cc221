"""Instalments that keep their total: principal is what the interest leaves of it.

With ``instalment: keeps_total`` interest is what has accrued; where it comes out otherwise than
planned (paid early or late, a divided period) the principal part gives or takes the difference, and
the last instalment that is open absorbs it.
"""

from datetime import date
from typing import NamedTuple

from msgspec import structs

from domain.accrual import own_interest, tax_of
from domain.events import CHARGES, Instalment
from domain.fold import plan_lines
from domain.forecast import bearing, coming
from domain.loan import Amounts, Line, Loan, copy
from domain.refit import refitted, row_at
from domain.terms import InstalmentRule, Level


class Split(NamedTuple):
    """The principal an instalment asks for, and what of its interest and tax the next one asks."""

    principal: int
    carried: int = 0
    carried_tax: int = 0


def keeps_total(loan: Loan, line: Line) -> bool:
    """The line is one whose total stays; down payments and those in grace ask what they asked."""
    rule = loan.terms.instalment is InstalmentRule.KEEPS_TOTAL and line.number <= CHARGES
    return rule and not loan.asks_less(line) and line.start_on < line.due_on


def split(total: int, interest: int, tax: int, paid: Amounts, *, with_tax: bool) -> Split:
    """What of ``total`` is principal, where ``interest`` and ``tax`` are those of its period.

    Paid ahead of its day further than that, the instalment asks for no more interest than was paid
    with it. Interest that fills it alone is asked for up to the total. The rest is the next one's.
    """
    asks = interest + (tax if with_tax else 0)
    rest, rest_tax = interest - paid.interest, tax - paid.interest_tax
    if asks < total:
        if paid.principal <= total - asks:
            return Split(total - asks)
        asked = paid.interest + (paid.interest_tax if with_tax else 0)
        return Split(max(total - asked, paid.principal), rest, rest_tax)
    over = min(asks - total + paid.principal, rest + (rest_tax if with_tax else 0))
    carried = over * rest // (rest + rest_tax) if with_tax and over else min(over, rest)
    tax_moved = over - carried if with_tax else rest_tax * carried // rest if rest else 0
    return Split(paid.principal, carried, min(tax_moved, rest_tax))


def total_of(loan: Loan, line: Line) -> int:
    """What the line asks for as planned: principal and interest, and tax where that is level."""
    row = row_at(loan, line.number - 1)
    return row.principal + row.interest + (row.tax if _with_tax(loan) else 0)


def payable_ahead(loan: Loan, line: Line) -> Amounts:
    """What a payment may clear of a line not yet due: up to its total, with what has accrued.

    The last one that is open has the principal that was planned.
    """
    left = line.owed.less(line.paid)
    if line is not last_open(loan):
        interest, tax = line.owed.interest, line.owed.interest_tax
        asks = split(total_of(loan, line), interest, tax, line.paid, with_tax=_with_tax(loan))
        left.principal = asks.principal - line.paid.principal
        left.interest -= asks.carried
        left.interest_tax -= asks.carried_tax
    return left


def last_open(loan: Loan) -> Line:
    """The line that absorbs what the others leave: the last to come with principal unpaid."""
    lines = loan.lines[loan.current :]
    unpaid = (line for line in reversed(lines) if line.owed.principal > line.paid.principal)
    return next(unpaid, lines[0])


def rows_on(loan: Loan, on: date) -> tuple[Instalment, ...]:
    """The lines to come of a loan caught up to ``on``, with the principal that interest leaves.

    Interest is what has accrued and what is forecast; on its due date a line's is final.
    """
    lines = loan.lines[loan.current :]
    last, found = last_open(loan), []
    left = sum(line.owed.principal for line in lines)
    paid_later = sum(line.paid.principal for line in lines)
    bears, later = bearing(loan), loan.to_come
    carried = carried_tax = 0
    before = loan.lines[loan.current - 1] if loan.current else None
    deferred = (before.deferred, before.deferred_tax) if before else (0, 0)
    for line in lines:
        own = own_interest(loan, line, loan.through)
        brought = (
            line.owed.interest - own + carried,
            line.owed.interest_tax - tax_of(loan, own) + carried_tax,
        )
        more, more_tax = coming(loan, line, bears, on)
        interest = line.owed.interest + more + carried
        tax = line.owed.interest_tax + more_tax + carried_tax
        paid_later -= line.paid.principal
        asks = _split(loan, line, interest, tax, left - paid_later, absorbs=line is last)
        left -= asks.principal
        later -= asks.principal - line.paid.principal
        bears = later
        _, carried, carried_tax = asks
        differs = brought if brought != deferred else (None, None)
        deferred = carried, carried_tax
        found.append(
            structs.replace(
                row_at(loan, line.number - 1), principal=asks.principal,
                interest=interest - carried, tax=tax - carried_tax,
                deferred=carried, deferred_tax=carried_tax,
                brought=differs[0], brought_tax=differs[1],
            )
        )  # fmt: skip
    return tuple(found)


def _split(loan: Loan, line: Line, interest: int, tax: int, most: int, *, absorbs: bool) -> Split:
    """``most`` is the principal there is for the line."""
    if not keeps_total(loan, line):
        asks_later = line.deferred or line.deferred_tax
        rest = interest - line.paid.interest, tax - line.paid.interest_tax
        return Split(line.owed.principal, *(rest if asks_later else (0, 0)))
    if absorbs:
        return Split(most)
    asks = split(total_of(loan, line), interest, tax, line.paid, with_tax=_with_tax(loan))
    return asks if asks.principal < most else Split(most)


def fitted_anew(
    loan: Loan, on: date, *, more: int = 0, level: int | None = None
) -> tuple[Instalment, ...]:
    """As ``refitted``, and what was paid ahead counts for the totals that are kept."""
    rows = refitted(loan, on, more=more, level=level)
    if loan.terms.instalment is not InstalmentRule.KEEPS_TOTAL:
        return rows
    trial = copy(loan)
    plan_lines(trial, rows, rows[-1].number)
    trial.principal += more
    return rows_on(trial, on)


def changed(loan: Loan, on: date) -> tuple[Instalment, ...]:
    """The rows to come that are other than planned, on the day."""
    return tuple(row for row in rows_on(loan, on) if row != row_at(loan, row.number - 1))


def _with_tax(loan: Loan) -> bool:
    return loan.terms.level is Level.WITH_TAX

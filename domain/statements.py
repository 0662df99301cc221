"""What of a line's interest its statements have not billed yet, and so does not fall due."""

from datetime import date, timedelta

from domain.accrual import fixed_interest, tax_of
from domain.daycount import interest_of, rate_units
from domain.loan import Line, Loan


def unbilled(loan: Loan, line: Line) -> tuple[int, int]:
    """(interest, tax) that the running line owes and its statement does not ask for.

    Interest that runs from the cut to the due date is billed by the next statement, and falls due
    with it. Nothing where no statement was cut; of the last line all falls due.
    """
    if loan.billed is None or line.number == len(loan.lines):
        return 0, 0
    billed, billed_tax = loan.billed
    owed, paid = line.owed, line.paid
    return (
        min(owed.interest - billed, owed.interest - paid.interest),
        min(owed.interest_tax - billed_tax, owed.interest_tax - paid.interest_tax),
    )


def to_come_unbilled(
    loan: Loan, line: Line, principal: int, asked: tuple[int, int]
) -> tuple[int, int]:
    """Of the (interest, tax) ``asked`` of a line not yet due, what runs on ``principal`` after the
    statement to come: as ``unbilled``, ahead of its day.
    """
    cut_on = cut_day(loan, line)
    if cut_on is None or line.number == len(loan.lines) or loan.spared(line):
        return 0, 0
    interest, tax = asked
    if line.number == loan.current + 1 and loan.billed is not None:
        billed, billed_tax = loan.billed
    else:
        after, after_tax = _after(loan, line, principal, cut_on)
        billed, billed_tax = interest - after, tax - after_tax
    paid = line.paid
    return (
        max(min(interest - billed, interest - paid.interest), 0),
        max(min(tax - billed_tax, tax - paid.interest_tax), 0),
    )


def cut_day(loan: Loan, line: Line) -> date | None:
    """When the line's period is billed, where that lies within it."""
    bills = loan.terms.revolving
    if bills is None or not bills.statement_days:
        return None
    cut_on = line.due_on - timedelta(days=bills.statement_days)
    return cut_on if cut_on > line.start_on else None


def _after(loan: Loan, line: Line, principal: int, cut_on: date) -> tuple[int, int]:
    """(interest, tax) of the days between a cut that is to come and the due date."""
    if not loan.accrues_daily:
        by_cut, whole = fixed_interest(line, cut_on, loan), line.planned_interest
    else:
        begin = max(loan.through, line.start_on)
        sums = [
            line.numerator + principal * rate_units(loan.terms, line.start_on, begin, end,
                                                    line.due_on)
            for end in (cut_on, line.due_on)
        ]  # fmt: skip
        by_cut, whole = (interest_of(loan.terms, exact) for exact in sums)
    return whole - by_cut, tax_of(loan, whole) - tax_of(loan, by_cut)

"""What has accrued on an instalment, and what a stretch of days in which nothing happens adds."""

from collections.abc import Iterator
from datetime import date

from domain import events as e
from domain.daycount import elapsed, interest_of, rate_units
from domain.loan import Line, Loan
from domain.money import divide, share
from domain.terms import InstalmentRule, LateBase


def accruing_line(loan: Loan) -> Line | None:
    """The instalment that interest runs on: the current one, after maturity the last unpaid."""
    if loan.current < len(loan.lines):
        return loan.lines[loan.current]
    if not loan.accrues_daily or loan.terms.interest_after_maturity == "stops":
        return None
    return next((line for line in reversed(loan.lines) if line.settled_on is None), None)


def interest_accrued(loan: Loan, since: date, to: date) -> e.InterestAccrued | None:
    """What ran on the accruing instalment; nothing where it came to nothing."""
    line = accruing_line(loan)
    if line is None:
        return None
    before, after, numerator = _interest(loan, line, since, to)
    if after == before and not numerator:
        return None
    return e.InterestAccrued(
        effective_on=to,
        instalment=line.number,
        interest=after - before,
        tax=tax_of(loan, after) - tax_of(loan, before),
        numerator=numerator,
        due=line.due,
    )


def spared_interest(loan: Loan, line: Line, on: date) -> e.InterestAccrued | None:
    """What ran on a line whose statement was not paid whole by its due date: now it is owed, with
    the next instalment, as the next statement bills it.
    """
    interest = interest_of(loan.terms, line.numerator)
    if not interest:
        return None
    following = loan.lines[min(line.number, len(loan.lines) - 1)]
    return e.InterestAccrued(
        effective_on=on,
        instalment=following.number,
        interest=interest,
        tax=tax_of(loan, interest),
        due=following.due,
    )


def _interest(loan: Loan, line: Line, since: date, to: date) -> tuple[int, int, int]:
    """Interest of the line's period, rounded, up to ``since`` and ``to``; and the increment."""
    if not loan.accrues_daily:
        return fixed_interest(line, since, loan), fixed_interest(line, to, loan), 0
    if loan.bears_no_interest(line):
        return 0, 0, 0
    terms = loan.terms
    start_on, due_on = (line.due_on, None) if line.due else (line.start_on, line.due_on)
    numerator = loan.principal * rate_units(terms, start_on, since, to, due_on)
    if loan.spared(line):
        return 0, 0, numerator
    return (
        interest_of(terms, line.numerator),
        interest_of(terms, line.numerator + numerator),
        numerator,
    )


def late_lines(loan: Loan, since: date, to: date) -> Iterator[e.LateLine]:
    """What ran on overdue instalments; nothing within a pause."""
    terms = loan.terms
    if not bears_late_interest(loan, since):
        return
    for line, overdue in overdue_lines(loan):
        units = elapsed(terms.day_count, line.due_on, since, to)
        numerator = overdue * terms.late_rate * units
        before = _late_interest(loan, line, line.late_numerator, since)
        after = _late_interest(loan, line, line.late_numerator + numerator, to)
        if numerator or after != before:  # grace may end on a night that counts no day
            yield e.LateLine(
                instalment=line.number,
                interest=after - before,
                tax=tax_of(loan, after) - tax_of(loan, before),
                numerator=numerator,
            )


def bears_late_interest(loan: Loan, since: date) -> bool:
    """Whether what is overdue bears late interest from the night of ``since``."""
    return bool(loan.terms.late_rate) and not any(
        begin <= since < end for begin, end in loan.pauses
    )


def overdue_lines(loan: Loan) -> Iterator[tuple[Line, int]]:
    """Instalments that are due and not paid, with what of each late interest runs on."""
    with_interest = loan.terms.late_base is LateBase.INSTALMENT
    for line in loan.fallen_due:
        overdue = line.owed.principal - line.paid.principal
        if with_interest:
            overdue += max(min(line.due_interest, line.owed.interest) - line.paid.interest, 0)
        if overdue:
            yield line, overdue


def _late_interest(loan: Loan, line: Line, numerator: int, on: date) -> int:
    """Nothing within the grace days; past them all that ran since the due date."""
    in_grace = (on - line.due_on).days <= loan.terms.late_grace_days
    return 0 if in_grace else interest_of(loan.terms, numerator)


def carry(loan: Loan, line: Line) -> tuple[int, int]:
    """(interest, tax) of the period that falls due with the next instalment instead.

    All of it within the grace of the terms. Else: who paid the whole instalment some days early
    has paid principal ahead, and that principal covers the interest of the last days: he must not
    become past due for it.
    """
    if line.number == len(loan.lines):
        return 0, 0
    if loan.terms.instalment is InstalmentRule.KEEPS_TOTAL and not loan.asks_less(line):
        return line.deferred, line.deferred_tax
    interest = line.owed.interest - line.paid.interest
    tax = line.owed.interest_tax - line.paid.interest_tax
    if line.deferred or line.deferred_tax or interest + tax <= loan.prepaid:
        return interest, tax
    if loan.prepaid <= 0:
        return 0, 0
    carried = loan.prepaid * interest // (interest + tax)
    return carried, min(tax, loan.prepaid - carried)


def own_interest(loan: Loan, line: Line, on: date) -> int:
    """Interest that the line's own period has earned up to ``on``, for a loan caught up to it."""
    if loan.spared(line):
        return 0
    if loan.accrues_daily:
        return interest_of(loan.terms, line.numerator)
    return fixed_interest(line, on, loan)


def tax_of(loan: Loan, interest: int) -> int:
    """The tax on so much interest."""
    return share(interest, loan.terms.tax_rate, loan.terms.rounding)


def fixed_interest(line: Line, on: date, loan: Loan) -> int:
    """Of a fixed period interest, what has accrued up to ``on``: in proportion to its days."""
    begin, earned = line.start_on, 0
    if line.since is not None and on >= line.since:
        begin, earned = line.since, line.earned
    days = (line.due_on - begin).days
    if not days:
        return line.planned_interest
    gone = min(max((on - begin).days, 0), days)
    return earned + divide((line.planned_interest - earned) * gone, days, loan.terms.rounding)

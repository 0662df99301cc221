"""What has accrued on an instalment so far."""

from datetime import date

from domain.daycount import interest_of
from domain.loan import Line, Loan
from domain.money import divide, share


def own_interest(loan: Loan, line: Line, on: date) -> int:
    """Interest that the line's own period has earned up to ``on``, for a loan caught up to it."""
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

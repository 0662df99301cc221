"""What an instalment that is still to come will ask for, if nothing happens until then."""

from datetime import date

from domain.accrual import own_interest, tax_of
from domain.daycount import interest_of, rate_units
from domain.loan import Line, Loan
from domain.terms import OverdueForecast


def bearing(loan: Loan) -> int:
    """The principal that bears interest to the end of the running period, by the terms."""
    if loan.terms.overdue_forecast is OverdueForecast.PAID_TODAY:
        return loan.to_come
    return loan.principal


def coming(loan: Loan, line: Line, principal: int, on: date) -> tuple[int, int]:
    """(interest, tax) that the rest of the line's period will add on ``principal``."""
    accrued = own_interest(loan, line, loan.through)
    interest = _interest(loan, line, accrued, principal, on)
    return interest, tax_of(loan, accrued + interest) - tax_of(loan, accrued)


def _interest(loan: Loan, line: Line, accrued: int, principal: int, on: date) -> int:
    if loan.bears_no_interest(line) or loan.spared(line):
        return 0
    if not loan.accrues_daily:
        return line.planned_interest - accrued
    begin = max(on, line.start_on)
    due_on = line.due_on
    ran = principal * rate_units(loan.terms, line.start_on, begin, due_on, due_on)
    return interest_of(loan.terms, line.numerator + ran) - accrued

"""The fees that the terms themselves charge: of a period, for being late, for paying ahead."""

from collections.abc import Iterator
from datetime import date, timedelta

from domain.accrual import tax_of
from domain.loan import Line, Loan
from domain.money import MILLION, divide, share
from domain.schedule import charge_of

DAY = timedelta(days=1)


def period_fees(loan: Loan, on: date) -> Iterator[tuple[str, int, int]]:
    """(kind, amount, tax) of what the instalment is charged whose period begins ``on``."""
    terms, line = loan.terms, loan.lines[loan.current]
    just_due = sum(
        line.owed.principal - line.paid.principal
        for line in loan.lines[: loan.current]
        if line.due_on == on
    )
    for charge in terms.period_charges:
        balance = loan.principal - just_due
        fee, tax = charge_of(terms, charge, loan.financed, balance, line.owed.principal)
        yield charge.kind, fee, tax


def late_fee_days(loan: Loan) -> Iterator[tuple[date, Line]]:
    """The day on which each unsettled instalment is late beyond its grace."""
    terms = loan.terms
    if not terms.late_fee:
        return
    for line in loan.lines[: loan.current]:
        if line.settled_on is None:
            yield line.due_on + DAY * (terms.late_grace_days + 1), line


def prepayment_fee(loan: Loan, principal: int, left: int) -> tuple[int, int]:
    """(fee, tax) on so much ``principal`` paid ahead, paid out of what is ``left`` or of itself."""
    terms = loan.terms
    fee = share(principal, terms.prepayment_fee_rate, terms.rounding)
    tax = tax_of(loan, fee)
    if fee + tax > left:  # less than all of it is paid; the odd cent goes to the fee
        money = principal + left
        whole = (MILLION + terms.tax_rate) * terms.prepayment_fee_rate
        paid = min(money * MILLION**2 // (MILLION**2 + whole), principal - 1)
        taxed = money - paid
        fee = divide(taxed * MILLION, MILLION + terms.tax_rate, terms.rounding)
        tax = taxed - fee
    return fee, tax

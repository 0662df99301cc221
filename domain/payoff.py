"""What pays a loan off, and what the money kept for the borrower clears of it."""

from domain.fees import prepayment_fee
from domain.limits import MAX_AMOUNT
from domain.loan import COMPONENTS, Amounts, Loan
from domain.terms import Component


def closing_fee(loan: Loan) -> tuple[int, int]:
    """(fee, tax) for paying all that is not yet due, on a loan caught up to the day."""
    if not loan.terms.prepayment_fee_rate:
        return 0, 0
    return prepayment_fee(loan, loan.to_come, MAX_AMOUNT)


def closing_amounts(loan: Loan) -> Amounts:
    """All that a loan caught up to the day owes on it if nothing of it is to stay."""
    owed = loan.balances()
    fee, tax = closing_fee(loan)
    owed.fee += fee
    owed.fee_tax += tax
    return owed


def out_of_kept(owed: Amounts, kept: int) -> dict[Component, int]:
    """What ``kept`` clears of what is ``owed``, in the usual order of payment."""
    rest, cleared = min(kept, owed.total), {}
    for component in COMPONENTS:
        if (part := min(rest, getattr(owed, component))) > 0:
            cleared[component] = part
            rest -= part
    return cleared

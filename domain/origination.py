"""A loan is approved and paid out, or cancelled before."""

from datetime import date
from typing import Literal

from domain import events as e
from domain.draft import Draft
from domain.errors import (
    BalanceOutstanding,
    InvalidAmount,
    InvalidTerms,
    NotAllowedNow,
    OverDisbursement,
)
from domain.guards import Events, check_not_before
from domain.limits import check_amount, check_terms
from domain.loan import Loan, Status
from domain.money import share
from domain.schedule import schedule
from domain.terms import Terms


def open_loan(
    *,
    loan_no: str,
    terms: Terms,
    effective_on: date,
    borrower: str = "",
    product: str = "",
    branch: str = "",
    officer: str = "",
    guarantors: tuple[str, ...] = (),
) -> Events:
    """Approve a loan on ``terms``. Errors: ``InvalidTerms``, ``InvalidAmount``."""
    if not loan_no.strip():
        raise InvalidTerms("loan_no must not be empty", "loan_no")
    check_terms(terms)
    return (
        e.LoanOpened(
            effective_on=effective_on,
            loan_no=loan_no,
            terms=terms,
            borrower=borrower,
            product=product,
            branch=branch,
            officer=officer,
            guarantors=guarantors,
        ),
    )


def disburse(
    loan: Loan,
    *,
    principal: int,
    effective_on: date,
    withheld_fees: int = 0,
    channel: str = "",
) -> Events:
    """Pay out the approved principal, or part of it, in one tranche.

    Units: ``principal`` and ``withheld_fees`` (before tax) in minor units.
    Errors: ``NotAllowedNow`` once disbursed or closed, ``OverDisbursement``, ``InvalidTerms``
    where no schedule fits the date.
    """
    if loan.status is not Status.OPENED:
        raise NotAllowedNow("disburse", loan.status)
    check_amount(principal, "principal")
    terms = loan.terms
    if principal > terms.principal:
        raise OverDisbursement(asked=principal, available=terms.principal)
    check_not_before(effective_on, loan.opened_on, "the loan was opened")
    tax = share(withheld_fees, terms.tax_rate, terms.rounding)
    if withheld_fees < 0 or withheld_fees + tax >= principal:
        rule = "must be between 0 and what leaves something to pay out"
        raise InvalidAmount(withheld_fees, rule, "withheld_fees")
    rows = schedule(terms, principal, effective_on)
    return (
        e.LoanDisbursed(
            effective_on=effective_on,
            tranche=loan.tranches + 1,
            principal=principal,
            schedule=rows,
            withheld_fees=withheld_fees,
            withheld_fees_tax=tax,
            channel=channel,
        ),
    )


def close(loan: Loan, *, effective_on: date, reason: Literal["cancelled"] = "cancelled") -> Events:
    """Close a loan that was never disbursed. A loan that owes nothing closes by itself.

    Errors: ``BalanceOutstanding`` while something is owed, ``NotAllowedNow`` once closed.
    """
    if loan.status is Status.ACTIVE:
        draft = Draft(loan)
        draft.catch_up(effective_on)
        raise BalanceOutstanding(draft.loan.balances().total)
    if loan.status is not Status.OPENED:
        raise NotAllowedNow("close", loan.status)
    check_not_before(effective_on, loan.opened_on, "the loan was opened")
    return (e.LoanClosed(effective_on=effective_on, reason=reason),)

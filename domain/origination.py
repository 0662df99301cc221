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
from domain.guards import Events, check_not_before, check_not_before_disbursement
from domain.history import told_now
from domain.limits import check_amount, check_terms
from domain.loan import Loan, Status
from domain.money import share
from domain.terms import Method, Terms


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
    withheld_fees: int | None = None,
    channel: str = "",
    refinances: str = "",
) -> Events:
    """Pay out the approved principal, or part of it, in one tranche.

    Units: ``principal`` and ``withheld_fees`` (before tax; default: the terms' opening fee) in
    minor units. A fee that the terms finance is added to the principal.
    Errors: ``NotAllowedNow`` once closed or past the last instalment, ``OverDisbursement``,
    ``InvalidAmount``, ``InvalidDate``, ``InvalidTerms`` where no schedule fits the date.
    """
    if loan.status not in (Status.OPENED, Status.ACTIVE):
        raise NotAllowedNow("disburse", loan.status)
    check_amount(principal, "principal")
    available = _available(loan)
    if loan.status is Status.ACTIVE and available <= 0:
        raise NotAllowedNow("disburse", loan.status, "all that was approved is paid out")
    if principal > available:
        raise OverDisbursement(asked=principal, available=available)
    check_not_before(effective_on, loan.opened_on, "the loan was opened")
    if loan.disbursed_on is not None:
        check_not_before_disbursement(loan, effective_on)
    terms = loan.terms
    fees = withheld_fees
    if fees is None:
        fees = share(principal, terms.opening_fee_rate, terms.rounding)
    tax = share(fees, terms.tax_rate, terms.rounding)
    financed = fees + tax if terms.opening_fee_financed else 0
    fact = e.LoanDisbursed(
        effective_on=effective_on,
        tranche=loan.tranches + 1,
        principal=principal + financed,
        schedule=(),
        withheld_fees=fees,
        withheld_fees_tax=tax,
        channel=channel,
        refinances=refinances,
    )
    events = tuple(told_now(loan, fact).events)
    paid_out = next(event for event in events if isinstance(event, e.LoanDisbursed))
    kept = fees + tax + paid_out.withheld_interest + paid_out.withheld_interest_tax
    if fees < 0 or kept >= paid_out.principal:
        rule = "must be between 0 and what leaves something to pay out"
        raise InvalidAmount(fees, rule, "withheld_fees")
    return events


def _available(loan: Loan) -> int:
    """What may still be paid out: of a revolving line also what was repaid."""
    if loan.terms.method is Method.REVOLVING:
        return loan.terms.principal - loan.principal
    return loan.opened.terms.principal - loan.disbursed


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

"""Debt is forgiven or written off, and what was written off comes in after all."""

from collections.abc import Mapping
from datetime import date

from domain import events as e
from domain.allocation import portions_oldest_first
from domain.draft import Draft
from domain.errors import InvalidAmount, InvalidTerms, NotAllowedNow, OverForgiveness, OverRecovery
from domain.guards import Events, check_active, check_not_before_recorded
from domain.limits import MAX_AMOUNT, check_amount
from domain.loan import COMPONENTS, Loan, Status
from domain.terms import Component, PaymentKind


def forgive(
    loan: Loan,
    *,
    amounts: Mapping[Component, int],
    effective_on: date,
    approval: str = "",
    reason: str = "",
) -> Events:
    """Give up part of the debt (quita, condonación), oldest instalments first.

    Units: minor units by component.
    Errors: ``OverForgiveness`` if a component owes less, ``InvalidAmount``, ``InvalidDate`` in
    days already recorded, ``NotAllowedNow`` unless active.
    """
    check_active(loan, "forgive")
    if not amounts:
        raise InvalidAmount(0, "must name at least one component", "amounts")
    for component, amount in amounts.items():
        check_amount(amount, component)
    check_not_before_recorded(loan, effective_on)
    draft = Draft(loan)
    draft.catch_up(effective_on)
    owed = draft.loan.balances()
    for component, amount in amounts.items():
        if amount > getattr(owed, component):
            raise OverForgiveness(component, amount, getattr(owed, component))
    portions = portions_oldest_first(draft.loan, dict(amounts))
    draft.tell(
        e.DebtForgiven(
            effective_on=effective_on, forgiven=portions, approval=approval, reason=reason
        )
    )
    return tuple(draft.events)


def write_off(loan: Loan, *, effective_on: date, approval: str = "", reason: str = "") -> Events:
    """Take the whole debt off the books (castigo).

    Errors: ``NotAllowedNow`` unless active, ``InvalidDate`` in days already recorded.
    """
    check_active(loan, "write off")
    check_not_before_recorded(loan, effective_on)
    draft = Draft(loan)
    draft.tell(
        e.LoanWrittenOff(
            effective_on=effective_on, written_off=(), approval=approval, reason=reason
        )
    )
    return tuple(draft.events)


def sell(loan: Loan, *, effective_on: date, holder: str, price: int, reference: str = "") -> Events:
    """Assign the claim to another ``holder`` for ``price`` (minor units); it leaves the books.

    Errors: ``NotAllowedNow`` unless active, ``InvalidAmount``, ``InvalidDate`` in days already
    recorded, ``InvalidTerms`` without a holder.
    """
    check_active(loan, "sell")
    if not holder.strip():
        raise InvalidTerms("a sale needs the new holder", "holder")
    if not 0 <= price <= MAX_AMOUNT:
        raise InvalidAmount(price, "must be between 0 and what the ledger holds", "price")
    check_not_before_recorded(loan, effective_on)
    draft = Draft(loan)
    draft.tell(
        e.LoanSold(
            effective_on=effective_on,
            sold=(),
            holder=holder,
            price=price,
            reference=reference,
        )
    )
    return tuple(draft.events)


def receive_recovery(
    loan: Loan, *, amount: int, effective_on: date, channel: str = "", reference: str = ""
) -> Events:
    """Take in money on a written-off debt, by component in the order of the terms.

    Errors: ``NotAllowedNow`` unless written off, ``OverRecovery``, ``InvalidDate``.
    """
    if loan.status is not Status.WRITTEN_OFF:
        instead = "receive a payment instead" if loan.status is Status.ACTIVE else ""
        raise NotAllowedNow("receive a recovery", loan.status, instead)
    check_amount(amount)
    check_not_before_recorded(loan, effective_on)
    left = loan.written_off_left()
    if amount > left.total:
        raise OverRecovery(amount, left.total)
    order = dict.fromkeys(
        c for _, c in loan.terms.allocation_of(PaymentKind.RECOVERY).order
    ) | dict.fromkeys(COMPONENTS)
    rest, taken = amount, {}
    for component in order:
        if got := min(rest, getattr(left, component)):
            taken[component] = got
            rest -= got
    draft = Draft(loan)
    draft.record(
        e.RecoveryReceived(
            effective_on=effective_on,
            recovery=loan.recoveries + 1,
            amount=amount,
            by_component=taken,
            channel=channel,
            reference=reference,
        )
    )
    draft.close_if_paid(effective_on)
    return tuple(draft.events)

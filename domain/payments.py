"""Money comes in, turns out not to have come, and fees are charged and waived."""

from datetime import date

from msgspec import structs

from domain import events as e
from domain.draft import Draft, marks
from domain.errors import (
    AlreadyReversed,
    InvalidAmount,
    NotAllowedNow,
    UnknownFee,
    UnknownPayment,
)
from domain.guards import (
    Events,
    check_active,
    check_not_before,
    check_not_before_disbursement,
)
from domain.history import correct, payment_event, retell, undone
from domain.limits import MAX_AMOUNT, check_amount
from domain.loan import Loan, Status
from domain.money import share


def receive_payment(
    loan: Loan, *, amount: int, effective_on: date, channel: str = "", reference: str = ""
) -> Events:
    """Take in money and clear what is owed, in the order of the terms.

    A value date in the past tells the days since again, and records the difference.
    Errors: ``NotAllowedNow`` unless active, ``InvalidAmount``, ``InvalidDate`` before
    disbursement, ``NotBackdatable`` where a later forgiveness or waiver would not hold.
    """
    check_active(loan, "receive a payment")
    check_amount(amount)
    if loan.overpaid + amount > MAX_AMOUNT:
        raise InvalidAmount(amount, "is more than the ledger holds")
    check_not_before_disbursement(loan, effective_on)
    number = len(loan.payments) + 1
    if effective_on < loan.through:
        payment = e.PaymentReceived(
            effective_on=effective_on,
            payment=number,
            amount=amount,
            allocation=(),
            channel=channel,
            reference=reference,
        )
        return _with_history(loan, payment)
    draft = Draft(loan)
    draft.catch_up(effective_on)
    draft.record(payment_event(draft.loan, amount, effective_on, number, channel, reference))
    draft.close_if_paid(effective_on)
    return tuple(draft.events)


def reverse_payment(loan: Loan, *, payment: int, reversed_on: date, reason: str = "") -> Events:
    """Undo a payment that was none: the loan stands as if it had never come.

    Errors: ``UnknownPayment``, ``AlreadyReversed``, ``InvalidDate`` before the payment,
    ``NotAllowedNow`` once written off.
    """
    if loan.status not in (Status.ACTIVE, Status.CLOSED):
        raise NotAllowedNow("reverse a payment", loan.status)
    found = loan.payments.get(payment)
    if found is None:
        raise UnknownPayment(payment)
    if found.reversed_on is not None:
        raise AlreadyReversed(payment)
    check_not_before(reversed_on, found.effective_on, "the payment", "reversed_on")
    draft = Draft(loan)
    draft.catch_up(reversed_on)
    facts = [
        fact
        for fact in draft.loan.facts
        if not (isinstance(fact, e.PaymentReceived) and fact.payment == payment)
    ]
    telling = retell(loan, draft.loan.through, facts)
    draft.record(undone(draft.loan, draft.loan.payments[payment], reversed_on, reason))
    correct(draft, telling, found.effective_on)
    draft.catch_up(reversed_on)
    return tuple(draft.events)


def charge_fee(loan: Loan, *, kind: str, amount: int, effective_on: date) -> Events:
    """Charge a fee; it falls due with the instalment whose period holds the date.

    Units: ``amount`` before tax, in minor units; tax is added by the terms.
    Errors: ``NotAllowedNow`` unless active, ``InvalidAmount``, ``InvalidDate``.
    """
    check_active(loan, "charge a fee")
    check_amount(amount)
    if not kind.strip():
        raise UnknownFee("a fee needs its kind", "kind")
    check_not_before_disbursement(loan, effective_on)
    terms = loan.terms
    line = next((line for line in loan.lines if line.due_on >= effective_on), loan.lines[-1])
    fee = e.FeeCharged(
        effective_on=effective_on,
        fee=len(loan.fees) + 1,
        kind=kind,
        amount=amount,
        tax=share(amount, terms.tax_rate, terms.rounding),
        instalment=line.number,
    )
    if effective_on < loan.through:
        return _with_history(loan, fee)
    draft = Draft(loan)
    draft.catch_up(effective_on)
    portion = e.Portion(instalment=line.number, fee=fee.amount, fee_tax=fee.tax)
    settled = marks(draft.loan, (portion,), effective_on, sign=1)
    draft.record(structs.replace(fee, settled=settled))
    return tuple(draft.events)


def waive_fee(loan: Loan, *, fee: int, effective_on: date, reason: str = "") -> Events:
    """Give up what is unpaid of a fee, and its tax in proportion.

    Errors: ``UnknownFee`` if there is no such fee or nothing of it is left.
    """
    check_active(loan, "waive a fee")
    charged = loan.fees.get(fee)
    if charged is None:
        raise UnknownFee(f"fee {fee} does not exist on this loan")
    check_not_before(effective_on, max(charged.charged_on, loan.through), "the latest recorded day")
    draft = Draft(loan)
    draft.catch_up(effective_on)
    line = draft.loan.lines[charged.instalment - 1]
    left = line.owed.less(line.paid)
    amount, tax = min(charged.amount, left.fee), min(charged.tax, left.fee_tax)
    if charged.waived or (amount <= 0 and tax <= 0):
        raise UnknownFee(f"nothing of fee {fee} is left to waive")
    portion = e.Portion(instalment=line.number, fee=amount, fee_tax=tax)
    draft.record(
        e.FeeWaived(
            effective_on=effective_on,
            fee=fee,
            amount=amount,
            tax=tax,
            instalment=line.number,
            reason=reason,
            settled=marks(draft.loan, (portion,), effective_on),
        )
    )
    draft.close_if_paid(effective_on)
    return tuple(draft.events)


def _with_history(loan: Loan, fact: e.FeeCharged | e.PaymentReceived) -> Events:
    """Record ``fact`` on its value date among days already recorded, and what it changes."""
    draft = Draft(loan)
    telling = retell(loan, draft.loan.through, [*draft.loan.facts, fact])
    told = next(event for event in telling.loan.facts if _number(event) == _number(fact))
    draft.record(told)
    correct(draft, telling, fact.effective_on)
    return tuple(draft.events)


def _number(fact: e.AnyLoanEvent) -> tuple[str, int] | None:
    """What tells a fact that can be backdated from the others."""
    if isinstance(fact, e.FeeCharged):
        return "fee", fact.fee
    return ("payment", fact.payment) if isinstance(fact, e.PaymentReceived) else None

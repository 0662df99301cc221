"""Money comes in, turns out not to have come, and fees are charged and waived."""

from datetime import date

from domain import events as e
from domain.allocation import allocate_held
from domain.draft import Draft
from domain.errors import (
    AlreadyReversed,
    InvalidAmount,
    InvalidTerms,
    NotAllowedNow,
    UnknownFee,
    UnknownPayment,
)
from domain.guards import (
    Events,
    check_active,
    check_not_before,
    check_not_before_disbursement,
    check_not_before_recorded,
)
from domain.history import correct, loan_on, retell, told_now, undone
from domain.limits import MAX_AMOUNT, check_amount
from domain.loan import Loan, Payment, Status
from domain.money import share
from domain.terms import ChargesDue, PaymentKind


def receive_payment(
    loan: Loan,
    *,
    amount: int,
    effective_on: date,
    channel: str = "",
    reference: str = "",
    kind: PaymentKind = PaymentKind.PAYMENT,
) -> Events:
    """Take in money and clear what is owed, in the order of the terms for that ``kind``.

    A value date in the past tells the days since again, and records the difference. On a loan
    that closed because it was repaid the money is kept for the borrower.
    Errors: ``NotAllowedNow`` unless active or repaid, ``InvalidAmount``, ``InvalidDate`` before
    disbursement or before the loan was closed, ``NotBackdatable`` where a later forgiveness or
    waiver would not hold.
    """
    if not loan.repaid:
        check_active(loan, "receive a payment")
    check_amount(amount)
    if loan.overpaid + amount > MAX_AMOUNT:
        raise InvalidAmount(amount, "is more than the ledger holds")
    check_not_before_disbursement(loan, effective_on)
    if loan.repaid:
        check_not_before_recorded(loan, effective_on)
    payment = e.PaymentReceived(
        effective_on=effective_on,
        payment=len(loan.payments) + 1,
        amount=amount,
        allocation=(),
        kind=kind,
        channel=channel,
        reference=reference,
    )
    return tuple(told_now(loan, payment).events)


def charge_back(
    loan: Loan, *, payment: int, effective_on: date, amount: int | None = None, reason: str = ""
) -> Events:
    """A payer took back a payment, or part of it (minor units): it is owed again as principal.

    Unlike a reversal it changes nothing of what was before its day. What is still kept of the
    payment goes first.
    Errors: ``UnknownPayment``, ``AlreadyReversed``, ``InvalidAmount`` beyond what is left of the
    payment, ``InvalidDate`` in days already recorded, ``NotAllowedNow`` once written off.
    """
    found = _standing(loan, payment, "charge back a payment")
    left = _not_taken_back(loan, found)
    asked = left if amount is None else amount
    check_amount(asked)
    if asked > left:
        rule = "is more than the {left} of the payment that cleared a debt"
        raise InvalidAmount(asked, rule, left=left)
    check_not_before_recorded(loan, effective_on)
    fact = e.ChargedBack(
        effective_on=effective_on,
        chargeback=loan.chargebacks + 1,
        payment=payment,
        amount=asked,
        schedule=(),
        instalments=0,
        reason=reason,
    )
    return tuple(told_now(loan, fact).events)


def _not_taken_back(loan: Loan, payment: Payment) -> int:
    """What of the payment cleared a debt that is not owed again, or is still kept."""
    cleared = sum(amounts.total for amounts in payment.allocation.values())
    restored = sum(
        fact.restored.total
        for fact in loan.facts
        if isinstance(fact, e.ChargedBack) and fact.payment == payment.number and fact.restored
    )
    return cleared + payment.overpaid - payment.owed_again - restored


def refund_overpayment(
    loan: Loan,
    *,
    effective_on: date,
    amount: int | None = None,
    channel: str = "",
    reference: str = "",
) -> Events:
    """Give back money kept for the borrower: all of it, or ``amount`` (minor units).

    The security deposit of a running loan stays, unless the amount takes it.
    Errors: ``InvalidAmount`` beyond what is kept, ``InvalidDate`` in days already recorded.
    """
    asked = amount
    if asked is None:
        asked = loan.kept if loan.status is Status.ACTIVE else loan.overpaid
    check_amount(asked)
    if asked > loan.overpaid:
        raise InvalidAmount(asked, "is more than the {kept} kept", kept=loan.overpaid)
    check_not_before_recorded(loan, effective_on)
    fact = e.OverpaymentRefunded(
        effective_on=effective_on, amount=asked, moved=(), channel=channel, reference=reference
    )
    return tuple(told_now(loan, fact).events)


def apply_deposit(
    loan: Loan,
    *,
    effective_on: date,
    amount: int | None = None,
    approval: str = "",
    reason: str = "",
) -> Events:
    """Let the security deposit clear what is due: all that it can, or ``amount`` (minor units).

    Errors: ``NotAllowedNow`` unless active, ``InvalidAmount`` beyond what is held or due that day,
    ``InvalidDate`` before disbursement, ``NotBackdatable`` where less of it was left since.
    """
    check_active(loan, "apply the deposit")
    check_not_before_disbursement(loan, effective_on)
    then = loan_on(loan, effective_on)
    check_active(then, "apply the deposit")
    held = then.deposit
    left = allocate_held(then, held, effective_on, PaymentKind.SECURITY_DEPOSIT).left
    asked = held - left if amount is None else amount
    check_amount(asked)
    if asked > held - left:
        rule = "is more than the {held} held, or the {due} of it that is due"
        raise InvalidAmount(asked, rule, held=held, due=held - left)
    fact = e.DepositApplied(
        effective_on=effective_on, amount=asked, moved=(), approval=approval, reason=reason
    )
    return tuple(told_now(loan, fact).events)


def _standing(loan: Loan, payment: int, command: str) -> Payment:
    """The payment, if it is there and was not undone."""
    if loan.status not in (Status.ACTIVE, Status.CLOSED) or loan.closed_for == "sold":
        raise NotAllowedNow(command, loan.closed_for or loan.status)
    found = loan.payments.get(payment)
    if found is None:
        raise UnknownPayment(payment)
    if found.reversed_on is not None:
        raise AlreadyReversed(payment)
    return found


def reverse_payment(loan: Loan, *, payment: int, reversed_on: date, reason: str = "") -> Events:
    """Undo a payment that was none: the loan stands as if it had never come.

    Errors: ``UnknownPayment``, ``AlreadyReversed``, ``InvalidDate`` before the payment,
    ``NotAllowedNow`` once written off.
    """
    found = _standing(loan, payment, "reverse a payment")
    if found.charged_back:
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


def charge_fee(
    loan: Loan,
    *,
    kind: str,
    amount: int,
    effective_on: date,
    due_on: date | None = None,
    falls_due: ChargesDue | None = None,
) -> Events:
    """Charge a fee; it falls due with the instalment whose period holds the date, or ``due_on``.

    ``falls_due`` (default: as the terms say) may be that day itself: then, and after the last
    instalment, the fee gets a row of its own.
    Units: ``amount`` before tax, in minor units; tax is added by the terms.
    Errors: ``NotAllowedNow`` unless active, ``InvalidAmount``, ``InvalidDate``, ``InvalidTerms``
    where it is to fall due on a date that is not said.
    """
    check_active(loan, "charge a fee")
    check_amount(amount)
    if not kind.strip():
        raise UnknownFee("a fee needs its kind", "kind")
    check_not_before_disbursement(loan, effective_on)
    if due_on is not None:
        check_not_before(due_on, effective_on, "the day of the charge", "due")
    elif falls_due is ChargesDue.ON_THEIR_DATE:
        raise InvalidTerms("a charge that falls due on its date needs that date", "due")
    terms = loan.terms
    falls_due = falls_due or terms.charges_due
    fee = e.FeeCharged(
        effective_on=effective_on,
        fee=len(loan.fees) + 1,
        kind=kind,
        amount=amount,
        tax=share(amount, terms.tax_rate, terms.rounding),
        instalment=0,
        due_on=due_on,
        apart=due_on is not None and falls_due is ChargesDue.ON_THEIR_DATE,
    )
    return tuple(told_now(loan, fee).events)

"""Fees are given up: one that was charged by name, or what the terms charged to an instalment."""

from datetime import date

from domain import events as e
from domain.draft import Draft
from domain.errors import InvalidAmount, UnknownFee
from domain.guards import Events, check_active, check_not_before, check_not_before_recorded
from domain.history import told_now
from domain.limits import check_amount
from domain.loan import Loan
from domain.money import divide


def waive_fee(loan: Loan, *, fee: int, effective_on: date, reason: str = "") -> Events:
    """Give up what is unpaid of a fee, and its tax.

    Errors: ``UnknownFee`` if there is no such fee or nothing of it is left, ``NotAllowedNow``
    unless active, ``InvalidDate`` in days already recorded.
    """
    check_active(loan, "waive a fee")
    charged = loan.fees.get(fee)
    if charged is None:
        raise UnknownFee(f"fee {fee} does not exist on this loan")
    check_not_before(effective_on, max(charged.charged_on, loan.through), "the latest recorded day")
    draft = Draft(loan)
    draft.catch_up(effective_on)
    line = draft.loan.line(charged.instalment)
    left = line.owed.less(line.paid)
    amount, tax = min(charged.amount, left.fee), min(charged.tax, left.fee_tax)
    if charged.waived or (amount <= 0 and tax <= 0):
        raise UnknownFee(f"nothing of fee {fee} is left to waive")
    draft.tell(
        e.FeeWaived(
            effective_on=effective_on,
            fee=fee,
            amount=amount,
            tax=tax,
            instalment=line.number,
            reason=reason,
        )
    )
    return tuple(draft.events)


def waive_charges(
    loan: Loan, *, instalment: int, effective_on: date, amount: int | None = None, reason: str = ""
) -> Events:
    """Give up what is unpaid of the fees of an instalment, or ``amount`` of it (minor units, before
    tax), with the tax in proportion: what the terms charge (insurance, a late fee) has no number.

    Errors: ``UnknownFee`` where there is no such instalment or no fee of it is left,
    ``InvalidAmount`` beyond what is left, ``NotAllowedNow`` unless active, ``InvalidDate`` in days
    already recorded.
    """
    check_active(loan, "waive fees")
    check_not_before_recorded(loan, effective_on)
    draft = Draft(loan)
    draft.catch_up(effective_on)
    if not draft.loan.has(instalment):
        raise UnknownFee(f"instalment {instalment} does not exist on this loan", "instalment")
    line = draft.loan.line(instalment)
    left = line.owed.less(line.paid)
    if left.fee <= 0 and left.fee_tax <= 0:
        raise UnknownFee(f"no fee of instalment {instalment} is left to waive", "instalment")
    asked, tax = left.fee, left.fee_tax
    if amount is not None:
        check_amount(amount)
        if amount > left.fee:
            raise InvalidAmount(amount, "is more than the {left} left of fees", left=left.fee)
        asked, tax = amount, divide(left.fee_tax * amount, left.fee, loan.terms.rounding)
    draft.tell(
        e.ChargesWaived(
            effective_on=effective_on, instalment=instalment, amount=asked, tax=tax, reason=reason
        )
    )
    return tuple(draft.events)


def undo_waiver(
    loan: Loan,
    *,
    effective_on: date,
    fee: int | None = None,
    instalment: int | None = None,
    reason: str = "",
) -> Events:
    """What was waived of a fee, or of the charges of an instalment, is owed again from the day on.

    Errors: ``UnknownFee`` where nothing of it is waived, ``NotAllowedNow`` unless active,
    ``InvalidDate`` in days already recorded.
    """
    check_active(loan, "undo a waiver")
    check_not_before_recorded(loan, effective_on)
    if fee is not None:
        charged = loan.fees.get(fee)
        if charged is None or not charged.waived:
            raise UnknownFee(f"fee {fee} is not waived")
        number, amount, tax = charged.instalment, charged.given_up, charged.given_up_tax
    else:
        number = instalment or 0
        line = loan.line(number) if loan.has(number) else None
        if line is None or not (line.waived or line.waived_tax):
            raise UnknownFee(f"no charge of instalment {number} is waived", "instalment")
        amount, tax = line.waived, line.waived_tax
    fact = e.WaiverUndone(
        effective_on=effective_on,
        fee=fee or 0,
        waived_from=number,
        instalment=number,
        amount=amount,
        tax=tax,
        reason=reason,
    )
    return tuple(told_now(loan, fact).events)

"""The parts of a group's payment go onto its members' loans, each of them once.

Each loan takes its part under a key made of the payment and the loan, so this may be begun again
by anybody at any time. A part that its loan cannot take any more waits in suspense.
"""

from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

from msgspec import Struct, structs

from domain import group_loans
from domain.errors import LoanError
from domain.group_loans import Share
from domain.groups import Part
from domain.guards import Events
from domain.loan import Loan
from ledger import group_book as book
from ledger.application import Ledger
from ledger.group_book import GroupPayment, Seat
from ledger.group_opening import known
from ledger.orders import Cause, Receipt
from ledger.suspense import Suspended, suspend

PAID = "payment-received"


class Taken(Struct, frozen=True, kw_only=True):
    """What one loan took of the payment; ``suspended`` is what it could not take after all."""

    loan_no: str
    receipt: Receipt
    paid: int
    suspended: int = 0


class GroupPaymentReceipt(Struct, frozen=True, kw_only=True):
    """What a group's payment came to, in minor units; ``kept`` waits in suspense for the group."""

    id: UUID
    group_no: str
    number: int
    on: date
    amount: int
    currency: str
    parts: tuple[Part, ...]
    kept: int
    taken: tuple[Taken, ...]
    repeated: bool = False


def post(ledger: Ledger, payment: GroupPayment, *, repeated: bool = False) -> GroupPaymentReceipt:
    """Bring each part to its loan, once; who pays for others comes after them."""
    group = known(ledger, payment.group_no)
    seats = {seat.member.loan_no: seat for seat in payment.decided.seats}
    taken: dict[str, Taken] = {}
    for loan_no, share in group_loans.shares(payment.decided.split).items():
        covers = tuple((no, amount) for no, amount in share.covers if not taken[no].suspended)
        held = structs.replace(share, covers=covers)
        taken[loan_no] = _take(ledger, payment, seats[loan_no], held, group.currency)
    kept = payment.decided.split.kept
    if kept:
        told = "is more than the members' loans take; it is the group's"
        _suspend(ledger, payment, "kept", kept, group.currency, "group-surplus", told)
    if not payment.posted:
        book.mark_posted(ledger.store, payment.id)
    return GroupPaymentReceipt(
        id=payment.id,
        group_no=payment.group_no,
        number=payment.number,
        on=payment.on,
        amount=payment.amount,
        currency=group.currency,
        parts=payment.decided.split.parts,
        kept=kept,
        taken=tuple(taken[loan_no] for loan_no in seats if loan_no in taken),
        repeated=repeated,
    )


def _take(ledger: Ledger, payment: GroupPayment, seat: Seat, share: Share, currency: str) -> Taken:
    """One loan's part, under a key of its own. What it refuses by now waits in suspense."""
    loan_no = seat.member.loan_no
    body: dict[str, Any] = {
        "command": "take-group-payment", "group_no": payment.group_no, "number": payment.number,
        "payments": share.payments, "returns": share.returns,
    }  # fmt: skip
    cause = Cause(
        payment.actor,
        payment.channel,
        f"group-payment:{payment.id}:{seat.loan_id}",
        payment.correlation_id,
        payment.id,
    )
    receipt = ledger.execute(
        seat.loan_id, partial(_events, payment, share), body, cause, payment.on
    )
    refused = share.paid if share.paid and PAID not in receipt.events else 0
    if refused:
        told = "could not be taken by the loan: it had ended meanwhile"
        _suspend(ledger, payment, loan_no, refused, currency, "group-share-refused", told)
    return Taken(loan_no=loan_no, receipt=receipt, paid=share.paid - refused, suspended=refused)


def _events(payment: GroupPayment, share: Share, loan: Loan) -> Events:
    """The share's; only the covers given where the loan takes no payment any more.

    The refusal is then the stored result of the key: no retry decides otherwise.
    """
    decided = payment.decided
    try:
        return group_loans.take_share(
            loan, share, on=payment.on, channel=decided.channel, reference=decided.reference
        )
    except LoanError:
        if not share.payments:
            raise
        return group_loans.give_covers(loan, share.covers, on=payment.on) if share.covers else ()


def _suspend(
    ledger: Ledger,
    payment: GroupPayment,
    part: str,
    amount: int,
    currency: str,
    code: str,
    told: str,
) -> None:
    waiting = Suspended(
        line_key=f"group-payment:{payment.id}:{part}",
        source="group-payment",
        line=payment.number,
        paid_on=payment.on,
        amount=amount,
        currency=currency,
        reference=payment.group_no if part == "kept" else part,
        channel=payment.decided.channel,
        code=code,
        reason=told,
    )
    raw = {"group_no": payment.group_no, "number": str(payment.number)}
    suspend(ledger.store, waiting, raw)

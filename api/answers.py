"""What REST answers: receipts, the figures of what was recorded, quotes and jobs."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, TypeAlias
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow
from pydantic import BaseModel, Field

from domain import events as e
from domain.loan import COMPONENTS, Amounts
from ledger.log import outcome
from ledger.money import text
from ledger.orders import Receipt


class ReceiptAnswer(BaseModel):
    """What an order came to."""

    loan_id: UUID
    version: int = Field(description="of the loan, after this order")
    position: int = Field(description="of the order's last event in the log")
    command_id: UUID
    events: list[str] = Field(description="what was recorded, in order")
    repeated: bool = Field(description="the order had been given before; this is its first result")


class FeeAnswer(ReceiptAnswer):
    """The fee that was charged, and its tax."""

    fee: int
    amount: str
    tax: str
    currency: str


class PromiseAnswer(ReceiptAnswer):
    """The promise that was made."""

    promise: int


class PaymentAnswer(ReceiptAnswer):
    """The payment, and what it cleared by component."""

    payment: int
    amount: str
    currency: str
    allocation: dict[str, str] = Field(description="component to amount")
    overpaid: str = Field(description="beyond the debt, kept for the borrower")


class RecoveryAnswer(ReceiptAnswer):
    """The recovery, and what it cleared by component."""

    recovery: int
    amount: str
    currency: str
    allocation: dict[str, str]


class ChargebackAnswer(ReceiptAnswer):
    """The chargeback, and how much is owed again."""

    chargeback: int
    payment: int
    amount: str
    currency: str


class RefundAnswer(ReceiptAnswer):
    """What was given back."""

    amount: str
    currency: str


class Paid(BaseModel):
    """How much one loan was paid off with."""

    loan_id: UUID
    amount: str


class RefinancingAnswer(ReceiptAnswer):
    """The new loan's receipt, what paid off the old ones, and what is paid out beyond."""

    currency: str
    paid_off: list[Paid]
    paid_out: str


class Quote(BaseModel):
    """What closes the loan if it is paid on the day."""

    loan_id: UUID
    on: date
    currency: str
    total: str
    components: dict[str, str]
    paid_in: dict[str, str] = Field(
        default={}, description="of a loan in UDI: currency to what it comes to, if known"
    )


class Job(BaseModel):
    """Work that was queued."""

    id: UUID
    kind: str
    state: str = Field(description="waiting, running, done or failed")
    attempts: int
    result: Any = None
    error: str | None = None
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    progress: Any = Field(None, description="of long work: how many are done, of how many")


def plain(receipt: Receipt) -> dict[str, Any]:
    """The members that every receipt has."""
    return {name: getattr(receipt, name) for name in ReceiptAnswer.model_fields}


def receipt(given: Receipt) -> ReceiptAnswer:
    """The receipt as it is."""
    return ReceiptAnswer(**plain(given))


Facts: TypeAlias = tuple[Sequence[e.AnyLoanEvent], str]
"""What an order recorded, and the currency of its loan."""


def facts(connection: Connection[TupleRow], receipt: Receipt) -> Facts:
    """The events that the order recorded, and the loan's currency."""
    [[currency]] = connection.execute(
        "SELECT currency FROM ledger.loan_state WHERE loan_id = %s", [receipt.loan_id]
    ).fetchall()
    return outcome(connection, receipt), currency


def payment(receipt: Receipt, facts: Facts) -> PaymentAnswer:
    """What the payment cleared when it was received; a backdated one with its corrections."""
    recorded, currency = facts
    [paid] = [event for event in recorded if isinstance(event, e.PaymentReceived)]
    cleared, overpaid = Amounts(), paid.overpaid
    for portion in paid.allocation:
        cleared.add(portion)
    for event in recorded:
        moves = event.moved if isinstance(event, e.HistoryCorrected) else ()
        for moved in moves:
            if moved.payment == paid.payment:
                overpaid += moved.overpaid
                for portion in moved.portions:
                    cleared.add(portion)
    return PaymentAnswer(
        **plain(receipt),
        payment=paid.payment,
        amount=text(paid.amount, currency),
        currency=currency,
        allocation=by_component(cleared, currency),
        overpaid=text(overpaid, currency),
    )


def recovery(receipt: Receipt, facts: Facts) -> RecoveryAnswer:
    recorded, currency = facts
    [got] = [event for event in recorded if isinstance(event, e.RecoveryReceived)]
    return RecoveryAnswer(
        **plain(receipt),
        recovery=got.recovery,
        amount=text(got.amount, currency),
        currency=currency,
        allocation={str(name): text(amount, currency) for name, amount in got.by_component.items()},
    )


def fee(receipt: Receipt, facts: Facts) -> FeeAnswer:
    recorded, currency = facts
    [charged] = [event for event in recorded if isinstance(event, e.FeeCharged)]
    return FeeAnswer(
        **plain(receipt),
        fee=charged.fee,
        amount=text(charged.amount, currency),
        tax=text(charged.tax, currency),
        currency=currency,
    )


def chargeback(receipt: Receipt, facts: Facts) -> ChargebackAnswer:
    recorded, currency = facts
    [back] = [event for event in recorded if isinstance(event, e.ChargedBack)]
    return ChargebackAnswer(
        **plain(receipt),
        chargeback=back.chargeback,
        payment=back.payment,
        amount=text(back.amount, currency),
        currency=currency,
    )


def refund(receipt: Receipt, facts: Facts) -> RefundAnswer:
    recorded, currency = facts
    [given] = [event for event in recorded if isinstance(event, e.OverpaymentRefunded)]
    amount = text(given.amount, currency)
    return RefundAnswer(**plain(receipt), amount=amount, currency=currency)


def promise(receipt: Receipt, facts: Facts) -> PromiseAnswer:
    [made] = [event for event in facts[0] if isinstance(event, e.PromiseMade)]
    return PromiseAnswer(**plain(receipt), promise=made.promise)


def by_component(amounts: Amounts, currency: str) -> dict[str, str]:
    return {str(name): text(getattr(amounts, name), currency) for name in COMPONENTS}

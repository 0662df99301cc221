"""What hangs on a loan: instalments, payments, movements, promises and raw events."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from api.graphql.connections import Row
from api.graphql.nodes import Node, global_id
from api.graphql.scalars import BigInt, Components, Money, components, money, money_or_none
from domain.loan import Amounts, Line, Loan, Payment, Promise
from domain.loan import Cover as CoverTold
from domain.views import ScheduleRow


@strawberry.type(description="What a loan owes at the end of a day, by component.")
class Balances:
    as_of: date
    owed: Components
    overpaid: Money = strawberry.field(description="Paid beyond the debt, kept for the borrower.")


@strawberry.type(description="What a loan owes by the events recorded so far, without accrual.")
class RecordedBalances:
    accrued_through: date
    version: int
    position: BigInt
    owed: Components
    disbursed: Money
    repaid: Money = strawberry.field(description="Principal repaid.")
    forgiven: Money = strawberry.field(description="Principal forgiven.")
    written_off: Money = strawberry.field(description="Principal written off.")
    sold: Money = strawberry.field(description="Principal sold with the loan.")
    capitalised: Money = strawberry.field(description="Other debt that became principal.")
    charged_back: Money = strawberry.field(description="Paid, but owed again, as principal.")
    overpaid: Money
    recovered: Money


def recorded_balances(row: Row) -> RecordedBalances:
    currency = row["currency"]
    sums = ("disbursed", "repaid", "forgiven", "written_off", "sold", "capitalised",
            "charged_back", "overpaid", "recovered")  # fmt: skip
    return RecordedBalances(
        accrued_through=row["accrued_through"],
        version=row["version"],
        position=row["position"],
        owed=components(row, currency),
        **{name: money(row[name], currency) for name in sums},
    )


@strawberry.type(description="One row of a loan's schedule, with what is paid of it.")
class Instalment:
    number: int
    start_on: date
    due_on: date
    due: bool = strawberry.field(description="Its due date has been recorded.")
    charged: Components = strawberry.field(
        description="What it comes to: interest is final once due; before, the plan (or with "
        "`asOf` what the actual balance will bring)."
    )
    paid: Components
    left: Money
    settled_on: date | None = strawberry.field(description="Since when nothing due is owed.")
    paid_on: date | None = strawberry.field(description="The latest payment that cleared of it.")
    paid_late: Money
    paid_in_advance: Money


def instalment(row: Row) -> Instalment:
    """As the read model keeps it."""
    currency = row["currency"]
    charged, paid = components(row, currency), components(row, currency, "paid_")
    return Instalment(
        number=row["instalment"],
        start_on=row["start_on"],
        due_on=row["due_on"],
        due=row["due"],
        charged=charged,
        paid=paid,
        left=money(charged.total.minor - paid.total.minor - row["given_up"], currency),
        settled_on=row["settled_on"],
        paid_on=row["paid_on"],
        paid_late=money(row["paid_late"], currency),
        paid_in_advance=money(row["paid_in_advance"], currency),
    )


def instalment_told(line: Line, row: ScheduleRow, currency: str) -> Instalment:
    """As the domain tells it for a date."""
    charged = Amounts()
    charged.add(line.owed)
    charged.interest = row.interest
    charged.interest_tax = row.tax - line.owed.fee_tax - line.owed.late_interest_tax
    return Instalment(
        number=line.number,
        start_on=line.start_on,
        due_on=line.due_on,
        due=line.due,
        charged=components(charged, currency),
        paid=components(line.paid, currency),
        left=money(charged.total - line.paid.total, currency),
        settled_on=line.settled_on,
        paid_on=line.paid_on,
        paid_late=money(row.paid_late, currency),
        paid_in_advance=money(row.paid_in_advance, currency),
    )


@strawberry.type(name="Payment", description="A payment, and what it clears as things stand.")
class PaymentNode(Node):
    number: int
    amount: Money
    effective_on: date
    recorded_at: datetime
    position: BigInt
    cleared: Components
    overpaid: Money
    refunded: Money = strawberry.field(description="Given back of what was overpaid.")
    charged_back: Money = strawberry.field(description="Taken back by the payer.")
    source: str = strawberry.field(
        description="payment, goodwill_credit, merchant_refund, payout_refund, insurance_claim."
    )
    channel: str
    reference: str
    paid_by: str = strawberry.field(
        description="The number of the loan of another member of the group who paid it; or nothing."
    )
    reversed_on: date | None


def payment(row: Row) -> PaymentNode:
    currency = row["currency"]
    return PaymentNode(
        id=global_id("Payment", row["loan_id"], row["payment"]),
        number=row["payment"],
        amount=money(row["amount"], currency),
        effective_on=row["effective_on"],
        recorded_at=row["recorded_at"],
        position=row["position"],
        cleared=components(row, currency),
        overpaid=money(row["overpaid"], currency),
        refunded=money(row["refunded"], currency),
        charged_back=money(row["charged_back"], currency),
        source=row["source"],
        channel=row["channel"],
        reference=row["reference"],
        paid_by=row["paid_by"],
        reversed_on=row["reversed_on"],
    )


def payment_row(loan_id: UUID, loan: Loan, paid: Payment, booked: tuple[int, datetime]) -> Row:
    """A payment as the domain tells it, in the columns of the read model."""
    cleared = Amounts()
    if paid.reversed_on is None:
        for portion in paid.allocation.values():
            cleared.add(portion)
    position, recorded_at = booked
    stands = paid.reversed_on is None
    return {
        **{name: getattr(cleared, name) for name in Amounts.__struct_fields__},
        "loan_id": loan_id,
        "payment": paid.number,
        "amount": paid.amount,
        "effective_on": paid.effective_on,
        "recorded_at": recorded_at,
        "position": position,
        "overpaid": paid.overpaid if stands else 0,
        "refunded": paid.amount - cleared.total - paid.overpaid if stands else 0,
        "charged_back": paid.charged_back,
        "source": paid.kind.value,
        "channel": paid.channel,
        "reference": paid.reference,
        "paid_by": paid.paid_by,
        "reversed_on": paid.reversed_on,
        "currency": loan.terms.currency,
        "key_0": paid.number,
    }


@strawberry.type(description="What a borrower paid for another member of the group, owed back.")
class Cover:
    number: int
    loan_no: str = strawberry.field(description="The loan of who paid.")
    for_loan: str = strawberry.field(description="The loan it was paid for.")
    given_on: date
    amount: Money
    returned: Money
    left: Money = strawberry.field(description="Still owed back.")


def cover(row: Row) -> Cover:
    currency = row["currency"]
    return Cover(
        number=row["cover"],
        loan_no=row["loan_no"],
        for_loan=row["for_loan"],
        given_on=row["given_on"],
        amount=money(row["amount"], currency),
        returned=money(row["returned"], currency),
        left=money(row["amount"] - row["returned"], currency),
    )


def cover_row(loan: Loan, told: CoverTold) -> Row:
    """A cover as the domain tells it, in the columns of the read model."""
    return {
        "cover": told.number,
        "loan_no": loan.loan_no,
        "for_loan": told.for_loan,
        "given_on": told.given_on,
        "amount": told.amount,
        "returned": told.returned,
        "currency": loan.terms.currency,
    }


@strawberry.type(description="One movement on a loan, on one value date.")
class Transaction:
    kind: str
    number: int | None = strawberry.field(description="Of the payment, fee or recovery.")
    effective_on: date
    recorded_at: datetime
    position: BigInt
    effect: int = strawberry.field(description="1 adds to the debt, -1 clears it, 0 is outside.")
    amount: Money
    components: Components
    overpaid: Money
    channel: str
    reference: str
    reason: str
    source: str = strawberry.field(description="Of a payment: its kind.")


def transaction(row: Row) -> Transaction:
    currency = row["currency"]
    same = ("kind", "number", "effective_on", "recorded_at", "position", "effect", "channel",
            "reference", "reason", "source")  # fmt: skip
    return Transaction(
        **{name: row[name] for name in same},
        amount=money(row["amount"], currency),
        components=components(row, currency),
        overpaid=money(row["overpaid"], currency),
    )


@strawberry.type(name="Promise", description="A promise to pay.")
class PromiseNode(Node):
    loan_id: UUID
    loan_no: str
    number: int
    amount: Money
    made_on: date
    promised_for: date
    grace_days: int
    status: str = strawberry.field(description="open, kept, broken or cancelled.")
    received: Money | None
    resolved_on: date | None
    reason: str


def promise(row: Row) -> PromiseNode:
    currency = row["currency"]
    same = ("loan_id", "loan_no", "made_on", "promised_for", "grace_days", "status", "resolved_on",
            "reason")  # fmt: skip
    return PromiseNode(
        id=global_id("Promise", row["loan_id"], row["promise"]),
        number=row["promise"],
        amount=money(row["amount"], currency),
        received=money_or_none(row["received"], currency),
        **{name: row[name] for name in same},
    )


def promise_row(row: Row, told: Promise) -> Row:
    """The promise as it stood when the domain told it: what came later is left out."""
    later = {"received": None, "resolved_on": None, "reason": ""} if told.state == "open" else {}
    return {**row, **later, "status": told.state}


@strawberry.type(description="One fact of a loan's history, exactly as it was recorded.")
class LoanEvent:
    position: BigInt = strawberry.field(description="Its place in the whole log.")
    loan_id: UUID
    version: int = strawberry.field(description="Its place in the loan's own history.")
    type: str
    effective_on: date = strawberry.field(description="Value date.")
    recorded_at: datetime = strawberry.field(description="Booking time.")
    actor: str
    channel: str
    command: str
    command_id: UUID
    correlation_id: UUID
    causation_id: UUID | None
    revision: int = strawberry.field(description="The shape it was written in.")
    facts: JSON = strawberry.field(description="What it says; amounts in minor units.")


def event(row: Row) -> LoanEvent:
    names: tuple[str, ...] = tuple(LoanEvent.__annotations__)
    fields: dict[str, Any] = {name: row[name] for name in names}
    return LoanEvent(**fields)

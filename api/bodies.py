"""What each order on a loan says: the bodies of REST."""

from typing import Annotated, Any, Literal, Self

from moneyed import Money
from pydantic import ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from api.agreement_schema import changes, with_terms
from api.fields import Amount, Body, Code, Day, Effective, Figure, Number, Words
from domain.events import Revision, Treatment
from domain.terms import ChargesDue, Component, PaymentKind
from ledger.money import parse

Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"\S")]

EXAMPLE: JsonDict = {
    "loan_no": "CR-000123",
    "borrower": "B-77",
    "product": "personal",
    "branch": "centro",
    "officer": "marta",
    "effective_on": "2026-01-15",
    "currency": "MXN",
    "principal": "10000.00",
    "annual_rate": "36.00",
    "instalments": 12,
    "frequency": "monthly",
    "first_due": "2026-02-15",
    "tax_rate": "16.00",
}


def _opening(schema: JsonDict) -> None:
    with_terms(schema)
    schema["examples"] = [EXAMPLE]


class Opening(Effective):
    """A loan as approved: who and where, and beside it the fields of a scenario's `loan`."""

    model_config = ConfigDict(extra="allow", json_schema_extra=_opening)

    loan_no: Words = Field(min_length=1, description="the lender's own number, unique")
    borrower: Words = ""
    product: Words = ""
    branch: Words = ""
    officer: Words = ""
    guarantors: list[Words] = Field(default=[], max_length=20)


class Disbursement(Amount):
    """A tranche: `amount` is owed, the withheld fees and their tax are not paid out."""

    withheld_fees: Figure | None = Field(
        default=None, description="before tax; the opening fee of the terms when left out"
    )
    channel: Words = ""
    refinances: Words = Field(default="", description="the number of the loan that it pays off")


class Receiving(Amount):
    """Money that came in."""

    channel: Words = Field(default="", examples=["spei"])
    reference: Words = ""


class Payment(Receiving):
    """Money that came in, and of what kind; another than a payment needs who may approve it."""

    kind: Literal[
        PaymentKind.PAYMENT,
        PaymentKind.GOODWILL_CREDIT,
        PaymentKind.MERCHANT_REFUND,
        PaymentKind.PAYOUT_REFUND,
        PaymentKind.INSURANCE_CLAIM,
    ] = PaymentKind.PAYMENT


class Part(Body):
    """All of something, or the `amount` of it that is named."""

    amount: Figure | None = None
    currency: Code | None = None

    @model_validator(mode="after")
    def _together(self) -> Self:
        if (self.amount is None) is not (self.currency is None):
            raise ValueError("amount and currency go together")
        return self

    @property
    def money(self) -> Money | None:
        """The amount, if one is named."""
        if self.amount is None or self.currency is None:
            return None
        return parse(self.amount, self.currency)


class Payoff(Part):
    """What closes the loan came in. An `amount` that is not what the quote says is refused."""

    on: Day = Field(description="value date", examples=["2026-02-28"])
    channel: Words = ""
    reference: Words = ""


class Chargeback(Part, Effective):
    """A payer took back a payment, or part of it."""

    payment: Number
    reason: Words = ""


class Refund(Part, Effective):
    """Money kept for the borrower goes back to him: all of it, or part."""

    channel: Words = ""
    reference: Words = ""


class Reversal(Body):
    """A payment that was none."""

    reversed_on: Day
    reason: Words = ""


class Fee(Amount):
    """A fee before tax; the tax follows from the terms."""

    kind: Name = Field(examples=["collection"])
    due_on: Day | None = Field(
        default=None, description="with its instalment when left out; may lie ahead"
    )
    falls_due: ChargesDue | None = Field(
        default=None, description="with the instalment whose period holds due_on, or on that day"
    )


class ChargesWaiver(Part, Effective):
    """What is unpaid of an instalment's fees is given up: all of it, or `amount` before tax."""

    reason: Words = ""


class Reasoned(Effective):
    """What needs no figure."""

    reason: Words = ""


class Approved(Reasoned):
    """What someone had to approve."""

    approval: Words = ""


class PromiseMade(Amount):
    """The borrower promises `amount` by `promised_for`, which may lie ahead."""

    promised_for: Day
    grace_days: Annotated[int, Field(ge=0, le=366)] | None = None


class Forgiveness(Approved):
    """What is given up, by component."""

    currency: Code
    amounts: dict[Component, Figure] = Field(
        min_length=1, examples=[{"late_interest": "120.00", "late_interest_tax": "19.20"}]
    )


class Closure(Effective):
    """A loan that owes nothing closes by itself; this ends one that was never disbursed."""

    reason: Literal["cancelled"] = "cancelled"


class RateChange(Reasoned):
    """From the night of the value date the loan bears another rate."""

    annual_rate: Figure = Field(description="percent", examples=["24.00"])
    keeps_instalment: bool = Field(
        default=False, description="the term or the last instalment takes the difference"
    )


class Pause(Reasoned):
    """From the value date up to `until`, which may lie ahead and counts no more."""

    until: Day


class Restructure(Approved):
    """The debt goes on otherwise; `terms` are the fields of the agreement that change."""

    kind: Literal[Revision.RESTRUCTURE, Revision.RESCHEDULE, Revision.REAMORTIZATION] = (
        Revision.RESTRUCTURE
    )
    terms: dict[str, Any] = Field(default={}, json_schema_extra=lambda told: told.update(changes()))
    treatment: Treatment = Field(
        default=Treatment.KEEP, description="of the interest and fees of the arrears"
    )


class Holiday(Approved):
    """The next instalments ask for nothing; the term grows by as many."""

    periods: Annotated[int, Field(ge=1, le=366)]
    interest_runs: bool = True


class Sale(Effective):
    """The claim is another's; it leaves the books."""

    holder: Name
    price: Figure
    currency: Code
    reference: Words = ""


class Refinancing(Opening):
    """A loan that pays off others on its first day; the rest is paid out."""

    refinances: list[Words] = Field(
        min_length=1, max_length=20, description="the loans it pays off, by number or uuid"
    )
    withheld_fees: Figure | None = None
    channel: Words = Field(default="", description="how the rest is paid out")

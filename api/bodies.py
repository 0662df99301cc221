"""What each order on a loan says: the bodies of REST."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from api.fields import Amount, Body, Code, Day, Effective, Figure, Words
from domain.terms import Component

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


class Opening(Effective):
    """A loan as approved: who and where, and beside it the fields of a scenario's `loan`."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [EXAMPLE]})

    loan_no: Words = Field(min_length=1, description="the lender's own number, unique")
    borrower: Words = ""
    product: Words = ""
    branch: Words = ""
    officer: Words = ""
    guarantors: list[Words] = Field(default=[], max_length=20)


class Disbursement(Amount):
    """A tranche: `amount` is owed, the withheld fees and their tax are not paid out."""

    withheld_fees: Figure | None = None
    channel: Words = ""


class Receiving(Amount):
    """Money that came in."""

    channel: Words = Field(default="", examples=["spei"])
    reference: Words = ""


class Reversal(Body):
    """A payment that was none."""

    reversed_on: Day
    reason: Words = ""


class Fee(Amount):
    """A fee before tax; the tax follows from the terms."""

    kind: Name = Field(examples=["collection"])


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

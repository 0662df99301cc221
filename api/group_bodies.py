"""What REST says of groups, and what it answers."""

from datetime import date
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from api import answers
from api.fields import Body, Code, Day, Figure, Number, Words
from domain.groups import GroupKind, Returns, Shortfall, Surplus

EXAMPLE: JsonDict = {
    "group_no": "G-0001",
    "kind": "group",
    "effective_on": "2026-01-05",
    "product": "group_loan",
    "loan": {"annual_rate": "60.00", "instalments": 16},
    "members": [
        {"loan_no": "G-0001-1", "borrower": "B-1", "principal": "8000.00"},
        {"loan_no": "G-0001-2", "borrower": "B-2", "principal": "5000.00"},
    ],
}


class Rule(Body):
    """How the group shares its payments."""

    shortfall: Shortfall = Field(
        Shortfall.IN_PROPORTION, description="who gets less: all, or the last in the list"
    )
    surplus: Surplus = Field(
        Surplus.IN_ADVANCE, description="what nobody owes yet: paid in advance, or kept"
    )
    returns: Returns = Field(
        Returns.FIRST, description="covers return before the absent are covered, or after"
    )


class GroupMember(BaseModel):
    """A member; beside it the terms that are his own, as a scenario's `loan`."""

    model_config = ConfigDict(extra="allow")

    loan_no: Words = Field(min_length=1, max_length=100)
    borrower: Words = ""


class GroupOpening(Body):
    """A group as approved. `loan` holds the terms that all share, beyond those of the product."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})

    group_no: Words = Field(min_length=1, max_length=100)
    kind: GroupKind
    effective_on: Day
    product: Words = ""
    branch: Words = ""
    officer: Words = ""
    rule: Rule = Rule()
    loan: dict[str, Any] = {}
    members: list[GroupMember] = Field(min_length=2, max_length=200)


class GroupDay(Body):
    """When it takes effect."""

    on: Day


class GroupMoney(Body):
    """What a group brought together."""

    amount: Figure = Field(examples=["1100.00"])
    currency: Code
    on: Day
    absent: list[Words] = Field(default=[], max_length=200, description="loan numbers")
    amounts: dict[Words, Figure] = Field(
        default={}, max_length=200, description="what some members brought, by loan number"
    )
    channel: Words = ""
    reference: Words = ""


class CoverReturn(Body):
    """A cover settled among the members, outside the lender: all of it without an `amount`."""

    loan: Words = Field(description="of the member who had paid")
    cover: Number
    on: Day
    amount: Figure | None = None


class GroupLoans(BaseModel):
    """What an order on all loans of a group came to."""

    group_no: str
    repeated: bool
    loans: list[answers.ReceiptAnswer]


class GroupPart(BaseModel):
    """Whose money went onto which loan."""

    payer: str
    loan: str
    amount: str
    kind: str = Field(description="own, cover or return")


class GroupLoanTook(BaseModel):
    """What one loan took; `suspended` is what it refused after all and waits in suspense."""

    loan_no: str
    loan_id: UUID
    version: int
    events: list[str]
    paid: str
    suspended: str


class GroupPaymentAnswer(BaseModel):
    """How the payment was split. `kept` is nobody's: it waits in suspense for the group."""

    payment_id: UUID
    group_no: str
    number: int = Field(description="of the group's payments")
    on: date
    amount: str
    currency: str
    kept: str
    repeated: bool
    parts: list[GroupPart]
    loans: list[GroupLoanTook]


class GroupMemberSeen(BaseModel):
    """What a member owes: `due` by the day, `owed` in all; without status he is not opened yet."""

    loan_no: str
    loan_id: UUID | None = None
    borrower: str = ""
    status: str | None
    due: str | None = None
    instalment: str | None = None
    principal: str | None = None
    owed: str | None = None
    overpaid: str | None = None
    days_past_due: int | None = None


class Cover(BaseModel):
    """What the borrower of `loan` paid for `for_loan`, and how much of it he is still owed."""

    loan: str
    cover: int
    for_loan: str
    given_on: date
    amount: str
    returned: str
    left: str


class GroupPaymentSeen(BaseModel):
    """A payment of the group; `posted` once all of it is on the loans."""

    number: int
    on: date
    amount: str
    kept: str
    absent: list[str]
    posted: bool


class GroupSeen(BaseModel):
    """A group on a day."""

    group_no: str
    kind: GroupKind
    on: date
    currency: str
    status: str = Field(description="opened, active or closed")
    rule: Rule
    members: list[GroupMemberSeen]
    covers: list[Cover]
    payments: list[GroupPaymentSeen]

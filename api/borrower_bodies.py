"""What REST says of borrowers, and what it answers. Amounts are text, dates ISO."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api.fields import Body, Code, Day, Effective, Figure, Words
from domain.borrower.address import AddressKind
from domain.borrower.events import Ground, Role
from domain.borrower.person import CivilStatus, Kind, Residence, Sex

Country = Annotated[str, Field(pattern=r"^[A-Za-z]{2}$", description="ISO 3166", examples=["MX"])]


class AddressBody(Body):
    """Where someone is found."""

    street: Words = Field(description="with its number")
    postal_code: Words
    state: Words = Field("", description="a code or a name; by the postal code when left out")
    neighbourhood: Words = Field("", description="colonia")
    municipality: Words = ""
    city: Words = ""
    country: Country = "MX"
    kind: AddressKind = AddressKind.HOME
    since_on: Day | None = None


class EmploymentBody(Body):
    """What someone lives of."""

    employer: Words
    occupation: Words = ""
    hired_on: Day | None = None
    monthly_income: Figure | None = None
    currency: Code | None = None
    phone: Words = ""


class EconomicsBody(Body):
    """What a household has to come by with."""

    residence: Residence | None = None
    dependants: Annotated[int, Field(ge=0, le=50)] | None = None
    other_income: Figure | None = None
    monthly_expenses: Figure | None = None
    currency: Code | None = None


class PartnerBody(Body):
    """Who owns a part of a company, or signs for it."""

    legal_name: Words = Field("", description="of a company; a person has names instead")
    first_name: Words = ""
    second_name: Words = ""
    paternal: Words = ""
    maternal: Words = ""
    rfc: Words = ""
    curp: Words = ""
    share: Annotated[int, Field(ge=0, le=100, description="whole percent")] = 0
    address: AddressBody | None = None
    phone: Words = ""


class CompanyBody(Body):
    """What a company has that a natural person does not."""

    legal_name: Words
    incorporated_on: Day | None = None
    representative: PartnerBody | None = None
    shareholders: list[PartnerBody] = Field(default=[], max_length=100)


class PersonBody(Body):
    """A natural person or a company.

    Of a change only what changes is sent; null is what is not known any more.
    """

    first_name: Words | None = None
    second_name: Words | None = None
    paternal: Words | None = None
    maternal: Words | None = None
    additional: Words | None = None
    born_on: Day | None = None
    rfc: Words | None = None
    curp: Words | None = None
    sex: Sex | None = None
    civil_status: CivilStatus | None = None
    nationality: Country | None = None
    addresses: list[AddressBody] | None = Field(default=None, max_length=10)
    phones: list[Words] | None = Field(default=None, max_length=10)
    email: Words | None = None
    employment: EmploymentBody | None = None
    economics: EconomicsBody | None = None
    died_on: Day | None = None
    kind: Kind | None = None
    company: CompanyBody | None = None
    activities: list[Words] | None = Field(default=None, max_length=3)
    ssn: Words | None = None
    tax_regime: Words | None = None

    def form(self) -> dict[str, Any]:
        """What was sent, as `ledger.borrowers.forms` reads it."""
        return self.model_dump(mode="json", exclude_unset=True)


class Registration(Effective):
    """A person under a number of the lender's."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "borrower_no": "B-77",
                    "effective_on": "2026-01-15",
                    "person": {
                        "first_name": "Ana",
                        "paternal": "Gómez",
                        "maternal": "Núñez",
                        "born_on": "1976-05-10",
                        "addresses": [{"street": "Sur 1", "postal_code": "03940"}],
                    },
                }
            ]
        },
    )

    borrower_no: Words = Field(min_length=1, max_length=100)
    person: PersonBody


class PersonChange(Effective):
    """What is otherwise about a person."""

    person: PersonBody
    reason: Words = ""


class RoleOnLoan(Effective):
    """What someone answers for, on a loan of which he is not the borrower."""

    loan_no: Words = Field(min_length=1)
    role: Role


class RoleEnded(RoleOnLoan):
    """He answers for it no more."""

    reason: Words = ""


class Forgetting(Body):
    """Why a person is forgotten. It cannot be undone."""

    ground: Ground


class BorrowerAnswer(BaseModel):
    """What an order on a borrower came to."""

    borrower_id: UUID
    borrower_no: str
    version: int = Field(description="of the borrower, after this order")
    command_id: UUID
    events: list[str]
    warnings: list[str] = Field(description="what looks wrong in the person but may be true")
    repeated: bool


class RoleHeld(BaseModel):
    """A role on a loan."""

    loan_no: str
    role: str
    since: date


class BorrowerSeen(BaseModel):
    """A borrower as he is known."""

    borrower_no: str
    version: int
    person: dict[str, Any]
    roles: list[RoleHeld]


class BorrowerChange(BaseModel):
    """One fact of a borrower's history; without content once he is forgotten."""

    version: int
    type: str
    effective_on: date
    recorded_at: datetime
    actor: str
    channel: str
    before: dict[str, Any]
    after: dict[str, Any]


class BorrowerReading(BaseModel):
    """That somebody read."""

    read_at: datetime
    actor: str
    channel: str
    what: str


class PartySeen(BaseModel):
    """Who answers for a loan, by number."""

    borrower_no: str
    role: Literal["borrower", "co_borrower", "guarantor"]
    since: date
    known: bool = Field(description="registered with his data; else only a reference")

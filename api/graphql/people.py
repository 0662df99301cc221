"""Who answers for a loan. The numbers come from the snapshot; a person's data is decrypted for who
may read it, and each reading leaves a trace: so these fields are resolved, never planned or kept.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import strawberry
from starlette.concurrency import run_in_threadpool
from strawberry import Info

from api.graphql.errors import Refused
from api.graphql.scalars import Money, money_or_none
from api.graphql.snapshot import Snapshot, snapshot_of
from api.policy import Action, allows
from domain.borrower import address as a
from domain.borrower import company as c
from domain.borrower import person as p
from domain.borrower.borrower import Borrower
from ledger.borrowers.parties import JOINED, KNOWN, Opened, Party, arranged
from ledger.borrowers.reading import Archive, Reader

for kind, name in ((p.Sex, "Sex"), (p.CivilStatus, "CivilStatus"), (p.Residence, "Residence"),
                   (a.AddressKind, "AddressKind"), (p.Kind, "PersonKind")):  # fmt: skip
    strawberry.enum(kind, name=name)


@dataclass(frozen=True)
class Asking:
    """Who asks: what its roles allow, and the archive that notes what it reads."""

    reader: Reader
    roles: frozenset[str]
    archive: Callable[[], Archive]

    @classmethod
    def of(cls, actor: str, channel: str, roles: Iterable[str], archive: Callable[[], Archive]
           ) -> "Asking":  # fmt: skip
        return cls(Reader(actor, channel), frozenset(roles), archive)


@strawberry.type(description="Where someone is found.")
class Address:
    kind: a.AddressKind
    street: str = strawberry.field(description="With its number.")
    neighbourhood: str = strawberry.field(description="Colonia.")
    municipality: str
    city: str
    state: str = strawberry.field(description="ISO 3166-2 without MX-.")
    postal_code: str
    country: str
    since_on: date | None


@strawberry.type(description="What someone lives of.")
class Employment:
    employer: str
    occupation: str
    hired_on: date | None
    monthly_income: Money | None
    phone: str


@strawberry.type(description="What a household has to come by with.")
class Economics:
    residence: p.Residence | None
    dependants: int | None
    other_income: Money | None
    monthly_expenses: Money | None


@strawberry.type(description="Who owns a part of a company, or signs for it.")
class Partner:
    legal_name: str
    first_name: str
    second_name: str
    paternal: str
    maternal: str
    rfc: str
    curp: str
    share: int = strawberry.field(description="What is owned, in whole percent.")
    address: Address | None
    phone: str


@strawberry.type(description="What a company has that a natural person does not.")
class Company:
    legal_name: str
    incorporated_on: date | None
    representative: Partner | None
    shareholders: list[Partner]


@strawberry.type(description="A person's data. Every reading of it is noted.")
class Person:
    full_name: str
    first_name: str
    second_name: str
    paternal: str
    maternal: str
    additional: str
    born_on: date | None
    rfc: str
    curp: str
    sex: p.Sex | None
    civil_status: p.CivilStatus | None
    nationality: str
    addresses: list[Address]
    phones: list[str]
    email: str
    employment: Employment | None
    economics: Economics | None
    died_on: date | None
    kind: p.Kind
    company: Company | None = strawberry.field(description="Null of a natural person.")
    activities: list[str] = strawberry.field(
        description="Economic activities by the central bank's codes."
    )
    ssn: str
    tax_regime: str = strawberry.field(description="SAT's code, of three digits.")


@strawberry.type(description="One who answers for a loan.")
class LoanParty:
    borrower_no: str = strawberry.field(description="A reference, never personal data.")
    role: str = strawberry.field(description="borrower, co_borrower or guarantor.")
    since: date
    known: bool = strawberry.field(description="Registered with his data.")

    @strawberry.field(
        description="Who it is, for roles that need it; null if not registered, or forgotten."
    )
    async def person(self, info: Info[Any, Any]) -> Person | None:
        snapshot = snapshot_of(info)
        asking = snapshot.asking
        if not isinstance(asking, Asking) or not allows(asking.roles, Action.READ_PERSONAL):
            told = f"{Action.READ_PERSONAL} is not allowed to this key"
            raise Refused("forbidden", told)
        if not self.known:
            return None
        found: Borrower | None = await snapshot.load("people", _people, self.borrower_no)
        return _person(found.person) if found else None


async def parties(snapshot: Snapshot, loan: Opened, on: date) -> list[LoanParty]:
    """Who answers for the loan on a day: all loans of a page are read together."""

    async def load(view: Snapshot, loans: list[Opened]) -> Sequence[list[Party]]:
        numbers = sorted({one.loan_no for one in loans})
        joined = await view.rows(JOINED, [numbers, on, on])
        named = sorted({number for one in loans for number in one.named})
        known = {row["borrower_no"] for row in await view.rows(KNOWN, [named])}
        found = arranged(loans, [tuple(row.values()) for row in joined], known)
        return [found[one.loan_no] for one in loans]

    found: list[Party] = await snapshot.load(("parties", on), load, loan)
    return [
        LoanParty(borrower_no=one.borrower_no, role=one.role, since=one.since, known=one.known)
        for one in found
    ]


async def _people(snapshot: Snapshot, numbers: list[str]) -> Sequence[Borrower | None]:
    """The people of these numbers, decrypted together, noted in the database that is written."""
    asking = snapshot.asking
    assert isinstance(asking, Asking), "looked at by the field that asks"

    def read() -> dict[str, Borrower | None]:
        found = asking.archive().read_many(numbers, asking.reader)
        return {number: seen.borrower for number, seen in found.items()}

    found = await run_in_threadpool(read)
    return [found.get(number) for number in numbers]


def _person(found: p.Person) -> Person:
    same = ("full_name", "first_name", "second_name", "paternal", "maternal", "additional",
            "born_on", "rfc", "curp", "sex", "civil_status", "nationality", "email",
            "died_on", "kind", "ssn", "tax_regime")  # fmt: skip
    return Person(
        addresses=[_address(one) for one in found.addresses],
        company=_company(found.company),
        activities=list(found.activities),
        phones=list(found.phones),
        employment=_employment(found.employment),
        economics=_economics(found.economics),
        **{name: getattr(found, name) for name in same},
    )


def _address(found: a.Address) -> Address:
    return Address(**{name: getattr(found, name) for name in a.Address.__struct_fields__})


def _company(found: c.Company | None) -> Company | None:
    if found is None:
        return None
    return Company(
        legal_name=found.legal_name,
        incorporated_on=found.incorporated_on,
        representative=_partner(found.representative) if found.representative else None,
        shareholders=[_partner(one) for one in found.shareholders],
    )


def _partner(found: c.Partner) -> Partner:
    same = {name: getattr(found, name) for name in c.Partner.__struct_fields__ if name != "address"}
    return Partner(address=_address(found.address) if found.address else None, **same)


def _employment(found: p.Employment | None) -> Employment | None:
    if found is None:
        return None
    return Employment(
        employer=found.employer,
        occupation=found.occupation,
        hired_on=found.hired_on,
        monthly_income=money_or_none(found.monthly_income, found.currency),
        phone=found.phone,
    )


def _economics(found: p.Economics | None) -> Economics | None:
    if found is None:
        return None
    return Economics(
        residence=found.residence,
        dependants=found.dependants,
        other_income=money_or_none(found.other_income, found.currency),
        monthly_expenses=money_or_none(found.monthly_expenses, found.currency),
    )

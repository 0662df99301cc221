"""Who a tradeline is about: what a bureau asks of a person or a company."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec import Struct

from domain.borrower.person import CivilStatus, Residence
from projections.bureau.errors import BadConsumers


class Kind(StrEnum):
    """What a borrower is to a bureau; a person with business activity goes with companies."""

    PERSON = "person"
    BUSINESS_PERSON = "business_person"
    COMPANY = "company"


class Sex(StrEnum):
    FEMALE = "female"
    MALE = "male"


class Address(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """``street`` with its number; ``state`` as in tables/states.yaml; ``country`` ISO 3166."""

    street: str
    colonia: str = ""
    municipality: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    country: str = "MX"
    since: date | None = None


class Employment(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """``salary`` is a month's, in minor units of the loan's currency."""

    employer: str
    address: Address | None = None
    phone: str = ""
    position: str = ""
    hired_on: date | None = None
    salary: int = 0


class Consumer(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A borrower, co-borrower or guarantor as the lender knows them; nothing is made up here.

    ``reference`` is what loans call them. ``ssn`` is that of the United States, for Metro 2.
    """

    reference: str
    kind: Kind = Kind.PERSON
    paternal: str = ""
    maternal: str = ""
    additional: str = ""
    first: str = ""
    second: str = ""
    company: str = ""
    born_on: date | None = None
    rfc: str = ""
    curp: str = ""
    ssn: str = ""
    sex: Sex | None = None
    civil_status: CivilStatus | None = None
    nationality: str = ""
    residence: Residence | None = None
    dependants: int | None = None
    address: Address | None = None
    phones: tuple[str, ...] = ()
    email: str = ""
    employment: Employment | None = None
    died_on: date | None = None


class Role(StrEnum):
    """What somebody is to a loan."""

    BORROWER = "borrower"
    CO_BORROWER = "co_borrower"
    GUARANTOR = "guarantor"


Joined = Mapping[str, Sequence[tuple[str, Role]]]
"""By loan number, references and roles."""


class Consumers(Protocol):
    """Gives people by the references that loans hold."""

    def known(self, references: Iterable[str]) -> Mapping[str, Consumer]:
        """Those that are known; a reference that is not is left out."""
        ...

    def joined(self, loans: Iterable[str], on: date) -> Joined:
        """Who had joined a loan after its opening by the end of ``on``, and not left it."""
        ...


class ConsumerFile:
    """Consumers of a file with one JSON object a line: read once whole, then where they stand.

    Errors: ``BadConsumers`` naming the line and what is wrong with it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: dict[str, int] = {}
        self._decoder = msgspec.json.Decoder(Consumer)
        place = 0
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    self._note(number, line, place)
                place += len(line)

    def _note(self, number: int, line: bytes, place: int) -> None:
        try:
            reference = self._decoder.decode(line).reference
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise BadConsumers(number, str(error)) from None
        if reference in self._places:
            raise BadConsumers(number, f"reference {reference!r} stands twice")
        self._places[reference] = place

    def known(self, references: Iterable[str]) -> Mapping[str, Consumer]:
        """Those of the file."""
        found = {}
        with self._path.open("rb") as file:
            for reference in references:
                if (place := self._places.get(reference)) is not None:
                    file.seek(place)
                    found[reference] = self._decoder.decode(file.readline())
        return found

    def joined(self, loans: Iterable[str], on: date) -> Joined:
        """Nobody: who answers for a loan stands in its opening."""
        return {}

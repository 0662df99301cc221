"""Who a tradeline is about: a person as the register describes one, by the number loans have."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import msgspec

from domain.borrower.address import Address, AddressKind
from domain.borrower.person import Person, Residence
from projections.bureau.errors import BadConsumers

HOMES = (AddressKind.HOME, AddressKind.FISCAL, AddressKind.OTHER, AddressKind.WORK)
"""Which address a bureau is told, the first that there is."""


class Consumer(Person, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A borrower, co-borrower or guarantor as the lender knows them; nothing is made up here.

    ``reference`` is what loans call them.
    """

    reference: str

    @classmethod
    def of(cls, reference: str, person: Person) -> "Consumer":
        """The person that loans know by that number."""
        fields = person.__struct_fields__
        return cls(reference=reference, **{name: getattr(person, name) for name in fields})

    @property
    def address(self) -> Address | None:
        """The one that a bureau is told."""
        if len(self.addresses) == 1:
            return self.addresses[0]
        return next((one for kind in HOMES for one in self.addresses if one.kind is kind), None)

    @property
    def residence(self) -> Residence | None:
        """Whose the home is."""
        return self.economics.residence if self.economics else None

    @property
    def dependants(self) -> int | None:
        """Who lives of the income, where it is known."""
        return self.economics.dependants if self.economics else None

    @property
    def legal_name(self) -> str:
        """A company's."""
        return self.company.legal_name if self.company else ""


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

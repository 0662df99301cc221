"""The register of borrowers as bureau files ask for it: each person read leaves a trace."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from domain.borrower.person import Address, AddressKind, Person
from ledger.borrowers.parties import JOINED
from ledger.borrowers.reading import Archive, Reader
from projections.bureau import consumer as c

HOMES = (AddressKind.HOME, AddressKind.FISCAL, AddressKind.OTHER, AddressKind.WORK)
"""Which address a bureau is told, the first that there is."""


class Registered:
    """Consumers of the register. Who is forgotten is not known any more."""

    def __init__(self, archive: Archive, reader: Reader) -> None:
        self.archive, self.reader = archive, reader

    def known(self, references: Iterable[str]) -> Mapping[str, c.Consumer]:
        """Those that are registered."""
        seen = self.archive.read_many(list(references), self.reader, "bureau file")
        return {
            number: consumer(number, one.borrower.person)
            for number, one in seen.items()
            if one.borrower is not None
        }

    def joined(self, loans: Iterable[str], on: date) -> c.Joined:
        """Who joined each loan since its opening, and had not left it by the end of ``on``."""

        def look(connection: Any) -> list[Any]:
            rows: list[Any] = connection.execute(JOINED, [list(loans), on, on]).fetchall()
            return rows

        found: dict[str, list[tuple[str, c.Role]]] = {}
        for loan_no, number, role, _ in self.archive.store.run(look):
            found.setdefault(loan_no, []).append((number, c.Role(role)))
        return found


def consumer(number: str, person: Person) -> c.Consumer:
    """A registered person as a file tells of one."""
    work, home = person.employment, person.economics
    return c.Consumer(
        reference=number,
        paternal=person.paternal,
        maternal=person.maternal,
        additional=person.additional,
        first=person.first_name,
        second=person.second_name,
        born_on=person.born_on,
        rfc=person.rfc,
        curp=person.curp,
        sex=c.Sex[person.sex.name] if person.sex else None,
        civil_status=person.civil_status,
        nationality=person.nationality,
        residence=home.residence if home else None,
        dependants=home.dependants if home else None,
        address=_address(person.addresses),
        phones=person.phones,
        email=person.email,
        employment=c.Employment(
            employer=work.employer,
            phone=work.phone,
            position=work.occupation,
            hired_on=work.hired_on,
            salary=work.monthly_income or 0,
        )
        if work
        else None,
        died_on=person.died_on,
    )


def _address(addresses: tuple[Address, ...]) -> c.Address | None:
    for kind in HOMES:
        for one in addresses:
            if one.kind is kind:
                return c.Address(
                    street=one.street, colonia=one.neighbourhood, municipality=one.municipality,
                    city=one.city, state=one.state, postal_code=one.postal_code,
                    country=one.country, since=one.since_on,
                )  # fmt: skip
    return None

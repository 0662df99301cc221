"""Borrowers as SAT has them, for fiscal documents. Each reading is noted."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from msgspec import Struct

from domain.borrower.address import AddressKind
from domain.borrower.person import Person
from ledger.borrowers.reading import Reader
from ledger.borrowers.recipients import first_of, persons
from ledger.settings import Settings
from ledger.store import Store

WHAT = "fiscal-document"
WHERE = (AddressKind.FISCAL, AddressKind.HOME, AddressKind.OTHER, AddressKind.WORK)
"""Which address's postal code SAT is told, the first that there is."""


class Taxpayer(Struct, frozen=True):
    """Empty is what nobody has told. SAT writes names in capitals."""

    rfc: str
    name: str
    postal_code: str
    regime: str


class Taxpayers:
    """Who is registered, read as ``reader``, each once."""

    def __init__(self, store: Store, settings: Settings, reader: Reader) -> None:
        self._store, self._settings, self._reader = store, settings, reader
        self._seen: dict[str, Taxpayer | None] = {}

    def taxpayer(self, borrower_no: str) -> Taxpayer | None:
        """None for who is not registered, or forgotten. Errors: those of the vault."""
        if borrower_no not in self._seen:
            found = persons(self._store, self._settings, self._reader, [borrower_no], WHAT)
            person = found.get(borrower_no)
            self._seen[borrower_no] = _taxpayer(person) if person else None
        return self._seen[borrower_no]


def _taxpayer(person: Person) -> Taxpayer:
    address = first_of(person, WHERE)
    return Taxpayer(
        person.rfc, person.full_name.upper(), address.postal_code if address else "",
        person.tax_regime,
    )  # fmt: skip


@contextmanager
def taxpayers(settings: Settings, reader: Reader) -> Iterator[Taxpayers]:
    """The register on a connection of its own."""
    with closing(Store(settings, "cartera-taxpayers")) as store:
        yield Taxpayers(store, settings, reader)

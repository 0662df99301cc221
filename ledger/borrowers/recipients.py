"""Whom a document is for: name, postal address, e-mail and phone. Each reading is noted."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from typing import TypeAlias

from msgspec import Struct
from psycopg import Connection
from psycopg.rows import TupleRow

from domain.borrower.address import Address, AddressKind
from domain.borrower.person import Person
from domain.borrower.states import BY_CODE
from ledger.borrowers.parties import KNOWN
from ledger.borrowers.reading import Archive, Reader
from ledger.borrowers.vault import Vault
from ledger.settings import Settings
from ledger.store import Store

WHERE = (AddressKind.HOME, AddressKind.FISCAL, AddressKind.OTHER, AddressKind.WORK)
"""Which address a letter goes to, the first that there is."""


class Recipient(Struct, frozen=True):
    """``lines`` are the postal address, as an envelope has it; empty is what nobody has told."""

    name: str
    lines: tuple[str, ...] = ()
    email: str = ""
    phone: str = ""


class Recipients:
    """Who is registered, read as ``reader``."""

    def __init__(self, store: Store, settings: Settings, reader: Reader) -> None:
        self._store, self._settings, self._reader = store, settings, reader

    def known(self, numbers: Iterable[str], what: str) -> Mapping[str, Recipient]:
        """As `persons`, each as a document addresses him."""
        found = persons(self._store, self._settings, self._reader, numbers, what)
        return {number: recipient(person) for number, person in found.items()}


def persons(
    store: Store, settings: Settings, reader: Reader, numbers: Iterable[str], what: str
) -> dict[str, Person]:
    """Those of the numbers that are registered and not forgotten; ``what`` is noted as read.

    The keys are asked for only if somebody is. Errors: those of the vault.
    """
    asked = [one for one in dict.fromkeys(numbers) if one]

    def registered(connection: Connection[TupleRow]) -> list[str]:
        return [number for (number,) in connection.execute(KNOWN, [asked])]

    found = store.run(registered)
    if not found:
        return {}
    seen = Archive(store, Vault.of(settings)).read_many(found, reader, what)
    return {number: one.borrower.person for number, one in seen.items() if one.borrower is not None}


Opened: TypeAlias = Callable[[Settings], AbstractContextManager[Recipients]]


def reading_as(actor: str, channel: str) -> Opened:
    """What opens the register for a reader; it may be handed to another process."""
    return partial(recipients, reader=Reader(actor, channel))


@contextmanager
def recipients(settings: Settings, reader: Reader) -> Iterator[Recipients]:
    """The register on a connection of its own."""
    with closing(Store(settings, "cartera-recipients")) as store:
        yield Recipients(store, settings, reader)


def recipient(person: Person) -> Recipient:
    """A person as a document addresses him."""
    home = first_of(person, WHERE)
    phone = person.phones[0] if person.phones else ""
    return Recipient(person.full_name, _lines(home) if home else (), person.email, phone)


def first_of(person: Person, kinds: Iterable[AddressKind]) -> Address | None:
    """The first address of the first kind that there is."""
    return next((one for kind in kinds for one in person.addresses if one.kind is kind), None)


def _lines(at: Address) -> tuple[str, ...]:
    state = BY_CODE.get(at.state)
    region = state.name if state else at.state
    city = at.city if at.city != region else ""
    town = at.municipality if at.municipality != city else ""
    last = ", ".join(filter(None, (" ".join(filter(None, (at.postal_code, city))), region)))
    country = at.country if at.country != "MX" else ""
    found = (at.street, ", ".join(filter(None, (at.neighbourhood, town))), last, country)
    return tuple(line for line in found if line)

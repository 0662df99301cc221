"""The register of borrowers as bureau files ask for it: each person read leaves a trace."""

import getpass
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from ledger.borrowers.parties import JOINED
from ledger.borrowers.reading import Archive, Reader
from ledger.borrowers.vault import Vault
from ledger.settings import Settings
from ledger.store import Store
from projections.bureau import consumer as c


class Registered:
    """Consumers of the register. Who is forgotten is not known any more."""

    def __init__(self, archive: Archive, reader: Reader) -> None:
        self.archive, self.reader = archive, reader

    def known(self, references: Iterable[str]) -> Mapping[str, c.Consumer]:
        """Those that are registered."""
        seen = self.archive.read_many(list(references), self.reader, "bureau file")
        return {
            number: c.Consumer.of(number, one.borrower.person)
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


@contextmanager
def people_of(chosen: Settings, consumers: Path | None) -> Iterator[c.Consumers]:
    """What knows the borrowers: a file, or the register, where each reading is noted."""
    if consumers is not None:
        yield c.ConsumerFile(consumers)
        return
    with registered(chosen, getpass.getuser(), "cli") as people:
        yield people


@contextmanager
def registered(chosen: Settings, actor: str, channel: str) -> Iterator[c.Consumers]:
    """The register, as who reads it through what."""
    vault, store = Vault.of(chosen), Store(chosen)
    try:
        yield Registered(Archive(store, vault), Reader(actor, channel))
    finally:
        store.close()

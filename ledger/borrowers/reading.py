"""Personal data is read here and nowhere else: each reading leaves a row that nobody can change."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from psycopg import Connection
from psycopg.rows import TupleRow

from domain.borrower import borrower as borrowers
from domain.borrower import events as e
from domain.borrower.borrower import Borrower
from domain.borrower.errors import BorrowerForgotten
from ledger.borrowers import book
from ledger.borrowers.errors import UnknownBorrower
from ledger.borrowers.forms import person_form
from ledger.borrowers.vault import Vault
from ledger.store import Store


class Reader(Struct, frozen=True):
    """Who reads, and through what."""

    actor: str
    channel: str


class Seen(Struct, frozen=True):
    """A borrower as he is known; nothing of him once he is forgotten."""

    borrower_no: str
    borrower: Borrower | None
    forgotten_at: datetime | None


class Change(Struct, frozen=True):
    """One fact of a borrower's history, and each field that it changed, before and after."""

    version: int
    type: str
    effective_on: date
    recorded_at: datetime
    actor: str
    channel: str
    before: dict[str, Any]
    after: dict[str, Any]


class Reading(Struct, frozen=True):
    """That somebody read: a row of `ledger.borrower_reads`."""

    read_at: datetime
    actor: str
    channel: str
    what: str


class Archive:
    """The read side of borrowers."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self.store = store
        self.vault = vault

    def read(self, borrower_no: str, reader: Reader) -> Borrower:
        """The borrower as he is. Errors: ``UnknownBorrower``, ``BorrowerForgotten``."""
        seen = self.read_many([borrower_no], reader).get(borrower_no)
        if seen is None:
            raise UnknownBorrower(borrower_no)
        if seen.borrower is None:
            raise BorrowerForgotten(borrower_no)
        return seen.borrower

    def read_many(
        self, numbers: Sequence[str], reader: Reader, what: str = "person"
    ) -> dict[str, Seen]:
        """Those of the numbers that are borrowers, each with a trace."""

        def look(connection: Connection[TupleRow]) -> tuple[Any, Any]:
            with connection.transaction():
                found = book.entries(connection, numbers)
                ids = [one.id for one in found.values() if one.wrapped is not None]
                leave_trace(connection, ids, reader, what)
                return found, book.facts(connection, ids)

        found, facts = self.store.run(look)
        return {number: self._seen(entry, facts) for number, entry in found.items()}

    def _seen(self, entry: book.Entry, facts: dict[UUID, list[book.StoredFact]]) -> Seen:
        if entry.wrapped is None:
            return Seen(entry.borrower_no, None, entry.forgotten_at)
        sealer = self.vault.open(entry.id, entry.wrapped)
        folded = borrowers.replay(fact.opened(sealer) for fact in facts[entry.id])
        return Seen(entry.borrower_no, folded, entry.forgotten_at)

    def find(self, kind: str, value: str, reader: Reader) -> str | None:
        """The number of the borrower with this RFC or CURP; a trace is left if there is one."""

        def look(connection: Connection[TupleRow]) -> str | None:
            with connection.transaction():
                found = book.marked(connection, kind, self.vault.marks(kind, value))
                if found is not None:
                    entry = book.entries(connection, [found])[found]
                    leave_trace(connection, [entry.id], reader, f"found by {kind}")
                return found

        return self.store.run(look)

    def history(self, borrower_no: str, reader: Reader) -> list[Change]:
        """Every fact with what it changed, oldest first.

        Of somebody forgotten what happened and when, without any content.
        Errors: ``UnknownBorrower``.
        """

        def look(connection: Connection[TupleRow]) -> tuple[book.Entry, list[book.StoredFact]]:
            with connection.transaction():
                entry = book.entries(connection, [borrower_no]).get(borrower_no)
                if entry is None:
                    raise UnknownBorrower(borrower_no)
                leave_trace(connection, [entry.id], reader, "history")
                return entry, book.facts(connection, [entry.id])[entry.id]

        entry, facts = self.store.run(look)
        return list(self._changes(entry, facts))

    def _changes(self, entry: book.Entry, facts: list[book.StoredFact]) -> Iterator[Change]:
        sealer = self.vault.open(entry.id, entry.wrapped) if entry.wrapped else None
        borrower: Borrower | None = None
        for fact in facts:
            before: dict[str, Any] = {}
            after: dict[str, Any] = {}
            if sealer is not None:
                event = fact.opened(sealer)
                was, borrower = borrower, borrowers.replay([event], borrower)
                before, after = _told(event, was, borrower)
            yield Change(
                fact.version, fact.type, fact.effective_on, fact.recorded_at,
                fact.actor, fact.channel, before, after,
            )  # fmt: skip

    def readings(self, borrower_no: str, limit: int = 1_000) -> list[Reading]:
        """Who read his data, the latest first. Errors: ``UnknownBorrower``."""

        def look(connection: Connection[TupleRow]) -> list[TupleRow]:
            entry = book.entries(connection, [borrower_no]).get(borrower_no)
            if entry is None:
                raise UnknownBorrower(borrower_no)
            return connection.execute(
                "SELECT read_at, actor, channel, what FROM ledger.borrower_reads"
                " WHERE borrower_id = %s ORDER BY id DESC LIMIT %s",
                [entry.id, limit],
            ).fetchall()

        return [Reading(*row) for row in self.store.run(look)]


def leave_trace(
    connection: Connection[TupleRow], ids: Sequence[UUID], reader: Reader, what: str
) -> None:
    """Note who reads, in the transaction that reads."""
    connection.execute(
        "INSERT INTO ledger.borrower_reads (borrower_id, actor, channel, what)"
        " SELECT one, %s, %s, %s FROM unnest(%s::uuid[]) AS one",
        [reader.actor, reader.channel, what, list(ids)],
    )


def _told(
    event: e.AnyBorrowerEvent, was: Borrower | None, now: Borrower | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    if isinstance(event, e.LoanJoined):
        return {}, {"loan_no": event.loan_no, "role": event.role.value}
    if isinstance(event, e.LoanLeft):
        return {"loan_no": event.loan_no, "role": event.role.value}, {}
    before = person_form(was.person) if was else {}
    after = person_form(now.person) if now else {}
    changed = borrowers.differing(was.person, now.person) if was and now else tuple(after)
    return (
        {name: before[name] for name in changed if name in before},
        {name: after[name] for name in changed if name in after},
    )

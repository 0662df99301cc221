"""Borrowers as rows: `ledger.borrowers`, their events, keys, roles and marks."""

import struct
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from msgspec import Struct
from psycopg import Connection
from psycopg.rows import TupleRow

from domain.borrower import events as e
from ledger.borrowers.vault import Sealer, Wrapped
from ledger.recorder import Command

REVISION = 1
NO_CHAIN = bytes(32)
FORGOTTEN = "borrower-forgotten"

_ENTRY = (
    "SELECT b.borrower_id, b.borrower_no, b.version, b.forgotten_at, k.master, k.wrapped,"
    " last.chain FROM ledger.borrowers AS b LEFT JOIN ledger.borrower_keys AS k USING (borrower_id)"
    " LEFT JOIN ledger.borrower_events AS last"
    " ON last.borrower_id = b.borrower_id AND last.version = b.version"
)
_FACT = (
    "SELECT e.borrower_id, e.version, e.type, e.revision, e.effective_on, e.recorded_at,"
    " e.command_id, e.sealed, e.chain, c.actor, c.channel"
    " FROM ledger.borrower_events AS e JOIN ledger.commands AS c ON c.id = e.command_id"
)


class Entry(Struct, frozen=True):
    """A borrower's row, his wrapped key unless he is forgotten, and the chain's last link."""

    id: UUID
    borrower_no: str
    version: int
    forgotten_at: datetime | None
    wrapped: Wrapped | None
    chain: bytes


class StoredFact(Struct, frozen=True):
    """A row of `ledger.borrower_events`, and who gave the order it came from."""

    borrower_id: UUID
    version: int
    type: str
    revision: int
    effective_on: date
    recorded_at: datetime
    command_id: UUID
    sealed: bytes
    chain: bytes
    actor: str
    channel: str

    def opened(self, sealer: Sealer) -> e.AnyBorrowerEvent:
        """The fact. Errors: ``BorrowerKeyWrong``."""
        clear = sealer.open(self.sealed, self.version, self.type, self.revision)
        return e.decode(clear)

    def follows(self, before: bytes) -> bool:
        """Whether the row is what it was when it was chained to ``before``."""
        return self.chain == link(
            before, self.borrower_id, self.version, self.type, self.revision,
            self.effective_on, self.command_id, self.sealed,
        )  # fmt: skip


class Earlier(Struct, frozen=True):
    """An order that was carried out before under the same idempotency key."""

    command_id: UUID
    fingerprint: str
    version: int | None
    tags: list[str]


def entries(connection: Connection[TupleRow], numbers: Sequence[str]) -> dict[str, Entry]:
    """Those of the numbers that are borrowers."""
    rows = connection.execute(f"{_ENTRY} WHERE b.borrower_no = ANY (%s)", [list(numbers)])
    return {row[1]: _entry(row) for row in rows}


def all_entries(connection: Connection[TupleRow], after: str, limit: int) -> list[Entry]:
    """The next borrowers by number."""
    rows = connection.execute(
        f"{_ENTRY} WHERE b.borrower_no > %s ORDER BY b.borrower_no LIMIT %s", [after, limit]
    )
    return [_entry(row) for row in rows]


def _entry(row: TupleRow) -> Entry:
    borrower_id, number, version, forgotten_at, master, wrapped, chain = row
    key = None if master is None else Wrapped(master, wrapped)
    return Entry(borrower_id, number, version, forgotten_at, key, chain or NO_CHAIN)


def facts(connection: Connection[TupleRow], ids: Sequence[UUID]) -> dict[UUID, list[StoredFact]]:
    """Every fact of those borrowers, oldest first."""
    found: dict[UUID, list[StoredFact]] = {one: [] for one in ids}
    for row in connection.execute(
        f"{_FACT} WHERE e.borrower_id = ANY (%s) ORDER BY e.borrower_id, e.version", [list(ids)]
    ):
        found[row[0]].append(StoredFact(*row))
    return found


def earlier(connection: Connection[TupleRow], key: str | None, order: UUID) -> Earlier | None:
    """What the order with this id or idempotency key came to, if it was carried out."""
    rows = connection.execute(
        "SELECT c.id, coalesce('\\x' || encode(c.fingerprint, 'hex'), ''), max(e.version),"
        " coalesce(array_agg(e.type ORDER BY e.version) FILTER (WHERE e.type IS NOT NULL), '{}')"
        " FROM ledger.commands AS c LEFT JOIN ledger.borrower_events AS e ON e.command_id = c.id"
        " WHERE c.id = %s OR c.idempotency_key = %s GROUP BY c.id",
        [order, key],
    ).fetchall()
    return Earlier(*rows[0]) if rows else None


def begin(connection: Connection[TupleRow], entry: Entry) -> bool:
    """A new borrower's row and key; False where his number is taken."""
    assert entry.wrapped is not None, entry.borrower_no
    rows = connection.execute(
        "INSERT INTO ledger.borrowers (borrower_id, borrower_no, version) VALUES (%s, %s, 0)"
        " ON CONFLICT (borrower_no) DO NOTHING RETURNING borrower_id",
        [entry.id, entry.borrower_no],
    ).fetchall()
    if rows:
        connection.execute(
            "INSERT INTO ledger.borrower_keys (borrower_id, master, wrapped) VALUES (%s, %s, %s)",
            [entry.id, entry.wrapped.master, entry.wrapped.sealed],
        )
    return bool(rows)


def append(
    connection: Connection[TupleRow],
    entry: Entry,
    sealer: Sealer | None,
    events: Iterable[e.AnyBorrowerEvent],
    command: Command,
) -> bool:
    """The borrower's next facts; False where another writer was first. Without a key in clear."""
    version, chain = entry.version, entry.chain
    rows: list[tuple[Any, ...]] = []
    for event in events:
        version += 1
        tag, clear = e.tag(event), e.encode(event)
        sealed = clear if sealer is None else sealer.seal(clear, version, tag, REVISION)
        chain = link(
            chain, entry.id, version, tag, REVISION, event.effective_on, command.id, sealed
        )
        rows.append(
            (entry.id, version, tag, REVISION, event.effective_on, command.id, sealed, chain)
        )
    moved = connection.execute(
        "UPDATE ledger.borrowers SET version = %s WHERE borrower_id = %s AND version = %s"
        " AND forgotten_at IS NULL",
        [version, entry.id, entry.version],
    )
    if moved.rowcount != 1:
        return False
    connection.cursor().executemany(
        "INSERT INTO ledger.borrower_events (borrower_id, version, type, revision, effective_on,"
        " command_id, sealed, chain) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        rows,
    )
    return True


def link(
    before: bytes,
    borrower_id: UUID,
    version: int,
    tag: str,
    revision: int,
    effective_on: date,
    command_id: UUID,
    sealed: bytes,
) -> bytes:
    """SHA-256 over the link before and all of a row; texts behind their length."""
    named = tag.encode()
    head = struct.pack(">IHH", version, revision, len(named)) + named
    day = effective_on.isoformat().encode()
    return sha256(before + borrower_id.bytes + head + day + command_id.bytes + sealed).digest()


def hold_role(connection: Connection[TupleRow], borrower_id: UUID, event: e.LoanJoined) -> None:
    """The role in clear, beside the fact."""
    connection.execute(
        "INSERT INTO ledger.borrower_loans (borrower_id, loan_no, role, joined_on)"
        " VALUES (%s, %s, %s, %s)",
        [borrower_id, event.loan_no, event.role.value, event.effective_on],
    )


def end_role(connection: Connection[TupleRow], borrower_id: UUID, event: e.LoanLeft) -> None:
    """The role is held no more."""
    connection.execute(
        "UPDATE ledger.borrower_loans SET left_on = %s"
        " WHERE borrower_id = %s AND loan_no = %s AND role = %s AND left_on IS NULL",
        [event.effective_on, borrower_id, event.loan_no, event.role.value],
    )


def set_mark(connection: Connection[TupleRow], borrower_id: UUID, kind: str, mark: bytes) -> None:
    """By what he is found again. Errors: psycopg's ``UniqueViolation`` where another is."""
    connection.execute(
        "INSERT INTO ledger.borrower_marks (borrower_id, kind, mark) VALUES (%s, %s, %s)"
        " ON CONFLICT (borrower_id, kind) DO UPDATE SET mark = excluded.mark",
        [borrower_id, kind, mark],
    )


def drop_mark(connection: Connection[TupleRow], borrower_id: UUID, kind: str) -> None:
    """He is found by it no more."""
    connection.execute(
        "DELETE FROM ledger.borrower_marks WHERE borrower_id = %s AND kind = %s",
        [borrower_id, kind],
    )


def marked(connection: Connection[TupleRow], kind: str, marks: Sequence[bytes]) -> str | None:
    """The number of the borrower with one of these marks."""
    rows = connection.execute(
        "SELECT b.borrower_no FROM ledger.borrower_marks AS m"
        " JOIN ledger.borrowers AS b USING (borrower_id) WHERE m.kind = %s AND m.mark = ANY (%s)",
        [kind, list(marks)],
    ).fetchall()
    return str(rows[0][0]) if rows else None


def burn(connection: Connection[TupleRow], borrower_id: UUID) -> None:
    """Delete his key and his marks: what is recorded of him can never be read again."""
    connection.execute("DELETE FROM ledger.borrower_marks WHERE borrower_id = %s", [borrower_id])
    connection.execute("DELETE FROM ledger.borrower_keys WHERE borrower_id = %s", [borrower_id])
    connection.execute(
        "UPDATE ledger.borrowers SET forgotten_at = now() WHERE borrower_id = %s", [borrower_id]
    )


def rekey(connection: Connection[TupleRow], borrower_id: UUID, old: str, new: Wrapped) -> bool:
    """His key under another master key; False where somebody was first."""
    done = connection.execute(
        "UPDATE ledger.borrower_keys SET master = %s, wrapped = %s"
        " WHERE borrower_id = %s AND master = %s",
        [new.master, new.sealed, borrower_id, old],
    )
    return done.rowcount == 1

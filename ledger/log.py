"""Reading the log: everything that happened, in order, never skipping what is still to appear.

Positions are drawn before they are committed, so a later one may become visible first. Readers
therefore stop at `horizon`: docs/decisions/0003 says why nothing can appear below it.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

import msgspec
from psycopg import Connection
from psycopg.rows import TupleRow

from domain import events as e
from domain.fold import replay
from domain.loan import Loan
from ledger import upcasters
from ledger.columns import PART, Columns, decode_list, joined, moment, part
from ledger.errors import UnknownRevision
from ledger.mapper import Recorded
from ledger.orders import Receipt

__all__ = [
    "UNREADABLE", "Batch", "Columns", "Origin", "Recorded", "between", "decode_list", "facts",
    "history", "horizon", "load_many", "moment", "outcome", "read", "unreadable",
]  # fmt: skip

Row: TypeAlias = tuple[int, UUID, int, str, int, datetime, UUID, int, str]

MAX_POSITION = 2**63 - 1
LARGE = 2_000
"""Bytes of an event; most take a tenth of it."""

FIELDS = "position, loan_id, version, type, revision, recorded_at, command_id, more, state::text"


class Batch(msgspec.Struct, frozen=True):
    """Consecutive facts of the log; an append is in it whole or not at all.

    ``upto`` is where the next batch begins (pass it as ``after``); ``end`` is whether nothing
    more could be read at that moment.
    """

    columns: Columns
    upto: int
    end: bool

    @property
    def events(self) -> list[Recorded]:
        """The facts one by one."""
        return self.columns.records()


class Origin(msgspec.Struct, frozen=True):
    """Who gave the order that a fact came from, and through what."""

    command_id: UUID
    command: str
    actor: str
    channel: str
    idempotency_key: str | None
    correlation_id: UUID
    causation_id: UUID | None


def horizon(connection: Connection[TupleRow]) -> int:
    """The largest position up to which no earlier one can still appear.

    Never makes a writer wait; waits itself for those that write at this moment. The statement
    that reads must come after this one, in READ COMMITTED.
    """
    [[reached]] = connection.execute("SELECT ledger.horizon()").fetchall()
    return int(reached)


def read(
    connection: Connection[TupleRow],
    after: int,
    limit: int,
    upto: int | None = None,
    types: Sequence[str] = (),
) -> Batch:
    """Facts with positions above ``after``: about ``limit`` of them, at most to ``upto``.

    Fewer come where they are large, so that a reader knows what memory ``limit`` takes.
    ``upto`` is a horizon met before (asked for if None). With ``types`` only those events come,
    and appends may be cut: other readers than projections use it.
    """
    reached = horizon(connection) if upto is None else upto
    parts: list[Columns] = []
    last, seen, weight, rows = after, 0, 0, min(PART, limit)
    while True:
        found, size = part(connection, last, reached, rows, types)
        parts.append(found)
        seen, weight, end = seen + len(found.events), weight + size, len(found.events) < rows
        if found.events:
            last = int(found.positions[-1])
        if seen >= limit or weight >= limit * LARGE or end:
            columns = joined(parts)
            whole = seen if types else columns.uncut()
            if whole or end:
                break  # else appends overlap all the way: take in more until one moment is quiet
    if end and whole == seen:
        return Batch(columns, max(after, reached), end=True)
    columns = columns.first(whole)
    return Batch(columns, int(columns.positions[-1]) if whole else after, end=end)


UNREADABLE = (UnknownRevision, msgspec.MsgspecError)
"""What reading raises where a stored event is none of ours."""


def unreadable(
    connection: Connection[TupleRow], after: int, upto: int
) -> Iterator[tuple[UUID, int, str]]:
    """Loan, position and reason of each stored event in the span that cannot be read."""
    with connection.cursor(name="unreadable") as rows:
        rows.execute(
            f"SELECT {FIELDS} FROM ledger.events WHERE position > %s AND position <= %s"
            " ORDER BY position",
            [after, upto],
        )
        for row in rows:
            try:
                _recorded(row)
            except UNREADABLE as broken:
                yield row[1], row[0], f"{row[3]} cannot be read: {broken}"


def history(connection: Connection[TupleRow], loan_id: UUID) -> list[tuple[Recorded, Origin]]:
    """Every fact of one loan with its origin, oldest first."""
    rows = connection.execute(
        "SELECT e.position, e.loan_id, e.version, e.type, e.revision, e.recorded_at, e.command_id,"
        " e.more, e.state::text, c.name, c.actor, c.channel, c.idempotency_key, c.correlation_id,"
        " c.causation_id FROM ledger.events AS e JOIN ledger.commands AS c ON c.id = e.command_id"
        " WHERE e.loan_id = %s ORDER BY e.version",
        [loan_id],
    )
    return [(_recorded(row[:9]), Origin(row[6], *row[9:])) for row in rows]


def facts(connection: Connection[TupleRow], loan_id: UUID) -> list[Recorded]:
    """Every fact of one loan, oldest first."""
    rows = connection.cursor(binary=True).execute(
        f"SELECT {FIELDS} FROM ledger.events WHERE loan_id = %s ORDER BY version", [loan_id]
    )
    return [_recorded(row) for row in rows]


def between(
    connection: Connection[TupleRow], spans: Sequence[tuple[UUID, int, int]]
) -> dict[UUID, list[e.AnyLoanEvent]]:
    """Each loan's events after the first version of its span, up to the second; oldest first."""
    loans, after, upto = ([span[at] for span in spans] for at in range(3))
    rows = connection.cursor(binary=True).execute(
        "SELECT loan_id, '[' || string_agg(state::text, ',' ORDER BY version) || ']',"
        f" bool_or({upcasters.OLD})"
        " FROM unnest(%s::uuid[], %s::integer[], %s::integer[]) AS span (loan, after, upto)"
        " JOIN ledger.events ON loan_id = loan AND version > after AND version <= upto"
        " GROUP BY loan_id",
        [loans, after, upto],
    )
    found, old = {}, []
    for loan_id, states, has_old in rows:
        if has_old:
            old.append(loan_id)
        else:
            found[loan_id] = decode_list(states)
    for loan_id, first, last in spans:
        if loan_id in old:
            known = facts(connection, loan_id)
            found[loan_id] = [one.event for one in known if first < one.version <= last]
    return found


def outcome(connection: Connection[TupleRow], receipt: Receipt) -> list[e.AnyLoanEvent]:
    """The events of one order, as its receipt tells them."""
    rows = connection.execute(
        "SELECT type, revision, state::text FROM ledger.events"
        " WHERE loan_id = %s AND version > %s AND version <= %s ORDER BY version",
        [receipt.loan_id, receipt.version - len(receipt.events), receipt.version],
    )
    return [upcasters.decode(tag, revision, state) for tag, revision, state in rows]


def load_many(
    connection: Connection[TupleRow], loan_ids: Sequence[UUID], upto: int = MAX_POSITION
) -> dict[UUID, Loan]:
    """The loans as they stand, or stood at position ``upto``; unknown ids are left out."""
    rows = connection.cursor(binary=True).execute(
        "SELECT loan_id, min(version), '[' || string_agg(state::text, ',' ORDER BY version) || ']',"
        f" bool_or({upcasters.OLD})"
        " FROM ledger.events WHERE loan_id = ANY(%s) AND position <= %s GROUP BY loan_id",
        [list(loan_ids), upto],
    )
    found: dict[UUID, Loan] = {}
    old: list[UUID] = []
    for loan_id, first, states, has_old in rows:
        assert first == 1, f"loan {loan_id} begins at version {first}"
        if has_old:
            old.append(loan_id)
        elif (loan := replay(decode_list(states))) is not None:
            found[loan_id] = loan
    for loan_id in old:
        known = [one.event for one in facts(connection, loan_id) if one.position <= upto]
        loan = replay(known)
        assert loan is not None, loan_id
        found[loan_id] = loan
    return found


def _recorded(row: TupleRow) -> Recorded:
    position, loan_id, version, tag, revision, recorded_at, command_id, more, state = row
    event = upcasters.decode(tag, revision, state)
    return Recorded(loan_id, version, event, position, recorded_at, command_id, more)

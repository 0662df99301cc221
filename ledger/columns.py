"""A stretch of the log in columns: PostgreSQL packs each, so that no row is handled by itself."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

import msgspec
import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import TupleRow

from domain import events as e
from ledger import upcasters
from ledger.mapper import Recorded

Ints: TypeAlias = NDArray[np.int64]
Ids: TypeAlias = NDArray[np.void]
"""UUIDs of 16 bytes each."""

FIRST_INSTANT = datetime(2000, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
PART = 2_000
"""Rows of one statement: their states are one value, of which PostgreSQL takes a gigabyte."""

PACKED = (
    ("position", "int8send", ">i8"), ("loan_id", "uuid_send", "V16"),
    ("version", "int4send", ">i4"), ("more", "int2send", ">i2"),
    ("effective_on", "date_send", ">i4"),
    ("recorded_at", "timestamptz_send", ">i8"), ("command_id", "uuid_send", "V16"),
)  # fmt: skip
WIDTHS = [width for _, _, width in PACKED]

decode_list = msgspec.json.Decoder(list[e.AnyLoanEvent]).decode


def moment(instant: int) -> datetime:
    """A booking time that PostgreSQL counts so."""
    return FIRST_INSTANT + instant * MICROSECOND


class Columns(NamedTuple):
    """Facts in the order of the log, a row each; dates and instants as PostgreSQL counts them."""

    positions: Ints
    loans: Ids
    versions: Ints
    more: Ints
    days: Ints
    instants: Ints
    commands: Ids
    events: list[e.AnyLoanEvent]

    def first(self, rows: int) -> "Columns":
        """The first so many rows."""
        columns: list[Any] = [column[:rows] for column in self]
        return Columns(*columns)

    def chosen(self, rows: NDArray[np.bool_]) -> "Columns":
        """Only those rows."""
        columns: list[Any] = [column[rows] for column in self[:-1]]
        columns.append([event for event, kept in zip(self.events, rows, strict=True) if kept])
        return Columns(*columns)

    def records(self) -> list[Recorded]:
        """The facts one by one."""
        return [
            Recorded(
                UUID(bytes=loan), version, event, position,
                moment(instant), UUID(bytes=command), more,
            )
            for position, loan, version, more, _, instant, command, event in zip(
                *(column.tolist() for column in self[:-1]), self.events, strict=True
            )
        ]  # fmt: skip

    def uncut(self) -> int:
        """How many rows can be taken so that every append among them is complete."""
        ends = np.flatnonzero(self.more == 0)
        if len(ends) == len(self.events):
            return len(self.events)
        if self._in_one_piece():
            return int(ends[-1]) + 1 if len(ends) else 0
        whole = 0
        open_appends: set[tuple[bytes, bytes]] = set()
        rows = zip(self.loans.tolist(), self.commands.tolist(), self.more.tolist(), strict=True)
        for at, (loan, command, more) in enumerate(rows, start=1):
            if more:
                open_appends.add((loan, command))
            elif open_appends:
                open_appends.discard((loan, command))
            if not open_appends:
                whole = at
        return whole

    def _in_one_piece(self) -> bool:
        """Whether the rows of each append follow each other, as where one writer was at work."""
        going = np.flatnonzero(self.more[:-1])
        return bool(
            (self.more[going + 1] == self.more[going] - 1).all()
            and (self.loans[going + 1] == self.loans[going]).all()
            and (self.commands[going + 1] == self.commands[going]).all()
        )


def joined(parts: Sequence[Columns]) -> Columns:
    """Stretches that follow each other, as one."""
    *packed, events = zip(*parts, strict=True)
    columns: list[Any] = [np.concatenate(column) for column in packed]
    columns.append([event for part in events for event in part])
    return Columns(*columns)


def part(
    connection: Connection[TupleRow], after: int, upto: int, rows: int, types: Sequence[str]
) -> tuple[Columns, int]:
    """The first ``rows`` facts above ``after``, up to ``upto``, and how many bytes they are.

    Of ``types`` only, if any are named.
    """
    chosen = "AND type = ANY(%(types)s)" if types else ""
    span = {"after": after, "upto": upto, "rows": rows, "types": list(types)}
    [[*packed, states, lifted]] = (
        connection.cursor(binary=True).execute(_PART.format(chosen=chosen), span).fetchall()
    )
    if states is None:
        packed, events = [b""] * len(WIDTHS), []
    else:
        events = _lifted(connection, chosen, span) if lifted else decode_list(states)
    columns: list[Any] = [*map(_unpacked, packed, WIDTHS), events]
    return Columns(*columns), len(states or "")


def _unpacked(column: bytes, width: str) -> Any:
    values = np.frombuffer(column, dtype=width)
    return values if width == "V16" else values.astype(np.int64)


def _lifted(
    connection: Connection[TupleRow], chosen: str, span: dict[str, Any]
) -> list[e.AnyLoanEvent]:
    """The events of a stretch in which some were written in an older shape."""
    rows = connection.execute(
        f"SELECT type, revision, state::text {_FROM.format(chosen=chosen)}", span
    )
    return [upcasters.decode(tag, revision, state) for tag, revision, state in rows]


_FROM = """
    FROM ledger.events WHERE position > %(after)s AND position <= %(upto)s {chosen}
    ORDER BY position LIMIT %(rows)s
"""
_PART = f"""
    SELECT {", ".join(f"string_agg({send}({name}), '')" for name, send, _ in PACKED)},
           '[' || string_agg(state::text, ',') || ']', bool_or({upcasters.OLD})
    FROM (SELECT * {_FROM}) AS part
"""

"""Many loans' events in one transaction by COPY, as safe as one: whoever lost a race is named.

The same checks hold as for a single append: the loan's version in its state row, and the key
(loan, version) of the events.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

import msgspec
from psycopg import Connection, errors
from psycopg.rows import TupleRow

from domain import events as e
from ledger import state, upcasters
from ledger.recorder import Command
from ledger.state import StateRow
from ledger.store import RACES, Store


class Entry(msgspec.Struct, frozen=True):
    """One loan's new events, in groups that readers see whole, and its state after them.

    ``seen`` is the version the events were decided on.
    """

    loan_id: UUID
    seen: int
    groups: Sequence[Sequence[e.AnyLoanEvent]]
    row: StateRow


def append(store: Store, command: Command, entries: Sequence[Entry]) -> set[UUID]:
    """Append all entries whose loan nobody changed meanwhile; answers those loans.

    Should the connection be lost after the commit, the repeat finds every loan changed (by
    itself) and answers none: the caller then looks again and finds nothing left to do.
    """

    def write(connection: Connection[TupleRow]) -> set[UUID]:
        with connection.transaction():
            won = state.replace(
                connection, [entry.row for entry in entries], [entry.seen for entry in entries]
            )
            rows = [row for entry in entries if entry.loan_id in won for row in _rows(entry)]
            if rows:
                _record(connection, command, len(rows))
                _copy(connection, command.id, rows)
            return won

    if not entries:
        return set()
    try:
        return store.run(write)
    except (*RACES, errors.UniqueViolation):
        return set()


def _rows(entry: Entry) -> Iterable[tuple[object, ...]]:
    version = entry.seen
    for group in entry.groups:
        for more, event in zip(range(len(group) - 1, -1, -1), group, strict=True):
            version += 1
            tag = e.tag(event)
            text = e.encode.encode(event).decode()
            yield (entry.loan_id, version, tag, upcasters.revision(tag), more,
                   event.effective_on, text)  # fmt: skip


def _record(connection: Connection[TupleRow], command: Command, appended: int) -> None:
    connection.execute(
        "INSERT INTO ledger.commands"
        " (id, name, actor, channel, correlation_id, causation_id, appended)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [command.id, command.name, command.actor, command.channel, command.correlation_id,
         command.causation_id, appended],
    )  # fmt: skip


def _copy(
    connection: Connection[TupleRow], command_id: UUID, rows: Iterable[tuple[object, ...]]
) -> None:
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "COPY ledger.events (command_id, loan_id, version, type, revision, more, effective_on,"
            " state) FROM STDIN"
        ) as copy,
    ):
        for row in rows:
            copy.write_row((command_id, *row))

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
from ledger.text_rows import lines_of


class Entry(msgspec.Struct, frozen=True):
    """One loan's new events, in groups that readers see whole, and its state after them.

    ``seen`` is the version the events were decided on.
    """

    loan_id: UUID
    seen: int
    groups: Sequence[Sequence[e.AnyLoanEvent]]
    row: StateRow


class Order(msgspec.Struct, frozen=True):
    """A command of its own on one loan: the events it came to, decided on ``version``."""

    command: Command
    loan_id: UUID
    version: int
    events: Sequence[e.AnyLoanEvent]

    @property
    def tags(self) -> tuple[str, ...]:
        """The events' names in the store."""
        return tuple(e.tag(event) for event in self.events)


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
            rows = [
                row
                for entry in entries
                if entry.loan_id in won
                for row in _entry_rows(command.id, entry)
            ]
            if rows:
                record(connection, command, len(rows))
                _copy(connection, rows)
            return won

    if not entries:
        return set()
    try:
        return store.run(write)
    except (*RACES, errors.UniqueViolation):
        return set()


def post(
    connection: Connection[TupleRow],
    orders: Sequence[Order],
    rows: Sequence[StateRow],
    seen: Sequence[int],
) -> set[UUID]:
    """Write orders in the caller's transaction, each a command of its own, in the order given.

    ``rows`` are the states of their loans after all of them, and ``seen`` the versions these were
    loaded at; answers the loans that were still there. Orders on others are left out.
    Errors: ``UniqueViolation`` where an idempotency key is used by now.
    """
    won = state.replace(connection, rows, seen)
    standing = [order for order in orders if order.loan_id in won]
    with connection.cursor() as cursor, cursor.copy(COMMANDS) as copy:
        for lines in lines_of(map(_command_row, standing)):
            copy.write(lines)
    _copy(
        connection,
        (
            row
            for order in standing
            for row in _rows(order.command.id, order.loan_id, order.version, order.events)
        ),
    )
    return won


COMMANDS = (
    "COPY ledger.commands (id, name, idempotency_key, fingerprint, actor, channel, correlation_id,"
    " causation_id, loan_id, version, appended) FROM STDIN"
)


def _command_row(order: Order) -> tuple[object, ...]:
    given, appended = order.command, len(order.events)
    return (given.id, given.name, given.idempotency_key, given.fingerprint, given.actor,
            given.channel, given.correlation_id, given.causation_id, order.loan_id,
            order.version + appended, appended)  # fmt: skip


def _entry_rows(command_id: UUID, entry: Entry) -> Iterable[tuple[object, ...]]:
    version = entry.seen
    for group in entry.groups:
        yield from _rows(command_id, entry.loan_id, version, group)
        version += len(group)


def _rows(
    command_id: UUID, loan_id: UUID, version: int, group: Sequence[e.AnyLoanEvent]
) -> Iterable[tuple[object, ...]]:
    for n, event in enumerate(group, start=1):
        tag = e.tag(event)
        text = e.encode.encode(event).decode()
        yield (command_id, loan_id, version + n, tag, upcasters.revision(tag), len(group) - n,
               event.effective_on, text)  # fmt: skip


def record(connection: Connection[TupleRow], command: Command, appended: int) -> None:
    """The order behind the events of many loans, in the caller's transaction."""
    connection.execute(
        "INSERT INTO ledger.commands"
        " (id, name, actor, channel, correlation_id, causation_id, appended)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [command.id, command.name, command.actor, command.channel, command.correlation_id,
         command.causation_id, appended],
    )  # fmt: skip


def _copy(connection: Connection[TupleRow], rows: Iterable[tuple[object, ...]]) -> None:
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "COPY ledger.events (command_id, loan_id, version, type, revision, more, effective_on,"
            " state) FROM STDIN"
        ) as copy,
    ):
        for lines in lines_of(rows):
            copy.write(lines)

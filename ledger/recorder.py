"""The recorders and their factory: the event store on our tables, in eventsourcing's terms."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, cast
from uuid import UUID

import msgspec
import structlog
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    EventStore,
    InfrastructureFactory,
    IntegrityError,
    Notification,
    ProcessRecorder,
    StoredEvent,
    TrackingRecorder,
)
from eventsourcing.utils import Environment
from psycopg import Connection, errors
from psycopg.rows import TupleRow

from ledger.errors import DuplicateLoanNumber, KeyReused
from ledger.log import horizon
from ledger.mapper import LAYOUT, LoggedFact, StoredFact, StoredSnapshot
from ledger.state import StateRow
from ledger.store import RACES, Store
from ledger.subscription import LogSubscription, Wake

logger = structlog.get_logger(__name__)


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `ledger.commands` on its way in; ``fingerprint`` as PostgreSQL reads bytea."""

    id: UUID
    name: str
    actor: str
    channel: str
    correlation_id: UUID
    causation_id: UUID | None = None
    idempotency_key: str | None = None
    fingerprint: str | None = None


class Result(msgspec.Struct, frozen=True):
    """What a command came to, the first time or found again."""

    command_id: UUID
    loan_id: UUID
    version: int
    positions: list[int]
    tags: list[str]


class AlreadyApplied(IntegrityError):
    """The command was applied before; ``result`` is what it came to then."""

    def __init__(self, result: Result) -> None:
        super().__init__("command already applied")
        self.result = result


class Packed(msgspec.Struct, frozen=True):
    """One event on its way into `ledger.append`; ``state`` goes in byte for byte."""

    type: str
    revision: int
    effective_on: date
    state: msgspec.Raw


def _packed(fact: StoredFact) -> Packed:
    return Packed(fact.topic, fact.revision, fact.effective_on, msgspec.Raw(fact.state))


class LedgerRecorder(ApplicationRecorder):
    """Appends with `ledger.append` in one round trip; reads the log up to its horizon."""

    def __init__(self, store: Store, wake: Wake) -> None:
        self.store = store
        self.wake = wake

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int]:
        """Append one loan's next events.

        Errors: ``IntegrityError`` where another writer was first, ``AlreadyApplied``,
        ``KeyReused``, ``DuplicateLoanNumber``.
        """
        facts = cast("Sequence[StoredFact]", stored_events)
        first = facts[0]
        return self.append(
            kwargs["command"], cast("UUID", first.originator_id), first.originator_version - 1,
            facts, kwargs["state"],
        ).positions  # fmt: skip

    def append(
        self,
        command: Command,
        loan_id: UUID,
        expected: int,
        facts: Sequence[StoredFact],
        state: StateRow,
    ) -> Result:
        """The command with its events, which may be none, and the loan's state after them."""
        values = [
            msgspec.json.encode(command).decode(),
            loan_id,
            expected,
            msgspec.json.encode([_packed(fact) for fact in facts]).decode(),
            msgspec.json.encode(state).decode(),
        ]
        try:
            [row] = self.store.run(lambda connection: connection.execute(APPEND, values).fetchall())
        except RACES:
            raise IntegrityError("another writer was first") from None
        except errors.UniqueViolation as error:
            if error.diag.constraint_name == "loan_state_loan_no_key":
                raise DuplicateLoanNumber(state.loan_no) from None
            raise IntegrityError("another writer was first") from None
        outcome, result = row[0], Result(*row[1:])
        if outcome == "reused":
            raise KeyReused(command.idempotency_key or "")
        if outcome == "repeated":
            raise AlreadyApplied(result)
        self.wake.call()
        return result

    def applied(self, key: str, fingerprint: str | None) -> Result | None:
        """What the command with this idempotency key came to, if it was applied.

        Errors: ``KeyReused``.
        """
        rows = self.store.run(lambda connection: connection.execute(APPLIED, [key]).fetchall())
        if not rows:
            return None
        [(kept, *result)] = rows
        if fingerprint is not None and f"\\x{kept.hex()}" != fingerprint:
            raise KeyReused(key)
        return Result(*result)

    def fingerprints(self, keys: Sequence[str]) -> dict[str, str | None]:
        """Of those idempotency keys that are used, what they were used for."""
        rows = self.store.run(
            lambda connection: connection.execute(
                "SELECT idempotency_key, '\\x' || encode(fingerprint, 'hex') FROM ledger.commands"
                " WHERE idempotency_key = ANY (%s)",
                [list(keys)],
            ).fetchall()
        )
        return dict(rows)

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        order = "DESC" if desc else "ASC"
        rows = self.store.run(
            lambda connection: connection.execute(
                "SELECT version, type, revision, effective_on, state::text FROM ledger.events"
                " WHERE loan_id = %s AND version > %s AND version <= %s"
                f" ORDER BY version {order} LIMIT %s",
                [originator_id, gt or 0, 2**31 - 1 if lte is None else lte, limit],
                binary=True,
            ).fetchall()
        )
        return [
            StoredFact(originator_id, version, tag, state.encode(), revision, effective_on)
            for version, tag, revision, effective_on, state in rows
        ]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        after = (start or 0) - (1 if inclusive_of_start and start is not None else 0)

        def select(connection: Connection[TupleRow]) -> list[TupleRow]:
            reached = horizon(connection)
            return connection.execute(
                "SELECT loan_id, version, type, state::text, position, revision, recorded_at,"
                " command_id, more FROM ledger.events"
                " WHERE position > %s AND position <= %s AND (%s = '{}' OR type = ANY(%s))"
                " ORDER BY position LIMIT %s",
                [
                    after,
                    reached if stop is None else min(stop, reached),
                    list(topics),
                    list(topics),
                    limit,
                ],
                binary=True,
            ).fetchall()

        return [
            LoggedFact(loan_id, version, tag, state.encode(), *rest)
            for loan_id, version, tag, state, *rest in self.store.run(select)
        ]

    def max_notification_id(self) -> int | None:
        """The newest position that readers can reach; None while the log is empty."""

        def newest(connection: Connection[TupleRow]) -> list[TupleRow]:
            return connection.execute(
                "SELECT max(position) FROM ledger.events WHERE position <= %s",
                [horizon(connection)],
            ).fetchall()

        [[found]] = self.store.run(newest)
        return cast("int | None", found)

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> LogSubscription:
        return LogSubscription(self, gt, topics, self.wake)


APPEND = (
    "SELECT outcome, command_id, loan_id, version, positions, tags"
    " FROM ledger.append(%s, %s, %s, %s, %s)"
)
APPLIED = (
    "SELECT c.fingerprint, r.* FROM ledger.commands AS c, ledger.result_of(c.id) AS r"
    " WHERE c.idempotency_key = %s"
)


class SnapshotRecorder(AggregateRecorder):
    """One snapshot per loan: the newest. One of another layout is as good as none."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> None:
        snapshots = cast("Sequence[StoredSnapshot]", stored_events)
        values = [
            (s.originator_id, s.originator_version, s.topic, s.state, s.position) for s in snapshots
        ]

        def upsert(connection: Connection[TupleRow]) -> None:
            connection.cursor().executemany(
                "INSERT INTO ledger.snapshots AS kept (loan_id, version, layout, state, position)"
                " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (loan_id) DO UPDATE"
                " SET version = excluded.version, layout = excluded.layout, state = excluded.state,"
                " position = excluded.position"
                " WHERE kept.version < excluded.version OR kept.layout <> excluded.layout",
                values,
            )

        self.store.run(upsert)

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        rows = self.store.run(
            lambda connection: connection.execute(
                "SELECT version, layout, state, position FROM ledger.snapshots WHERE loan_id = %s"
                " AND layout = %s AND version > %s AND version <= %s",
                [originator_id, LAYOUT, gt or 0, 2**31 - 1 if lte is None else lte],
                binary=True,
            ).fetchall()
        )
        return [StoredSnapshot(originator_id, *row) for row in rows]


class SnapshotStore(EventStore[UUID]):
    """Snapshots that cannot be read are left out: the loan is then replayed from its start."""

    def get(self, originator_id: UUID, **kwargs: Any) -> Iterator[DomainEventProtocol[UUID]]:
        for stored in self.recorder.select_events(originator_id, **kwargs):
            try:
                yield self.mapper.to_domain_event(stored)
            except msgspec.MsgspecError as error:
                logger.warning("snapshot_unreadable", loan_id=str(originator_id), error=str(error))


class Factory(InfrastructureFactory[TrackingRecorder]):
    """Builds the event store on `ledger.*`; migrations own the tables, nothing is created here."""

    def __init__(self, env: Environment, store: Store, wake: Wake) -> None:
        super().__init__(env)
        self.store = store
        self.wake = wake

    def application_recorder(self) -> LedgerRecorder:
        return LedgerRecorder(self.store, self.wake)

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        return (
            SnapshotRecorder(self.store) if purpose == "snapshots" else self.application_recorder()
        )

    def tracking_recorder(self, tracking_recorder_class: Any = None) -> TrackingRecorder:
        raise NotImplementedError("projections keep their positions beside their rows")

    def process_recorder(self) -> ProcessRecorder:
        raise NotImplementedError("projections keep their positions beside their rows")

    def close(self) -> None:
        self.wake.close()
        self.store.close()

"""A loan with its identity: what the repository gives and the event store takes."""

from collections.abc import Iterable, Sequence
from typing import Any, cast
from uuid import UUID

import msgspec
from eventsourcing.application import AggregateNotFoundError, Repository
from psycopg import Connection
from psycopg.rows import TupleRow

from domain.events import AnyLoanEvent
from domain.fold import replay
from domain.loan import Loan
from ledger import upcasters
from ledger.log import decode_list, facts
from ledger.mapper import LAYOUT, Recorded, Snapshot, decode_loan
from ledger.store import Store


class Stream:
    """One loan with its identity, and what was decided on it since it was loaded."""

    def __init__(
        self, loan_id: UUID, loan: Loan | None, snapshot_version: int = 0, position: int = 0
    ) -> None:
        self.id = loan_id
        self.loan = loan
        self.snapshot_version = snapshot_version
        self.position = position  # of what was loaded; whatever is appended lies above it
        self.pending: list[Recorded] = []

    @property
    def known(self) -> Loan:
        """The loan, of which something is recorded already."""
        assert self.loan is not None, self.id
        return self.loan

    @property
    def version(self) -> int:
        """How many events made the loan."""
        return self.loan.version if self.loan is not None else 0

    def record(self, events: Sequence[AnyLoanEvent]) -> None:
        """Fold what was decided, and keep it to be appended."""
        before = self.version
        self.loan = replay(events, self.loan)
        self.pending.extend(
            Recorded(self.id, before + n, event) for n, event in enumerate(events, start=1)
        )

    def collect_events(self) -> Sequence[Recorded]:
        """Hand over what is to be appended, once."""
        pending, self.pending = self.pending, []
        return pending


def project(stream: Stream | None, recorded: Iterable[Snapshot | Recorded]) -> Stream | None:
    """The repository's projector: a snapshot if there is one, then all later facts in one fold."""
    later = iter(recorded)
    first = next(later, None)
    if first is None:
        return stream
    if isinstance(first, Snapshot):
        stream = Stream(first.loan_id, first.loan, first.loan.version, first.position)
        stream.loan = replay((fact.event for fact in cast("Iterable[Recorded]", later)), first.loan)
        return stream
    stream = stream or Stream(first.loan_id, None)
    events = [first.event, *(fact.event for fact in cast("Iterable[Recorded]", later))]
    stream.loan = replay(events, stream.loan)
    return stream


class LoanRepository(Repository[UUID]):
    """The library's repository, reading a loan as it stands in one round trip and one fold.

    Earlier versions, and anything else, go the library's own way through `project`.
    """

    def __init__(self, store: Store, **given: Any) -> None:
        super().__init__(**given)
        self.store = store

    def _reconstruct_aggregate(
        self, aggregate_id: UUID, version: int | None, projector_func: Any
    ) -> Any:
        if version is not None:
            return super()._reconstruct_aggregate(aggregate_id, version, projector_func)
        found = self.store.run(lambda connection: load_streams(connection, [aggregate_id]))
        if not found:
            raise AggregateNotFoundError(aggregate_id)
        return found[0]


def load_streams(connection: Connection[TupleRow], loan_ids: Sequence[UUID]) -> list[Stream]:
    """Many loans in one statement, from their snapshots where these can be read.

    Answers them in the order asked for; unknown ids are left out.
    """
    rows = connection.cursor(binary=True).execute(LOAD, [list(loan_ids), LAYOUT])
    return [_stream(connection, row) for row in rows if row[3] is not None or row[4] is not None]


LOAD = f"""
    SELECT asked.loan_id, s.version, coalesce(later.position, s.position), s.state, later.first,
           later.has_old, later.states
    FROM unnest(%s::uuid[]) WITH ORDINALITY AS asked (loan_id, nth)
    LEFT JOIN ledger.loan_state AS kept ON kept.loan_id = asked.loan_id
    LEFT JOIN ledger.snapshots AS s ON s.loan_id = asked.loan_id AND s.layout = %s
    LEFT JOIN LATERAL (
        SELECT max(position) AS position, min(version) AS first,
               bool_or({upcasters.OLD}) AS has_old,
               '[' || string_agg(state::text, ',' ORDER BY version) || ']' AS states
        FROM ledger.events AS e
        WHERE e.loan_id = asked.loan_id AND e.version > coalesce(s.version, 0)
          AND e.position > coalesce(greatest(s.position, kept.since), 0)
    ) AS later ON true
    ORDER BY asked.nth
"""


def _stream(connection: Connection[TupleRow], row: TupleRow) -> Stream:
    loan_id, version, position, snapshot, first, has_old, states = row
    loan = None
    if snapshot is not None:
        try:
            loan = decode_loan(snapshot)
        except msgspec.MsgspecError:
            return _replayed(connection, loan_id)
    if has_old:
        return _replayed(connection, loan_id)
    after = version or 0
    assert first is None or first == after + 1, f"{loan_id} goes on at {first} after {after}"
    return Stream(loan_id, replay(decode_list(states), loan) if states else loan, after, position)


def _replayed(connection: Connection[TupleRow], loan_id: UUID) -> Stream:
    """From its first fact, one by one."""
    known = facts(connection, loan_id)
    return Stream(loan_id, replay(fact.event for fact in known), 0, known[-1].position)

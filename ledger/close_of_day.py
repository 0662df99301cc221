"""The close of a business date: records, loan by loan, what the day did.

Idempotent and resumable: each batch commits its events with how far its loans are closed, so a
run that was killed goes on with the others, and a second run for the date records nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import TypeAlias
from uuid import UUID

import msgspec
import psycopg
import structlog
from psycopg import Connection
from psycopg.rows import TupleRow

from domain import commands
from domain.errors import LoanError
from domain.guards import Events
from domain.loan import Status
from domain.rates import IndexValue
from ledger import bulk
from ledger.application import Ledger
from ledger.errors import Conflict, LedgerError, NotStorable, StoreUnavailable
from ledger.indices import rates_first
from ledger.orders import Cause
from ledger.state import row
from ledger.streams import Stream, load_streams

logger = structlog.get_logger(__name__)

BATCH = 500
REDO = 20
DAY = timedelta(days=1)
CAUSE = Cause(actor="close-of-day", channel="batch")

Progress: TypeAlias = Callable[[int, int], None]
"""Called after each batch with how many loans are done, of how many."""

Shard: TypeAlias = tuple[int, int]
"""(which, of how many): the loans whose id hashes to it."""


class SetAside(msgspec.Struct, frozen=True):
    """A loan that could not be closed for ``business_date``, and why; the others went on."""

    loan_id: UUID
    business_date: date
    code: str
    reason: str


class CloseReport(msgspec.Struct):
    """What one run did. ``redone``: loans another writer changed meanwhile, closed one by one."""

    on: date
    loans: int = 0
    closed: int = 0
    events: int = 0
    redone: int = 0
    set_aside: list[SetAside] = []


class Work(msgspec.Struct):
    """One loan on its way through the close: the days decided, and up to which date."""

    stream: Stream
    seen: int
    groups: list[Events] = []
    closed_through: date | None = None
    failure: SetAside | None = None


@dataclass(frozen=True)
class Run:
    """What every step of one run needs to know, and where it counts."""

    ledger: Ledger
    on: date
    cause: Cause
    daily: bool
    report: CloseReport
    value_of: IndexValue

    def count(self, work: Work) -> None:
        """Add one loan's outcome to the report."""
        self.report.closed += work.closed_through == self.on
        self.report.events += sum(map(len, work.groups))
        if work.failure:
            self.report.set_aside.append(work.failure)


def close_through(
    ledger: Ledger,
    on: date,
    progress: Progress | None = None,
    shard: Shard | None = None,
    *,
    daily: bool = True,
    cause: Cause = CAUSE,
    batch: int = BATCH,
) -> CloseReport:
    """Close every loan that is not yet, up to and including business date ``on``.

    Each day leaves its own record; ``daily=False`` goes straight to ``on`` (same balances, fewer
    records). A loan that fails is set aside with its reason and tried again by the next run.
    Errors: ``InvalidDate`` if ``on`` is after the business date.
    """
    ledger.check_date(on, "on")
    ledger.store.make_room()
    run = Run(ledger, on, cause, daily, CloseReport(on), ledger.indices.lookup())
    total = ledger.store.run(lambda connection: _count(connection, on, shard))
    after = UUID(int=0)
    while page := ledger.store.run(partial(_page, on=on, after=after, shard=shard, batch=batch)):
        _close_batch(run, page)
        after = page[-1][0]
        run.report.loans += len(page)
        if progress:
            progress(run.report.loans, max(total, run.report.loans))
    return run.report


Page: TypeAlias = Sequence[tuple[UUID, date | None]]

OPEN = (
    " FROM ledger.loan_state WHERE status <> 'closed'"
    " AND (closed_through IS NULL OR closed_through < %(on)s) AND loan_id > %(after)s"
    " AND (%(of)s = 1 OR (uuid_hash(loan_id)::bigint & 2147483647) %% %(of)s = %(nth)s)"
)


def _page(
    connection: Connection[TupleRow], on: date, after: UUID, shard: Shard | None, batch: int
) -> Page:
    return connection.execute(
        f"SELECT loan_id, closed_through {OPEN} ORDER BY loan_id LIMIT %(batch)s",
        _values(on, after, shard) | {"batch": batch},
    ).fetchall()


def _count(connection: Connection[TupleRow], on: date, shard: Shard | None) -> int:
    [[count]] = connection.execute(
        f"SELECT count(*) {OPEN}", _values(on, UUID(int=0), shard)
    ).fetchall()
    return int(count)


def _values(on: date, after: UUID, shard: Shard | None) -> dict[str, object]:
    nth, of = shard or (0, 1)
    return {"on": on, "after": after, "nth": nth, "of": of}


def _close_batch(run: Run, page: Page) -> None:
    before = dict(page)
    works = [_decide(run, stream, before[stream.id]) for stream in _load(run, list(before))]
    entries = [_entry(work) for work in works if work.closed_through is not None]
    try:
        won = bulk.append(run.ledger.store, run.ledger.command("close-day", run.cause), entries)
    except NotStorable:  # one of them: alone, it will be set aside
        won = set()
    if won:
        run.ledger.facts.wake.call()
    for work in works:
        if work.closed_through is not None and work.stream.id not in won:
            run.report.redone += 1
            _redo(run, work.stream.id, before[work.stream.id])
        else:
            run.count(work)
    _snapshot(run.ledger, [work for work in works if work.stream.id in won])
    run.ledger.store.run(lambda connection: _keep_failures(connection, run.report, list(before)))


def _load(run: Run, loan_ids: Sequence[UUID]) -> Iterator[Stream]:
    """The loans at once; where one cannot be read, one by one, and that one is set aside."""
    try:
        yield from run.ledger.store.run(lambda connection: load_streams(connection, loan_ids))
    except (psycopg.Error, StoreUnavailable):
        raise
    except Exception as broken:  # noqa: BLE001  whatever is wrong with one loan, the rest goes on
        if len(loan_ids) == 1:
            run.report.set_aside.append(_set_aside(loan_ids[0], run.on, broken))
            return
        for loan_id in loan_ids:
            yield from _load(run, [loan_id])


def _decide(run: Run, stream: Stream, closed_through: date | None) -> Work:
    """Every day of the loan that is still open, up to the first that fails."""
    work = Work(stream, stream.version)
    for day in _days(run, stream, closed_through):
        try:
            close = partial(commands.close_day, on=day)
            events = tuple(rates_first(stream.known, day, run.value_of, close))
            stream.record(events)
        except (psycopg.Error, StoreUnavailable):
            raise
        except Exception as broken:  # noqa: BLE001  set aside and reported; the rest goes on
            work.failure = _set_aside(stream.id, day, broken)
            break
        if events:
            work.groups.append(events)
        work.closed_through = day
    return work


def _days(run: Run, stream: Stream, closed_through: date | None) -> Iterator[date]:
    """The dates to record: each from the first open one, or only the last where none can differ."""
    loan = stream.known
    first = max(closed_through + DAY, loan.through) if closed_through else loan.through
    if not run.daily or loan.status is not Status.ACTIVE or first >= run.on:
        first = run.on
    for ordinal in range(first.toordinal(), run.on.toordinal() + 1):
        yield date.fromordinal(ordinal)


def _entry(work: Work) -> bulk.Entry:
    state = row(work.stream.id, work.stream.known, work.closed_through)
    return bulk.Entry(work.stream.id, work.seen, work.groups, state)


def _redo(run: Run, loan_id: UUID, closed_through: date | None) -> None:
    """Close one loan that another writer changed meanwhile, alone and until it holds."""
    failure: Exception = Conflict(loan_id, REDO)
    for _ in range(REDO):
        stream = next(_load(run, [loan_id]), None)
        if stream is None:
            return
        work = _decide(run, stream, closed_through)
        command = run.ledger.command("close-day", run.cause)
        try:
            if work.closed_through is None or bulk.append(
                run.ledger.store, command, [_entry(work)]
            ):
                run.count(work)
                return
        except NotStorable as broken:
            failure = broken
            break
    run.report.set_aside.append(_set_aside(loan_id, run.on, failure))


def _snapshot(ledger: Ledger, works: Sequence[Work]) -> None:
    ledger.snapshot(work.stream for work in works if work.failure is None)


def _set_aside(loan_id: UUID, day: date, broken: Exception) -> SetAside:
    if isinstance(broken, (LoanError, LedgerError)):
        logger.warning("close_set_aside", loan_id=str(loan_id), day=str(day), reason=str(broken))
        return SetAside(loan_id, day, broken.code, str(broken))
    logger.error("close_set_aside", loan_id=str(loan_id), day=str(day), exc_info=broken)
    reason = f"the loan's history cannot be folded ({type(broken).__name__}); see the log"
    return SetAside(loan_id, day, "unreadable-loan", reason)


def _keep_failures(
    connection: Connection[TupleRow], report: CloseReport, loan_ids: Sequence[UUID]
) -> None:
    """The table holds what failed in the latest run that looked at a loan."""
    failed = {aside.loan_id: aside for aside in report.set_aside}
    with connection.transaction():
        connection.execute(
            "DELETE FROM ledger.close_failures WHERE loan_id = ANY(%s)", [list(loan_ids)]
        )
        for loan_id in failed.keys() & set(loan_ids):
            aside = failed[loan_id]
            connection.execute(
                "INSERT INTO ledger.close_failures (loan_id, business_date, code, reason)"
                " VALUES (%s, %s, %s, %s)",
                [aside.loan_id, aside.business_date, aside.code, aside.reason],
            )

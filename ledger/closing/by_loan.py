"""The close of a few loans, each asked itself: what is to happen to them is more than interest."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import partial
from typing import TypeAlias
from uuid import UUID

import msgspec
import psycopg

from domain import commands
from domain.guards import Events
from domain.loan import Loan, Status
from domain.quiet import quiet
from ledger import bulk
from ledger.closing.report import Run, SetAside, set_aside
from ledger.errors import Conflict, NotStorable, StoreUnavailable
from ledger.indices import rates_first
from ledger.state import row
from ledger.streams import Stream, load_streams

REDO = 20
DAY = timedelta(days=1)
WORTH_A_LOOK = 3
"""Days still to close from which on it pays to ask whether the loan is quiet again."""

Open: TypeAlias = Sequence[tuple[UUID, date | None]]
"""Loans, and through which date each was closed."""


class Work(msgspec.Struct):
    """One loan on its way through the close: the days decided, and up to which date."""

    stream: Stream
    seen: int
    groups: list[Events] = []
    closed_through: date | None = None
    failure: SetAside | None = None


def close_by_loan(run: Run, loans: Open) -> None:
    """Close these loans at once; who lost a race is closed again alone.

    A loan that is quiet again after some of its days is left there, for the next look at it.
    """
    before = dict(loans)
    works = [_decide(run, stream, before[stream.id]) for stream in _load(run, list(before))]
    entries = [_entry(work) for work in works if work.closed_through is not None]
    try:
        won = bulk.append(run.ledger.store, run.command(), entries)
    except NotStorable:  # one of them: alone, it will be set aside
        won = set()
    if won:
        run.ledger.facts.wake.call()
    for work in works:
        if work.closed_through is not None and work.stream.id not in won:
            redo(run, work.stream.id, before[work.stream.id])
        else:
            _count(run, work)
    run.ledger.snapshot(
        work.stream for work in works if work.stream.id in won and work.failure is None
    )


def redo(run: Run, loan_id: UUID, closed_through: date | None) -> None:
    """Close one loan that another writer changed meanwhile, alone and until it holds."""
    run.count(redone=1)
    failure: Exception = Conflict(loan_id, REDO)
    for _ in range(REDO):
        stream = next(_load(run, [loan_id]), None)
        if stream is None:
            return
        work = _decide(run, stream, closed_through)
        try:
            if work.closed_through is None or bulk.append(
                run.ledger.store, run.command(), [_entry(work)]
            ):
                _count(run, work)
                return
        except NotStorable as broken:
            failure = broken
            break
    run.count(failure=set_aside(loan_id, run.on, failure))


def _load(run: Run, loan_ids: Sequence[UUID]) -> Iterator[Stream]:
    """The loans at once; where one cannot be read, one by one, and that one is set aside."""
    try:
        yield from run.ledger.store.run(lambda connection: load_streams(connection, loan_ids))
    except (psycopg.Error, StoreUnavailable):
        raise
    except Exception as broken:  # noqa: BLE001  whatever is wrong with one loan, the rest goes on
        if len(loan_ids) == 1:
            run.count(failure=set_aside(loan_ids[0], run.on, broken))
            return
        for loan_id in loan_ids:
            yield from _load(run, [loan_id])


def _decide(run: Run, stream: Stream, closed_through: date | None) -> Work:
    """Every day of the loan that is still open, up to the first that fails or quiet days."""
    work = Work(stream, stream.version)
    for day in _days(run, stream, closed_through):
        try:
            close = partial(commands.close_day, on=day)
            events = tuple(rates_first(stream.known, day, run.value_of, close))
            stream.record(events)
        except (psycopg.Error, StoreUnavailable):
            raise
        except Exception as broken:  # noqa: BLE001  set aside and reported; the rest goes on
            work.failure = set_aside(stream.id, day, broken)
            break
        if events:
            work.groups.append(events)
        work.closed_through = day
        if _quiet_again(stream.known, day, run.on):
            break
    return work


def _days(run: Run, stream: Stream, closed_through: date | None) -> Iterator[date]:
    """The dates to record: each from the first open one, or only the last where none can differ."""
    loan = stream.known
    first = max(closed_through + DAY, loan.through) if closed_through else loan.through
    if not run.daily or loan.status is not Status.ACTIVE or first >= run.on:
        first = run.on
    for ordinal in range(first.toordinal(), run.on.toordinal() + 1):
        yield date.fromordinal(ordinal)


def _quiet_again(loan: Loan, day: date, on: date) -> bool:
    if loan.status is not Status.ACTIVE or (on - day).days < WORTH_A_LOOK:
        return False
    kept = quiet(loan)
    return kept is not None and (kept.until - day).days >= WORTH_A_LOOK


def _entry(work: Work) -> bulk.Entry:
    state = row(work.stream.id, work.stream.known, work.closed_through)
    return bulk.Entry(work.stream.id, work.seen, work.groups, state)


def _count(run: Run, work: Work) -> None:
    """Add one loan's outcome to the report."""
    run.count(sum(map(len, work.groups)), work.closed_through == run.on, failure=work.failure)

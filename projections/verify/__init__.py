"""Does what is read equal what is replayed? Every check that holds today, naming what differs."""

from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from typing import Any, TypeAlias

from psycopg import Connection
from psycopg.pq import TransactionStatus

from projections.verify import accounting, events, fiscal, loans, record, remade, totals
from projections.verify.finding import Finding

__all__ = ["Finding", "verify"]

Progress: TypeAlias = Callable[[int, int], None]
"""Called with (events and loans checked, events and loans there are)."""

MOST = 100
"""Findings after which looking further tells nothing new."""


def verify(
    connection: Connection[Any], progress: Progress | None = None, *, most: int = MOST
) -> list[Finding]:
    """What differs between the log and everything derived from it; nothing, if all is well.

    First in one snapshot, a loan held against a projection only as far as that has read; then
    every read table against one made again beside it. Events appended and projected meanwhile do
    not disturb.
    """
    status = connection.info.transaction_status
    assert status == TransactionStatus.IDLE, f"connection is in a transaction: {status!r}"
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        [[facts, loans_known, last]] = connection.execute(
            "SELECT count(*), count(*) FILTER (WHERE version = 1), coalesce(max(position), 1)"
            " FROM ledger.events"
        ).fetchall()
        told, whole = progress or _quiet, 2 * facts + loans_known
        found = list(islice(_findings(connection, told, facts, whole), most))
    if any(one.check == "log" for one in found):
        return found  # nothing can be made again from what is not whole
    seen = facts + loans_known
    made = remade.check(connection, lambda at: told(seen + facts * min(at, last) // last, whole))
    with closing(made):
        found += islice(made, most - len(found))
    told(whole, whole)
    return found


def _findings(
    connection: Connection[Any], progress: Progress, facts: int, whole: int
) -> Iterator[Finding]:
    yield from _stopped(connection)
    yield from record.check(connection)
    yield from totals.check(connection)
    yield from accounting.check(connection)
    yield from fiscal.check(connection)
    yield from events.check(connection, lambda done: progress(done, whole))
    yield from loans.check(connection, lambda done: progress(facts + done, whole))


def _stopped(connection: Connection[Any]) -> Iterator[Finding]:
    """A projection that reads no further: what it shows is whole, but grows old."""
    for name, position, error in connection.execute(
        "SELECT projection, position, error FROM read.positions WHERE status = 'stopped'"
        " ORDER BY projection"
    ):
        message = f"{name} is stopped: {error}; see `cartera resume`"
        yield Finding("projection", message, position=position)


def _quiet(done: int, whole: int) -> None:
    """Nobody watches."""

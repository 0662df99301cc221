"""Does what is read equal what is replayed? Every check that holds today, naming what differs."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, TypeAlias

from psycopg import Connection
from psycopg.pq import TransactionStatus

from projections.verify import events, loans, totals
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

    In one snapshot: events appended and projected meanwhile do not disturb. A loan is held
    against a projection only as far as that projection has read.
    """
    status = connection.info.transaction_status
    assert status == TransactionStatus.IDLE, f"connection is in a transaction: {status!r}"
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return list(islice(_findings(connection, progress or _quiet), most))


def _findings(connection: Connection[Any], progress: Progress) -> Iterator[Finding]:
    [[facts, loans_known]] = connection.execute(
        "SELECT count(*), count(*) FILTER (WHERE version = 1) FROM ledger.events"
    ).fetchall()
    whole = facts + loans_known
    yield from totals.check(connection)
    yield from events.check(connection, lambda done: progress(done, whole))
    yield from loans.check(connection, lambda done: progress(facts + done, whole))
    progress(whole, whole)


def _quiet(done: int, whole: int) -> None:
    """Nobody watches."""

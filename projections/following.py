"""Read models brought up while something writes, so that they are current as soon as it ends."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from ledger.database import Pool
from projections.engine import catch_up
from projections.registry import PROJECTIONS, Kinds

PAUSE = 0.05
"""Seconds between looks at the log."""

ENOUGH = 5_000
"""Events worth a step, whose statements cost as much as the rows of several hundred."""

LONGEST = 0.5
"""Seconds after which fewer are read as well."""

logger = structlog.get_logger(__name__)


@contextmanager
def following(pool: Pool, *, projections: Kinds = PROJECTIONS) -> Iterator[None]:
    """The engine at work in a thread of its own, until the block is left and its step is done.

    What is written last may still be to read: ``catch_up`` after the block ends it, and meets what
    the thread may have failed on.
    """
    left = threading.Event()

    def follow() -> None:
        rested = 0.0
        while not left.wait(PAUSE):
            rested += PAUSE
            try:
                if rested < LONGEST and _unread(pool) < ENOUGH:
                    continue
                catch_up(pool, projections=projections)
            except Exception as failure:  # noqa: BLE001  told here, met again by who reads on
                logger.warning("following ended", reason=f"{type(failure).__name__}: {failure}")
                return
            rested = 0.0

    thread = threading.Thread(target=follow, name="following", daemon=True)
    thread.start()
    try:
        yield
    finally:
        left.set()
        thread.join()


def _unread(pool: Pool) -> int:
    """About how many events the read model furthest behind has still to read."""
    with pool.connection() as connection:
        [[unread]] = connection.execute(
            "SELECT ledger.horizon() - coalesce(min(position), 0) FROM read.positions"
            " WHERE status = 'running'"
        ).fetchall()
    return int(unread)

"""Connections of the write side: a pool that outlives a restarted server, and typed failures."""

import time
from collections.abc import Callable
from typing import TypeVar

import psycopg
from psycopg import Connection, errors
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool, PoolTimeout

from ledger import partitions
from ledger.database import Pool, conninfo
from ledger.errors import NotStorable, StoreFull, StoreUnavailable
from ledger.settings import Settings

T = TypeVar("T")

RACES = (errors.SerializationFailure, errors.DeadlockDetected)
PATIENCE_SECONDS = 15.0  # a restart takes a second or two, crash recovery somewhat longer


class Store:
    """Lends connections that commit each statement; repeats what a lost connection cut short.

    Whatever is repeated must be safe to repeat: reads, and appends, which carry their command id.
    """

    def __init__(self, settings: Settings, application_name: str = "cartera-ledger") -> None:
        self.patience = PATIENCE_SECONDS
        self.partition_size = settings.partition_size
        self._pool: Pool = ConnectionPool(
            conninfo(settings, application_name=application_name),
            kwargs={"autocommit": True, "prepare_threshold": 0},
            min_size=max(1, settings.pool_min_size),
            max_size=max(1, settings.pool_min_size, settings.pool_max_size),
            timeout=min(settings.pool_timeout_seconds, 5.0),
            reconnect_timeout=1.0,  # given up soon, tried afresh by the next who asks
            configure=_settle,
            open=True,
        )

    def run(self, work: Callable[[Connection[TupleRow]], T]) -> T:
        """``work`` on a connection, again on a new one where the connection was lost.

        Errors: ``StoreUnavailable`` once patience ends, ``StoreFull`` where its disk is full,
        ``NotStorable`` for values that the database cannot hold. Races and violated constraints
        come as psycopg's own.
        """
        deadline = time.monotonic() + self.patience
        pause, ahead = 0.05, self.partition_size
        while True:
            try:
                with self._pool.connection() as connection:
                    return work(connection)
            except (errors.DataError, errors.CheckViolation) as error:
                if not partitions.missing(error):
                    raise NotStorable from None
                ahead *= 2  # one statement may fill more than what was made for it
                self.make_room(ahead)
                continue
            except errors.DiskFull:
                raise StoreFull from None
            except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
                if not _lost(error):
                    raise
                if time.monotonic() > deadline:
                    raise StoreUnavailable from None
            time.sleep(pause)
            pause = min(pause * 2, 1.0)
            self._pool.check()

    def make_room(self, ahead: int | None = None) -> None:
        """Have partitions for what is coming, by default as many events as one takes."""
        wanted = self.partition_size if ahead is None else ahead
        self.run(lambda connection: partitions.make(connection, self.partition_size, wanted))

    def close(self) -> None:
        """Give every connection back to the server."""
        self._pool.close()


def _settle(connection: Connection[TupleRow]) -> None:
    """Every statement here goes by a key: planning it anew each time costs more than running it."""
    connection.execute("SET plan_cache_mode = force_generic_plan")


def _lost(error: Exception) -> bool:
    """The connection or the server went, so that nothing says how the statement ended."""
    if isinstance(error, (PoolTimeout, psycopg.InterfaceError)):
        return True
    state = getattr(error, "sqlstate", None)
    return state is None or state.startswith(("08", "57P"))

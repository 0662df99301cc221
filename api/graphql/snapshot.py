"""One request's view of the book: a single read-only snapshot, and loaders that batch over it."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeAlias

from psycopg import AsyncConnection
from psycopg.errors import InvalidSchemaName, UndefinedTable
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool
from strawberry import Info
from strawberry.dataloader import DataLoader

from api.graphql.errors import Refused
from ledger.settings import Settings
from projections.books import UnknownBooks, schema_of
from projections.rebuild import LIVE
from projections.registry import PROJECTIONS

ReadPool: TypeAlias = AsyncConnectionPool[AsyncConnection[DictRow]]
Load: TypeAlias = Callable[["Snapshot", list[Any]], Awaitable[Sequence[Any]]]

LOOK_SECONDS = 0.02
WAIT_SECONDS = 5.0  # then the client is told to come again
RECONNECT_SECONDS = 1.0  # given up early: the next request tries at once, without a back-off


@dataclass
class Snapshot:
    """What resolvers read from: every statement of a request sees the same moment."""

    connection: AsyncConnection[DictRow]
    settings: Settings
    today: date
    position: int
    """Up to where in the log every read model has read."""
    books: str = LIVE
    """The schema of the read models."""
    asking: object = None
    """Who asks, for fields that not everybody may read: `api.graphql.people.Asking`."""
    loaders: dict[Hashable, DataLoader[Any, Any]] = field(default_factory=dict)

    async def rows(self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[DictRow]:
        """The rows of one statement; ``sql`` is ours, ``values`` are bound."""
        ran = await self.connection.execute(in_books(sql, self.books), values)
        return await ran.fetchall()

    async def count(self, sql: str, values: Sequence[Any] = ()) -> int:
        """The single number that a statement answers."""
        [row] = await self.rows(sql, values)
        [number] = row.values()
        return int(number or 0)

    async def load(self, name: Hashable, load: Load, key: Any) -> Any:
        """One key of a batch: all keys asked of ``name`` together become one call of ``load``."""
        if name not in self.loaders:

            async def batch(keys: list[Any]) -> Sequence[Any]:
                return await load(self, keys)

            self.loaders[name] = DataLoader(load_fn=batch)
        return await self.loaders[name].load(key)


def snapshot_of(info: Info[Any, Any]) -> Snapshot:
    """The snapshot that this request reads from. Errors: ``Refused`` over a web socket."""
    context = info.context
    if not isinstance(context, Snapshot):
        raise Refused("not-over-a-socket", "a web socket takes subscriptions: questions go by POST")
    return context


TABLES = (
    "journal_totals",
    "journal",
    "journal_entries",
    "accrual_entries",
    "accounting_amounts",
    *(table for kind in PROJECTIONS for table in kind().tables),
    "accounts",
    "positions",
)
"""Views and tables in the order in which a rebuild takes them, so that it and a reader never wait
for each other.
"""

HOLD = f"LOCK TABLE {', '.join(f'read.{table}' for table in TABLES)} IN ACCESS SHARE MODE"


POSITION = "SELECT coalesce(min(position), 0) AS position FROM read.positions"


def in_books(sql: str, schema: str) -> bytes:
    """A statement of ours over the read models and the log of the books in ``schema``."""
    if schema != LIVE:
        sql = re.sub(r"\b(?:read|ledger(?=\.events\b))\.", f"{schema}.", sql)
    return sql.encode()


@asynccontextmanager
async def snapshot(
    pool: ReadPool, settings: Settings, today: date, at_least: int = 0, books: str | None = None
) -> AsyncIterator[Snapshot]:
    """A snapshot of the book for one request, waited for until it has read up to ``at_least``.

    The tables are held before the snapshot is taken: one that a rebuild swaps in later would look
    empty to an older snapshot. With ``books`` it is of those made under that name, on their date.
    Errors: ``Refused`` where the read models, or the replica, stay behind; ``BooksError``.
    """
    schema = LIVE if books is None else schema_of(books)
    until = time.monotonic() + settings.graphql_wait_seconds
    while True:
        async with pool.connection() as connection, connection.transaction():
            try:
                await connection.execute(in_books(HOLD, schema))
            except (InvalidSchemaName, UndefinedTable) as none:
                if books is None:
                    raise
                raise UnknownBooks(books) from none
            [row] = await (await connection.execute(in_books(POSITION, schema))).fetchall()
            if books is not None:
                told = await connection.execute(f"SELECT as_of FROM {schema}.made".encode())
                [made] = await told.fetchall()
                today = made["as_of"] or today
            if row["position"] >= at_least:
                yield Snapshot(connection, settings, today, row["position"], schema)
                return
        if time.monotonic() > until:
            raise _behind(at_least, row["position"])
        await asyncio.sleep(LOOK_SECONDS)


def _behind(at_least: int, position: int) -> Refused:
    told = f"the read models have read up to position {position}, not yet up to {at_least}"
    return Refused("reads-behind", f"{told}: ask again", position=position)


def read_pool(conninfo: str, settings: Settings, statement_seconds: float) -> ReadPool:
    """A pool, not yet open, whose transactions are read-only snapshots of one moment."""
    options = {"default_transaction_isolation": "repeatable read"}
    return _pool(conninfo, settings, statement_seconds, options)


def plan_pool(conninfo: str, settings: Settings, statement_seconds: float) -> ReadPool:
    """A pool, not yet open, for answers of one statement each: no second round trip is spent."""
    return _pool(conninfo, settings, statement_seconds, {"jit": "off"}, check=None)


def _pool(
    conninfo: str,
    settings: Settings,
    statement_seconds: float,
    more: dict[str, str],
    check: Callable[[AsyncConnection[DictRow]], Awaitable[None]] | None = (
        AsyncConnectionPool.check_connection
    ),
) -> ReadPool:
    options = {
        "default_transaction_read_only": "on",
        "statement_timeout": f"{int(statement_seconds * 1000)}ms",
        "TimeZone": "UTC",
        **more,
    }

    async def configure(connection: AsyncConnection[DictRow]) -> None:
        for name, value in options.items():
            await connection.execute("SELECT set_config(%s, %s, false)", [name, value])

    return AsyncConnectionPool(
        conninfo,
        kwargs={"autocommit": True, "row_factory": dict_row},
        min_size=settings.pool_min_size,
        max_size=settings.pool_max_size,
        timeout=min(settings.pool_timeout_seconds, WAIT_SECONDS),
        reconnect_timeout=RECONNECT_SECONDS,
        configure=configure,
        check=check,
        name="cartera-reads",
        open=False,
    )

"""Makes every read model again from the log, beside the live ones, and swaps them in at once."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, LiteralString

import psycopg
from psycopg import Connection, Cursor, sql

from ledger import log
from ledger.database import Pool
from projections import positions
from projections.engine import Engine, Progress, Report, Stopped, Stretch, use_schema
from projections.loans import Loans
from projections.registry import PROJECTIONS, Kinds

LIVE: LiteralString = "read"
SHADOW: LiteralString = "read_shadow"
REBUILD_LOCK = 8_400_000_004
BATCH = 400_000
"""Events held at a time, and as many read ahead: with what is made of them a gigabyte or two."""
SMALL_BATCH = 50_000
STEPS = 5
"""What is read ahead while the server writes: even a small log goes in so many steps."""
EVERYTHING = 1_000_000_000
PATIENCE = 20
"""How often the swap asks for the live tables; between asks readers that wait go ahead."""


class RebuildRunning(RuntimeError):
    """Another process rebuilds at this moment."""

    def __init__(self) -> None:
        super().__init__("another rebuild is running")


class RebuildFailed(RuntimeError):
    """A projection stopped while it was rebuilt; the live tables are as they were."""

    def __init__(self, stopped: Sequence[Stopped]) -> None:
        causes = "; ".join(f"{one.projection}: {one.error}" for one in stopped)
        super().__init__(f"nothing was swapped in, {causes}")
        self.stopped = tuple(stopped)


def rebuild(
    pool: Pool,
    progress: Progress | None = None,
    *,
    batch_size: int | None = None,
    projections: Kinds = PROJECTIONS,
) -> Report:
    """Rebuild the tables of ``projections`` from the first event; readers see old or new, whole.

    Live projections go on meanwhile; commands are not touched.
    Errors: ``RebuildRunning``, ``RebuildFailed``, ``LockNotAvailable`` where readers never let go.
    """
    tables = [table for kind in projections for table in kind().tables]
    with hands(pool) as (writer, reader, beside), alone(writer):
        lay_out(writer, tables)
        engine = in_shadow(writer, reader, beside, projections)
        with reader.transaction():
            size = batch_size or max(SMALL_BATCH, min(BATCH, log.horizon(reader) // STEPS))
        with indexes_later(writer):
            report = engine.run(None, size, progress)
            if report.stopped:
                raise RebuildFailed(report.stopped)
        for left in reversed(range(PATIENCE)):
            try:
                tail = _swap(writer, engine, report.position, tables)
            except psycopg.errors.LockNotAvailable:
                if not left:
                    raise
            else:
                break
    return Report(report.events + len(tail.columns.events), report.steps + 1, tail.upto, ())


@contextmanager
def hands(pool: Pool) -> Iterator[tuple[Connection[Any], Connection[Any], Connection[Any] | None]]:
    """A writer, a reader, and a second writer where the pool has as many."""
    with ExitStack() as lent:
        writer, reader = (lent.enter_context(pool.connection()) for _ in range(2))
        beside = lent.enter_context(pool.connection()) if pool.max_size > 2 else None
        yield writer, reader, beside


def in_shadow(
    writer: Connection[Any], reader: Connection[Any], beside: Connection[Any] | None, kinds: Kinds
) -> Engine:
    """An engine for the shadow tables; a second writer takes what does not belong to loans."""
    parts = [tuple(kind for kind in kinds if (kind is Loans) is own) for own in (True, False)]
    if beside is None or not all(parts):
        return Engine(writer, reader, kinds, SHADOW)
    both = [
        Engine(connection, reader, part, SHADOW, shared=True)
        for connection, part in zip((writer, beside), parts, strict=True)
    ]
    return Engine(writer, reader, kinds, SHADOW, hands=both)


@contextmanager
def alone(connection: Connection[Any]) -> Iterator[None]:
    """The shadow schema to itself. Errors: ``RebuildRunning``."""
    [[got]] = connection.execute("SELECT pg_try_advisory_lock(%s)", [REBUILD_LOCK]).fetchall()
    connection.commit()
    if not got:
        raise RebuildRunning
    try:
        yield
    finally:
        connection.rollback()
        connection.execute("SELECT pg_advisory_unlock(%s)", [REBUILD_LOCK])
        connection.commit()


def lay_out(connection: Connection[Any], tables: Sequence[str]) -> None:
    """Empty tables in the shadow schema, like the live ones down to their indexes."""
    with connection.transaction(), connection.cursor() as cursor:
        left = cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = %s", [SHADOW]
        ).fetchall()
        for (table,) in left:
            cursor.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(SHADOW, table)))
        for table in (*tables, "positions"):
            names = sql.Identifier(SHADOW, table), sql.Identifier(LIVE, table)
            cursor.execute(sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(*names))
            _same_options(cursor, table)


def _same_options(cursor: Cursor[Any], table: str) -> None:
    """LIKE leaves out storage options such as the fill factor."""
    cursor.execute(
        "SELECT unnest(reloptions) FROM pg_class WHERE oid = %s::regclass", [f"{LIVE}.{table}"]
    )
    for (option,) in cursor.fetchall():
        name, value = option.split("=", 1)
        cursor.execute(
            sql.SQL("ALTER TABLE {} SET ({} = {})").format(
                sql.Identifier(SHADOW, table), sql.Identifier(name), sql.Literal(value)
            )
        )


@contextmanager
def indexes_later(connection: Connection[Any]) -> Iterator[None]:
    """Without the indexes that only readers need; once the rows are there they are made at once."""
    with connection.transaction():
        made = connection.execute(
            "SELECT index.relname, pg_get_indexdef(index.oid) FROM pg_index"
            " JOIN pg_class AS index ON index.oid = indexrelid"
            " WHERE index.relnamespace = %s::regnamespace AND NOT indisprimary",
            [SHADOW],
        ).fetchall()
        for name, _ in made:
            connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(SHADOW, name)))
    yield
    with connection.transaction():
        for _, definition in made:
            connection.execute(definition)


def _swap(
    writer: Connection[Any],
    engine: Engine,
    reached: int,
    tables: Sequence[str],
) -> Stretch:
    """Apply what the live engine has read meanwhile, and put the new tables in its place."""
    with writer.transaction(), writer.cursor() as cursor:
        positions.hold(cursor, LIVE)
        tail = engine.read(reached, None, EVERYTHING)
        use_schema(cursor, SHADOW)
        if tail.upto > reached:
            engine.apply(cursor, reached, tail)
        if stopped := _not_running(cursor):
            raise RebuildFailed(stopped)
        cursor.execute("SET LOCAL lock_timeout = '500ms'")
        known = views(cursor)
        for view, _ in reversed(known):
            cursor.execute(sql.SQL("DROP VIEW {}").format(sql.Identifier(LIVE, view)))
        for table in tables:
            _put_in_place(cursor, table)
        for view, definition in known:
            name = sql.Identifier(LIVE, view)
            cursor.execute(sql.SQL("CREATE VIEW {} AS {}").format(name, sql.SQL(definition)))
        cursor.execute(
            "DELETE FROM read.positions"
            " WHERE projection IN (SELECT projection FROM read_shadow.positions)"
        )
        cursor.execute("INSERT INTO read.positions SELECT * FROM read_shadow.positions")
        cursor.execute("DROP TABLE read_shadow.positions")
    return tail


def _put_in_place(cursor: Cursor[Any], table: str) -> None:
    live, shadow = sql.Identifier(LIVE, table), sql.Identifier(SHADOW, table)
    cursor.execute(sql.SQL("ANALYZE {}").format(shadow))
    cursor.execute(sql.SQL("DROP TABLE {}").format(live))
    cursor.execute(sql.SQL("ALTER TABLE {} SET SCHEMA {}").format(shadow, sql.Identifier(LIVE)))


def views(cursor: Cursor[Any]) -> list[tuple[str, LiteralString]]:
    """The live views, which would follow the old tables; one may read those before it."""
    cursor.execute(
        "SELECT relname, pg_get_viewdef(oid) FROM pg_class"
        " WHERE relkind = 'v' AND relnamespace = %s::regnamespace ORDER BY oid",
        [LIVE],
    )
    return cursor.fetchall()


def _not_running(cursor: Cursor[Any]) -> list[Stopped]:
    cursor.execute("SELECT projection, position, error FROM positions WHERE status <> 'running'")
    return [Stopped(*row) for row in cursor.fetchall()]

"""Every read table against one made again from the log: whatever row differs is named."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Connection, Cursor, sql

from projections import positions
from projections.engine import Engine, use_schema
from projections.rebuild import LIVE, REBUILD_LOCK, SHADOW, lay_out
from projections.registry import PROJECTIONS
from projections.verify.finding import Finding

BATCH = 20_000
MOST_ROWS = 5
"""Of one table; the first few tell what happened to the others."""


def check(
    connection: Connection[Any], progress: Callable[[int], None]
) -> Generator[Finding, None, None]:
    """Makes all tables beside the live ones, up to where these stand, and compares.

    Waits for a rebuild that is running. Live projections pause while rows are compared.
    """
    with _apart(connection):
        lay_out(connection, [table for kind in PROJECTIONS for table in kind().tables])
        engine = Engine(connection, connection, PROJECTIONS, SHADOW)
        reached = _running(connection)
        made = engine.run(reached, BATCH, lambda at, _: progress(at)) if reached else None
        if made is not None and made.stopped:
            for one in made.stopped:
                told = f"{one.projection} cannot be made again: {one.error}"
                yield Finding("table", told, None, one.position)
            return
        with connection.transaction(), connection.cursor() as cursor:
            positions.hold(cursor, LIVE)
            now = _furthest(cursor)
            use_schema(cursor, SHADOW)
            if reached < now:
                engine.apply(cursor, reached, engine.read(reached, now, now - reached))
            there = {name for name, place in _places(cursor) if place == now}
            for projection in (kind() for kind in PROJECTIONS):
                for table in projection.tables if projection.name in there else ():
                    yield from _compared(cursor, table)


@contextmanager
def _apart(connection: Connection[Any]) -> Iterator[None]:
    """The shadow schema to itself, as the role that owns it."""
    with connection.transaction():
        connection.execute("SET ROLE cartera_app")
        connection.execute("SELECT pg_advisory_lock(%s)", [REBUILD_LOCK])
    try:
        yield
    finally:
        lay_out(connection, [])
        with connection.transaction():  # of its own: the next one must find the tables gone
            connection.execute("SELECT pg_advisory_unlock(%s)", [REBUILD_LOCK])
            connection.execute("RESET ROLE")


def _running(connection: Connection[Any]) -> int:
    with connection.transaction(), connection.cursor() as cursor:
        return _furthest(cursor)


def _furthest(cursor: Cursor[Any]) -> int:
    return max((position for _, position in _places(cursor)), default=0)


def _places(cursor: Cursor[Any]) -> list[tuple[str, int]]:
    return cursor.execute("SELECT projection, position FROM read.positions").fetchall()


def _compared(cursor: Cursor[Any], table: str) -> Iterator[Finding]:
    live, made = sql.Identifier(LIVE, table), sql.Identifier(SHADOW, table)
    summed = sql.SQL("SELECT count(*), sum(hashtextextended(one::text, 0)) FROM {} AS one")
    if (
        cursor.execute(summed.format(live)).fetchall()
        == cursor.execute(summed.format(made)).fetchall()
    ):
        return
    only = sql.SQL(
        "SELECT (to_jsonb(one) ->> 'loan_id')::uuid, one::text FROM {} AS one"
        " WHERE one::text IN"
        " (SELECT one::text FROM {} AS one EXCEPT SELECT one::text FROM {} AS one)"
        " ORDER BY 2 LIMIT {}"
    )
    for told, here, there in (("kept, yet the log gives no", live, made),
                              ("not kept, yet the log gives", made, live)):  # fmt: skip
        cursor.execute(only.format(here, here, there, sql.Literal(MOST_ROWS)))
        for loan_id, row in cursor.fetchall():
            yield Finding("table", f"{table}: {told} {row}", loan_id)

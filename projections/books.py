"""The whole book as it stood on a date, or at a position of the log: read models of their own."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import numpy as np
from psycopg import Connection, Cursor, sql

from domain.events import AnyLoanEvent
from domain.history import retell
from domain.loan import Loan
from ledger import log
from ledger.database import Pool
from projections.batch import Batch
from projections.engine import Engine, Progress, Report, Stretch, use_schema
from projections.rebuild import (
    BATCH,
    LIVE,
    SHADOW,
    RebuildFailed,
    alone,
    indexes_later,
    lay_out,
    views,
)
from projections.registry import PROJECTIONS
from projections.staging import day

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
TOLD_AT_ONCE = 500
TOLD = frozenset({"loans", "balances"})
"""The projections that say what a loan came to; the others list what was recorded."""
TABLES = tuple(table for kind in PROJECTIONS for table in kind().tables)


class BooksError(ValueError):
    """Books of an earlier day cannot be made or read, and what is wrong with the request.

    BooksError
        BadBooksName
        DateInTheFuture
        PositionBeyondLog
        UnknownBooks
    """

    field = "into"


class BadBooksName(BooksError):
    """The name could not be that of a schema."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name!r} is no name for books: small letters, digits and _, at most 40, a letter"
            " first, and not 'shadow'"
        )


class DateInTheFuture(BooksError):
    """Nothing is known of a day to come."""

    field = "as_of"

    def __init__(self, on: date, today: date) -> None:
        super().__init__(f"{on} lies after the business date {today}")
        self.on, self.today = on, today


class PositionBeyondLog(BooksError):
    """The log does not reach so far, or does not begin there."""

    field = "to_position"

    def __init__(self, asked: int, reached: int) -> None:
        super().__init__(f"position {asked} is not in the log, which goes from 1 to {reached}")
        self.asked, self.reached = asked, reached


class UnknownBooks(BooksError):
    """No books were made under that name."""

    field = "books"

    def __init__(self, name: str) -> None:
        super().__init__(f"there are no books named {name!r}: `cartera rebuild --into` makes them")


def schema_of(name: str) -> str:
    """Where books of that name are. Errors: ``BadBooksName``."""
    if not NAME.fullmatch(name) or f"read_{name}" == SHADOW:
        raise BadBooksName(name)
    return f"read_{name}"


def make(
    pool: Pool,
    name: str,
    today: date,
    progress: Progress | None = None,
    *,
    as_of: date | None = None,
    to_position: int | None = None,
) -> Report:
    """Make the read models of what the log says up to ``to_position``, valued up to ``as_of``.

    They stand in a schema of their own, which replaces one of the same name; live read models and
    commands are not touched. On a date a loan stands as it is known to have stood: one that later
    records changed is told again from its facts. Transactions and journal are those of value dates
    up to then, as in the live books.
    Errors: the ``BooksError`` family, ``RebuildRunning``, ``RebuildFailed``.
    """
    schema = schema_of(name)
    if as_of is not None and as_of > today:
        raise DateInTheFuture(as_of, today)
    with pool.connection() as writer, pool.connection() as reader, alone(writer):
        with reader.transaction():
            reached = log.horizon(reader)
        if to_position is not None and not 1 <= to_position <= reached:
            raise PositionBeyondLog(to_position, reached)
        upto = to_position or reached
        lay_out(writer, TABLES)
        told = [] if as_of is None else _changed_later(reader, as_of, upto)
        with indexes_later(writer):
            report = _engine(writer, reader, as_of, told).run(upto, BATCH, progress)
            if report.stopped:
                raise RebuildFailed(report.stopped)
            if as_of is not None:
                _tell_again(writer, reader, told, as_of, report.position)
        _publish(writer, schema, as_of, report.position)
    return report


class _Valued(Engine):
    """Reads only what has a value date up to ``on``, and leaves out loans that are told again."""

    on = date.max
    told: frozenset[bytes] = frozenset()

    def read(self, after: int, upto: int | None, size: int) -> Stretch:
        batch, reached = super().read(after, upto, size)
        return Stretch(batch.valued(self.on), reached)

    def _applied(self, cursor: Cursor[Any], name: str, batch: Batch) -> bool:
        left = batch.without(self.told) if name in TOLD else batch
        return super()._applied(cursor, name, left)


def _engine(
    writer: Connection[Any], reader: Connection[Any], on: date | None, told: Sequence[UUID]
) -> Engine:
    if on is None:
        return Engine(writer, reader, PROJECTIONS, SHADOW)
    engine = _Valued(writer, reader, PROJECTIONS, SHADOW)
    engine.on, engine.told = on, frozenset(loan.bytes for loan in told)
    return engine


def _changed_later(connection: Connection[Any], on: date, upto: int) -> list[UUID]:
    """The loans of which something dated up to ``on`` was recorded after something dated later."""
    with connection.transaction():
        rows = connection.execute(
            "SELECT loan_id FROM ledger.events WHERE position <= %(upto)s GROUP BY loan_id"
            " HAVING max(version) FILTER (WHERE effective_on <= %(on)s)"
            "      > min(version) FILTER (WHERE effective_on > %(on)s)",
            {"on": on, "upto": upto},
        ).fetchall()
    return [loan_id for (loan_id,) in rows]


def _tell_again(
    writer: Connection[Any], reader: Connection[Any], told: Sequence[UUID], on: date, upto: int
) -> None:
    """Headers, schedules and balances of the loans that later records changed, from their facts."""
    again = [kind() for kind in PROJECTIONS if kind().name in TOLD]
    for first in range(0, len(told), TOLD_AT_ONCE):
        with reader.transaction():
            known = log.load_many(reader, told[first : first + TOLD_AT_ONCE], upto)
        batch = Batch(_told(known, on))
        with writer.transaction(), writer.cursor() as cursor:
            use_schema(cursor, SHADOW)
            for projection in again:
                projection.prepare(cursor)
                projection.apply(cursor, batch)


def _told(loans: dict[UUID, Loan], on: date) -> log.Columns:
    """What each loan comes to when told again: its events, numbered one after the other."""
    rows: list[tuple[bytes, int, AnyLoanEvent]] = []
    for loan_id, loan in loans.items():
        events = [loan.opened, *retell(loan, on, loan.facts).events]
        rows += [(loan_id.bytes, version, event) for version, event in enumerate(events, start=1)]
    ids = np.array([loan for loan, _, _ in rows], dtype="V16")
    versions = np.array([version for _, version, _ in rows], dtype=np.int64)
    days = np.array([day(event.effective_on) for _, _, event in rows], dtype=np.int64)
    none, events = np.zeros_like(versions), [event for _, _, event in rows]
    return log.Columns(versions, ids, versions, none, days, none, ids, events)


def _publish(connection: Connection[Any], schema: str, on: date | None, upto: int) -> None:
    """Move the tables into their schema, with the functions and views that the live ones have."""
    moved = [*TABLES, "positions"]
    with connection.transaction(), connection.cursor() as cursor:
        use_schema(cursor, SHADOW)
        cursor.execute("SELECT ledger.new_books(%s)", [schema])
        for table in moved:
            shadow = sql.Identifier(SHADOW, table)
            cursor.execute(sql.SQL("ANALYZE {}").format(shadow))
            cursor.execute(
                sql.SQL("ALTER TABLE {} SET SCHEMA {}").format(shadow, sql.Identifier(schema))
            )
        cursor.execute(
            sql.SQL(_AROUND).format(
                schema=sql.Identifier(schema), on=sql.Literal(on), upto=sql.Literal(upto)
            )
        )
        for definition in _functions(cursor):
            cursor.execute(_in_schema(definition, schema).encode())
        for view, definition in views(cursor):
            name = sql.Identifier(schema, view).as_string(cursor)
            cursor.execute(f"CREATE VIEW {name} AS {_in_schema(definition, schema)}".encode())


_AROUND = """
    CREATE TABLE {schema}.made AS
        SELECT {on}::date AS as_of, {upto}::bigint AS position, now() AS made_at;
    CREATE TABLE {schema}.accounts AS SELECT * FROM read.accounts;
    CREATE VIEW {schema}.events AS SELECT * FROM ledger.events WHERE position <= {upto};
    CREATE VIEW {schema}.valued AS
        SELECT * FROM {schema}.events WHERE effective_on <= coalesce({on}::date, 'infinity')
"""


def _functions(cursor: Cursor[Any]) -> list[str]:
    cursor.execute(
        "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = %s::regnamespace"
        " ORDER BY oid",
        [LIVE],
    )
    return [definition for (definition,) in cursor.fetchall()]


def _in_schema(definition: str, schema: str) -> str:
    """SQL of a live function or view, over the books in ``schema``."""
    valued = re.sub(r"\bledger\.events\b", f"{schema}.valued", definition)
    return re.sub(r"\bread\.", f"{schema}.", valued)

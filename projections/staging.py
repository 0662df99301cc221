"""Columns into PostgreSQL: whole numpy arrays as one binary COPY, without a Python loop per row."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, LiteralString, TypeAlias

from numpy.typing import NDArray
from psycopg import Cursor, sql

from ledger.packed_rows import copy_packed, day_number, packed
from ledger.text_rows import lines_of

Column: TypeAlias = tuple[str, str, NDArray[Any]]
"""Name, type (as `ledger.packed_rows` has them) and values."""

NO_DATE = 2**31 - 1
"""PostgreSQL's `infinity`: a column without a date is staged with it and read by NULLIF."""


def day(on: date | None) -> int:
    """A date as PostgreSQL counts it; ``NO_DATE`` for none."""
    return NO_DATE if on is None else day_number(on)


def copy_columns(cursor: Cursor[Any], table: LiteralString, columns: Sequence[Column]) -> None:
    """COPY whole columns, none of them null, into ``table``."""
    if not len(columns[0][2]):
        return
    copy_packed(
        cursor,
        table,
        [name for name, _, _ in columns],
        [packed([(kind, values) for _, kind, values in columns])],
    )


def copy_rows(
    cursor: Cursor[Any],
    table: LiteralString,
    names: Sequence[str],
    rows: Iterable[Sequence[Any]],
) -> None:
    """COPY rows of mixed values, nulls and text among them."""
    copy_lines(cursor, table, names, lines_of(rows))


def copy_lines(
    cursor: Cursor[Any], table: LiteralString, names: Sequence[str], lines: Iterable[str]
) -> None:
    """COPY rows as ``lines_of`` writes them."""
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    into = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.SQL(table), columns)
    with cursor.copy(into) as copy:
        for some in lines:
            copy.write(some)


def staging_table(cursor: Cursor[Any], name: LiteralString, columns: LiteralString) -> None:
    """A temporary table of this connection, empty again after each commit."""
    cursor.execute(
        sql.SQL("CREATE TEMPORARY TABLE IF NOT EXISTS {} ({}) ON COMMIT DELETE ROWS").format(
            sql.SQL(name), sql.SQL(columns)
        )
    )

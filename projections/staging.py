"""Columns into PostgreSQL: whole numpy arrays as one binary COPY, without a Python loop per row."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import islice
from typing import Any, LiteralString, TypeAlias
from uuid import UUID

from numpy.typing import NDArray
from psycopg import Cursor, sql

from ledger.log import moment
from ledger.packed_rows import copy_packed, day_number, packed

Column: TypeAlias = tuple[str, str, NDArray[Any]]
"""Name, type (as `ledger.packed_rows` has them) and values."""

ROWS_AT_ONCE = 1_000

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


def lines_of(rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Rows in COPY's text form, many in each piece."""
    lines = (
        "\t".join([str(v) if v.__class__ is int else _field(v) for v in row]) + "\n" for row in rows
    )
    yield from in_pieces(lines)


def in_pieces(lines: Iterable[str]) -> Iterator[str]:
    """Lines, many in each piece."""
    rest = iter(lines)
    while some := "".join(islice(rest, ROWS_AT_ONCE)):
        yield some


NULL = r"\N"


class Days(dict[date, str]):
    """Dates in COPY's text form, each written once."""

    def __missing__(self, on: date) -> str:
        self[on] = written = on.isoformat()
        return written


class Moments(dict[int, str]):
    """Instants, as PostgreSQL counts them, in COPY's text form, each written once."""

    def __missing__(self, instant: int) -> str:
        self[instant] = written = moment(int(instant)).isoformat()
        return written


def escaped(text: str) -> str:
    """Text in COPY's text form."""
    return text if text.isprintable() and "\\" not in text else text.translate(_ESCAPED)


def _field(value: Any) -> str:
    """A value in COPY's text form; psycopg's own adapters take five times as long."""
    if value is None:
        return NULL
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, list):
        quoted = (one.replace("\\", r"\\").replace('"', r"\"") for one in value)
        return _field("{" + ",".join(f'"{one}"' for one in quoted) + "}")
    return str(value)


_ESCAPED = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def staging_table(cursor: Cursor[Any], name: LiteralString, columns: LiteralString) -> None:
    """A temporary table of this connection, empty again after each commit."""
    cursor.execute(
        sql.SQL("CREATE TEMPORARY TABLE IF NOT EXISTS {} ({}) ON COMMIT DELETE ROWS").format(
            sql.SQL(name), sql.SQL(columns)
        )
    )

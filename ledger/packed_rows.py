"""Rows of fixed width as PostgreSQL sends them: one numpy array, out of a query or into a table.

Nothing is null; dates are days since 2000, as PostgreSQL counts them.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, LiteralString, TypeAlias

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection, Cursor
from psycopg.sql import SQL, Composed, Identifier

Types: TypeAlias = Mapping[str, str]
"""PostgreSQL's type of each column, in order."""

WIDTHS = {"uuid": "V16", "int8": ">i8", "int4": ">i4", "int2": ">i2", "bool": "u1", "date": ">i4"}
SENDS: Mapping[str, LiteralString] = {
    "uuid": "uuid_send", "int8": "int8send", "int4": "int4send", "int2": "int2send",
    "bool": "boolsend", "date": "date_send",
}  # fmt: skip
HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
FIRST_DAY = date(2000, 1, 1)
NEVER = -(2**31)
"""PostgreSQL's date `-infinity`."""


def day_number(on: date) -> int:
    """A date as PostgreSQL counts it."""
    return on.toordinal() - FIRST_DAY.toordinal()


def days(numbers: NDArray[Any]) -> NDArray[np.datetime64]:
    """The dates of such numbers."""
    return np.datetime64(FIRST_DAY, "D") + numbers.astype("m8[D]")


def read(
    connection: Connection[Any], query: LiteralString, values: Mapping[str, Any], types: Types
) -> NDArray[np.void]:
    """The rows of ``query``, whose columns are of ``types``; columns by their names.

    PostgreSQL packs each column: no row is handled by itself.
    """
    packed = SQL(", ").join(
        SQL("string_agg({}({}), '')").format(SQL(SENDS[kind]), Identifier(name))
        for name, kind in types.items()
    )
    names = SQL(", ").join(map(Identifier, types))
    whole = SQL("SELECT {} FROM ({}) AS page ({})").format(packed, SQL(query), names)
    [columns] = connection.cursor(binary=True).execute(whole, values).fetchall()
    layout = np.dtype([(name, WIDTHS[kind]) for name, kind in types.items()])
    rows = np.empty(len(columns[0] or b"") // layout[0].itemsize, layout)
    for name, column in zip(types, columns, strict=True):
        rows[name] = np.frombuffer(column or b"", layout[name])
    return rows


def write(
    cursor: Cursor[Any], table: LiteralString, types: Types, columns: Mapping[str, NDArray[Any]]
) -> None:
    """Add rows to ``table``, from columns of one length by their names."""
    layout = _layout(types)
    rows = np.empty(len(columns[next(iter(types))]), layout)
    rows["columns"] = len(types)
    for name in types:
        rows[f"{name} width"] = layout[name].itemsize
        rows[name] = columns[name]
    with cursor.copy(_into(table, types)) as copy:
        copy.write(HEADER + rows.tobytes() + TRAILER)


def _layout(types: Types) -> "np.dtype[np.void]":
    fields = [("columns", ">i2")]
    for name, kind in types.items():
        fields += [(f"{name} width", ">i4"), (name, WIDTHS[kind])]
    return np.dtype(fields)


def _into(table: LiteralString, types: Types) -> Composed:
    names = SQL(", ").join(map(Identifier, types))
    return SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(SQL(table), names)

"""Rows of fixed width in PostgreSQL's binary COPY: one numpy array, out of a query or into a table.

Nothing is null; dates are days since 2000, as PostgreSQL counts them.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, LiteralString, TypeAlias

import numpy as np
from numpy.typing import NDArray
from psycopg import Cursor
from psycopg.sql import SQL, Composed, Identifier

Types: TypeAlias = Mapping[str, str]
"""PostgreSQL's type of each column, in order."""

WIDTHS = {"uuid": "V16", "int8": ">i8", "int4": ">i4", "int2": ">i2", "bool": "u1", "date": ">i4"}
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
    cursor: Cursor[Any], query: LiteralString, values: Mapping[str, Any], types: Types
) -> NDArray[np.void]:
    """The rows of ``query``, whose columns are of ``types``; columns by their names."""
    with cursor.copy(SQL("COPY ({}) TO STDOUT (FORMAT BINARY)").format(SQL(query)), values) as copy:
        data = b"".join(copy)
    rows, rest = divmod(len(data) - len(HEADER) - len(TRAILER), _layout(types).itemsize)
    assert rest == 0, f"{len(data)} bytes are no whole number of rows"
    return np.frombuffer(data, _layout(types), rows, len(HEADER))


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

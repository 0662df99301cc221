"""Rows of fixed width as PostgreSQL sends them: one numpy array, out of a query or into a table.

Nothing is null; dates are days since 2000, as PostgreSQL counts them.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, LiteralString, TypeAlias

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection, Cursor
from psycopg.sql import SQL, Identifier

Types: TypeAlias = Mapping[str, str]
"""PostgreSQL's type of each column (a key of ``WIDTHS``), in order."""

WIDTHS = {"uuid": "V16", "int8": ">i8", "int4": ">i4", "int2": ">i2", "bool": "u1", "date": ">i4"}
SENDS: Mapping[str, LiteralString] = {
    "uuid": "uuid_send", "int8": "int8send", "int4": "int4send", "int2": "int2send",
    "bool": "boolsend", "date": "date_send",
}  # fmt: skip
HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
FIRST_DAY = date(2000, 1, 1)
FIRST_ORDINAL = FIRST_DAY.toordinal()
NEVER = -(2**31)
"""PostgreSQL's date `-infinity`."""


def day_number(on: date) -> int:
    """A date as PostgreSQL counts it."""
    return on.toordinal() - FIRST_ORDINAL


def days(numbers: NDArray[Any]) -> NDArray[np.datetime64]:
    """The dates of such numbers."""
    return np.datetime64(FIRST_DAY, "D") + numbers.astype("m8[D]")


def hexes(ids: NDArray[Any]) -> list[str]:
    """Ids in digits."""
    digits = ids.tobytes().hex()
    return [digits[at : at + 32] for at in range(0, len(digits), 32)]


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
    rows = packed([(kind, columns[name]) for name, kind in types.items()])
    copy_packed(cursor, table, list(types), [rows])


def packed(columns: Sequence[tuple[str, NDArray[Any]]]) -> bytes:
    """Rows of (type, values) columns as binary COPY wants them, without header and trailer.

    Besides the types of ``WIDTHS`` there is text: bytes of one length.
    """
    layout: list[tuple[str, str]] = [("columns", ">i2")]
    for at, (kind, values) in enumerate(columns):
        layout += [(f"width{at}", ">i4"), (f"value{at}", WIDTHS.get(kind) or values.dtype.str)]
    rows = np.empty(len(columns[0][1]), dtype=layout)
    rows["columns"] = len(columns)
    for at, (_, values) in enumerate(columns):
        rows[f"width{at}"] = rows.dtype[f"value{at}"].itemsize
        rows[f"value{at}"] = values
    return rows.tobytes()


def copy_packed(
    cursor: Cursor[Any], table: LiteralString, names: Sequence[str], rows: Iterable[bytes]
) -> None:
    """COPY rows already packed into ``table``."""
    columns = SQL(", ").join(map(Identifier, names))
    into = SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(SQL(table), columns)
    with cursor.copy(into) as copy:
        copy.write(HEADER)
        for some in rows:
            copy.write(some)
        copy.write(TRAILER)

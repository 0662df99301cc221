"""Rows of mixed values in COPY's text form: psycopg's own adapters take five times as long."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import islice
from typing import Any
from uuid import UUID

from ledger.log import moment

ROWS_AT_ONCE = 1_000
NULL = r"\N"


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
    """A value in COPY's text form."""
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

"""A file of index values (columns index, day, value), taken in whole or not at all.

A value is a percentage such as 11.2450 for a rate, a plain number such as 8.123456 for a unit of
account (`ledger/units.py`). The same value again adds nothing; another value for a day that has
one is refused, unless it comes as a correction, which is kept beside what was known before. A rate
already fixed on the old value stays as it was fixed: change it by `change_rate`.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

from msgspec import Struct
from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from domain.money import MILLION
from ledger.csv_lines import CsvLines, Line, Reject
from ledger.errors import IndexValueDiffers
from ledger.fields import Fields, percent
from ledger.money import FormError, rate_text
from ledger.store import Store
from ledger.units import INDICES, value_text

COLUMNS: dict[str, tuple[str, ...]] = {
    "index": ("índice", "serie", "tasa", "name"),
    "day": ("date", "fecha", "día"),
    "value": ("valor", "dato"),
}
REQUIRED = ("index", "day", "value")
LONGEST_NAME = 40
EARLIEST, LATEST = date(1900, 1, 1), date(2200, 12, 31)
ONE_AT_A_TIME = 8400000003  # advisory lock: two files could bring two values for one day
WORTH = re.compile(r"\d{1,9}(\.\d{1,6})?", re.ASCII)


class IndexReport(Struct, kw_only=True):
    """What an import came to. ``repeated``: the value was known already."""

    lines: int = 0
    added: int = 0
    corrected: int = 0
    repeated: int = 0


class IndexDay(Struct, frozen=True, kw_only=True):
    """What an index was worth on a day, in millionths."""

    index: str
    day: date
    value: int

    @property
    def shown(self) -> str:
        """A rate in percent, or a unit's worth."""
        return _text(self.index, self.value)


class IndexSeries(Struct, frozen=True, kw_only=True):
    """One index: how many days it has a value for, and the newest of them."""

    index: str
    days: int
    since: date
    until: date
    value: int
    recorded_at: datetime

    @property
    def shown(self) -> str:
        """A rate in percent, or a unit's worth."""
        return _text(self.index, self.value)


def import_index(
    store: Store,
    path: Path,
    *,
    correct: bool = False,
    encoding: str = "utf-8",
    actor: str = "operator",
) -> IndexReport:
    """Keep every value of the file at ``path``, or none.

    Errors: ``FormError`` naming the line that cannot be read, ``IndexValueDiffers`` naming the
    one that has another value than is known, ``OSError``.
    """
    with CsvLines(path, COLUMNS, REQUIRED, encoding) as lines:
        given = list(_read(lines))

    def keep(connection: Connection[TupleRow]) -> IndexReport:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [ONE_AT_A_TIME])
            return _keep(connection, given, correct=correct, actor=actor)

    return store.run(keep)


def series(store: Store, index: str | None = None) -> list[IndexSeries]:
    """The indices there are, or the one named."""

    def read(connection: Connection[TupleRow]) -> list[IndexSeries]:
        with connection.cursor(row_factory=class_row(IndexSeries)) as cursor:
            return cursor.execute(
                "SELECT DISTINCT ON (index) index, days, since, on_day AS until, value,"
                " recorded_at FROM ledger.index_values"
                " JOIN (SELECT index, count(DISTINCT on_day) AS days, min(on_day) AS since"
                "       FROM ledger.index_values GROUP BY index) AS whole USING (index)"
                " WHERE %(index)s::text IS NULL OR index = %(index)s"
                " ORDER BY index, on_day DESC, revision DESC",
                {"index": index},
            ).fetchall()

    return store.run(read)


def _read(lines: CsvLines) -> Iterator[tuple[int, IndexDay]]:
    seen: dict[tuple[str, date], int] = {}
    for line in lines:
        if isinstance(line, Reject):
            raise FormError(f"line {line.line}: {line.field}", line.reason)
        try:
            found = _index_day(line)
            first = seen.setdefault((found.index, found.day), line.number)
            if first != line.number:
                raise FormError("day", f"{found.day} of {found.index} stands on line {first} too")
        except FormError as error:
            raise FormError(f"line {line.number}: {error.field}", error.rule) from None
        yield line.number, found


def _index_day(line: Line) -> IndexDay:
    fields = Fields({name: cell for name, cell in line.cells.items() if cell})
    index = fields.text("index", longest=LONGEST_NAME)
    if not index.isprintable():
        raise FormError("index", "must be printable")
    day = fields.day("day")
    if not EARLIEST <= day <= LATEST:
        raise FormError("day", f"{day} must lie between {EARLIEST} and {LATEST}")
    return IndexDay(index=index, day=day, value=_value(index, fields.text("value")))


def _value(index: str, cell: str) -> int:
    if index not in INDICES:
        return -percent(cell[1:], "value") if cell.startswith("-") else percent(cell, "value")
    if not WORTH.fullmatch(cell):
        rule = f"must be what one {index} is worth, such as 8.123456, not {cell[:40]!r}"
        raise FormError("value", rule)
    whole, _, part = cell.partition(".")
    value = int(whole) * MILLION + int(part.ljust(6, "0"))
    if not value:
        raise FormError("value", "must be more than zero")
    return value


def _keep(
    connection: Connection[TupleRow],
    given: list[tuple[int, IndexDay]],
    *,
    correct: bool,
    actor: str,
) -> IndexReport:
    names = [found.index for _, found in given]
    days = [found.day for _, found in given]
    known = {
        (index, day): (revision, value)
        for index, day, revision, value in connection.execute(
            "SELECT DISTINCT ON (index, on_day) index, on_day, revision, value"
            " FROM ledger.index_values"
            " JOIN unnest(%s::text[], %s::date[]) AS asked (index, on_day) USING (index, on_day)"
            " ORDER BY index, on_day, revision DESC",
            [names, days],
        )
    }
    report = IndexReport(lines=len(given))
    rows = []
    for line, found in given:
        revision, value = known.get((found.index, found.day), (0, None))
        if value == found.value:
            report.repeated += 1
            continue
        if value is not None and not correct:
            before = _text(found.index, value)
            raise IndexValueDiffers(f"line {line}", found.index, found.day, before, found.shown)
        report.added += value is None
        report.corrected += value is not None
        rows.append((found.index, found.day, revision + 1, found.value, actor))
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "COPY ledger.index_values (index, on_day, revision, value, recorded_by) FROM STDIN"
        ) as copy,
    ):
        for row in rows:
            copy.write_row(row)
    return report


def _text(index: str, value: int) -> str:
    return value_text(value) if index in INDICES else rate_text(value)

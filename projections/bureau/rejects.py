"""What a bureau sent back: read by a declarative layout, and followed until a later file has it."""

import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import Struct
from psycopg import Connection, Cursor

from projections.bureau.errors import BadLayout, BadRejects
from projections.bureau.kept import Kept


class Span(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a field of a fixed line stands; the first place is 1."""

    start: int
    length: int


class Layout(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a reject file is laid out.

    ``columns`` has, for account, cut_off, code, field and message, the name or number (from 1) of
    a column, or the span of a fixed line (no ``delimiter``). Only ``account`` must be there.
    """

    columns: dict[Literal["account", "cut_off", "code", "field", "message"], str | int | Span]
    delimiter: str = ""
    header: bool = False
    encoding: str = "latin-1"
    dates: Literal["ddmmyyyy", "yyyymmdd"] = "ddmmyyyy"


class Reject(Struct, frozen=True):
    """One line of a reject file, found again among what was sent."""

    loan_no: str
    person: str
    line: int
    code: str
    field: str
    message: str


class Open(Struct, frozen=True):
    """A reject that no later file has answered."""

    file: int
    cut_off: date
    loan_no: str
    person: str
    code: str
    field: str
    message: str


def read_layout(path: Path) -> Layout:
    """A layout, in YAML. Errors: ``BadLayout`` naming the key."""
    try:
        layout = msgspec.yaml.decode(path.read_bytes(), type=Layout)
    except msgspec.MsgspecError as error:
        raise BadLayout(" ".join(str(error).split())) from None
    if "account" not in layout.columns:
        raise BadLayout("columns: account is missing")
    for name, place in layout.columns.items():
        fixed = isinstance(place, Span)
        if fixed is bool(layout.delimiter):
            raise BadLayout(f"columns.{name}: a span goes with no delimiter, a column with one")
        if isinstance(place, str) and not layout.header:
            raise BadLayout(f"columns.{name}: {place!r} is a name, but there is no header")
        if (isinstance(place, int) and place < 1) or (isinstance(place, Span) and place.start < 1):
            raise BadLayout(f"columns.{name}: the first is 1")
    return layout


def take(
    connection: Connection[Any], path: Path, layout: Layout, file: Kept, actor: str
) -> list[Reject]:
    """Keep the rejects of a file that was sent, all or none.

    Errors: ``BadRejects`` naming the line: of another cut-off date, or an account not in the file.
    """
    if not file.sent:
        raise BadRejects(f"file {file.file} was not marked as sent")
    accounts = _accounts(connection, file.file)
    rows: list[tuple[UUID, Reject]] = []
    for number, cells in _lines(path, layout):
        _check_month(number, cells, layout, file)
        account = cells.get("account", "")
        if account not in accounts:
            raise BadRejects(f"line {number}: account {account!r} is not in file {file.file}")
        for loan_id, person in accounts[account]:
            told = (cells.get(name, "") for name in ("code", "field", "message"))
            rows.append((loan_id, Reject(account, person, number, *told)))
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO bureau.rejects (loan_id, file, person, loan_no, line, code, field,"
            " message, actor) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [
                (loan_id, file.file, one.person, one.loan_no, one.line, one.code, one.field,
                 one.message, actor)
                for loan_id, one in rows
            ],
        )  # fmt: skip
    return [one for _, one in rows]


def _accounts(connection: Connection[Any], file: int) -> dict[str, list[tuple[UUID, str]]]:
    found: dict[str, list[tuple[UUID, str]]] = {}
    for loan_no, loan_id, person in connection.execute(
        "SELECT loan_no, loan_id, person FROM bureau.records WHERE file = %s", [file]
    ):
        found.setdefault(loan_no, []).append((loan_id, person))
    return found


def _lines(path: Path, layout: Layout) -> Iterator[tuple[int, dict[str, str]]]:
    """Each line's number and its cells by the layout's names."""
    with path.open(encoding=layout.encoding, newline="") as file:
        if not layout.delimiter:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, _spans(line.rstrip("\r\n"), layout)
            return
        rows = csv.reader(file, delimiter=layout.delimiter)
        head = next(rows, []) if layout.header else []
        for cells in rows:
            if cells:
                yield rows.line_num, _cells(rows.line_num, cells, head, layout)


def _spans(line: str, layout: Layout) -> dict[str, str]:
    return {
        name: line[span.start - 1 : span.start - 1 + span.length].strip()
        for name, span in layout.columns.items()
        if isinstance(span, Span)
    }


def _cells(number: int, cells: list[str], head: list[str], layout: Layout) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, place in layout.columns.items():
        if isinstance(place, str) and place not in head:
            raise BadRejects(f"line 1: there is no column {place!r}")
        at = head.index(place) if isinstance(place, str) else place - 1  # type: ignore[operator]
        if at >= len(cells):
            raise BadRejects(f"line {number}: has {len(cells)} cells, {name} is cell {at + 1}")
        found[name] = cells[at].strip()
    return found


def _check_month(number: int, cells: dict[str, str], layout: Layout, file: Kept) -> None:
    if "cut_off" not in layout.columns:
        return
    form = "%d%m%Y" if layout.dates == "ddmmyyyy" else "%Y%m%d"
    if cells["cut_off"] != f"{file.cut_off:{form}}":
        raise BadRejects(
            f"line {number}: is of {cells['cut_off']!r}, file {file.file} of {file.cut_off}"
        )


def waiting(cursor: Cursor[Any], bureau: str) -> frozenset[tuple[UUID, str]]:
    """Loans and persons with a reject that no later file has answered."""
    rows = cursor.execute(f"SELECT loan_id, person {_OPEN}", {"bureau": bureau}).fetchall()
    return frozenset((loan_id, person) for loan_id, person in rows)


def still_open(connection: Connection[Any], bureau: str) -> list[Open]:
    """Rejects that no later file has answered."""
    rows = connection.execute(
        "SELECT rejects.file, files.cut_off, rejects.loan_no, rejects.person, rejects.code,"
        f" rejects.field, rejects.message {_OPEN} ORDER BY rejects.file, rejects.line",
        {"bureau": bureau},
    )
    return [Open(*row) for row in rows]


_OPEN = """
    FROM bureau.rejects JOIN bureau.files USING (file)
    WHERE bureau = %(bureau)s AND NOT EXISTS (
        SELECT FROM bureau.records AS later JOIN bureau.files AS answer USING (file)
        WHERE later.loan_id = rejects.loan_id AND later.person = rejects.person
          AND later.file > rejects.file AND answer.bureau = %(bureau)s
          AND answer.sent_at IS NOT NULL)
"""

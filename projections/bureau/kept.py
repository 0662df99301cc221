"""Files and records as told to bureaus: drafts, what was sent, and what was told before."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import Struct
from psycopg import Connection, Cursor

from projections.bureau.errors import AlreadySent, NothingSent, UnknownFile
from projections.bureau.reported import Before, Problem, Record, Report, Totals, next_before
from projections.bureau.tradeline import Tradeline

Key = tuple[UUID, str]
"""A loan and a person."""
Sort = Literal["full", "correction"]


class Kept(Struct, frozen=True):
    """A file as the books have it."""

    file: int
    bureau: str
    format: str
    cut_off: date
    kind: Sort
    records: int
    balance: int
    past_due: int
    sha256: str
    sent: bool


def lock(cursor: Cursor[Any], bureau: str) -> None:
    """Until the transaction ends nobody else writes of that bureau, nor says that he sent."""
    cursor.execute("SELECT pg_advisory_xact_lock(hashtext('bureau ' || %s))", [bureau])


def begin(
    cursor: Cursor[Any], bureau: str, form: str, cut_off: date, kind: Sort, position: int,
    lender: bytes, actor: str,
) -> int:  # fmt: skip
    """A new draft, in the place of another of the same bureau, day and kind; its number.

    Errors: ``AlreadySent``, ``NothingSent``.
    """
    lock(cursor, bureau)
    sent = sent_file(cursor, bureau, cut_off)
    if kind == "full" and sent is not None:
        raise AlreadySent(bureau, cut_off, sent)
    if kind == "correction" and sent is None:
        raise NothingSent(bureau, cut_off)
    cursor.execute(
        "DELETE FROM bureau.files WHERE bureau = %s AND cut_off = %s AND sent_at IS NULL",
        [bureau, cut_off],
    )
    [[file]] = cursor.execute(
        "INSERT INTO bureau.files (bureau, format, cut_off, kind, position, lender, actor)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING file",
        [bureau, form, cut_off, kind, position, lender, actor],
    ).fetchall()
    return int(file)


def sent_file(cursor: Cursor[Any], bureau: str, cut_off: date) -> int | None:
    """The number of the file that was sent of a cut-off date."""
    row = cursor.execute(
        "SELECT file FROM bureau.files WHERE bureau = %s AND cut_off = %s AND kind = 'full'"
        " AND sent_at IS NOT NULL",
        [bureau, cut_off],
    ).fetchone()
    return row[0] if row else None


def last_sent(cursor: Cursor[Any], bureau: str, before: date) -> date | None:
    """The latest cut-off date before ``before`` of which a file was sent."""
    [[found]] = cursor.execute(
        "SELECT max(cut_off) FROM bureau.files"
        " WHERE bureau = %s AND cut_off < %s AND sent_at IS NOT NULL",
        [bureau, before],
    ).fetchall()
    return found if isinstance(found, date) else None


def told(cursor: Cursor[Any], bureau: str, loans: Sequence[UUID], upto: date) -> dict[Key, Before]:
    """What was last told of each loan and person by files of cut-off dates up to ``upto``."""
    rows = cursor.execute(
        "SELECT DISTINCT ON (loan_id, person) loan_id, person, told FROM bureau.records"
        " JOIN bureau.files USING (file)"
        " WHERE loan_id = ANY(%s) AND bureau = %s AND cut_off <= %s AND sent_at IS NOT NULL"
        " ORDER BY loan_id, person, cut_off DESC, file DESC",
        [list(loans), bureau, upto],
    )
    return {(loan, person): msgspec.convert(kept, Before) for loan, person, kept in rows}


def facts(
    cursor: Cursor[Any], bureau: str, loans: Sequence[UUID], cut_off: date
) -> dict[Key, Tradeline]:
    """What was last sent of each loan and person for that very date."""
    rows = cursor.execute(
        "SELECT DISTINCT ON (loan_id, person) loan_id, person, facts FROM bureau.records"
        " JOIN bureau.files USING (file)"
        " WHERE loan_id = ANY(%s) AND bureau = %s AND cut_off = %s AND sent_at IS NOT NULL"
        " ORDER BY loan_id, person, file DESC",
        [list(loans), bureau, cut_off],
    )
    return {(loan, person): msgspec.convert(kept, Tradeline) for loan, person, kept in rows}


COLUMNS = ("loan_id, file, person, role, loan_no, currency, balance, past_due, owed, days_past_due,"
           " closed, told, facts")  # fmt: skip
LEFT_OUT = "loan_id, file, person, role, loan_no, currency, owed, field, rule"


def row(file: int, loan_id: UUID, report: Report, record: Record) -> tuple[Any, ...]:
    """A record of a draft, by ``COLUMNS``."""
    line = report.line
    return (
        loan_id, file, report.person.reference, report.role.value, line.loan_no, line.currency,
        record.balance, record.past_due, line.balance, line.days_past_due,
        line.status == "closed", _json(next_before(report, record)), _json(line),
    )  # fmt: skip


def unsendable_row(
    file: int, loan_id: UUID, line: Tradeline, role: str, problem: Problem
) -> tuple[Any, ...]:
    """What a draft leaves out and why, by ``LEFT_OUT``."""
    return (
        loan_id, file, problem.person, role, line.loan_no, line.currency, line.balance,
        problem.field, problem.rule,
    )  # fmt: skip


def keep(cursor: Cursor[Any], records: bytes, left_out: bytes) -> None:
    """Rows of a draft, in CSV."""
    for table, columns, rows in (("records", COLUMNS, records), ("unsendable", LEFT_OUT, left_out)):
        if rows:
            with cursor.copy(f"COPY bureau.{table} ({columns}) FROM STDIN (FORMAT csv)") as copy:
                copy.write(rows)


def finish(cursor: Cursor[Any], file: int, totals: Totals, sha256: bytes) -> None:
    """The draft's control figures and digest."""
    cursor.execute(
        "UPDATE bureau.files SET sha256 = %s, records = %s, balance = %s, past_due = %s"
        " WHERE file = %s",
        [sha256, totals.records, totals.balance, totals.past_due, file],
    )


def mark_sent(connection: Connection[Any], sha256: bytes, actor: str) -> Kept:
    """A draft of those very bytes went to its bureau: from now on it stands.

    Errors: ``UnknownFile``, ``AlreadySent``.
    """
    with connection.transaction(), connection.cursor() as cursor:
        found = one(cursor, sha256=sha256)
        lock(cursor, found.bureau)
        if found.sent:
            raise AlreadySent(found.bureau, found.cut_off, found.file)
        before = sent_file(cursor, found.bureau, found.cut_off)
        if found.kind == "full" and before is not None:
            raise AlreadySent(found.bureau, found.cut_off, before)
        cursor.execute(
            "UPDATE bureau.files SET sent_at = now(), sent_by = %s WHERE file = %s",
            [actor, found.file],
        )
        return one(cursor, file=found.file)


def one(cursor: Cursor[Any], *, file: int = 0, sha256: bytes = b"") -> Kept:
    """A file by its number or its digest. Errors: ``UnknownFile``."""
    row = cursor.execute(
        "SELECT file, bureau, format, cut_off, kind, records, balance, past_due,"
        " encode(sha256, 'hex'), sent_at IS NOT NULL FROM bureau.files"
        " WHERE (file = %s OR sha256 = %s) AND sha256 IS NOT NULL ORDER BY file DESC LIMIT 1",
        [file, sha256],
    ).fetchone()
    if row is None:
        what = f"number {file}" if file else "those bytes: it was written anew since, or elsewhere"
        raise UnknownFile(f"no file was written here of {what}")
    return Kept(*row)


def files(connection: Connection[Any]) -> list[Kept]:
    """All files, the latest first."""
    rows = connection.execute(
        "SELECT file, bureau, format, cut_off, kind, records, balance, past_due,"
        " encode(sha256, 'hex'), sent_at IS NOT NULL FROM bureau.files"
        " WHERE sha256 IS NOT NULL ORDER BY file DESC"
    ).fetchall()
    return [Kept(*row) for row in rows]


def _json(what: Struct) -> str:
    return msgspec.json.encode(what).decode()

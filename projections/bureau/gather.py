"""Which loans a bureau is told of on a cut-off date, folded from the log in the order of a file."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection, IsolationLevel, sql

from ledger import log
from projections.bureau.errors import CutOffNotClosed, ReadModelsBehind
from projections.bureau.reported import Format
from projections.bureau.tradeline import Tradeline, tradeline

PAGE = 500


def check_closed(connection: Connection[Any], cut_off: date) -> None:
    """Refuse a date that some loan may still change on. Errors: ``CutOffNotClosed``."""
    [(loans, example)] = connection.execute(
        "SELECT count(*), min(loan_no) FROM ledger.loan_state"
        " WHERE status = 'active' AND greatest(accrued_through, closed_through) < %s",
        [cut_off],
    ).fetchall()
    if loans:
        raise CutOffNotClosed(cut_off, loans, example)


def check_current(reader: Connection[Any], cut_off: date) -> None:
    """Refuse to list loans while some may be missing. Errors: ``ReadModelsBehind``."""
    [[behind]] = reader.execute(
        "SELECT EXISTS (SELECT FROM ledger.events WHERE effective_on <= %s AND position > coalesce("
        "(SELECT position FROM read.positions WHERE projection = 'loans'), 0))",
        [cut_off],
    ).fetchall()
    if behind:
        raise ReadModelsBehind(cut_off)


@contextmanager
def one_moment(reader: Connection[Any]) -> Iterator[int]:
    """The connection reads one moment of the books; how far the log goes then."""
    reader.set_isolation_level(IsolationLevel.REPEATABLE_READ)
    try:
        with reader.transaction():
            [[position]] = reader.execute(
                "SELECT coalesce(max(position), 0) FROM ledger.events"
            ).fetchall()
            yield int(position)
    finally:
        reader.set_isolation_level(None)


def loans(
    reader: Connection[Any], form: Format, cut_off: date, since: date | None
) -> Iterator[list[tuple[UUID, date | None]]]:
    """Pages of loans that owe on the day, or closed since the last file, in the order of the file.

    Each with the day that it closed. A loan closed before is told of once more if the bureau still
    has it as open. ``since`` is the last file's cut-off date; without one the month's beginning is
    meant.
    """
    since = since or cut_off.replace(day=1) - timedelta(days=1)
    with reader.cursor(name="bureau") as found:
        order = sql.SQL("borrower," if form.order == "borrower" else "")
        given = {"on": cut_off, "since": since, "bureau": form.bureau}
        found.execute(sql.SQL(_LOANS).format(order=order), given)
        while page := found.fetchmany(PAGE):
            yield [(loan_id, closed_on) for loan_id, closed_on in page]


def most(reader: Connection[Any], cut_off: date) -> int:
    """How many loans there may be at most."""
    [[count]] = reader.execute(
        "SELECT count(*) FROM read.loans WHERE booked_on <= %s", [cut_off]
    ).fetchall()
    return int(count)


def folded(
    reader: Connection[Any], page: Sequence[tuple[UUID, date | None]], cut_off: date
) -> list[tuple[UUID, Tradeline]]:
    """The tradelines of a page; a loan that nothing was paid out of has none."""
    known = log.load_many(reader, [loan_id for loan_id, _ in page])
    lines = ((one, tradeline(known[one], cut_off, closed_on)) for one, closed_on in page)
    return [(loan_id, line) for loan_id, line in lines if line is not None]


_LOANS = """
    SELECT loan_id, closed_on FROM read.loans
    WHERE booked_on <= %(on)s
      AND (closed_on IS NULL OR closed_on > %(since)s
           OR NOT (SELECT closed FROM bureau.records JOIN bureau.files USING (file)
                   WHERE records.loan_id = loans.loan_id AND bureau = %(bureau)s
                     AND cut_off < %(on)s AND sent_at IS NOT NULL
                   ORDER BY cut_off DESC, file DESC LIMIT 1))
    ORDER BY {order} loan_no COLLATE "C", loan_id
"""

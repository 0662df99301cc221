"""The close of many quiet loans at once: counted in columns, written in one transaction."""

from itertools import groupby
from operator import itemgetter
from typing import Any, LiteralString
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection, Cursor, errors
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Literal

from domain.arrays.book import Bools
from domain.arrays.quiet import Ran, quiet_day
from domain.quiet import Runs
from ledger import bulk
from ledger.closing.by_loan import redo
from ledger.closing.columns import Quiet, date_of
from ledger.closing.due import MOVED
from ledger.closing.report import Run
from ledger.closing.rows import COLUMNS, Rows, Texts, in_order
from ledger.errors import NotStorable
from ledger.packed_rows import FIRST_DAY, NEVER, Types, day_number, write
from ledger.recorder import Command
from ledger.store import RACES

CHUNK = 2_000
"""Rows that go to the server at once, so that it works while the next are on their way."""

SUMS = ("interest", "interest_tax", "late_interest", "late_interest_tax", "exact")

STAGED: Types = {
    "loan_id": "uuid", "seen": "int4", "version": "int4", "accrued_through": "date",
    "closed_through": "date", **dict.fromkeys(SUMS, "int8"),
}  # fmt: skip


class Counted:
    """The quiet days of some loans: their rows of the log, and what they add to their state."""

    def __init__(self, quiet: Quiet, command: Command) -> None:
        size = len(quiet.rows)
        self.quiet, self.command = quiet, command
        self.sums = {name: np.zeros(size, np.int64) for name in SUMS}
        self.texts: list[Texts] = []
        rows = Rows(quiet, command.id)
        for number in range(int(quiet.first.min()), int(quiet.last.max()) + 1):
            closing = (quiet.first <= number) & (number <= quiet.last)
            if not closing.any():
                continue
            day = date_of(number)
            ran, late = quiet_day(quiet.book, quiet.overdue, day, closing)
            quiet.due.add(ran.interest, ran.tax)
            falling = quiet.due.on(number)
            quiet.book.through[quiet.due.place[falling]] = np.datetime64(day, "D")
            self.texts.append(rows.of_day(day, ran, late, falling))
            self._add(ran, late)
        self.versions = rows.versions
        self.events = self.versions - quiet.rows["version"]

    def _add(self, ran: Ran, late: Ran) -> None:
        sums, loan = self.sums, self.quiet.overdue.loan
        sums["interest"] += ran.interest
        sums["interest_tax"] += ran.tax
        sums["exact"] += ran.numerator
        np.add.at(sums["late_interest"], loan, late.interest)
        np.add.at(sums["late_interest_tax"], loan, late.tax)


def close_together(run: Run, counted: Counted) -> None:
    """Record what was counted; a loan that another writer changed meanwhile is closed alone."""
    won = _append(run, counted)
    if won.any():
        run.ledger.facts.wake.call()
    quiet, on = counted.quiet, day_number(run.on)
    run.count(int(counted.events[won].sum()), int((quiet.last[won] == on).sum()))
    for row in quiet.rows[~won]:
        closed = int(row["closed_through"])
        loan_id = UUID(bytes=row["loan_id"].tobytes())
        redo(run, loan_id, None if closed == NEVER else date_of(closed))


def _append(run: Run, counted: Counted) -> Bools:
    """Which loans were still as they had been read: these alone are written."""

    def write_all(connection: Connection[TupleRow]) -> Bools:
        with connection.transaction():
            won = _moved(connection, counted)
            if appended := int(counted.events[won].sum()):
                bulk.record(connection, counted.command, appended)
                _copy(connection, counted.texts, won)
            return won

    try:
        return run.ledger.store.run(write_all)
    except (*RACES, errors.UniqueViolation, NotStorable):
        return np.zeros(len(counted.events), np.bool_)


def _moved(connection: Connection[TupleRow], counted: Counted) -> Bools:
    """Move the state rows on that are still at the version they were read at."""
    quiet = counted.quiet
    columns = counted.sums | {
        "loan_id": quiet.rows["loan_id"],
        "seen": quiet.rows["version"],
        "version": counted.versions,
        "accrued_through": (quiet.book.through - np.datetime64(FIRST_DAY, "D")).astype(np.int64),
        "closed_through": quiet.last,
    }
    connection.execute(STAGING, prepare=False)
    plain = np.ones(len(quiet.rows), np.bool_)
    plain[quiet.due.place] = False
    with connection.cursor(binary=True) as cursor:
        _stage_late(cursor, quiet)
        write(cursor, "closing", STAGED, {name: some[plain] for name, some in columns.items()})
        moved = _carried_out(cursor, MOVE, quiet.rows["loan_id"])
        if quiet.due.place.size:
            due = {name: some[quiet.due.place] for name, some in columns.items()}
            write(cursor, "closing_due", {**STAGED, **MOVED}, due | quiet.due.moved(quiet.rows))
            moved += _carried_out(cursor, MOVE_DUE, quiet.rows["loan_id"])
    if len(moved) == len(quiet.rows) * 16:
        return np.ones(len(quiet.rows), np.bool_)
    found = {moved[at : at + 16] for at in range(0, len(moved), 16)}
    return np.array([loan_id in found for loan_id in quiet.rows["loan_id"].tolist()], np.bool_)


def _carried_out(cursor: Cursor[Any], move: LiteralString, ids: NDArray[Any]) -> bytes:
    """The ids of the rows that moved, one after the other; ``ids`` are in order."""
    ends = [Literal(UUID(bytes=ids[at].tobytes())) for at in (0, -1)]
    [[moved]] = cursor.execute(SQL(move).format(*ends)).fetchall()
    return moved or b""


def _stage_late(cursor: Cursor[Any], quiet: Quiet) -> None:
    """The exact sums of the overdue instalments, loan by loan."""
    numerators = quiet.overdue.numerator.tolist()
    lines = zip(quiet.overdue.loan.tolist(), numerators, strict=True)
    with cursor.copy("COPY closing_late (loan_id, numerators) FROM STDIN") as copy:
        for place, some in groupby(lines, itemgetter(0)):
            sums = ",".join(str(numerator) for _, numerator in some)
            copy.write(f"{quiet.rows['loan_id'][place].tobytes().hex()}\t{{{sums}}}\n")


def _copy(connection: Connection[TupleRow], days: list[Texts], won: Bools) -> None:
    rows = in_order(days, won)
    with connection.cursor() as cursor, cursor.copy(COPY) as copy:
        for at in range(0, len(rows), CHUNK):
            copy.write("".join(rows[at : at + CHUNK]))


COPY = f"COPY ledger.events ({COLUMNS}) FROM STDIN"

_CLOSING: LiteralString = """
    loan_id uuid, seen integer, version integer, accrued_through date, closed_through date,
    interest bigint, interest_tax bigint, late_interest bigint, late_interest_tax bigint,
    exact bigint
"""
STAGING: LiteralString = f"""
    CREATE TEMPORARY TABLE IF NOT EXISTS closing ({_CLOSING}) ON COMMIT DELETE ROWS;
    CREATE TEMPORARY TABLE IF NOT EXISTS closing_due (
        {_CLOSING}, period_start_on date, next_due_on date, quiet_until date, accruing integer,
        begins_on date, ends_on date, bears bigint, due_line integer, late_base bigint
    ) ON COMMIT DELETE ROWS;
    CREATE TEMPORARY TABLE IF NOT EXISTS closing_late (loan_id uuid, numerators bigint[])
        ON COMMIT DELETE ROWS
"""


def _move(closing: LiteralString, besides: LiteralString) -> LiteralString:
    """SQL that moves on the rows still at the version they were read at; answers their ids."""
    return f"""
        WITH moved AS (
            UPDATE ledger.loan_state AS kept SET
                version = closing.version,
                interest = kept.interest + closing.interest,
                interest_tax = kept.interest_tax + closing.interest_tax,
                late_interest = kept.late_interest + closing.late_interest,
                late_interest_tax = kept.late_interest_tax + closing.late_interest_tax,
                accrued_through = closing.accrued_through,
                closed_through = closing.closed_through,
                {besides}
            FROM {closing} AS closing
            LEFT JOIN closing_late AS late ON late.loan_id = closing.loan_id
            WHERE kept.loan_id = closing.loan_id AND kept.version = closing.seen
              AND (kept.closed_through IS NULL OR kept.closed_through < closing.closed_through)
              AND kept.loan_id BETWEEN {{}} AND {{}}
            RETURNING kept.loan_id
        )
        SELECT string_agg(uuid_send(loan_id), '') FROM moved
    """


_NUMERATORS: LiteralString = "coalesce(late.numerators, kept.late_numerators)"

_PAST_DUE: LiteralString = "2"
assert int(_PAST_DUE) == Runs.PAST_DUE

MOVE = _move(
    "closing",
    f"""
        numerator = kept.numerator + CASE kept.runs WHEN {_PAST_DUE} THEN 0 ELSE closing.exact END,
        exact = kept.exact + closing.exact,
        late_numerators = {_NUMERATORS}
    """,
)


def _longer(kept: LiteralString, more: LiteralString) -> LiteralString:
    """SQL of a list of overdue instalments with that which fell due."""
    return f"CASE WHEN closing.late_base > 0 THEN {kept} || {more} ELSE {kept} END"


MOVE_DUE = _move(
    "closing_due",
    f"""
        period_start_on = closing.period_start_on,
        next_due_on = closing.next_due_on,
        quiet_until = closing.quiet_until,
        accruing = closing.accruing,
        begins_on = closing.begins_on,
        ends_on = closing.ends_on,
        bears = closing.bears,
        numerator = 0,
        exact = 0,
        late_lines = {_longer("kept.late_lines", "closing.due_line")},
        late_due_on = {_longer("kept.late_due_on", "closing.period_start_on")},
        late_bases = {_longer("kept.late_bases", "closing.late_base")},
        late_numerators = {_longer(_NUMERATORS, "0::bigint")},
        falls_due = NULL
    """,
)

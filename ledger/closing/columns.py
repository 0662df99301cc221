"""The open loans of a close as columns of their state rows, and which days each is to record."""

from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import TupleRow

from domain.arrays.book import Whole
from domain.arrays.quiet import Book, Overdue
from ledger.closing.due import Due, read_due
from ledger.packed_rows import FIRST_DAY, NEVER, Types, day_number, days, hexes, read

ROWS_AT_ONCE = 500_000
"""Loans times days that are counted together: what they are encoded to stays in memory."""

STATE: Types = {
    "loan_id": "uuid", "version": "int4", "active": "bool", "closed_through": "date",
    "accrued_through": "date", "quiet_until": "date", "runs": "int2", "accruing": "int4",
    "bears": "int8", "rate": "int4", "begins_on": "date", "ends_on": "date", "exact": "int8",
    "day_count": "int2", "rounding": "int2", "tax_rate": "int4", "late_rate": "int4",
    "late_grace_days": "int2", "overdue": "int4", "plain_due": "bool",
}  # fmt: skip

OPEN = (  # a closed loan may still have a promise to judge
    " FROM ledger.loan_state WHERE (status <> 'closed' OR quiet_until < %(on)s)"
    " AND (closed_through IS NULL OR closed_through < %(on)s)"
    " AND loan_id > %(after)s AND loan_id <= %(last)s"
    " AND (%(of)s = 1 OR (uuid_hash(loan_id)::bigint & 2147483647) %% %(of)s = %(nth)s)"
)


def _column(name: str, kind: str) -> str:
    match name, kind:
        case "active", _:
            return "status = 'active'"
        case "overdue", _:
            return "coalesce(cardinality(late_lines), 0)"
        case "plain_due", _:
            return "falls_due IS NOT NULL"
        case (("loan_id" | "version"), _):
            return name
        case _, "date":
            return f"coalesce({name}, '-infinity')"
        case _:
            return f"coalesce({name}, 0::{kind})"


PAGE = (
    f"SELECT {', '.join(_column(*column) for column in STATE.items())} {OPEN}"
    " ORDER BY loan_id LIMIT %(limit)s"
)

LATE: Types = {"nth": "int8", "line": "int4", "due_on": "date", "base": "int8", "numerator": "int8"}

LATE_LINES = """
    SELECT asked.nth - 1, late.line, late.due_on, late.base, late.numerator
    FROM unnest(string_to_array(%(ids)s, ',')::uuid[]) WITH ORDINALITY AS asked (loan_id, nth)
    JOIN ledger.loan_state AS kept ON kept.loan_id = asked.loan_id,
         unnest(kept.late_lines, kept.late_due_on, kept.late_bases, kept.late_numerators)
         WITH ORDINALITY AS late (line, due_on, base, numerator, n)
    ORDER BY asked.nth, late.n
"""


Shard: TypeAlias = tuple[int, int]
"""(which, of how many): the loans whose id hashes to it."""


class Span(NamedTuple):
    """Loans of a shard with ids above ``after`` up to ``last``, to be closed through ``on``."""

    on: date
    after: UUID
    last: UUID
    shard: Shard

    @property
    def values(self) -> dict[str, Any]:
        """For ``OPEN``."""
        nth, of = self.shard
        return {"on": self.on, "after": self.after, "last": self.last, "nth": nth, "of": of}


@dataclass(frozen=True)
class Quiet:
    """Loans that are counted together: their rows, the days each closes now, and their book."""

    rows: NDArray[Any]
    first: Whole
    last: Whole
    book: Book
    overdue: Overdue
    late_lines: Whole
    """The instalments' numbers, as ``overdue``."""
    due: Due
    """Instalments that fall due on the last of their loans' days."""


def read_open(
    connection: Connection[TupleRow], span: Span, limit: int | None = None
) -> NDArray[np.void]:
    """The state rows of the first open loans of a span, in order of their ids."""
    return read(connection, PAGE, span.values | {"limit": limit}, STATE)


def split(
    connection: Connection[TupleRow], rows: NDArray[Any], on: date, *, daily: bool
) -> tuple[Quiet, NDArray[Any]]:
    """Those that are quiet on their next day, or whose instalment plainly falls due on it, with
    the days to count; and the others.
    """
    first, last = _span(rows, day_number(on), daily=daily)
    counted = last >= first
    some = rows[counted]
    falling = np.flatnonzero(last[counted] > some["quiet_until"])
    due = read_due(connection, some, falling, last[counted][falling])
    lines = _late_lines(connection, some)
    loans, late_lines = lines["nth"].astype(np.int64), lines["line"].astype(np.int64)
    overdue = Overdue(
        loans, days(lines["due_on"]), _whole(lines["base"]), _whole(lines["numerator"])
    )
    quiet = Quiet(some, first[counted], last[counted], _book(some), overdue, late_lines, due)
    return quiet, rows[~counted]


def _span(rows: NDArray[Any], on: int, *, daily: bool) -> tuple[Whole, Whole]:
    """The first and last day (numbers) to count of each loan; none where the last comes first."""
    closed, through = _whole(rows["closed_through"]), _whole(rows["accrued_through"])
    first = np.maximum(closed + 1, through)
    straight = (rows["active"] == 0) | (first >= on) | (not daily)
    first = np.where(straight, on, first)
    last = np.minimum(on, _whole(rows["quiet_until"]) + _plainly_due(rows, through))
    longest = max(1, ROWS_AT_ONCE // max(1, len(rows)))
    last = np.minimum(last, first + longest - 1)
    return first, np.where(through == NEVER, first - 1, last)


def _plainly_due(rows: NDArray[Any], through: Whole) -> Whole:
    """1 where the day after the quiet ones may be counted as well, else 0."""
    return _whole((rows["plain_due"] != 0) & (through <= rows["quiet_until"]))


def _book(rows: NDArray[Any]) -> Book:
    return Book(
        through=days(rows["accrued_through"]),
        begins_on=days(rows["begins_on"]),
        ends_on=days(rows["ends_on"]),
        **{
            name: _whole(rows[name]) for name in Book._fields if name in STATE and name not in DATES
        },
    )


DATES = {"begins_on", "ends_on"}


def _late_lines(connection: Connection[TupleRow], rows: NDArray[Any]) -> NDArray[np.void]:
    """``nth`` is the place of each line's loan. A row changed since was read at another version."""
    places = np.flatnonzero(rows["overdue"])
    ids = ",".join(hexes(rows["loan_id"][places]))  # as one text: a list takes its time
    lines = read(connection, LATE_LINES, {"ids": ids}, LATE)
    lines["nth"] = places[lines["nth"].astype(np.int64)]
    return lines


def _whole(column: NDArray[Any]) -> Whole:
    return column.astype(np.int64)


def date_of(number: int) -> date:
    """The date of a day's number."""
    return date.fromordinal(FIRST_DAY.toordinal() + number)

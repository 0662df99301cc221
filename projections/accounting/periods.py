"""On which day is a fact posted? Its value date, or the first open day if its month was closed."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from psycopg import Connection, Cursor

from domain.calendar import add_months
from projections.batch import Ints
from projections.staging import day

CLOSED = "SELECT position, month FROM ledger.periods ORDER BY position"


class Closed(NamedTuple):
    """Closes in the order of the log: after ``positions`` nothing posts before ``open_from``."""

    positions: Ints
    open_from: Ints


def closed(source: Connection[Any] | Cursor[Any]) -> Closed:
    """The closes there are. Days are counted as PostgreSQL does."""
    return closed_by(source.execute(CLOSED).fetchall())


def closed_by(rows: Sequence[Sequence[Any]]) -> Closed:
    """The closes that rows of ``CLOSED`` tell."""
    first_open = [day(add_months(month, 1)) for _, month in rows]
    return Closed(
        np.array([position for position, _ in rows], dtype=np.int64),
        np.array(first_open, dtype=np.int64),
    )


def posted(closes: Closed, positions: Ints, days: Ints) -> Ints:
    """The day of each fact valued on ``days`` that stands at ``positions`` of the log."""
    if not closes.positions.size:
        return days
    before = np.searchsorted(closes.positions, positions)
    earliest = np.concatenate(([np.iinfo(np.int64).min], closes.open_from))
    return np.maximum(days, earliest[before])


def posted_days(source: Connection[Any] | Cursor[Any], positions: Ints, days: Ints) -> Ints:
    """As ``posted``, by the closes that the ledger knows."""
    return posted(closed(source), positions, days)

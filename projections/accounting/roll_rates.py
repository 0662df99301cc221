"""How loans moved between buckets of days past due from one day to another."""

from datetime import date
from typing import Any

import numpy as np
from msgspec import Struct
from psycopg import Connection

from projections.batch import Ints
from projections.portfolio import BUCKETS, MILLION

GONE = ("closed", "written off")


class RollRates(Struct, frozen=True, kw_only=True):
    """``loans[i][j]`` were in bucket i on ``first`` and in j on ``last``; ``rates`` are their share
    of all in bucket i, in millionths. The last columns are those that left the books meanwhile.
    """

    first: date
    last: date
    start: tuple[str, ...]
    end: tuple[str, ...]
    loans: list[list[int]]
    rates: list[list[int]]


def roll_rates(connection: Connection[Any], first: date, last: date) -> RollRates:
    """The matrix from the end of ``first`` to the end of ``last``, of loans on the books then."""
    rows = connection.execute(
        "SELECT before.bucket,"
        " coalesce(after.bucket, CASE WHEN loans.written_off_on <= %(last)s THEN 'written off'"
        "                             ELSE 'closed' END), count(*)"
        " FROM read.aging_at(%(first)s) AS before JOIN read.loans USING (loan_id)"
        " LEFT JOIN read.aging_at(%(last)s) AS after USING (loan_id) GROUP BY 1, 2",
        {"first": first, "last": last},
    ).fetchall()
    end = (*BUCKETS, *GONE)
    counts = np.zeros((len(BUCKETS), len(end)), dtype=np.int64)
    for before, after, loans in rows:
        counts[BUCKETS.index(before), end.index(after)] += loans
    return RollRates(
        first=first, last=last, start=BUCKETS, end=end, loans=counts.tolist(),
        rates=shares(counts).tolist(),
    )  # fmt: skip


def shares(counts: Ints) -> Ints:
    """Each row's shares in millionths, rounded down; a row without loans has none."""
    whole = counts.sum(axis=1, keepdims=True)
    found: Ints = counts * MILLION // np.maximum(whole, 1)
    return found

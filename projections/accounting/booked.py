"""What each event of a stretch of the log means for the books, a row per fact, read as a stream."""

from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from domain import events as e
from ledger import log
from ledger.packed_rows import FIRST_ORDINAL
from projections.accounting.columns import ASIDE_OF, CODE, accrued, joined, moved
from projections.accounting.periods import closed, posted
from projections.accounting.standing import TURNS
from projections.batch import KINDS, Batch, Ints
from projections.movements import MOVING
from projections.staging import day

_TOLD: tuple[type[e.LoanEvent], ...] = (
    e.InterestAccrued, e.LateInterestAccrued, *TURNS, *MOVING
)  # fmt: skip
TYPES = tuple(map(e.tag, _TOLD))
SIZE = 50_000
"""Events held at a time."""
_PLACE = 2**44


class Header(NamedTuple):
    """What the books know of a loan."""

    loan_no: str
    currency: str
    branch: str
    product: str


class Booked(NamedTuple):
    """Facts in the order of the log. ``loans`` are places in ``headers`` and ``loan_ids``."""

    positions: Ints
    loans: Ints
    posted: Ints
    days: Ints
    stages: Ints
    codes: Ints
    amounts: Ints
    headers: list[Header]
    loan_ids: list[UUID]


def booked(
    connection: Connection[Any], first: date, last: date, codes: frozenset[int] | None = None
) -> Iterator[Booked]:
    """The facts posted from ``first`` to ``last``, of the kinds and components ``codes`` if given.

    Equal to what `accounting_facts` sums, event by event.
    """
    [[after, upto]] = connection.execute(
        "SELECT min(first_position) - 1, max(last_position) FROM read.accounting_facts"
        " WHERE posted_on BETWEEN %s AND %s",
        [first, last],
    ).fetchall()
    closes = closed(connection)
    while after is not None and after < upto:
        stretch = log.read(connection, after, SIZE, upto, TYPES)
        found = _facts(connection, Batch(stretch.columns), after, stretch.upto)
        on = posted(closes, found.positions, found.days)
        wanted = (on >= day(first)) & (on <= day(last))
        if codes is not None:
            wanted &= np.isin(found.codes, list(codes))
        if wanted.any():
            facts = found._replace(posted=on)
            columns: list[Any] = [column[wanted] for column in facts[:7]]
            columns += facts[7:]
            yield Booked(*columns)
        after = stretch.upto


def _facts(connection: Connection[Any], batch: Batch, after: int, upto: int) -> Booked:
    """Told by the events themselves, and by what was kept where they do not say all."""
    ids = [batch.loan(place) for place in range(len(batch.uuids))]
    rows = joined([accrued(batch), moved(batch)])
    positions, loans = batch.positions[rows.at], batch.codes[rows.at]
    stages, suspended = _stood(connection, ids, loans, positions)
    turned = np.zeros(len(KINDS), dtype=bool)
    turned[[KINDS[one] for one in MOVING]] = True
    own = ~(suspended & turned[batch.kinds[rows.at]])
    told = rows._replace(codes=np.where(suspended, ASIDE_OF[rows.codes], rows.codes))
    kept = _kept(connection, {one: n for n, one in enumerate(ids)}, after, upto)
    columns = [
        np.concatenate((mine[own], other))
        for mine, other in zip(
            (positions, loans, told.days, stages, told.codes, told.amounts), kept, strict=True
        )
    ]
    order = np.argsort(columns[0], kind="stable")
    in_order = [column[order] for column in columns]
    at, of, days, stage, code, amount = in_order
    return Booked(at, of, days, days, stage, code, amount, _headers(connection, ids), ids)


def _stood(
    connection: Connection[Any], ids: list[UUID], loans: Ints, positions: Ints
) -> tuple[Ints, NDArray[np.bool_]]:
    """Stage and suspension of each loan just before each position."""
    changes = connection.execute(
        "SELECT place - 1, position, stage, suspended::int FROM read.accounting_stages"
        " JOIN unnest(%s::uuid[]) WITH ORDINALITY AS one (loan_id, place) USING (loan_id)"
        " ORDER BY place, position",
        [ids],
    ).fetchall()
    place, at, stage, suspended = np.array(changes, dtype=np.int64).reshape(-1, 4).T
    last = np.searchsorted(place * _PLACE + at, loans * _PLACE + positions) - 1
    own = (last >= 0) & (np.concatenate((place, [-1]))[last] == loans)
    return (
        np.where(own, np.concatenate((stage, [1]))[last], 1),
        own & (np.concatenate((suspended, [0]))[last] == 1),
    )


def _kept(
    connection: Connection[Any], places: dict[UUID, int], after: int, upto: int
) -> list[Ints]:
    """Positions, loans, days, stages, codes and amounts of `accounting_moves`."""
    rows = connection.execute(
        "SELECT loan_id, position, effective_on, stage, kind, component, amount"
        " FROM read.accounting_moves WHERE position > %s AND position <= %s"
        " ORDER BY position, line",
        [after, upto],
    )
    found = [
        (position, places[loan], day(on), stage, CODE[kind, component], amount)
        for loan, position, on, stage, kind, component, amount in rows
        if loan in places
    ]
    return list(np.array(found, dtype=np.int64).reshape(-1, 6).T)


def _headers(connection: Connection[Any], ids: list[UUID]) -> list[Header]:
    rows = connection.execute(
        "SELECT loan_id, loan_no, currency, branch, product FROM read.accounting_loans"
        " JOIN read.accounting_groups USING (group_no) WHERE loan_id = ANY(%s)",
        [ids],
    )
    known = {loan_id: Header(*row) for loan_id, *row in rows}
    return [known[loan_id] for loan_id in ids]


@lru_cache(maxsize=10_000)
def as_date(on: int) -> date:
    """A day as PostgreSQL counts it."""
    return date.fromordinal(on + FIRST_ORDINAL)

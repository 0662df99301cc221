"""What happened each day, added up by what the books tell apart. Rules make entries of it later.

Most loans accrue and move as their events say themselves: those are added up by column. Loans that
change stage or suspension, or that move while accrual is suspended, are booked one by one.
"""

from collections.abc import Sequence
from typing import Any, LiteralString
from uuid import UUID

import msgspec
import numpy as np
from numpy.typing import NDArray
from psycopg import Cursor

from domain import events as e
from ledger import log
from ledger.packed_rows import read
from projections.accounting.columns import ASIDE_OF, CODE, KEYS, Rows, accrued, joined, moved
from projections.accounting.periods import posted_days
from projections.accounting.standing import TURNS, Standing
from projections.batch import Batch, Ints, add_at
from projections.movements import MOVING
from projections.projection import Projection
from projections.staging import copy_columns, copy_rows, day, staging_table

LOAN = ("loan_id", "loan_no", "group_no", "stage", "suspended", "version", "standing")
STAGE = ("loan_id", "position", "stage", "suspended")
MOVE = ("loan_id", "position", "line", "effective_on", "stage", "kind", "component", "amount")
FACT = (
    "posted_on", "effective_on", "group_no", "stage", "kind", "component", "added", "taken",
    "first_position", "last_position",
)  # fmt: skip
_KNOWN: LiteralString = """
    SELECT place, group_no, stage, suspended FROM staged_accounting_keys
    JOIN accounting_loans USING (loan_id) WHERE loan_id BETWEEN %(first)s AND %(last)s
"""
"""The ends, because a close goes through the loans in order: a batch is a stretch of the table."""
_TYPES = {"place": "int4", "group_no": "int4", "stage": "int2", "suspended": "bool"}


class Known:
    """Group, stage and suspension of each loan of a batch, as they were before it."""

    def __init__(self, cursor: Cursor[Any], batch: Batch) -> None:
        places = np.arange(len(batch.uuids))
        columns = [("place", "int4", places), ("loan_id", "uuid", batch.uuids)]
        copy_columns(cursor, "staged_accounting_keys", columns)
        ids = batch.uuids.tolist()
        ends = {"first": UUID(bytes=min(ids)), "last": UUID(bytes=max(ids))}
        rows = read(cursor.connection, _KNOWN, ends, _TYPES)
        assert len(rows) == len(places), f"{len(rows)} of {len(places)} loans are known"
        self.groups, self.stages = np.zeros_like(places), np.zeros_like(places)
        self.suspended = np.zeros(len(places), dtype=bool)
        at = rows["place"].astype(np.int64)
        self.groups[at], self.stages[at] = rows["group_no"], rows["stage"]
        self.suspended[at] = rows["suspended"] != 0


class Accounting(Projection):
    """Facts by day, group, stage, kind and component; how loans stand, where that matters."""

    name = "accounting"
    tables = (
        "accounting_groups", "accounting_loans", "accounting_stages", "accounting_moves",
        "accounting_facts",
    )  # fmt: skip
    reads = (e.LoanOpened, e.InterestAccrued, e.LateInterestAccrued, *TURNS, *MOVING)
    derives = (accrued, moved)

    def prepare(self, cursor: Cursor[Any]) -> None:
        staging_table(cursor, "staged_accounting_keys", "place integer, loan_id uuid")
        staging_table(
            cursor,
            "staged_accounting_loans",
            "loan_id uuid, stage smallint, suspended boolean, version integer, standing jsonb",
        )
        staging_table(
            cursor,
            "staged_accounting_facts",
            "posted_on date, effective_on date, group_no integer, stage smallint, code smallint,"
            " added bigint, taken bigint, first_position bigint, last_position bigint",
        )

    def apply(self, cursor: Cursor[Any], batch: Batch) -> None:
        _open(cursor, batch)
        known = Known(cursor, batch)
        rows = joined([batch.derive(accrued), batch.derive(moved)])
        apart = _apart(batch, known)
        stages = known.stages[batch.codes[rows.at]]
        quick = ~apart[batch.codes[rows.at]]
        aside = known.suspended[batch.codes[rows.at]]
        rows = rows._replace(codes=np.where(aside, ASIDE_OF[rows.codes], rows.codes))
        kept = np.flatnonzero(quick)
        alone, alone_stages = _one_by_one(cursor, batch, apart)
        _add_up(
            cursor,
            batch,
            known,
            joined([rows.chosen(kept), alone]),
            np.concatenate((stages[kept], alone_stages)),
        )


def _open(cursor: Cursor[Any], batch: Batch) -> None:
    """The loans that the batch opens, and their groups, numbered in the order of the log."""
    opened = list(batch.each(e.LoanOpened))
    if not opened:
        return
    cursor.execute("SELECT currency, branch, product, group_no FROM accounting_groups")
    numbers = {tuple(group): number for *group, number in cursor.fetchall()}
    fresh, rows = [], []
    for loan_id, event in opened:
        group = (event.terms.currency, event.branch, event.product)
        if group not in numbers:
            numbers[group] = len(numbers) + 1
            fresh.append((numbers[group], *group))
        rows.append((loan_id, event.loan_no, numbers[group], 1, False, 1, "{}"))
    copy_rows(cursor, "accounting_groups", ("group_no", "currency", "branch", "product"), fresh)
    copy_rows(cursor, "accounting_loans", LOAN, rows)


def _apart(batch: Batch, known: Known) -> NDArray[np.bool_]:
    """The loans to be booked one by one: those that turn, and what moves while suspended."""
    apart = np.zeros(len(batch.uuids), dtype=bool)
    apart[batch.codes[batch.of(*TURNS)]] = True
    moving = np.zeros_like(apart)
    moving[batch.codes[batch.of(*MOVING)]] = True
    return apart | (moving & known.suspended)


def _one_by_one(cursor: Cursor[Any], batch: Batch, apart: NDArray[np.bool_]) -> tuple[Rows, Ints]:
    """Facts of the loans ``apart``, each from how it stood, and the stage of each fact."""
    events = np.flatnonzero(apart[batch.codes]).tolist()
    standings = _standings(cursor, batch, events)
    loans: dict[UUID, tuple[Any, ...]] = {}
    stages: list[tuple[Any, ...]] = []
    moves: list[tuple[Any, ...]] = []
    found: list[tuple[int, int, int, int, int]] = []
    for at in events:
        loan_id, event, position = batch.loan_of(at), batch.events[at], int(batch.positions[at])
        standing = standings[loan_id]
        told = isinstance(event, TURNS) or (standing.suspended and isinstance(event, MOVING))
        facts = standing.book(event, batch.until)
        found += [
            (at, day(one.on), CODE[one.kind, one.component], one.amount, one.stage)
            for one in facts
        ]  # fmt: skip
        if told:
            moves += [(loan_id, position, n, *one[:5]) for n, one in enumerate(facts, start=1)]
            kept = msgspec.json.encode(standing).decode()
            loans[loan_id] = (loan_id, standing.stage, standing.suspended,
                              int(batch.versions[at]), kept)  # fmt: skip
        if isinstance(event, TURNS):
            stages.append((loan_id, position, standing.stage, standing.suspended))
    copy_rows(cursor, "accounting_moves", MOVE, moves)
    copy_rows(cursor, "accounting_stages", STAGE, stages)
    if loans:
        names = ("loan_id", "stage", "suspended", "version", "standing")
        copy_rows(cursor, "staged_accounting_loans", names, loans.values())
        cursor.execute(_STAND)
    *columns, of_stage = np.array(found, dtype=np.int64).reshape(-1, 5).T
    return Rows(*columns), of_stage


_STAND = """
    UPDATE accounting_loans AS kept SET
        stage = staged.stage, suspended = staged.suspended, version = staged.version,
        standing = staged.standing
    FROM staged_accounting_loans AS staged WHERE kept.loan_id = staged.loan_id
"""


def _standings(cursor: Cursor[Any], batch: Batch, events: Sequence[int]) -> dict[UUID, Standing]:
    """How each loan of ``events`` stood just before the first of them."""
    first = {batch.place_of[at]: at for at in reversed(events)}
    ids = {batch.loan(place): int(batch.versions[at]) for place, at in first.items()}
    if not ids:
        return {}
    cursor.execute(
        "SELECT loan_id, version, standing::text FROM accounting_loans WHERE loan_id = ANY(%s)",
        [list(ids)],
    )
    known = {loan_id: (version, text) for loan_id, version, text in cursor.fetchall()}
    spans = [(loan_id, version, ids[loan_id] - 1) for loan_id, (version, _) in known.items()]
    between = log.between(cursor.connection, spans)
    found: dict[UUID, Standing] = {}
    for loan_id, (_, text) in known.items():
        standing = msgspec.json.decode(text, type=Standing)
        for event in between.get(loan_id, ()):
            if batch.until is None or event.effective_on <= batch.until:
                standing.book(event, batch.until)
        found[loan_id] = standing
    return found


def _add_up(cursor: Cursor[Any], batch: Batch, known: Known, rows: Rows, stages: Ints) -> None:
    """Sums by everything that ``accounting_facts`` tells apart."""
    if not rows.at.size:
        return
    positions = batch.positions[rows.at]
    posted = posted_days(cursor, positions, rows.days)
    columns = (posted, rows.days, known.groups[batch.codes[rows.at]], stages, rows.codes)
    firsts, place = _alike(columns)
    sums = np.zeros((2, len(firsts)), dtype=np.int64)
    for side, part in enumerate((np.maximum(rows.amounts, 0), np.maximum(-rows.amounts, 0))):
        add_at(sums[side], place, part)
    first, last = positions[firsts], positions[firsts]
    np.minimum.at(first, place, positions)
    np.maximum.at(last, place, positions)
    figures = [column[firsts] for column in columns]
    staged = zip(_STAGED, _KINDS, [*figures, *sums, first, last], strict=True)
    copy_columns(cursor, "staged_accounting_facts", list(staged))
    cursor.execute(_FOLD)


_STAGED = (*FACT[:4], "code", *FACT[6:])
_KINDS = ("date", "date", "int4", "int2", "int2", "int8", "int8", "int8", "int8")


def _alike(columns: Sequence[Ints]) -> tuple[Ints, Ints]:
    """(a row of each combination of values, the number of each row's combination)."""
    key = np.zeros_like(columns[0])
    for column in columns:
        low, high = int(column.min()), int(column.max())
        span = high - low + 1
        if int(key.max()) > 2**62 // span:
            key = np.unique(key, return_inverse=True)[1]
        key = key * span + (column - low)
    _, firsts, place = np.unique(key, return_index=True, return_inverse=True)
    return firsts, place


def _of_code(part: int) -> str:
    """SQL of the kind (0) or component (1) of a staged code."""
    return f"('{{{','.join(key[part] for key in KEYS)}}}'::text[])[code + 1]"


_FOLD = f"""
    MERGE INTO accounting_facts AS kept
    USING (
        SELECT *, {_of_code(0)} AS kind, {_of_code(1)} AS component FROM staged_accounting_facts
    ) AS staged
    ON ({", ".join(f"kept.{name}" for name in FACT[:6])})
     = ({", ".join(f"staged.{name}" for name in FACT[:6])})
    WHEN MATCHED THEN UPDATE SET
        added = kept.added + staged.added, taken = kept.taken + staged.taken,
        first_position = least(kept.first_position, staged.first_position),
        last_position = greatest(kept.last_position, staged.last_position)
    WHEN NOT MATCHED THEN INSERT ({", ".join(FACT)})
        VALUES ({", ".join(f"staged.{name}" for name in FACT)})
"""

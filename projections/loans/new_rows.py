"""Rows that are only added, packed for COPY: first schedules, and what each movement cleared."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import numpy as np

from domain import events as e
from ledger.packed_rows import packed
from projections.batch import Batch
from projections.loans.changes import restructured
from projections.movements import COMPONENTS, NOTHING, of_portion
from projections.staging import NO_DATE, day

PLANNED = (
    "loan_id", "instalment", "start_on", "due_on", "due", "planned_interest", "planned_tax",
    "planned_fee", "planned_fee_tax", *COMPONENTS, "settled_on",
)  # fmt: skip
PLANNED_KINDS = (
    "uuid", "int4", "date", "date", "bool", *["int8"] * (4 + len(COMPONENTS)), "date",
)  # fmt: skip
PORTION = ("loan_id", "position", "line", "instalment", "effective_on", *COMPONENTS)
PORTION_KINDS = ("uuid", "int8", "int2", "int4", "date", *["int8"] * len(COMPONENTS))
NO_INSTALMENT = 0
"""Of the portion that only says when a payment came which cleared nothing then."""

Rows: TypeAlias = list[tuple[Sequence[str], bytes]]
"""Columns and rows; columns that are null in all of them are left out."""
Row: TypeAlias = tuple[int, ...]
"""First the loan's place in the batch."""


def planned(batch: Batch) -> Rows:
    """The rows of first schedules."""
    rows = list(_planned(batch))
    settled = [row for row in rows if row[-1] != NO_DATE]
    others = [row[:-1] for row in rows if row[-1] == NO_DATE]
    return [
        (PLANNED[: len(some[0])], _packed(batch, PLANNED_KINDS, some))
        for some in (settled, others)
        if some
    ]


def _planned(batch: Batch) -> Iterator[Row]:
    for at in batch.of(e.LoanDisbursed, e.LoanTakenOn):
        loan, event = batch.place_of[at], batch.events[at]
        if isinstance(event, e.LoanTakenOn):
            yield from _taken_on(loan, event)
        elif isinstance(event, e.LoanDisbursed) and event.tranche == 1:
            for row in event.schedule:
                yield (
                    loan, row.number, day(row.start_on), day(row.due_on), False, row.interest,
                    row.tax, row.fee, row.fee_tax, 0, 0, 0, 0, row.tax, row.interest,
                    row.principal, NO_DATE,
                )  # fmt: skip


def _taken_on(loan: int, event: e.LoanTakenOn) -> Iterator[Row]:
    """What is due is owed as it was opened with, the rest as it is planned."""
    opening = {portion.instalment: portion for portion in event.opening}
    for row in event.schedule:
        due = row.due_on <= event.effective_on
        portion = opening.get(row.number, e.Portion(instalment=row.number))
        kept = of_portion(portion)
        owed = kept if due else (*kept[:4], row.tax, row.interest, kept[-1])
        settled_on = event.effective_on if due and not portion.total else None
        yield (
            loan, row.number, day(row.start_on), day(row.due_on), due, row.interest, row.tax,
            row.fee, row.fee_tax, *owed, day(settled_on),
        )  # fmt: skip


def portions(batch: Batch) -> Rows:
    """What movements clear, and what a restructuring moves from one instalment to another."""
    alike: defaultdict[tuple[str, bool], list[tuple[int | None, Row]]] = defaultdict(list)
    for kind, number, row in _portions(batch):
        alike[kind, number is None].append((number, row))
    found: Rows = []
    for (kind, unnumbered), some in alike.items():
        names, kinds = PORTION, PORTION_KINDS
        rows: Iterable[Row] = (row for _, row in some)
        if not unnumbered:
            names, kinds = (*names, "number"), (*kinds, "int4")
            rows = ((*row, number or 0) for number, row in some)
        found.append(((*names, "kind"), _packed(batch, kinds, list(rows), kind)))
    return found


def _portions(batch: Batch) -> Iterator[tuple[str, int | None, Row]]:
    """(kind, number, the rest of the row)."""
    for at in sorted({*batch.moved, *batch.of(e.LoanRestructured)}):
        loan, position, line = batch.place_of[at], int(batch.positions[at]), 0
        for one in batch.moved.get(at, ()):
            on = day(one.on)
            for portion in one.portions:
                line += 1
                amounts = of_portion(portion)
                yield one.kind, one.number, (loan, position, line, portion.instalment, on, *amounts)
            if one.kind == "payment" and not one.portions:
                yield one.kind, one.number, (loan, position, 1, NO_INSTALMENT, on, *NOTHING)
        if isinstance(event := batch.events[at], e.LoanRestructured):
            on = day(event.effective_on)
            for portion, sign in restructured(event):
                line += 1
                moved = (sign * amount for amount in of_portion(portion))
                yield "restructuring", None, (loan, position, line, portion.instalment, on, *moved)


def _packed(batch: Batch, kinds: Sequence[str], rows: list[Row], text: str = "") -> bytes:
    """The rows, ending in ``text`` where one is given."""
    loans, *columns = np.array(rows, dtype=np.int64).T
    typed = [("uuid", batch.uuids[loans]), *zip(kinds[1:], columns, strict=False)]
    if text:
        typed.append(("text", np.full(len(rows), text.encode())))
    return packed(typed)

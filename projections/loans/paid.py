"""Instalments that were only paid: what a plain payment touches is changed narrowly."""

from typing import Any

import numpy as np
from psycopg import Cursor

from ledger.packed_rows import copy_packed, packed
from projections.batch import Batch
from projections.loans.changes import changes
from projections.loans.lines import PAID_AT
from projections.movements import COMPONENTS
from projections.staging import staging_table

ROW = (
    "loan_id", "instalment", "settled", "settled_on", "received", "received_on", "clears",
    *COMPONENTS,
)  # fmt: skip
KINDS = ("int4", "bool", "date", "int8", "date", "bool", *["int8"] * len(COMPONENTS))


def prepare(cursor: Cursor[Any]) -> None:
    """Make the staging table."""
    amounts = ", ".join(f"{name} bigint" for name in COMPONENTS)
    staging_table(
        cursor,
        "staged_paid",
        "loan_id uuid, instalment integer, settled boolean, settled_on date, received bigint,"
        f" received_on date, clears boolean, {amounts}",
    )


def packed_paid(batch: Batch) -> tuple[bytes, int]:
    """The rows of `staged_paid`, and how many."""
    rows = [
        (loan, number, line.settled, line.settled_on, line.received, line.received_on, line.clears,
         *line.added[PAID_AT : PAID_AT + len(COMPONENTS)])
        for (loan, number), line in batch.derive(changes).lines.items()
        if line.only_received
    ]  # fmt: skip
    if not rows:
        return b"", 0
    loans, *columns = np.array(rows, dtype=np.int64).T
    typed = [("uuid", batch.uuids[loans]), *zip(KINDS, columns, strict=True)]
    return packed(typed), len(rows)


def fold(cursor: Cursor[Any], batch: Batch) -> None:
    """Add what came in; the other lines are staged as changed ones."""
    rows, count = batch.derive(packed_paid)
    if count:
        copy_packed(cursor, "staged_paid", ROW, [rows])
        cursor.execute(_PAY)
        assert cursor.rowcount == count, f"{count} paid, {cursor.rowcount} known"


_PAY = f"""
    UPDATE schedule AS kept SET
        {", ".join(f"paid_{name} = kept.paid_{name} + staged.{name}" for name in COMPONENTS)},
        settled_on = CASE WHEN staged.settled THEN nullif(staged.settled_on, 'infinity')
                          ELSE kept.settled_on END,
        paid_on = CASE WHEN staged.clears THEN greatest(kept.paid_on, staged.received_on)
                       ELSE kept.paid_on END,
        paid_late = kept.paid_late + CASE WHEN staged.received_on > kept.due_on
                                          THEN staged.received ELSE 0 END,
        paid_in_advance = kept.paid_in_advance + CASE WHEN staged.received_on < kept.due_on
                                                      THEN staged.received ELSE 0 END
    FROM staged_paid AS staged
    WHERE kept.loan_id = staged.loan_id AND kept.instalment = staged.instalment
"""
"""As `instalments` has it of a line to which nothing else happened."""

"""Instalments planned anew: most come to nothing else in a batch and are changed narrowly."""

from typing import Any

import numpy as np
from psycopg import Cursor

from ledger.packed_rows import copy_packed, packed
from projections.batch import Batch
from projections.loans.changes import changes
from projections.loans.lines import ADDED
from projections.staging import day, staging_table

PLAN = (
    "loan_id", "instalment", "start_on", "due_on", "planned_interest", "planned_tax",
    "planned_fee", "planned_fee_tax", "principal", "alone",
)  # fmt: skip
KINDS = ("int4", "date", "date", *["int8"] * 5, "bool")


def prepare(cursor: Cursor[Any]) -> None:
    """Make the staging table; ``alone`` says that nothing else happened to the instalment."""
    staging_table(
        cursor,
        "staged_plans",
        "loan_id uuid, instalment integer, start_on date, due_on date, planned_interest bigint,"
        " planned_tax bigint, planned_fee bigint, planned_fee_tax bigint, principal bigint,"
        " alone boolean",
    )


def packed_plans(batch: Batch) -> tuple[bytes, int, int]:
    """The rows of `staged_plans` as the batch leaves them planned, how many, how many alone."""
    rows = [
        (loan, number, day(row.start_on), day(row.due_on), row.interest, row.tax, row.fee,
         row.fee_tax, row.principal, line.alone)
        for (loan, number), line in batch.derive(changes).lines.items()
        if (row := line.plan) is not None
    ]  # fmt: skip
    if not rows:
        return b"", 0, 0
    loans, *columns = np.array(rows, dtype=np.int64).T
    typed = [("uuid", batch.uuids[loans]), *zip(KINDS, columns, strict=True)]
    return packed(typed), len(rows), int(columns[-1].sum())


def fold(cursor: Cursor[Any], batch: Batch) -> int:
    """Change those planned anew and no more; the others are left to be staged as changed lines.

    Answers how many more lines were staged: instalments that are new or fall due on another day.
    """
    rows, count, alone = batch.derive(packed_plans)
    if not count:
        return 0
    copy_packed(cursor, "staged_plans", PLAN, [rows])
    cursor.execute(_REPLAN)
    if cursor.rowcount == alone:
        return 0
    cursor.execute(_LEFT)
    return cursor.rowcount


_REPLAN = """
    UPDATE schedule AS kept SET
        start_on = plan.start_on,
        planned_interest = plan.planned_interest,
        planned_tax = plan.planned_tax,
        planned_fee = plan.planned_fee,
        planned_fee_tax = plan.planned_fee_tax,
        principal = plan.principal + kept.forgiven_principal,
        interest = CASE WHEN kept.due THEN kept.interest
                        ELSE plan.planned_interest + kept.forgiven_interest END,
        interest_tax = CASE WHEN kept.due THEN kept.interest_tax
                            ELSE plan.planned_tax + kept.forgiven_interest_tax END,
        brought_interest = kept.forgiven_interest,
        brought_tax = kept.forgiven_interest_tax
    FROM staged_plans AS plan
    WHERE plan.alone AND kept.loan_id = plan.loan_id AND kept.instalment = plan.instalment
      AND kept.due_on = plan.due_on
"""
"""As `instalments` has it of a line to which nothing else happened."""

_LEFT = f"""
    INSERT INTO staged_lines
    SELECT plan.loan_id, plan.instalment, false, 0, 0, {", ".join("0" for _ in ADDED)},
           false, false, 'infinity', 0, 'infinity', false
    FROM staged_plans AS plan
    WHERE plan.alone AND NOT EXISTS (
        SELECT FROM schedule AS kept
        WHERE kept.loan_id = plan.loan_id AND kept.instalment = plan.instalment
          AND kept.due_on = plan.due_on)
"""

"""Which promises to pay were made, and what became of them?"""

from typing import Any, TypeAlias
from uuid import UUID

from psycopg import Cursor

from domain import events as e
from projections.batch import Batch
from projections.projection import Projection
from projections.staging import copy_rows, staging_table

JUDGED: dict[type, str] = {
    e.PromiseKept: "kept",
    e.PromiseBroken: "broken",
    e.PromiseCancelled: "cancelled",
}
PROMISE = (
    "loan_id", "promise", "amount", "made_on", "promised_for", "grace_days", "status",
    "received", "resolved_on", "reason",
)  # fmt: skip

Key: TypeAlias = tuple[UUID, int]


class Promises(Projection):
    """One row per promise: made once, resolved at most once."""

    name = "promises"
    tables = ("promises",)
    reads = (e.PromiseMade, *JUDGED)

    def prepare(self, cursor: Cursor[Any]) -> None:
        staging_table(
            cursor,
            "staged_promises",
            "loan_id uuid, promise integer, status text, received bigint, resolved_on date,"
            " reason text",
        )

    def apply(self, cursor: Cursor[Any], batch: Batch) -> None:
        made = [
            (loan, p.promise, p.amount, p.effective_on, p.promised_for, p.grace_days, "open",
             None, None, "")
            for loan, p in batch.each(e.PromiseMade)
        ]  # fmt: skip
        judged: dict[Key, tuple[Any, ...]] = {
            (loan, p.promise): (
                JUDGED[type(p)], getattr(p, "received", None), p.effective_on,
                getattr(p, "reason", ""),
            )
            for loan, p in batch.each(*JUDGED)
        }  # fmt: skip
        if made:
            copy_rows(cursor, "promises", PROMISE, made)
        if judged:
            columns = ("loan_id", "promise", "status", "received", "resolved_on", "reason")
            rows = [(*key, *outcome) for key, outcome in judged.items()]
            copy_rows(cursor, "staged_promises", columns, rows)
            cursor.execute(_FOLD)
            assert cursor.rowcount == len(rows), f"{len(rows)} judged, {cursor.rowcount} known"


_FOLD = """
    UPDATE promises AS kept
    SET status = staged.status, received = staged.received, resolved_on = staged.resolved_on,
        reason = staged.reason
    FROM staged_promises AS staged
    WHERE kept.loan_id = staged.loan_id AND kept.promise = staged.promise
"""

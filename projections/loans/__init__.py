"""Every loan's header, its instalments with what is paid, and the counters over them."""

from typing import Any

from psycopg import Cursor

from domain import events as e
from projections.batch import Batch
from projections.loans import changes, headers, instalments, new_rows, paid, plans, totals
from projections.movements import MOVING
from projections.projection import Projection


class Loans(Projection):
    """One projection, because a header's overdue follows from its instalments."""

    name = "loans"
    tables = ("loans", "loan_terms", "schedule", "portions", "portfolio_totals")
    reads = (
        e.LoanOpened, e.InterestAccrued, e.LateInterestAccrued, e.InstalmentFellDue,
        e.ScheduleRevised, *headers.CHANGING, *MOVING,
    )  # fmt: skip
    derives = (
        headers.sums, headers.opened_lines, headers.agreed_lines, headers.header_lines,
        changes.changes, changes.packed_lines, changes.due_lines, changes.ran_lines,
        plans.packed_plans, paid.packed_paid, new_rows.planned,
        new_rows.portions,
    )  # fmt: skip

    def prepare(self, cursor: Cursor[Any]) -> None:
        headers.prepare(cursor)
        instalments.prepare(cursor)
        totals.prepare(cursor)

    def apply(self, cursor: Cursor[Any], batch: Batch) -> None:
        headers.stage(cursor, batch)
        totals.remember(cursor)
        headers.open_loans(cursor, batch)
        instalments.fold(cursor, batch)
        headers.fold(cursor)
        totals.fold(cursor)

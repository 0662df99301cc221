"""The loan's state row: kept with its events, and made again from them at any time."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from psycopg import Connection
from psycopg.rows import TupleRow

from domain.falls_due import falls_due
from domain.loan import Loan
from domain.quiet import DAY_COUNTS, ROUNDINGS, quiet
from ledger.log import load_many


class StateRow(msgspec.Struct, frozen=True):
    """A row of `ledger.loan_state`, in minor units; see the migration."""

    loan_id: UUID
    loan_no: str
    version: int
    status: str
    currency: str
    stage: int
    fee_tax: int
    fee: int
    late_interest_tax: int
    late_interest: int
    interest_tax: int
    interest: int
    principal: int
    overpaid: int
    prepaid: int
    numerator: int
    period_start_on: date | None
    accrued_through: date | None
    oldest_unpaid_due_on: date | None
    next_due_on: date | None
    closed_through: date | None = None
    group_no: str = ""
    quiet_until: date | None = None
    runs: int | None = None
    accruing: int | None = None
    bears: int | None = None
    rate: int | None = None
    begins_on: date | None = None
    ends_on: date | None = None
    exact: int | None = None
    day_count: int | None = None
    rounding: int | None = None
    tax_rate: int | None = None
    late_rate: int | None = None
    late_grace_days: int | None = None
    late_lines: list[int] | None = None
    late_due_on: list[date] | None = None
    late_bases: list[int] | None = None
    late_numerators: list[int] | None = None
    falls_due: list[int] | None = None


COLUMNS = StateRow.__struct_fields__


def row(loan_id: UUID, loan: Loan, closed_through: date | None = None) -> StateRow:
    """The state row of ``loan``; how far it was closed is progress, which the loan cannot tell."""
    owed = loan.balances()
    running = loan.lines[loan.current] if loan.current < len(loan.lines) else None
    return StateRow(
        loan_id=loan_id,
        loan_no=loan.loan_no,
        version=loan.version,
        status=loan.status.value,
        currency=loan.terms.currency,
        stage=loan.stage,
        fee_tax=owed.fee_tax,
        fee=owed.fee,
        late_interest_tax=owed.late_interest_tax,
        late_interest=owed.late_interest,
        interest_tax=owed.interest_tax,
        interest=owed.interest,
        principal=owed.principal,
        overpaid=loan.overpaid,
        prepaid=loan.prepaid,
        numerator=running.numerator if running else 0,
        period_start_on=running.start_on if running else None,
        accrued_through=loan.through,
        oldest_unpaid_due_on=loan.oldest_unpaid_due_on,
        next_due_on=loan.next_due_on,
        closed_through=closed_through,
        group_no=loan.opened.group,
        **quiet_columns(loan),
    )


def quiet_columns(loan: Loan) -> dict[str, Any]:
    """What the close counts the loan's quiet days from; nothing where it has to ask the loan."""
    if (kept := quiet(loan)) is None:
        return {}
    terms, late, due = loan.terms, {}, falls_due(loan, kept)
    if kept.late:
        late = {
            "late_lines": [line.instalment for line in kept.late],
            "late_due_on": [line.due_on for line in kept.late],
            "late_bases": [line.base for line in kept.late],
            "late_numerators": [line.numerator for line in kept.late],
        }
    return {
        "quiet_until": kept.until,
        "runs": kept.runs.value,
        "accruing": kept.instalment,
        "bears": kept.bears,
        "rate": kept.rate,
        "begins_on": kept.begins_on,
        "ends_on": kept.ends_on,
        "exact": kept.exact,
        "day_count": DAY_COUNTS.index(terms.day_count),
        "rounding": ROUNDINGS.index(terms.rounding),
        "tax_rate": terms.tax_rate,
        "late_rate": terms.late_rate,
        "late_grace_days": terms.late_grace_days,
        "falls_due": due.figures if due else None,
        **late,
    }


def rebuild(connection: Connection[TupleRow], batch: int = 2_000) -> int:
    """Make every state row again from the log; commands wait meanwhile. Answers how many.

    All in the caller's transaction: a reader sees the old rows or the new ones.
    """
    with connection.transaction():
        connection.execute("LOCK TABLE ledger.loan_state IN SHARE ROW EXCLUSIVE MODE")
        connection.execute(
            "CREATE TEMP TABLE closings ON COMMIT DROP AS"
            " SELECT loan_id, closed_through FROM ledger.loan_state"
        )
        connection.execute("DELETE FROM ledger.loan_state")
        made, after = 0, UUID(int=0)
        while page := _page(connection, after, batch):
            loans = load_many(connection, page)
            insert(connection, (row(loan_id, loan) for loan_id, loan in loans.items()))
            made, after = made + len(page), page[-1]
        connection.execute(
            "UPDATE ledger.loan_state AS made SET closed_through = kept.closed_through"
            " FROM closings AS kept WHERE kept.loan_id = made.loan_id"
        )
        connection.execute(
            "UPDATE ledger.loan_state AS made SET since = first.position - 1"
            " FROM ledger.events AS first WHERE first.loan_id = made.loan_id AND first.version = 1"
        )
    return made


KEPT = ("loan_id", "closed_through")  # None of the latter: the append says nothing of closing
REPLACE = f"""
    UPDATE ledger.loan_state AS kept
    SET {", ".join(f"{name} = fresh.{name}" for name in COLUMNS if name not in KEPT)},
        closed_through = coalesce(fresh.closed_through, kept.closed_through)
    FROM json_populate_recordset(NULL::ledger.loan_state, %s::json) AS fresh,
         unnest(%s::uuid[], %s::integer[]) AS seen (loan_id, version)
    WHERE kept.loan_id = fresh.loan_id AND kept.loan_id = seen.loan_id
      AND kept.version = seen.version
    RETURNING kept.loan_id
"""


def replace(
    connection: Connection[TupleRow], rows: Sequence[StateRow], seen: Sequence[int]
) -> set[UUID]:
    """Set those rows that are still at the version they were ``seen`` at; answers which."""
    values = [msgspec.json.encode(rows).decode(), [row.loan_id for row in rows], list(seen)]
    return {loan_id for (loan_id,) in connection.execute(REPLACE, values)}


def insert(connection: Connection[TupleRow], rows: Iterable[StateRow]) -> None:
    """Add rows of loans that have none."""
    connection.execute(
        "INSERT INTO ledger.loan_state"
        " SELECT * FROM json_populate_recordset(NULL::ledger.loan_state, %s::json)",
        [msgspec.json.encode(list(rows)).decode()],
    )


def _page(connection: Connection[TupleRow], after: UUID, batch: int) -> list[UUID]:
    found = connection.execute(
        "SELECT loan_id FROM ledger.events WHERE version = 1 AND loan_id > %s"
        " ORDER BY loan_id LIMIT %s",
        [after, batch],
    )
    return [loan_id for (loan_id,) in found]

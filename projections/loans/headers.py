"""Where does each loan stand: status, stage, dates, principal, what is overdue?"""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from psycopg import Cursor

from domain import events as e
from projections.batch import Batch
from projections.movements import MOVING, PRINCIPAL
from projections.staging import copy_rows, staging_table

LOAN = (
    "loan_id", "loan_no", "borrower", "guarantors", "product", "branch", "officer", "currency",
    "status", "stage", "terms", "approved", "annual_rate", "instalments", "frequency", "method",
    "opened_on", "disbursed", "principal", "overdue",
)  # fmt: skip
REOPENED = "reopened"
"""Staged status of a loan with a reversed payment: active again, if it was closed."""


@dataclass(slots=True)
class Change:
    """What a batch changes in one header; None leaves what is kept."""

    status: str | None = None
    stage: int | None = None
    disbursed_on: date | None = None
    booked_on: date | None = None
    first_due_on: date | None = None
    maturity_on: date | None = None
    closed_on: date | None = None
    closed_reason: str | None = None
    written_off_on: date | None = None
    disbursed: int = 0
    principal: int = 0


COLUMNS = tuple(Change.__dataclass_fields__)
FIRST_STAGE = 1


def prepare(cursor: Cursor[Any]) -> None:
    """Make the staging table."""
    staging_table(
        cursor,
        "staged_loans",
        "loan_id uuid, status text, stage smallint, disbursed_on date, booked_on date,"
        " first_due_on date, maturity_on date, closed_on date, closed_reason text,"
        " written_off_on date, disbursed bigint, principal bigint",
    )


def open_loans(cursor: Cursor[Any], batch: Batch) -> None:
    """Add the loans that the batch opens; what else it says of them is staged."""
    rows = []
    for loan, opened in batch.each(e.LoanOpened):
        terms = opened.terms
        rows.append(
            (loan, opened.loan_no, opened.borrower, list(opened.guarantors), opened.product,
             opened.branch, opened.officer, terms.currency, "opened", FIRST_STAGE,
             msgspec.json.encode(terms).decode(), terms.principal, terms.annual_rate,
             terms.instalments, terms.frequency.value, terms.method.value, opened.effective_on,
             0, 0, 0)
        )  # fmt: skip
    if rows:
        copy_rows(cursor, "loans", LOAN, rows)


def stage(cursor: Cursor[Any], batch: Batch) -> None:
    """Stage every loan whose header or instalments change (daily accruals alone do not)."""
    rows = ((loan, *(getattr(change, name) for name in COLUMNS))
            for loan, change in changes(batch).items())  # fmt: skip
    copy_rows(cursor, "staged_loans", ("loan_id", *COLUMNS), rows)


def changes(batch: Batch) -> dict[UUID, Change]:
    """What the batch comes to for each header."""
    found: dict[UUID, Change] = {}
    for at in batch.of(e.LoanOpened, e.InstalmentFellDue, e.StageChanged, e.LoanClosed, *MOVING):
        record = batch.records[at]
        change = found.get(record.loan_id)
        if change is None:
            change = found[record.loan_id] = Change()
        _note(change, record.event)
    for at in batch.of(e.InterestAccrued):
        record = batch.records[at]
        if record.event.due:  # type: ignore[union-attr]
            found.setdefault(record.loan_id, Change())
    for at, movement in batch.movements:
        change = found[batch.records[at].loan_id]
        change.principal += movement.effect * movement.amounts[PRINCIPAL]
        if movement.kind in ("disbursement", "taken_on"):
            change.disbursed += movement.amounts[PRINCIPAL]
    return found


def _note(change: Change, event: e.AnyLoanEvent) -> None:
    match event:
        case e.LoanDisbursed():
            change.status = "active"
            change.disbursed_on = event.effective_on
            change.booked_on = event.effective_on
            _note_schedule(change, event.schedule)
        case e.LoanTakenOn():
            change.status = "active"
            change.disbursed_on = event.disbursed_on
            change.booked_on = event.effective_on
            _note_schedule(change, event.schedule)
        case e.StageChanged():
            change.stage = event.after
        case e.LoanWrittenOff():
            change.status = "written_off"
            change.written_off_on = event.effective_on
        case e.LoanClosed():
            change.status = "closed"
            change.closed_on = event.effective_on
            change.closed_reason = event.reason
        case e.PaymentReversed() if change.status is None:
            change.status = REOPENED
        case e.PaymentReversed() if change.status == "closed":
            change.status = "active"
        case _:
            pass


def _note_schedule(change: Change, schedule: tuple[e.Instalment, ...]) -> None:
    change.first_due_on = schedule[0].due_on
    change.maturity_on = schedule[-1].due_on


def fold(cursor: Cursor[Any]) -> None:
    """Bring the staged headers up to date, and what they say of their instalments."""
    cursor.execute(_FOLD)


_FOLD = """
    UPDATE loans AS kept SET
        status = seen.status,
        stage = coalesce(seen.stage, kept.stage),
        disbursed_on = coalesce(seen.disbursed_on, kept.disbursed_on),
        booked_on = coalesce(kept.booked_on, seen.booked_on),
        first_due_on = coalesce(seen.first_due_on, kept.first_due_on),
        maturity_on = coalesce(seen.maturity_on, kept.maturity_on),
        closed_on = CASE WHEN seen.status = 'closed'
                         THEN coalesce(seen.closed_on, kept.closed_on) END,
        closed_reason = CASE WHEN seen.status = 'closed'
                             THEN coalesce(seen.closed_reason, kept.closed_reason) END,
        written_off_on = coalesce(seen.written_off_on, kept.written_off_on),
        disbursed = kept.disbursed + seen.disbursed,
        principal = kept.principal + seen.principal,
        overdue = CASE WHEN seen.status = 'active' THEN coalesce(seen.overdue, 0) ELSE 0 END,
        oldest_unpaid_due_on = CASE WHEN seen.status = 'active' THEN seen.unpaid_due_on END,
        next_due_on = CASE WHEN seen.status = 'active' THEN seen.next_due_on END
    FROM (
        SELECT staged.loan_id, staged.stage, staged.disbursed_on, staged.booked_on,
               staged.first_due_on, staged.maturity_on, staged.closed_on, staged.closed_reason,
               staged.written_off_on, staged.disbursed, staged.principal,
               CASE WHEN staged.status IS NULL THEN loans.status
                    WHEN staged.status <> 'reopened' THEN staged.status
                    WHEN loans.status = 'closed' THEN 'active'
                    ELSE loans.status END AS status,
               lines.overdue, lines.unpaid_due_on, lines.next_due_on
        FROM staged_loans AS staged
        JOIN loans ON loans.loan_id = staged.loan_id
        CROSS JOIN LATERAL (
            SELECT sum(line.principal + line.interest + line.interest_tax
                       - line.paid_principal - line.paid_interest - line.paid_interest_tax
                       - line.forgiven_principal - line.forgiven_interest
                       - line.forgiven_interest_tax) FILTER (WHERE line.due) AS overdue,
                   min(line.due_on) FILTER (WHERE line.settled_on IS NULL) AS unpaid_due_on,
                   min(line.due_on) FILTER (WHERE NOT line.due) AS next_due_on
            FROM schedule AS line WHERE line.loan_id = staged.loan_id
        ) AS lines
    ) AS seen
    WHERE kept.loan_id = seen.loan_id
"""

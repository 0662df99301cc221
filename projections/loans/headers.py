"""Where does each loan stand: status, stage, dates, principal, what is overdue?"""

from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec
import numpy as np
from psycopg import Cursor

from domain import events as e
from projections.batch import Batch, Ints, add_at
from projections.movements import MOVING, PRINCIPAL
from projections.staging import copy_columns, copy_rows, staging_table

LOAN = (
    "loan_id", "loan_no", "borrower", "guarantors", "product", "branch", "officer", "currency",
    "status", "stage", "terms", "approved", "annual_rate", "instalments", "frequency", "method",
    "opened_on", "disbursed", "principal", "overdue",
)  # fmt: skip
REOPENED = "reopened"
"""Staged status of a loan with a reversed payment: active again, if it was closed."""
DISBURSING = frozenset({"disbursement", "taken_on"})


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


COLUMNS = tuple(Change.__dataclass_fields__)
CHANGING = (
    e.LoanDisbursed, e.LoanTakenOn, e.StageChanged, e.LoanWrittenOff, e.LoanClosed,
    e.PaymentReversed,
)  # fmt: skip
FIRST_STAGE = 1


def prepare(cursor: Cursor[Any]) -> None:
    """Make the staging tables: loans that change at all, and the few whose header does."""
    staging_table(cursor, "staged_loans", "loan_id uuid, disbursed bigint, principal bigint")
    staging_table(
        cursor,
        "staged_headers",
        "loan_id uuid, status text, stage smallint, disbursed_on date, booked_on date,"
        " first_due_on date, maturity_on date, closed_on date, closed_reason text,"
        " written_off_on date",
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
    places, disbursed, principal = batch.derive(sums)
    copy_columns(
        cursor,
        "staged_loans",
        [
            ("loan_id", "uuid", batch.uuids[places]),
            ("disbursed", "int8", disbursed),
            ("principal", "int8", principal),
        ],
    )
    rows = [
        (batch.loans[place], *(getattr(change, name) for name in COLUMNS))
        for place, change in batch.derive(changes).items()
    ]
    if rows:
        copy_rows(cursor, "staged_headers", ("loan_id", *COLUMNS), rows)


def sums(batch: Batch) -> tuple[Ints, Ints, Ints]:
    """(places of loans that change, what is added to disbursed, and to principal)."""
    principal = np.zeros(len(batch.loans), dtype=np.int64)
    disbursed = np.zeros_like(principal)
    if batch.movements:
        rows = [
            (batch.place_of[at], one.effect * one.amounts[PRINCIPAL], one.kind in DISBURSING)
            for at, one in batch.movements
        ]
        loans, moved, disburses = np.array(rows, dtype=np.int64).T
        add_at(principal, loans, moved)
        add_at(disbursed, loans, moved * disburses)
    touched = batch.of(e.LoanOpened, e.InstalmentFellDue, e.StageChanged, e.LoanClosed, *MOVING)
    after_due = batch.interest.at[batch.interest.due != 0]
    places = np.unique(batch.codes[np.concatenate((np.array(touched, dtype=np.int64), after_due))])
    return places, disbursed[places], principal[places]


def changes(batch: Batch) -> dict[int, Change]:
    """What the batch comes to for each header that changes, by the loan's place in the batch."""
    found: dict[int, Change] = {}
    for at in batch.of(*CHANGING):
        _note(found.setdefault(batch.place_of[at], Change()), batch.records[at].event)
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
        SELECT staged.loan_id, header.stage, header.disbursed_on, header.booked_on,
               header.first_due_on, header.maturity_on, header.closed_on, header.closed_reason,
               header.written_off_on, staged.disbursed, staged.principal,
               CASE WHEN header.status IS NULL THEN loans.status
                    WHEN header.status <> 'reopened' THEN header.status
                    WHEN loans.status = 'closed' THEN 'active'
                    ELSE loans.status END AS status,
               lines.overdue, lines.unpaid_due_on, lines.next_due_on
        FROM staged_loans AS staged
        JOIN loans ON loans.loan_id = staged.loan_id
        LEFT JOIN staged_headers AS header ON header.loan_id = staged.loan_id
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

"""Where does each loan stand: status, stage, dates, principal, what is overdue?"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from psycopg import Cursor

from domain import events as e
from domain.terms import Terms
from ledger.text_rows import lines_of
from projections.batch import Batch, Ints, add_at
from projections.movements import MOVING, PRINCIPAL
from projections.staging import copy_columns, copy_lines, staging_table

LOAN = (
    "loan_id", "loan_no", "borrower", "guarantors", "product", "branch", "officer", "currency",
    "status", "stage", "approved", "annual_rate", "instalments", "frequency", "method",
    "opened_on", "disbursed", "principal", "overdue", "group_no",
)  # fmt: skip
REOPENED = "reopened"
"""Staged status of a loan that owes again: active, if it was closed."""
DISBURSING = frozenset({"disbursement", "taken_on"})


@dataclass(slots=True)
class Change:
    """What a batch changes in one header; None leaves what is kept."""

    status: str | None = None
    stage: int | None = None
    disbursed_on: date | None = None
    booked_on: date | None = None
    closed_on: date | None = None
    closed_reason: str | None = None
    written_off_on: date | None = None
    sold_on: date | None = None
    holder: str | None = None
    restructured_on: date | None = None
    restructures: int = 0
    suspended: bool | None = None
    pauses: str | None = None
    terms: str | None = None
    annual_rate: int | None = None
    frequency: str | None = None
    method: str | None = None


COLUMNS = tuple(Change.__dataclass_fields__)
CHANGING = (
    e.LoanDisbursed, e.LoanTakenOn, e.StageChanged, e.LoanWrittenOff, e.LoanSold, e.LoanClosed,
    e.PaymentReversed, e.ChargedBack, e.LoanRestructured, e.RateChanged, e.DelinquencyPaused,
    e.AccrualSuspended, e.AccrualResumed, e.HistoryCorrected,
)  # fmt: skip
BESIDES_PAYMENTS: tuple[type, ...] = (
    *CHANGING, e.LoanOpened, e.InstalmentFellDue, e.ScheduleRevised,
    *(kind for kind in MOVING if kind is not e.PaymentReceived),
)  # fmt: skip
FIRST_STAGE = 1


def prepare(cursor: Cursor[Any]) -> None:
    """Make the staging tables: loans that change at all, and the few whose header does."""
    staging_table(
        cursor, "staged_loans", "loan_id uuid, disbursed bigint, principal bigint, plain boolean"
    )
    staging_table(
        cursor,
        "staged_headers",
        "loan_id uuid, status text, stage smallint, disbursed_on date, booked_on date,"
        " closed_on date, closed_reason text, written_off_on date, sold_on date, holder text,"
        " restructured_on date, restructures integer, suspended boolean, pauses datemultirange,"
        " terms jsonb, annual_rate bigint, frequency text, method text",
    )


def open_loans(cursor: Cursor[Any], batch: Batch) -> None:
    """Add the loans that the batch opens; what else it says of them is staged."""
    if lines := batch.derive(opened_lines):
        copy_lines(cursor, "loans", LOAN, lines)
        copy_lines(cursor, "loan_terms", ("loan_id", "terms"), batch.derive(agreed_lines))


def opened_lines(batch: Batch) -> list[str]:
    """The rows of the loans that the batch opens."""
    return list(lines_of(_opened(batch)))


def agreed_lines(batch: Batch) -> list[str]:
    """Their agreements."""
    return list(
        lines_of(
            (loan, msgspec.json.encode(opened.terms).decode())
            for loan, opened in batch.each(e.LoanOpened)
        )
    )


def _opened(batch: Batch) -> Iterator[tuple[Any, ...]]:
    for loan, opened in batch.each(e.LoanOpened):
        terms = opened.terms
        yield (
            loan, opened.loan_no, opened.borrower, list(opened.guarantors), opened.product,
            opened.branch, opened.officer, terms.currency, "opened", FIRST_STAGE,
            terms.principal, terms.annual_rate, terms.instalments, terms.frequency.value,
            terms.method.value, opened.effective_on, 0, 0, 0, opened.group,
        )  # fmt: skip


def stage(cursor: Cursor[Any], batch: Batch) -> None:
    """Stage every loan whose header or instalments change (daily accruals alone do not)."""
    places, disbursed, principal, plain = batch.derive(sums)
    copy_columns(
        cursor,
        "staged_loans",
        [
            ("loan_id", "uuid", batch.uuids[places]),
            ("disbursed", "int8", disbursed),
            ("principal", "int8", principal),
            ("plain", "bool", plain),
        ],
    )
    if lines := batch.derive(header_lines):
        copy_lines(cursor, "staged_headers", ("loan_id", *COLUMNS), lines)


def header_lines(batch: Batch) -> list[str]:
    """The rows of `staged_headers`."""
    found = batch.derive(changes).items()
    return list(lines_of((batch.loan(at), *_VALUES(change)) for at, change in found))


_VALUES = attrgetter(*COLUMNS)


def sums(batch: Batch) -> tuple[Ints, Ints, Ints, NDArray[np.bool_]]:
    """(places of loans that change, what is added to disbursed, and to principal, plain or not).

    A plain one was only paid, and that settled no instalment.
    """
    principal = np.zeros(len(batch.uuids), dtype=np.int64)
    disbursed = np.zeros_like(principal)
    if batch.movements:
        loans = batch.codes[[at for at, _ in batch.movements]]
        for (kind, effect, _), at in batch.alike.items():
            moved = effect * batch.amounts[at, PRINCIPAL]
            add_at(principal, loans[at], moved)
            if kind in DISBURSING:
                add_at(disbursed, loans[at], moved)
    plain, changed = np.zeros((2, len(batch.uuids)), dtype=bool)
    paid = batch.of(e.PaymentReceived)
    plain[batch.codes[paid]] = True
    changed[batch.codes[batch.of(*BESIDES_PAYMENTS)]] = True
    changed[batch.codes[[at for at in paid if getattr(batch.events[at], "settled", ())]]] = True
    changed[batch.codes[batch.interest.at[batch.interest.due != 0]]] = True
    places = np.flatnonzero(plain | changed)
    return places, disbursed[places], principal[places], (plain & ~changed)[places]


def changes(batch: Batch) -> dict[int, Change]:
    """What the batch comes to for each header that changes, by the loan's place in the batch."""
    found: dict[int, Change] = {}
    for at in batch.of(*CHANGING):
        _note(found.setdefault(batch.place_of[at], Change()), batch.events[at])
    return found


def _note(change: Change, event: e.AnyLoanEvent) -> None:
    match event:
        case e.LoanDisbursed():
            change.status = "active"
            change.disbursed_on = change.disbursed_on or event.effective_on
            change.booked_on = change.booked_on or event.effective_on
        case e.LoanTakenOn():
            change.status = "active"
            change.disbursed_on = event.disbursed_on
            change.booked_on = event.effective_on
        case e.StageChanged():
            change.stage = event.after
        case e.LoanWrittenOff():
            change.status = "written_off"
            change.written_off_on = event.effective_on
        case e.LoanSold():
            change.sold_on, change.holder = event.effective_on, event.holder
        case e.LoanClosed():
            change.status = "closed"
            change.closed_on = event.effective_on
            change.closed_reason = event.reason
        case e.ChargedBack() if not event.owed_again:
            pass
        case e.PaymentReversed() | e.ChargedBack() if change.status is None:
            change.status = REOPENED
        case e.PaymentReversed() | e.ChargedBack() if change.status == "closed":
            change.status = "active"
        case _:
            _note_terms(change, event)


def _note_terms(change: Change, event: e.AnyLoanEvent) -> None:
    match event:
        case e.RateChanged(until=None):
            change.annual_rate = event.annual_rate
        case e.HistoryCorrected(terms=Terms() as terms):
            steps = terms.rate_steps
            _note_agreed(change, terms, steps[-1].annual_rate if steps else terms.annual_rate)
        case e.LoanRestructured():
            _note_agreed(change, event.terms, event.terms.rate_on(event.effective_on))
            if event.kind is e.Revision.RESTRUCTURE:
                change.restructured_on = event.effective_on
                change.restructures += 1
        case e.DelinquencyPaused():
            pauses = (change.pauses or "{}")[1:-1]
            comma = "," if pauses else ""
            change.pauses = f"{{{pauses}{comma}[{event.effective_on},{event.until})}}"
        case e.AccrualSuspended():
            change.suspended = True
        case e.AccrualResumed():
            change.suspended = False
        case _:
            pass


def _note_agreed(change: Change, terms: Terms, annual_rate: int) -> None:
    change.terms = msgspec.json.encode(terms).decode()
    change.annual_rate = annual_rate
    change.frequency, change.method = terms.frequency.value, terms.method.value


def fold(cursor: Cursor[Any]) -> None:
    """Bring the staged headers up to date, and what they say of their instalments."""
    cursor.execute(_PAID)
    cursor.execute(_FOLD)
    cursor.execute(_AGREED)


_PAID = """
    UPDATE loans AS kept SET
        principal = kept.principal + staged.principal,
        overdue = CASE WHEN kept.status = 'active'
                       THEN kept.overdue - coalesce(due.paid, 0) ELSE 0 END
    FROM staged_loans AS staged
    LEFT JOIN (
        SELECT loan_id, sum(line.paid) AS paid
        FROM (
            SELECT loan_id, instalment, principal + interest + interest_tax AS paid
            FROM staged_paid
            UNION ALL
            SELECT loan_id, instalment, paid_principal + paid_interest + paid_interest_tax
            FROM staged_lines
        ) AS line JOIN schedule AS kept USING (loan_id, instalment)
        WHERE kept.due GROUP BY loan_id
    ) AS due USING (loan_id)
    WHERE staged.plain AND kept.loan_id = staged.loan_id
"""
"""As `_FOLD` has it where no instalment is settled, falls due or is planned anew."""

_AGREED = """
    UPDATE loan_terms AS kept SET terms = staged.terms
    FROM staged_headers AS staged
    WHERE kept.loan_id = staged.loan_id AND staged.terms IS NOT NULL
"""

_STATUS = """(CASE WHEN seen.status IS NULL THEN kept.status
                   WHEN seen.status <> 'reopened' THEN seen.status
                   WHEN kept.status = 'closed' THEN 'active' ELSE kept.status END)"""

_OF_SCHEDULE = f"line.instalment <= {e.CHARGES}"

_FOLD = f"""
    UPDATE loans AS kept SET
        status = {_STATUS},
        stage = coalesce(seen.stage, kept.stage),
        annual_rate = coalesce(seen.annual_rate, kept.annual_rate),
        frequency = coalesce(seen.frequency, kept.frequency),
        method = coalesce(seen.method, kept.method),
        instalments = coalesce(nullif(seen.instalments, 0), kept.instalments),
        disbursed_on = coalesce(kept.disbursed_on, seen.disbursed_on),
        booked_on = coalesce(kept.booked_on, seen.booked_on),
        first_due_on = seen.first_due_on,
        maturity_on = seen.maturity_on,
        closed_on = CASE WHEN {_STATUS} = 'closed'
                         THEN coalesce(seen.closed_on, kept.closed_on) END,
        closed_reason = CASE WHEN {_STATUS} = 'closed'
                             THEN coalesce(seen.closed_reason, kept.closed_reason) END,
        written_off_on = coalesce(seen.written_off_on, kept.written_off_on),
        sold_on = coalesce(seen.sold_on, kept.sold_on),
        holder = coalesce(seen.holder, kept.holder),
        restructured_on = coalesce(seen.restructured_on, kept.restructured_on),
        restructures = kept.restructures + coalesce(seen.restructures, 0),
        suspended = coalesce(seen.suspended, kept.suspended),
        pauses = kept.pauses + coalesce(seen.pauses, '{{}}'),
        disbursed = kept.disbursed + seen.disbursed,
        principal = kept.principal + seen.principal,
        overdue = CASE WHEN {_STATUS} = 'active' THEN coalesce(seen.overdue, 0) ELSE 0 END,
        oldest_unpaid_due_on = CASE WHEN {_STATUS} = 'active' THEN seen.unpaid_due_on END,
        next_due_on = CASE WHEN {_STATUS} = 'active' THEN seen.next_due_on END
    FROM (
        SELECT staged.loan_id, header.stage, header.disbursed_on, header.booked_on,
               header.closed_on, header.closed_reason, header.written_off_on, header.sold_on,
               header.holder, header.restructured_on, header.restructures, header.suspended,
               header.pauses, header.annual_rate, header.frequency, header.method,
               staged.disbursed, staged.principal,
               header.status, lines.*
        FROM staged_loans AS staged
        LEFT JOIN staged_headers AS header ON header.loan_id = staged.loan_id
        CROSS JOIN LATERAL (
            SELECT sum(line.principal + line.interest + line.interest_tax
                       - line.paid_principal - line.paid_interest - line.paid_interest_tax
                       - line.forgiven_principal - line.forgiven_interest
                       - line.forgiven_interest_tax) FILTER (WHERE line.due) AS overdue,
                   min(line.due_on) FILTER (WHERE line.settled_on IS NULL) AS unpaid_due_on,
                   min(line.due_on) FILTER (WHERE NOT line.due) AS next_due_on,
                   min(line.due_on) FILTER (WHERE {_OF_SCHEDULE}) AS first_due_on,
                   max(line.due_on) FILTER (WHERE {_OF_SCHEDULE}) AS maturity_on,
                   count(*) FILTER (WHERE {_OF_SCHEDULE})::integer AS instalments
            FROM schedule AS line WHERE line.loan_id = staged.loan_id
        ) AS lines
        WHERE NOT staged.plain
    ) AS seen
    WHERE kept.loan_id = seen.loan_id
"""

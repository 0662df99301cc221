"""What does each instalment come to, what was paid of it, when, and since when is it settled?"""

from typing import Any, LiteralString

from psycopg import Cursor

from domain import events as e
from ledger.packed_rows import copy_packed
from projections.batch import Batch
from projections.loans import changes as changed
from projections.loans import new_rows, paid, plans
from projections.loans.changes import packed_lines
from projections.loans.lines import ADDED, STAGED
from projections.movements import COMPONENTS
from projections.staging import Column, copy_columns, copy_rows, staging_table

REPLANNED = (
    "start_on", "due_on", "planned_interest", "planned_tax", "planned_fee", "planned_fee_tax",
)  # fmt: skip


def prepare(cursor: Cursor[Any]) -> None:
    """Make the staging tables."""
    added = ", ".join(f"{name} bigint" for name in ADDED)
    staging_table(
        cursor,
        "staged_lines",
        "loan_id uuid, instalment integer, fell_due boolean, final_interest bigint,"
        f" final_tax bigint, {added}, pays boolean, settled boolean, settled_on date,"
        " received bigint, received_on date, clears boolean",
    )
    plans.prepare(cursor)
    paid.prepare(cursor)
    staging_table(
        cursor,
        "staged_ran",
        f"loan_id uuid, instalment integer, {', '.join(f'{name} bigint' for name in changed.RAN)}",
    )
    staging_table(
        cursor,
        "staged_due",
        "loan_id uuid, instalment integer, interest bigint, interest_tax bigint, settled_on date",
    )
    staging_table(
        cursor, "staged_cuts", "loan_id uuid, instalments integer, due integer"
    )  # null: as they are


def fold(cursor: Cursor[Any], batch: Batch) -> None:
    """Add new schedules, then what the batch changes; headers are staged already."""
    for names, rows in batch.derive(new_rows.planned):
        copy_packed(cursor, "schedule", names, [rows])
    for names, rows in batch.derive(new_rows.portions):
        copy_packed(cursor, "portions", names, [rows])
    found = batch.derive(changed.changes)
    if found.cuts:
        cuts = [(batch.loan(loan), *cut) for loan, cut in found.cuts.items()]
        copy_rows(cursor, "staged_cuts", ("loan_id", "instalments", "due"), cuts)
        cursor.execute(_CUT)
        cursor.execute(_NOT_DUE)
    _change(cursor, "staged_due", batch.derive(changed.due_lines), _DUE)
    _change(cursor, "staged_ran", batch.derive(changed.ran_lines), _RUN)  # some ran once it was due
    paid.fold(cursor, batch)
    rows, changed_lines = batch.derive(packed_lines)
    changed_lines += plans.fold(cursor, batch)
    if changed_lines:
        copy_packed(cursor, "staged_lines", STAGED, [rows])
        if batch.derive(plans.packed_plans)[1]:
            cursor.execute(_NEW)
        cursor.execute(_FOLD)
        assert cursor.rowcount == changed_lines, f"{changed_lines} changed, {cursor.rowcount} known"
    if batch.has(e.LoanClosed, e.PaymentReversed, e.ChargedBack) or _goes_on(batch):
        cursor.execute(_NEVER_DUE)


def _goes_on(batch: Batch) -> bool:
    """A tranche after the first: the loan may have been closed before."""
    return any(one.tranche > 1 for _, one in batch.each(e.LoanDisbursed))


def _change(
    cursor: Cursor[Any], table: LiteralString, rows: list[Column], statement: LiteralString
) -> None:
    """Stage rows, of which each changes one instalment, and carry the statement out."""
    if size := len(rows[0][2]):
        copy_columns(cursor, table, rows)
        cursor.execute(statement)
        assert cursor.rowcount == size, f"{size} changed, {cursor.rowcount} known"


_CUT = f"""
    DELETE FROM schedule AS kept USING staged_cuts AS cut
    WHERE kept.loan_id = cut.loan_id AND kept.instalment > cut.instalments
      AND kept.instalment <= {e.CHARGES}
"""

_NOT_DUE = f"""
    UPDATE schedule AS kept SET
        due = false,
        interest = kept.planned_interest + kept.brought_interest,
        interest_tax = kept.planned_tax + kept.brought_tax
    FROM staged_cuts AS cut
    WHERE kept.loan_id = cut.loan_id AND kept.due AND kept.instalment > cut.due
      AND kept.instalment <= {e.CHARGES}
"""

_DUE = """
    UPDATE schedule AS kept SET
        due = true,
        interest = fell.interest + kept.forgiven_interest,
        interest_tax = fell.interest_tax + kept.forgiven_interest_tax,
        settled_on = coalesce(nullif(fell.settled_on, 'infinity'), kept.settled_on)
    FROM staged_due AS fell
    WHERE kept.loan_id = fell.loan_id AND kept.instalment = fell.instalment
"""
"""As `_FOLD` has it of an instalment to which nothing else happened."""

_RUN = """
    UPDATE schedule AS kept SET
        late_interest = kept.late_interest + ran.late_interest,
        late_interest_tax = kept.late_interest_tax + ran.late_interest_tax,
        interest = kept.interest + CASE WHEN kept.due THEN ran.interest ELSE 0 END,
        interest_tax = kept.interest_tax + CASE WHEN kept.due THEN ran.interest_tax ELSE 0 END
    FROM staged_ran AS ran
    WHERE kept.loan_id = ran.loan_id AND kept.instalment = ran.instalment
"""

_NEW = """
    WITH asked AS (
        SELECT loan_id, instalment, plan.start_on, plan.due_on
        FROM staged_lines JOIN staged_plans AS plan USING (loan_id, instalment)
    ), made AS (
        INSERT INTO schedule (loan_id, instalment, start_on, due_on) SELECT * FROM asked
        ON CONFLICT DO NOTHING RETURNING loan_id, instalment
    ), again AS (
        SELECT loan_id, instalment FROM made
        UNION ALL
        SELECT plan.loan_id, plan.instalment
        FROM asked AS plan JOIN schedule AS kept USING (loan_id, instalment)
        WHERE plan.due_on <> kept.due_on
    )
    UPDATE staged_lines AS staged SET pays = true FROM again
    WHERE staged.loan_id = again.loan_id AND staged.instalment = again.instalment
"""
"""What a row of the number was paid before it was cut, or when it fell due on another day, is
summed up anew.
"""


def _final(name: str, final: str, planned: str, brought: str) -> str:
    """SQL of an amount that is planned until due, then final, then grows."""
    return f"""
        {name} = CASE
            WHEN staged.fell_due THEN staged.{final} + kept.forgiven_{name} + staged.{name}
            WHEN kept.due THEN kept.{name} + staged.{name}
            WHEN plan.loan_id IS NULL THEN kept.{name} + staged.{brought}
            ELSE plan.{planned} + kept.forgiven_{name} + staged.{brought} END"""


def _brought(brought: str, forgiven: str) -> str:
    """SQL of what falls due besides the plan: a row planned anew is net of what was forgiven."""
    return f"""
        {brought} = staged.{brought} + CASE
            WHEN plan.loan_id IS NULL THEN kept.{brought} ELSE kept.{forgiven} END"""


def _planned_anew(name: str) -> str:
    return f"{name} = coalesce(plan.{name}, kept.{name})"


_TOTAL = " + ".join(f"portion.{name}" for name in COMPONENTS)
_ELSEWHERE = ("interest", "interest_tax", "principal", "brought_interest", "brought_tax")

_FOLD = f"""
    UPDATE schedule AS kept SET
        due = kept.due OR staged.fell_due,
        {", ".join(map(_planned_anew, REPLANNED))},
        {_final("interest", "final_interest", "planned_interest", "brought_interest")},
        {_final("interest_tax", "final_tax", "planned_tax", "brought_tax")},
        {_brought("brought_interest", "forgiven_interest")},
        {_brought("brought_tax", "forgiven_interest_tax")},
        principal = staged.principal + CASE
            WHEN plan.loan_id IS NULL THEN kept.principal
            ELSE plan.principal + kept.forgiven_principal END,
        {
    ", ".join(f"{name} = kept.{name} + staged.{name}" for name in ADDED if name not in _ELSEWHERE)
},
        settled_on = CASE WHEN staged.settled THEN nullif(staged.settled_on, 'infinity')
                          ELSE kept.settled_on END,
        paid_on = CASE WHEN staged.pays THEN seen.paid_on
                       WHEN staged.clears THEN greatest(kept.paid_on, staged.received_on)
                       ELSE kept.paid_on END,
        paid_late = CASE WHEN staged.pays THEN seen.late
                         WHEN staged.received_on > kept.due_on
                         THEN kept.paid_late + staged.received ELSE kept.paid_late END,
        paid_in_advance = CASE WHEN staged.pays THEN seen.in_advance
                               WHEN staged.received_on < kept.due_on
                               THEN kept.paid_in_advance + staged.received
                               ELSE kept.paid_in_advance END
    FROM staged_lines AS staged
    LEFT JOIN staged_plans AS plan
           ON plan.loan_id = staged.loan_id AND plan.instalment = staged.instalment
    LEFT JOIN LATERAL (
        SELECT max(paid.on_date) FILTER (WHERE paid.clears) AS paid_on,
               coalesce(sum(paid.total) FILTER (WHERE paid.on_date > paid.due_on), 0) AS late,
               coalesce(sum(paid.total) FILTER (WHERE paid.on_date < paid.due_on), 0) AS in_advance
        FROM (
            SELECT CASE WHEN every(portion.kind = 'application')
                        THEN (SELECT min(own.effective_on) FROM portions AS own
                              WHERE own.loan_id = staged.loan_id AND own.kind = 'payment'
                                AND own.number = portion.number)
                        ELSE min(portion.effective_on) END AS on_date,
                   sum({_TOTAL}) AS total,
                   min(coalesce(plan.due_on, line.due_on)) AS due_on,
                   {" OR ".join(f"sum(portion.{name}) <> 0" for name in COMPONENTS)} AS clears
            FROM portions AS portion
            JOIN schedule AS line USING (loan_id, instalment)
            WHERE staged.pays
              AND portion.loan_id = staged.loan_id AND portion.instalment = staged.instalment
              AND portion.kind IN ('payment', 'reversal', 'payment_correction', 'application')
            GROUP BY portion.number
        ) AS paid
    ) AS seen ON staged.pays
    WHERE kept.loan_id = staged.loan_id AND kept.instalment = staged.instalment
"""

_GONE = """
    (SELECT coalesce(sum(portion.{name}), 0) FROM portions AS portion
     WHERE portion.loan_id = kept.loan_id AND portion.instalment = kept.instalment
       AND portion.kind IN ('write_off', 'sale'))
"""
"""What left the books with the rest of the loan."""


def _never_due(name: str, planned: str, brought: str) -> str:
    """SQL of an amount that is not due: what became of it where the loan is closed."""
    return f"""CASE WHEN staged.status = 'closed'
        THEN kept.paid_{name} + kept.forgiven_{name} + {_GONE.format(name=name)}
        ELSE kept.{planned} + kept.{brought} END"""


_INTEREST = _never_due("interest", "planned_interest", "brought_interest")
_TAX = _never_due("interest_tax", "planned_tax", "brought_tax")

_NEVER_DUE = f"""
    UPDATE schedule AS kept SET interest = {_INTEREST}, interest_tax = {_TAX}
    FROM staged_headers AS staged
    WHERE kept.loan_id = staged.loan_id AND NOT kept.due
      AND staged.status IN ('active', 'closed', 'reopened')
      AND (kept.interest <> {_INTEREST} OR kept.interest_tax <> {_TAX})
"""
"""A schedule that has just been planned stays as it is."""

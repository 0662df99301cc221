"""What does each instalment come to, what was paid of it, when, and since when is it settled?"""

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from psycopg import Cursor

from domain import events as e
from projections.batch import Batch
from projections.movements import COMPONENTS, MOVING, Movement, of_portion
from projections.staging import NO_DATE, copy_packed, copy_rows, day, packed, staging_table

PLANNED = (
    "loan_id", "instalment", "start_on", "due_on", "due", "planned_interest", "planned_tax",
    *COMPONENTS, "settled_on",
)  # fmt: skip
PORTION = (
    "loan_id", "position", "line", "kind", "number", "instalment", "effective_on", *COMPONENTS,
)  # fmt: skip

ADDED = (
    "fee_tax", "fee", "late_interest_tax", "late_interest", "interest_tax", "interest",
    *(f"paid_{name}" for name in COMPONENTS), *(f"forgiven_{name}" for name in COMPONENTS),
    "written_off",
)  # fmt: skip
AT = {name: at for at, name in enumerate(ADDED)}
STAGED = (
    "loan_id", "instalment", "fell_due", "final_interest", "final_tax", *ADDED, "pays", "settled",
    "settled_on",
)  # fmt: skip
MONEY = "paid"
SIDES = {"payment": MONEY, "reversal": MONEY, "payment_correction": MONEY,
         "waiver": "forgiven", "forgiveness": "forgiven"}  # fmt: skip

Key: TypeAlias = tuple[int, int]
"""The loan's place in the batch, and the instalment."""


class Line:
    """What a batch changes in one instalment. ``final`` is set once it fell due in the batch."""

    __slots__ = ("added", "final", "paid", "settled", "settled_on")

    def __init__(self) -> None:
        self.added = [0] * len(ADDED)
        self.final: tuple[int, int] | None = None
        self.paid = False
        self.settled = False
        self.settled_on = NO_DATE

    def fall_due(self, event: e.InstalmentFellDue) -> None:
        """Final amounts replace planned ones; they are net of what was forgiven before."""
        self.final = (
            event.interest + self.added[AT["forgiven_interest"]],
            event.tax + self.added[AT["forgiven_interest_tax"]],
        )


Lines: TypeAlias = dict[Key, Line]


def prepare(cursor: Cursor[Any]) -> None:
    """Make the staging tables."""
    added = ", ".join(f"{name} bigint" for name in ADDED)
    staging_table(
        cursor,
        "staged_lines",
        "loan_id uuid, instalment integer, fell_due boolean, final_interest bigint,"
        f" final_tax bigint, {added}, pays boolean, settled boolean, settled_on date",
    )


def fold(cursor: Cursor[Any], batch: Batch) -> None:
    """Add new schedules, then what the batch changes; headers are staged already."""
    planned = list(_planned(batch))
    if planned:
        copy_rows(cursor, "schedule", PLANNED, planned)
    copy_rows(cursor, "portions", PORTION, _portions(batch))
    lines = batch.derive(changes)
    if lines:
        copy_packed(cursor, "staged_lines", STAGED, [batch.derive(packed_lines)])
        cursor.execute(_FOLD)
        assert cursor.rowcount == len(lines), f"{len(lines)} changed, {cursor.rowcount} known"
    if batch.of(e.LoanClosed, e.PaymentReversed):
        cursor.execute(_NEVER_DUE)


def _planned(batch: Batch) -> Iterator[tuple[Any, ...]]:
    """The rows of new schedules; a loan is disbursed in one tranche."""
    for loan, event in batch.each(e.LoanDisbursed, e.LoanTakenOn):
        opening = (
            {portion.instalment: portion for portion in event.opening}
            if isinstance(event, e.LoanTakenOn)
            else None
        )
        for row in event.schedule:
            head = (loan, row.number, row.start_on, row.due_on)
            owed = [0, 0, 0, 0, row.tax, row.interest, row.principal]
            due, settled_on = False, None
            if opening is not None:
                due = row.due_on <= event.effective_on
                portion = opening.get(row.number, e.Portion(instalment=row.number))
                kept = of_portion(portion)
                owed = [*kept] if due else [*kept[:4], row.tax, row.interest, kept[-1]]
                settled_on = event.effective_on if due and not portion.total else None
            yield (*head, due, row.interest, row.tax, *owed, settled_on)


def _portions(batch: Batch) -> Iterator[tuple[Any, ...]]:
    before, line = -1, 0
    for at, one in batch.movements:
        if at != before:
            before, line = at, 0
        record = batch.records[at]
        for portion in one.portions:
            line += 1
            yield (
                record.loan_id, record.position, line, one.kind, one.number,
                portion.instalment, one.on, *of_portion(portion),
            )  # fmt: skip


def changes(batch: Batch) -> Lines:
    """What the batch comes to for each instalment, in the order of the log."""
    lines: Lines = {}
    for at in batch.of(e.InstalmentFellDue, *MOVING):
        loan, event = batch.place_of[at], batch.records[at].event
        _note(lines, loan, event)
        for movement in batch.moved.get(at, ()):
            _note_portions(lines, loan, movement)
        for mark in getattr(event, "settled", ()):
            line = _line(lines, loan, mark.instalment)
            line.settled, line.settled_on = True, day(mark.on)
    _note_accruals(lines, batch)
    return lines


LATE = ("late_interest", "late_interest_tax")
CHARGED = ("interest", "interest_tax", *LATE)


def _note(lines: Lines, loan: int, event: e.AnyLoanEvent) -> None:
    if isinstance(event, e.InstalmentFellDue):
        _line(lines, loan, event.instalment).fall_due(event)
    elif isinstance(event, e.FeeCharged):
        _add(lines, loan, event.instalment, {"fee": event.amount, "fee_tax": event.tax})
    elif isinstance(event, e.HistoryCorrected):
        for charge in event.charged:
            names = CHARGED if charge.due else LATE  # what is not yet due is still planned
            changed = {name: getattr(charge, name) for name in names}
            _add(lines, loan, charge.instalment, changed)


def _note_portions(lines: Lines, loan: int, movement: Movement) -> None:
    side = SIDES.get(movement.kind)
    for portion in movement.portions:
        line = _line(lines, loan, portion.instalment)
        if side is None:
            line.added[AT["written_off"]] += portion.total
            continue
        line.paid = line.paid or side == MONEY
        first = AT[f"{side}_{COMPONENTS[0]}"]
        for at, amount in enumerate(of_portion(portion), start=first):
            line.added[at] += amount


def _note_accruals(lines: Lines, batch: Batch) -> None:
    """Late interest, and interest after maturity: what ran before falling due is planned."""
    for accruals, name in ((batch.late_interest, "late_interest"), (batch.interest, "interest")):
        interest, tax = AT[name], AT[f"{name}_tax"]
        after_due = np.flatnonzero(accruals.due)
        rows = (column[after_due].tolist() for column in accruals[:4])
        for at, number, amount, tax_amount in zip(*rows, strict=True):
            added = _line(lines, batch.place_of[at], number).added
            added[interest] += amount
            added[tax] += tax_amount


def _add(lines: Lines, loan: int, instalment: int, amounts: dict[str, int]) -> None:
    line = _line(lines, loan, instalment)
    for name, amount in amounts.items():
        line.added[AT[name]] += amount


def _line(lines: Lines, loan: int, instalment: int) -> Line:
    line = lines.get((loan, instalment))
    if line is None:
        line = lines[loan, instalment] = Line()
    return line


def packed_lines(batch: Batch) -> bytes:
    """The rows of `staged_lines` for binary COPY."""
    lines = batch.derive(changes)
    if not lines:
        return b""
    added = np.array([line.added for line in lines.values()], dtype=np.int64)
    rest = np.array(
        [
            (loan, number, line.final is not None, *(line.final or (0, 0)), line.paid,
             line.settled, line.settled_on)
            for (loan, number), line in lines.items()
        ],
        dtype=np.int64,
    ).T  # fmt: skip
    loans, instalment, fell_due, interest, tax, pays, settled, settled_on = rest
    return packed(
        [
            ("uuid", batch.uuids[loans]),
            ("int4", instalment),
            ("bool", fell_due),
            ("int8", interest),
            ("int8", tax),
            *(("int8", added[:, at]) for at in range(len(ADDED))),
            ("bool", pays),
            ("bool", settled),
            ("date", settled_on),
        ]
    )


def _final(name: str, final: str) -> str:
    """SQL of an amount that is planned until due, then final, then grows."""
    return f"""
        {name} = CASE
            WHEN staged.fell_due THEN staged.{final} + kept.forgiven_{name} + staged.{name}
            WHEN kept.due THEN kept.{name} + staged.{name}
            ELSE kept.{name} END"""


_TOTAL = " + ".join(f"portion.{name}" for name in COMPONENTS)

_FOLD = f"""
    UPDATE schedule AS kept SET
        due = kept.due OR staged.fell_due,
        {_final("interest", "final_interest")},
        {_final("interest_tax", "final_tax")},
        {
    ", ".join(
        f"{name} = kept.{name} + staged.{name}"
        for name in ADDED
        if name not in ("interest", "interest_tax")
    )
},
        settled_on = CASE WHEN staged.settled THEN nullif(staged.settled_on, 'infinity')
                          ELSE kept.settled_on END,
        paid_on = CASE WHEN staged.pays THEN seen.paid_on ELSE kept.paid_on END,
        paid_late = CASE WHEN staged.pays THEN seen.late ELSE kept.paid_late END,
        paid_in_advance = CASE WHEN staged.pays THEN seen.in_advance
                               ELSE kept.paid_in_advance END
    FROM staged_lines AS staged
    LEFT JOIN LATERAL (
        SELECT max(paid.on_date) FILTER (WHERE paid.clears) AS paid_on,
               coalesce(sum(paid.total) FILTER (WHERE paid.on_date > paid.due_on), 0) AS late,
               coalesce(sum(paid.total) FILTER (WHERE paid.on_date < paid.due_on), 0) AS in_advance
        FROM (
            SELECT min(portion.effective_on) AS on_date, sum({_TOTAL}) AS total,
                   min(line.due_on) AS due_on,
                   {" OR ".join(f"sum(portion.{name}) <> 0" for name in COMPONENTS)} AS clears
            FROM portions AS portion
            JOIN schedule AS line USING (loan_id, instalment)
            WHERE portion.loan_id = staged.loan_id AND portion.instalment = staged.instalment
              AND portion.kind IN ('payment', 'reversal', 'payment_correction')
            GROUP BY portion.number
        ) AS paid
    ) AS seen ON staged.pays
    WHERE kept.loan_id = staged.loan_id AND kept.instalment = staged.instalment
"""

_NEVER_DUE = """
    UPDATE schedule AS kept SET
        interest = CASE WHEN staged.status = 'closed'
                        THEN kept.paid_interest + kept.forgiven_interest
                        ELSE kept.planned_interest END,
        interest_tax = CASE WHEN staged.status = 'closed'
                            THEN kept.paid_interest_tax + kept.forgiven_interest_tax
                            ELSE kept.planned_tax END
    FROM staged_headers AS staged
    WHERE kept.loan_id = staged.loan_id AND NOT kept.due
      AND staged.status IN ('active', 'closed', 'reopened')
"""

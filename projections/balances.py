"""What does every loan owe, by component, and where did its principal go?"""

from typing import Any

import numpy as np
from psycopg import Cursor

from domain import events as e
from projections.batch import Batch, Ints, add_at
from projections.movements import COMPONENTS, PRINCIPAL, Movement
from projections.projection import Projection
from projections.staging import copy_columns, staging_table

SUMS = (
    *COMPONENTS, "disbursed", "capitalised", "charged_back", "repaid", "forgiven", "written_off",
    "sold", "overpaid", "paid_total", "forgiven_total", "written_off_total", "sold_total",
    "recovered",
)  # fmt: skip
AT = {name: at for at, name in enumerate(SUMS)}

WENT_TO = {
    "disbursement": ("disbursed", None),
    "taken_on": ("disbursed", None),
    "capitalisation": ("capitalised", None),
    "charge_correction": ("capitalised", None),
    "chargeback": ("charged_back", None),
    "payment": ("repaid", "paid_total"),
    "reversal": ("repaid", "paid_total"),
    "payment_correction": ("repaid", "paid_total"),
    "application": ("repaid", "paid_total"),
    "waiver": ("forgiven", "forgiven_total"),
    "forgiveness": ("forgiven", "forgiven_total"),
    "write_off": ("written_off", "written_off_total"),
    "sale": ("sold", "sold_total"),
}
"""Which sums a movement's principal and its whole amount count in."""


def changes(batch: Batch) -> Ints:
    """What the batch adds to each loan's sums; shape (loans of the batch, ``SUMS``)."""
    sums = np.zeros((len(batch.loans), len(SUMS)), dtype=np.int64)
    for accruals, interest in (
        (batch.interest, "interest"),
        (batch.late_interest, "late_interest"),
    ):
        loans = batch.codes[accruals.at]
        add_at(sums, (loans, np.full_like(loans, AT[interest])), accruals.interest)
        add_at(sums, (loans, np.full_like(loans, AT[f"{interest}_tax"])), accruals.tax)
    if batch.movements:
        places = batch.codes[[at for at, _ in batch.movements]]
        rows = np.array([_moved(movement) for _, movement in batch.movements], dtype=np.int64)
        add_at(sums, places, rows)
    return sums


def _moved(movement: Movement) -> list[int]:
    row = [movement.effect * amount for amount in movement.amounts] + [0] * (len(SUMS) - 7)
    if movement.kind == "recovery":
        row[AT["recovered"]] = movement.amount
    if movement.kind in WENT_TO:
        principal, whole = WENT_TO[movement.kind]
        row[AT[principal]] = movement.amounts[PRINCIPAL]
        if whole:
            row[AT[whole]] = sum(movement.amounts)
    row[AT["overpaid"]] = movement.overpaid
    return row


class Balances(Projection):
    """One row per loan, changed by addition; version and date only ever rise."""

    name = "balances"
    tables = ("balances",)
    reads = e.AnyLoanEvent.__args__
    derives = (changes,)

    def prepare(self, cursor: Cursor[Any]) -> None:
        sums = ", ".join(f"{name} bigint" for name in SUMS)
        staging_table(
            cursor,
            "staged_balances",
            f"loan_id uuid, version integer, position bigint, accrued_through date, {sums}",
        )

    def apply(self, cursor: Cursor[Any], batch: Batch) -> None:
        sums = batch.derive(changes)
        copy_columns(
            cursor,
            "staged_balances",
            [
                ("loan_id", "uuid", batch.uuids),
                ("version", "int4", _last(batch, batch.versions)),
                ("position", "int8", _last(batch, batch.positions)),
                ("accrued_through", "date", _last(batch, batch.days)),
                *((name, "int8", sums[:, at]) for name, at in AT.items()),
            ],
        )
        cursor.execute(_FOLD)


_FOLD = f"""
    MERGE INTO balances AS kept
    USING staged_balances AS staged ON kept.loan_id = staged.loan_id
    WHEN MATCHED THEN UPDATE SET
        version = staged.version,
        position = staged.position,
        accrued_through = greatest(kept.accrued_through, staged.accrued_through),
        {", ".join(f"{name} = kept.{name} + staged.{name}" for name in SUMS)}
    WHEN NOT MATCHED THEN
        INSERT (loan_id, version, position, accrued_through, {", ".join(SUMS)})
        VALUES (staged.loan_id, staged.version, staged.position, staged.accrued_through,
                {", ".join(f"staged.{name}" for name in SUMS)})
"""


def _last(batch: Batch, values: Ints) -> Ints:
    """The largest value of each loan."""
    found = np.full(len(batch.loans), np.iinfo(np.int64).min)
    np.maximum.at(found, batch.codes, values)
    return found

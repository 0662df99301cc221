"""What does every loan owe, by component, and where did its principal go?"""

from collections.abc import Sequence
from typing import Any, LiteralString
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from psycopg import Cursor

from domain import events as e
from projections.batch import Batch, Ints, add_at
from projections.movements import COMPONENTS, PRINCIPAL
from projections.projection import Projection
from projections.staging import Column, copy_columns, staging_table

SUMS = (
    *COMPONENTS, "disbursed", "capitalised", "charged_back", "repaid", "forgiven", "written_off",
    "sold", "overpaid", "paid_total", "forgiven_total", "written_off_total", "sold_total",
    "recovered",
)  # fmt: skip
AT = {name: at for at, name in enumerate(SUMS)}
ACCRUED = ("late_interest_tax", "late_interest", "interest_tax", "interest")
"""What a day without movements adds to."""
STAGED: tuple[tuple[LiteralString, tuple[LiteralString, ...]], ...] = (
    ("staged_balances", SUMS),
    ("staged_accruals", ACCRUED),
)
HEAD: LiteralString = "loan_id uuid, version integer, position bigint, accrued_through date"

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
    "waiver_undone": ("forgiven", "forgiven_total"),
    "forgiveness": ("forgiven", "forgiven_total"),
    "write_off": ("written_off", "written_off_total"),
    "sale": ("sold", "sold_total"),
}
"""Which sums a movement's principal and its whole amount count in."""


def changes(batch: Batch) -> Ints:
    """What the batch adds to each loan's sums; shape (loans of the batch, ``SUMS``)."""
    sums = np.zeros((len(batch.uuids), len(SUMS)), dtype=np.int64)
    for accruals, interest in (
        (batch.interest, "interest"),
        (batch.late_interest, "late_interest"),
    ):
        loans = batch.codes[accruals.at]
        add_at(sums, (loans, np.full_like(loans, AT[interest])), accruals.interest)
        add_at(sums, (loans, np.full_like(loans, AT[f"{interest}_tax"])), accruals.tax)
    if batch.movements:
        add_at(sums, batch.codes[[at for at, _ in batch.movements]], _moved(batch))
    return sums


def _moved(batch: Batch) -> Ints:
    """What each movement adds; shape (movements, ``SUMS``)."""
    rows = np.zeros((len(batch.movements), len(SUMS)), dtype=np.int64)
    amounts, overpaid, whole = np.split(batch.amounts, [len(COMPONENTS), -1], axis=1)
    rows[:, AT["overpaid"]] = overpaid[:, 0]
    for (kind, effect, _), at in batch.alike.items():
        rows[at, : len(COMPONENTS)] = effect * amounts[at]
        if kind == "recovery":
            rows[at, AT["recovered"]] = whole[at, 0]
        if kind in WENT_TO:
            principal, total = WENT_TO[kind]
            rows[at, AT[principal]] = amounts[at, PRINCIPAL]
            if total:
                rows[at, AT[total]] = amounts[at].sum(axis=1)
    return rows


class Balances(Projection):
    """One row per loan, changed by addition; version and date only ever rise."""

    name = "balances"
    tables = ("balances",)
    reads = e.AnyLoanEvent.__args__
    derives = (changes,)

    def prepare(self, cursor: Cursor[Any]) -> None:
        for table, names in STAGED:
            sums = ", ".join(f"{name} bigint" for name in names)
            staging_table(cursor, table, f"{HEAD}, {sums}")

    def apply(self, cursor: Cursor[Any], batch: Batch) -> None:
        """What only accrued, most of a day, is staged and changed in its few columns."""
        sums = batch.derive(changes)
        others = sums[:, [AT[name] for name in SUMS if name not in ACCRUED]]
        wide: NDArray[np.bool_] = np.any(others, axis=1)
        wide[batch.codes[batch.of(e.LoanOpened)]] = True
        head = [
            ("loan_id", "uuid", batch.uuids),
            ("version", "int4", _last(batch, batch.versions)),
            ("position", "int8", _last(batch, batch.positions)),
            ("accrued_through", "date", _last(batch, batch.days)),
        ]
        if wide.any():
            _stage(cursor, "staged_balances", head, sums, SUMS, wide)
            cursor.execute(_FOLD)
        if not wide.all():
            _stage(cursor, "staged_accruals", head, sums, ACCRUED, ~wide)
            ids = batch.uuids[~wide]
            ends = [UUID(bytes=bytes(one)) for one in (min(ids.tolist()), max(ids.tolist()))]
            cursor.execute(_ACCRUE, ends)
            assert cursor.rowcount == (~wide).sum(), f"{cursor.rowcount} of {(~wide).sum()} known"


def _stage(
    cursor: Cursor[Any],
    table: LiteralString,
    head: Sequence[Column],
    sums: Ints,
    names: Sequence[str],
    chosen: NDArray[np.bool_],
) -> None:
    columns = [*head, *((name, "int8", sums[:, AT[name]]) for name in names)]
    copy_columns(cursor, table, [(name, kind, values[chosen]) for name, kind, values in columns])


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


_ACCRUE = f"""
    UPDATE balances AS kept SET
        version = staged.version,
        position = staged.position,
        accrued_through = greatest(kept.accrued_through, staged.accrued_through),
        {", ".join(f"{name} = kept.{name} + staged.{name}" for name in ACCRUED)}
    FROM staged_accruals AS staged WHERE kept.loan_id = staged.loan_id
        AND kept.loan_id BETWEEN %s AND %s
"""
"""The ends, because a close goes through the loans in order: a batch is a stretch of the table."""


def _last(batch: Batch, values: Ints) -> Ints:
    """The largest value of each loan."""
    found = np.full(len(batch.uuids), np.iinfo(np.int64).min)
    np.maximum.at(found, batch.codes, values)
    return found

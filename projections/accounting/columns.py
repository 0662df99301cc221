"""The facts of a batch by column: what events mean that do not depend on how their loans stood."""

from datetime import date
from functools import cache
from typing import NamedTuple

import numpy as np

from domain import events as e
from ledger.packed_rows import day_number
from projections.accounting.facts import MEETS, SUSPENDED, facts_of, of_movement
from projections.batch import Accruals, Batch, Ints
from projections.movements import NOTHING, Movement
from projections.staging import day

KEYS = tuple((kind, component) for kind, components in MEETS.items() for component in components)
CODE = {key: number for number, key in enumerate(KEYS)}
"""Kind and component as one small number."""
ASIDE_OF = np.array(
    [CODE.get((kind, f"{SUSPENDED}{component}"), number)
     for number, (kind, component) in enumerate(KEYS)], dtype=np.int64
)  # fmt: skip
"""The number of what an accrual means instead while accrual is suspended."""


class Rows(NamedTuple):
    """A fact a row: the place of its event in the batch, its date, kind and component, amount."""

    at: Ints
    days: Ints
    codes: Ints
    amounts: Ints

    def chosen(self, rows: Ints) -> "Rows":
        """Only those rows."""
        return Rows(*(column[rows] for column in self))


def accrued(batch: Batch) -> Rows:
    """What daily accruals mean: most of a day."""
    parts = [
        _column(batch, ran, name, amounts)
        for name, ran in (("interest", batch.interest), ("late_interest", batch.late_interest))
        for name, amounts in ((name, ran.interest), (f"{name}_tax", ran.tax))
    ]
    return joined(parts)


def _column(batch: Batch, ran: Accruals, component: str, amounts: Ints) -> Rows:
    there = np.flatnonzero(amounts)
    at = ran.at[there]
    code = CODE[component.removesuffix("_tax"), component]
    return Rows(at, batch.days[at], np.full_like(at, code), amounts[there])


def moved(batch: Batch) -> Rows:
    """What movements mean, disbursements by what was withheld."""
    parts = [_disbursed(batch)]
    days = np.fromiter(
        (day_number(one.on) for _, one in batch.movements), np.int64,
        len(batch.movements),
    )  # fmt: skip
    places = np.fromiter((at for at, _ in batch.movements), np.int64, len(batch.movements))
    for (kind, effect, source), numbers in batch.alike.items():
        if kind == "disbursement":
            continue
        of = np.array(numbers, dtype=np.int64)
        codes, means = _means(kind, effect, source)
        booked = batch.amounts[of] @ means
        row, column = np.nonzero(booked)
        parts.append(Rows(places[of[row]], days[of[row]], codes[column], booked[row, column]))
    return joined(parts)


def _disbursed(batch: Batch) -> Rows:
    found = [
        (at, day(fact.on), CODE[fact.kind, fact.component], fact.amount)
        for at in batch.of(e.LoanDisbursed)
        for fact in facts_of(batch.events[at])
    ]
    return Rows(*np.array(found, dtype=np.int64).reshape(-1, 4).T)


@cache
def _means(kind: str, effect: int, source: str) -> tuple[Ints, Ints]:
    """(codes, matrix): what one unit of each of a movement's amounts comes to by code."""
    columns: dict[int, list[int]] = {}
    width = len(NOTHING) + 2
    for row, unit in enumerate(np.eye(width, dtype=np.int64).tolist()):
        a, b, c, d, f, g, h, overpaid, amount = unit
        one = Movement(
            kind, date.min, effect, amount, (a, b, c, d, f, g, h), overpaid=overpaid, source=source
        )
        for of_kind, component, value in of_movement(one):
            columns.setdefault(CODE[of_kind, component], [0] * width)[row] += value
    return np.array(list(columns), dtype=np.int64), np.array(list(columns.values())).T


def joined(parts: list[Rows]) -> Rows:
    """Rows that follow each other, as one."""
    return Rows(*(np.concatenate(column) for column in zip(*parts, strict=True)))

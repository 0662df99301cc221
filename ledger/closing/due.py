"""Instalments that plainly fall due the day after the quiet ones, many at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import TupleRow

from domain.arrays.book import Whole
from domain.falls_due import Bears
from domain.quiet import Runs
from ledger.packed_rows import FIRST_ORDINAL, Types, hexes, read

FIGURES = (
    "instalment", "principal", "interest_apart", "tax_apart", "bears", "next_due_on", "until",
    "late",
)  # fmt: skip
"""Of `ledger.loan_state.falls_due`, in order."""

DUE: Types = dict.fromkeys(("nth", "interest", "interest_tax", *FIGURES), "int8")

DUE_LINES = f"""
    SELECT asked.nth - 1, kept.interest, kept.interest_tax,
           {", ".join(f"coalesce(kept.falls_due[{n}], 0)" for n in range(1, len(FIGURES) + 1))}
    FROM unnest(string_to_array(%(ids)s, ',')::uuid[]) WITH ORDINALITY AS asked (loan_id, nth)
    JOIN ledger.loan_state AS kept ON kept.loan_id = asked.loan_id
    ORDER BY asked.nth
"""

MOVED: Types = {
    "period_start_on": "date", "next_due_on": "date", "quiet_until": "date", "accruing": "int4",
    "begins_on": "date", "ends_on": "date", "bears": "int8", "due_line": "int4",
    "late_base": "int8",
}  # fmt: skip
"""What becomes of the state row besides what interest does to it."""


@dataclass(frozen=True)
class Due:
    """Instalments falling due: places of their loans, the day (its number), and figures.

    ``interest`` and ``tax`` are final once the day is counted.
    """

    place: Whole
    day: Whole
    figures: Mapping[str, Whole]
    interest: Whole
    tax: Whole

    def on(self, day: int) -> NDArray[np.int64]:
        """The numbers of those of that day."""
        return np.flatnonzero(self.day == day)

    def add(self, interest: Whole, tax: Whole) -> None:
        """What the loans accrued, all of it on the instalments that fall due."""
        self.interest[...] += interest[self.place]
        self.tax[...] += tax[self.place]

    def moved(self, rows: NDArray[Any]) -> dict[str, Whole]:
        """Columns of ``MOVED``; ``rows`` are the state rows of all loans."""
        of, figures = rows[self.place], self.figures
        runs, fixed = of["runs"] != Runs.NOTHING, of["runs"] == Runs.FIXED
        principal = np.where(figures["late"] == Bears.NOTHING, 0, figures["principal"])
        with_interest = figures["late"] == Bears.WITH_INTEREST
        return {
            "period_start_on": self.day,
            "next_due_on": figures["next_due_on"],
            "quiet_until": figures["until"],
            "accruing": np.where(runs, figures["instalment"] + 1, of["accruing"]),
            "begins_on": np.where(runs, self.day, of["begins_on"]),
            "ends_on": np.where(fixed, figures["next_due_on"], of["ends_on"]),
            "bears": np.where(runs, figures["bears"], of["bears"]),
            "due_line": figures["instalment"],
            "late_base": principal + np.where(with_interest, self.interest, 0),
        }


def read_due(
    connection: Connection[TupleRow], rows: NDArray[Any], places: Whole, days: Whole
) -> Due:
    """Of the loans in those ``places``. A row changed since was read at another version."""
    ids = ",".join(hexes(rows["loan_id"][places]))
    found = read(connection, DUE_LINES, {"ids": ids}, DUE)
    nth = found["nth"].astype(np.int64)
    figures = {name: found[name].astype(np.int64) for name in FIGURES}
    for name in ("next_due_on", "until"):
        figures[name] -= FIRST_ORDINAL
    interest = found["interest"].astype(np.int64) - figures["interest_apart"]
    tax = found["interest_tax"].astype(np.int64) - figures["tax_apart"]
    return Due(places[nth], days[nth], figures, interest, tax)

"""What a batch changes in the instalments, summed up one after the other, and as rows to stage."""

from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from domain import events as e
from ledger.packed_rows import packed
from projections.movements import COMPONENTS, of_portion
from projections.staging import NO_DATE

ADDED = (
    *COMPONENTS, "brought_interest", "brought_tax", *(f"paid_{name}" for name in COMPONENTS),
    *(f"forgiven_{name}" for name in COMPONENTS), "written_off", "sold",
)  # fmt: skip
AT = {name: at for at, name in enumerate(ADDED)}
STAGED = (
    "loan_id", "instalment", "fell_due", "final_interest", "final_tax", *ADDED, "pays", "settled",
    "settled_on", "received", "received_on", "clears",
)  # fmt: skip

REPLACED = {
    AT["principal"]: AT["forgiven_principal"],
    AT["brought_interest"]: AT["forgiven_interest"],
    AT["brought_tax"]: AT["forgiven_interest_tax"],
}
"""What a row planned anew replaces, and what was forgiven of it before."""

Key: TypeAlias = tuple[int, int]
"""The loan's place in the batch, and the instalment."""


class Line:
    """What a batch changes in one instalment.

    ``plan`` is the last row planned for it; what was added to its principal before is in it.
    ``final`` is what it asked for when it fell due in the batch. ``received`` on ``received_on``
    is what payments brought it, ``clears`` whether that cleared anything; where more happened to
    what was paid (``paid``), that is summed up anew; as well where
    it falls due on another day than before.
    """

    __slots__ = (
        "added", "clears", "final", "paid", "plan", "received", "received_on", "settled",
        "settled_on",
    )  # fmt: skip

    def __init__(self) -> None:
        self.added = [0] * len(ADDED)
        self.final: tuple[int, int] | None = None
        self.plan: e.Instalment | None = None
        self.paid = False
        self.settled = False
        self.settled_on = NO_DATE
        self.received = 0
        self.received_on = NO_DATE
        self.clears = False

    def receive(self, on: int, portion: e.Portion) -> None:
        """A payment of its own; of those of one day the sum tells enough."""
        self.paid = self.paid or self.received_on not in {NO_DATE, on}
        self.received_on = on
        self.received += portion.total
        self.clears = self.clears or any(of_portion(portion))

    def fall_due(self, interest: int, tax: int) -> None:
        """Final amounts replace planned ones; they are net of what was forgiven before."""
        self.final = (
            interest + self.added[AT["forgiven_interest"]],
            tax + self.added[AT["forgiven_interest_tax"]],
        )
        self._replace_interest()

    def not_due(self) -> None:
        """It had not fallen due after all: its interest is planned again."""
        self.final = None
        self._replace_interest()

    def _replace_interest(self) -> None:
        self.added[AT["interest"]] = self.added[AT["interest_tax"]] = 0

    def planned(self, row: e.Instalment) -> None:
        """The row is net of what was forgiven before; when it falls due may have moved."""
        self.plan = row
        for replaced, forgiven in REPLACED.items():
            self.added[replaced] = self.added[forgiven]


class Changes:
    """``lines`` are the instalments that change; ``cuts`` by loan the fewest instalments there
    were, and the fewest that were due (None: no fewer than before): what is kept beyond them goes,
    or is not due.
    """

    def __init__(self) -> None:
        self.lines: dict[Key, Line] = {}
        self.cuts: dict[int, tuple[int | None, int | None]] = {}
        self._known: dict[int, set[int]] = {}

    def line(self, loan: int, instalment: int) -> Line:
        line = self.lines.get((loan, instalment))
        if line is None:
            line = self.lines[loan, instalment] = Line()
            self._known.setdefault(loan, set()).add(instalment)
        return line

    def plan(self, loan: int, rows: Iterable[e.Instalment]) -> None:
        for row in rows:
            self.line(loan, row.number).planned(row)

    def end(self, loan: int, instalments: int) -> None:
        """There are no instalments after so many."""
        for number in self._beyond(loan, instalments):
            del self.lines[loan, number]
            self._known[loan].discard(number)
        fewest, due = self.cuts.get(loan, (None, None))
        self.cuts[loan] = (_fewer(fewest, instalments), due)

    def due(self, loan: int, due: int) -> None:
        """No instalment after the first ``due`` has fallen due."""
        for number in self._beyond(loan, due):
            self.lines[loan, number].not_due()
        instalments, fewest = self.cuts.get(loan, (None, None))
        self.cuts[loan] = (instalments, _fewer(fewest, due))

    def _beyond(self, loan: int, instalment: int) -> list[int]:
        known = self._known.get(loan, ())
        return [number for number in known if instalment < number <= e.CHARGES]

    def add(self, loan: int, instalment: int, amounts: dict[str, int]) -> None:
        added = self.line(loan, instalment).added
        for name, amount in amounts.items():
            added[AT[name]] += amount


def _fewer(one: int | None, other: int) -> int:
    return other if one is None else min(one, other)


def staged(lines: dict[Key, Line], uuids: NDArray[np.void]) -> bytes:
    """The rows of `staged_lines` for binary COPY; ``uuids`` are the batch's loans."""
    if not lines:
        return b""
    added = np.array([line.added for line in lines.values()], dtype=np.int64)
    rest = np.array(
        [
            (loan, number, line.final is not None, *(line.final or (0, 0)), line.paid,
             line.settled, line.settled_on, line.received, line.received_on, line.clears)
            for (loan, number), line in lines.items()
        ],
        dtype=np.int64,
    ).T  # fmt: skip
    loans, instalment, fell_due, interest, tax, pays, settled, settled_on = rest[:8]
    received, received_on, clears = rest[8:]
    return packed(
        [
            ("uuid", uuids[loans]),
            ("int4", instalment),
            ("bool", fell_due),
            ("int8", interest),
            ("int8", tax),
            *(("int8", added[:, at]) for at in range(len(ADDED))),
            ("bool", pays),
            ("bool", settled),
            ("date", settled_on),
            ("int8", received),
            ("date", received_on),
            ("bool", clears),
        ]
    )

"""Quiet days as rows of the log: text for COPY, byte for byte what the events encode to."""

from collections.abc import Iterator
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeAlias
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from domain import events as e
from domain.arrays.book import Bools, Whole
from domain.arrays.quiet import Ran
from domain.quiet import Runs
from ledger import upcasters
from ledger.closing.columns import Quiet
from ledger.packed_rows import hexes

COLUMNS = "command_id, loan_id, version, type, revision, more, effective_on, state"

NUMBER, AMOUNT, TAX, EXACT = range(9_000_000_001, 9_000_000_005)
"""Stand for figures in an event that is encoded once for all its like."""

Texts: TypeAlias = tuple[Whole, NDArray[np.object_]]
"""Places of loans, and the rows of each."""


class Rows:
    """Writes the rows of some loans, day after day, counting their versions on."""

    def __init__(self, quiet: Quiet, command_id: UUID) -> None:
        self.versions = quiet.rows["version"].astype(np.int64)
        self._quiet = quiet
        self._instalments = quiet.rows["accruing"].astype(np.int64)
        self._due = quiet.rows["runs"] == Runs.PAST_DUE
        self._loans = np.array(hexes(quiet.rows["loan_id"]), np.object_)
        self._command = command_id

    def of_day(self, day: date, ran: Ran, late: Ran, falling: Whole) -> Texts:
        """The rows of that day of the loans that have any; ``falling`` are numbers of the due."""
        texts = np.full(len(self.versions), "", np.object_)
        is_late = np.zeros(len(self.versions), np.bool_)
        is_late[self._quiet.overdue.loan[late.recorded]] = True
        is_due = np.zeros(len(self.versions), np.int64)
        is_due[self._quiet.due.place[falling]] = 1
        for (taxed, exact, due), at in _alike(ran.recorded, ran.tax, ran.numerator, self._due):
            event = e.InterestAccrued(
                effective_on=day, instalment=NUMBER, interest=AMOUNT, tax=TAX * taxed,
                numerator=EXACT * exact, due=bool(due),
            )  # fmt: skip
            figures = [self.versions[at] + 1, is_late[at] + is_due[at], self._instalments[at],
                       ran.interest[at]]  # fmt: skip
            figures += [
                part[at] for part, told in ((ran.tax, taxed), (ran.numerator, exact)) if told
            ]
            texts[at] = self._filled(event, at, figures)
        self.versions += ran.recorded
        if is_late.any():
            self._add_late(texts, day, late, is_due)
        self.versions += is_late
        if falling.size:
            self._add_due(texts, day, falling)
        self.versions += is_due
        told = np.flatnonzero(ran.recorded | is_late | (is_due > 0))
        return told, texts[told]

    def _filled(self, event: e.AnyLoanEvent, at: Whole, figures: list[Whole]) -> list[str]:
        template = self._row(event, _template(e.encode.encode(event).decode()))
        columns = (column.tolist() for column in figures)
        return [template % row for row in zip(self._loans[at].tolist(), *columns, strict=True)]

    def _row(self, event: e.AnyLoanEvent, state: str) -> str:
        """A row of the log, to be filled with its loan, version, how many more, and figures."""
        tag = e.tag(event)
        return (
            f"{self._command}\t%s\t%d\t{tag}\t{upcasters.revision(tag)}\t%d\t{event.effective_on}"
            f"\t{state}\n"
        )

    def _add_due(self, texts: NDArray[np.object_], day: date, falling: Whole) -> None:
        due = self._quiet.due
        recorded = np.ones(falling.size, np.bool_)
        for (taxed,), some in _alike(recorded, due.tax[falling]):
            event = e.InstalmentFellDue(
                effective_on=day, instalment=NUMBER, principal=EXACT, interest=AMOUNT,
                tax=TAX * taxed,
            )  # fmt: skip
            of = falling[some]
            at = due.place[of]
            figures = [self.versions[at] + 1, np.zeros_like(of), due.figures["instalment"][of],
                       due.figures["principal"][of], due.interest[of]]  # fmt: skip
            figures += [due.tax[of]] * taxed
            texts[at] += np.array(self._filled(event, at, figures), np.object_)

    def _add_late(
        self, texts: NDArray[np.object_], day: date, late: Ran, more: NDArray[np.int64]
    ) -> None:
        event = e.LateInterestAccrued(effective_on=day, lines=())
        begin, end = e.encode.encode(event).decode().split("[]")
        head = self._row(event, "").removesuffix("\n")
        lines = zip(
            self._quiet.overdue.loan[late.recorded].tolist(), self._lines(late), strict=True
        )
        versions, loans = (self.versions + 1).tolist(), self._loans
        for place, some in groupby(lines, itemgetter(0)):
            told = ",".join(line for _, line in some)
            row = head % (loans[place], versions[place], more[place])
            texts[place] += f"{row}{begin}[{told}]{end}\n"

    def _lines(self, late: Ran) -> list[str]:
        """What each instalment bears, in order."""
        told = np.full(late.recorded.size, "", np.object_)
        for (taxed, exact), at in _alike(late.recorded, late.tax, late.numerator):
            line = e.LateLine(
                instalment=NUMBER, interest=AMOUNT, tax=TAX * taxed, numerator=EXACT * exact
            )
            figures = [self._quiet.late_lines[at], late.interest[at]]
            figures += [
                part[at]
                for part, is_told in ((late.tax, taxed), (late.numerator, exact))
                if is_told
            ]
            template = _template(e.encode.encode(line).decode())
            told[at] = [template % row for row in zip(*(f.tolist() for f in figures), strict=True)]
        return list(told[late.recorded])


def in_order(days: list[Texts], won: Bools) -> list[str]:
    """The rows loan by loan, each loan's days in order; of those loans that ``won``."""
    places, texts = (np.concatenate(parts) for parts in zip(*days, strict=True))
    order = np.argsort(places, kind="stable")
    return list(texts[order[won[places[order]]]])


def _alike(recorded: Bools, *figures: NDArray[Any]) -> Iterator[tuple[list[int], Whole]]:
    """Places of what is recorded, by which of the figures are zero: those are left out."""
    kinds = np.zeros(recorded.size, np.int64)
    for nth, figure in enumerate(figures):
        kinds += (figure != 0).astype(np.int64) << nth
    for kind in np.unique(kinds[recorded]).tolist():
        told = [kind >> nth & 1 for nth in range(len(figures))]
        yield told, np.flatnonzero(recorded & (kinds == kind))


def _told(*figures: tuple[Whole, int], at: Whole) -> list[Whole]:
    """Those of the figures that the event names."""
    return [figure[at] for figure, told in figures if told]


def _template(encoded: str) -> str:
    for mark in (NUMBER, AMOUNT, TAX, EXACT):
        encoded = encoded.replace(str(mark), "%d")
    return encoded

"""Círculo's delimited file of people: a row a tradeline, with control figures in each."""

import csv
import io
from collections.abc import Sequence
from datetime import date

from projections.bureau.formats.circulo import (
    ACCOUNT,
    ADDRESS,
    EMPLOYMENT,
    HEADER,
    NAME,
    TOTALS,
    Circulo,
    with_text,
)
from projections.bureau.lender import Lender
from projections.bureau.reported import Problem, Record, Report, Totals

COLUMNS = (*HEADER, *NAME, *ADDRESS, *EMPLOYMENT, *ACCOUNT)


class CirculoDelimited(Circulo):
    """The elements of the XML as columns; which delimiter the bureau takes is the lender's choice.

    The control figures are known once all rows are, so the file is gone over a second time.
    """

    def __init__(self, lender: Lender) -> None:
        super().__init__(lender)
        self.second_pass = self._with_totals
        self._ended: Totals | None = None
        self._cells = ""

    def begin(self, cut_off: date, *, correction: bool) -> str:
        """The names of the columns."""
        self._head = self.header(cut_off)
        return self._row(COLUMNS)

    def record(self, report: Report) -> Record | list[Problem]:
        """One row, without control figures yet."""
        found = self.parts(report)
        if isinstance(found, list):
            return found
        parts, record = found
        row = self._row([*self._head, *(value for part in parts for value in part)])
        return with_text(record, row)

    def end(self, totals: Totals) -> str:
        """Nothing."""
        return ""

    def _with_totals(self, line: str, totals: Totals) -> str:
        row = line.rstrip("\r\n")
        if row == self._row(COLUMNS).rstrip("\r\n"):
            return f"{row}{self.choices.delimiter}{self._row(TOTALS)}"
        if self._ended is not totals:
            self._ended, self._cells = totals, self._row(self.totals(totals))
        return f"{row}{self.choices.delimiter}{self._cells}"

    def _row(self, cells: Sequence[str]) -> str:
        made = io.StringIO()
        csv.writer(made, delimiter=self.choices.delimiter).writerow(cells)
        return made.getvalue()

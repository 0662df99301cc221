"""One Excel sheet, row by row in little memory, with the same bytes whenever it is made."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

from projections.accounting.exports.errors import MissingPart, TooManyLines

Cells: TypeAlias = Sequence[str | int | Decimal | None]

ROWS = 1_048_576
"""What a sheet holds."""


class Sheet:
    """Texts stay texts, even where they look like numbers or formulas."""

    def __init__(self, sheet: Any, amount: Any) -> None:
        self._sheet = sheet
        self._amount = amount
        self.row = 0

    def write(self, cells: Cells) -> None:
        """The next row; None and "" leave their cell empty. Errors: ``TooManyLines``."""
        if self.row == ROWS:
            raise TooManyLines("sheet", ROWS, "group the entries, or take another format")
        for column, value in enumerate(cells):
            if isinstance(value, str):
                if value:
                    self._sheet.write_string(self.row, column, value)
            elif isinstance(value, Decimal):  # exact: the library writes its digits as they are
                self._sheet.write_number(self.row, column, value, self._amount)
            elif value is not None:
                self._sheet.write_number(self.row, column, value)
        self.row += 1


@contextmanager
def sheet(path: Path, name: str) -> Iterator[Sheet]:
    """A workbook of one sheet at ``path``. Errors: ``MissingPart`` without the extra."""
    try:
        import xlsxwriter
    except ImportError:
        raise MissingPart("format", "is written by xlsxwriter: install cartera[excel]") from None
    book = xlsxwriter.Workbook(path, {"constant_memory": True, "in_memory": False})
    book.set_properties({"created": datetime(2000, 1, 1), "author": "", "company": ""})
    amount = book.add_format({"num_format": "0.00"})
    try:
        yield Sheet(book.add_worksheet(name), amount)
    finally:
        book.close()

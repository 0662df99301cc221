"""Borrowers' fiscal data in a CSV file: borrower, rfc, name, postal_code, regime, perhaps use."""

import csv
from pathlib import Path

from ledger.money import FormError
from projections.accounting.cfdi.receiver import Receiver

COLUMNS = ("borrower", "rfc", "name", "postal_code", "regime")


class ReceiverFile:
    """The receivers of the file, by the borrower's reference. Each line is checked when used."""

    def __init__(self, path: Path) -> None:
        """Errors: ``FormError`` naming line and rule; ``OSError`` where there is no such file."""
        self._found: dict[str, Receiver] = {}
        try:
            with path.open(newline="", encoding="utf-8-sig") as file:
                rows = csv.DictReader(file, strict=True)
                missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
                if missing:
                    raise FormError(path.name, f"has no column {', '.join(missing)}")
                for row in rows:
                    self._add(path, rows.line_num, row)
        except (UnicodeDecodeError, csv.Error) as error:
            raise FormError(path.name, f"cannot be read: {error}") from None

    def _add(self, path: Path, line: int, row: dict[str, str]) -> None:
        cells = {name: (row.get(name) or "").strip() for name in (*COLUMNS, "use")}
        borrower = cells.pop("borrower")
        if not borrower or borrower in self._found:
            rule = "stands twice" if borrower else "is empty"
            raise FormError(f"{path.name} line {line}: borrower", rule)
        self._found[borrower] = Receiver(**cells)

    def receiver(self, borrower: str) -> Receiver | None:
        return self._found.get(borrower)

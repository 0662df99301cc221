"""Aspel COI: *pólizas* in its Excel interface of nine columns.

Source: four independent public generators; where they differ (column D of the heading) it is a
setting.
"""

from collections.abc import Iterable
from datetime import date
from pathlib import Path

from projections.accounting.entry import Entry, EntryKind, Line
from projections.accounting.exports.fit import Fit, cell, exact, own_currency
from projections.accounting.exports.period import FiscalDocument, Request
from projections.accounting.exports.settings import AspelCoi
from projections.accounting.exports.sheet import Cells, Sheet, sheet

RESERVED = ((), ("|||",))  # rows 1 and 2
ACCOUNT_WIDTH = 50
OWN_RATE = 1


def write(entries: Iterable[Entry], request: Request, path: Path) -> None:
    """Errors: the ``ExportRefused`` family."""
    own = request.settings.aspel_coi
    fit = Fit(cut=request.settings.long_text == "cut")
    with sheet(path, "Polizas") as rows:
        for reserved in RESERVED:
            rows.write(reserved)
        for entry in entries:
            own_currency(entry, request.settings.currency)
            found = request.documents_of(entry) if own.documents else {}
            fourth = entry.posted_on.day if own.fourth == "day" else len(entry.lines)
            text = fit.text(entry.key, "text", entry.text, own.text_width)
            rows.write((_kind(entry, own), entry.number, text, fourth))
            for line in entry.lines:
                rows.write(_movement(entry, line, own, fit))
                for uuid in line.cfdi if own.documents else ():
                    _document(rows, found[uuid])
            rows.write(("", "FIN_PARTIDAS"))


def _movement(entry: Entry, line: Line, own: AspelCoi, fit: Fit) -> Cells:
    return (
        "", fit.text(entry.key, "account", line.account, ACCOUNT_WIDTH), own.department,
        fit.text(entry.key, "text", line.text or entry.text, own.text_width), OWN_RATE,
        cell(entry, "debit", line.debit), cell(entry, "credit", line.credit), own.cost_centre,
        own.project,
    )  # fmt: skip


def _document(rows: Sheet, one: FiscalDocument) -> None:
    rows.write(("", "", "INICIO_CFDI"))
    total = exact(one.total, one.currency)
    rows.write(("", "", _day(one.issued_on), "", 0, one.issuer_rfc, one.receiver_rfc, total,
                one.uuid))  # fmt: skip
    rows.write(("", "", "FIN_CFDI"))


def _day(on: date) -> str:
    return f"{on:%d/%m/%y}"


def _kind(entry: Entry, own: AspelCoi) -> str:
    return {
        EntryKind.INCOME: own.income,
        EntryKind.EXPENSE: own.expense,
        EntryKind.JOURNAL: own.journal,
    }[entry.kind]

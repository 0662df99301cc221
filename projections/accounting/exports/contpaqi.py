"""CONTPAQi Contabilidad: *pólizas* as rows of its Excel template.

A heading (P), each movement (M1) with the fiscal documents behind it (AM), then those of the whole
entry (AD). Source: a public converter that fills in the vendor's template.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from projections.accounting.entry import Entry, EntryKind, Line
from projections.accounting.exports.errors import ExportRefused, TextTooLong
from projections.accounting.exports.fit import Fit, cell, own_currency
from projections.accounting.exports.period import Request
from projections.accounting.exports.settings import Contpaqi
from projections.accounting.exports.sheet import Cells, sheet

DEBIT, CREDIT = "0", "1"
PRINTED, ADJUSTMENT = "0", "0"


def write(entries: Iterable[Entry], request: Request, path: Path) -> None:
    """Errors: the ``ExportRefused`` family."""
    own = request.settings.contpaqi
    fit = Fit(cut=request.settings.long_text == "cut")
    with sheet(path, "Polizas") as rows:
        for entry in entries:
            own_currency(entry, request.settings.currency)
            rows.write(_heading(entry, own, fit))
            for line in entry.lines:
                rows.write(_movement(entry, line, own, fit))
                if own.documents in ("movement", "both"):
                    for uuid in line.cfdi:
                        rows.write(("AM", uuid))
            if own.documents in ("entry", "both"):
                for uuid in documents(entry):
                    rows.write(("AD", uuid))


def _heading(entry: Entry, own: Contpaqi, fit: Fit) -> Cells:
    text = fit.text(entry.key, "text", entry.text, own.text_width)
    return (
        "P", f"{entry.posted_on:%Y%m%d}", kind(entry, own), entry.number, own.category,
        own.journal_id, text, own.origin, PRINTED, ADJUSTMENT, "",
    )  # fmt: skip


def _movement(entry: Entry, line: Line, own: Contpaqi, fit: Fit) -> Cells:
    amount = line.debit or line.credit
    return (
        "M1", account(entry, line, own),
        fit.text(entry.key, "reference", line.loan_no, own.reference_width),
        DEBIT if line.debit else CREDIT, cell(entry, "amount", amount), own.journal_id,
        cell(entry, "foreign amount", 0),
        fit.text(entry.key, "text", line.text or entry.text, own.text_width), "", "",
        f"{entry.posted_on:%Y%m%d}",
    )  # fmt: skip


def kind(entry: Entry, own: Contpaqi) -> int:
    """The vendor's number for the kind of entry."""
    return {
        EntryKind.INCOME: own.income,
        EntryKind.EXPENSE: own.expense,
        EntryKind.JOURNAL: own.journal,
    }[entry.kind]


def account(entry: Entry, line: Line, own: Contpaqi) -> str:
    """Digits only, filled up with zeros to the company's mask."""
    digits = "".join(one for one in line.account if one not in "-. ")
    if not (digits.isascii() and digits.isdigit()):
        rule = f"{line.account!r} of entry {entry.key} must have digits only in CONTPAQi"
        raise ExportRefused("account", rule)
    if own.mask and len(digits) > own.mask:
        raise TextTooLong(entry.key, "account", digits, own.mask)
    return digits.ljust(own.mask, "0")


def documents(entry: Entry) -> Iterator[str]:
    """Each document behind the entry once, in the order of its lines."""
    return iter(dict.fromkeys(uuid for line in entry.lines for uuid in line.cfdi))

"""SAP: one line per posting with its document's key, or documents for BAPI_ACC_DOCUMENT_POST.

The CSV has the columns of a public upload tool's data set; the JSON the structures of SAP's own
interface (DOCUMENTHEADER, ACCOUNTGL, CURRENCYAMOUNT). A document of classic FI holds 999 lines:
what is longer is parted, and each part balances over ``split_account``.
"""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from projections.accounting.entry import Entry, Line
from projections.accounting.exports.errors import AmountTooWide, TooManyLines
from projections.accounting.exports.fit import Fit, written
from projections.accounting.exports.period import Request, reference
from projections.accounting.exports.settings import Sap

COLUMNS = (
    "BUKRS", "BLART", "BLDAT", "BUDAT", "XBLNR", "BKTXT", "HKONT", "SGTXT", "WRBTR_S", "WRBTR_H",
    "WAERS", "MWSKZ",
)  # fmt: skip
REFERENCE, HEADING, ACCOUNT, TEXT, ALLOCATION = 16, 25, 10, 50, 18
AMOUNT = 24  # BAPIDOCCUR: 23 digits and the point


def write_csv(entries: Iterable[Entry], request: Request, path: Path) -> None:
    """Errors: the ``ExportRefused`` family."""
    own, fit = request.settings.sap, _fit(request)
    with path.open("w", encoding=own.encoding, newline="") as file:
        out = csv.writer(file, delimiter=own.delimiter, lineterminator="\r\n")
        if own.header:
            out.writerow(COLUMNS)
        for key, entry in _documents(entries, own):
            posted, heading = entry.posted_on.strftime(own.date_format), _heading(entry, fit)
            for line in entry.lines:
                out.writerow((
                    own.company_code, own.document_type, entry.value_on.strftime(own.date_format),
                    posted, key, heading, fit.text(entry.key, "HKONT", line.account, ACCOUNT),
                    _text(entry, line, fit), _amount(entry, "WRBTR_S", line.debit),
                    _amount(entry, "WRBTR_H", line.credit), entry.currency, own.tax_code,
                ))  # fmt: skip


def write_json(entries: Iterable[Entry], request: Request, path: Path) -> None:
    """A JSON array of documents. Errors: the ``ExportRefused`` family."""
    own, fit = request.settings.sap, _fit(request)
    with path.open("wb") as file:
        before = b"[\n"
        for key, entry in _documents(entries, own):
            file.write(before + msgspec.json.encode(_bapi(key, entry, own, fit)))
            before = b",\n"
        file.write(b"\n]\n" if before == b",\n" else b"[]\n")


def _bapi(key: str, entry: Entry, own: Sap, fit: Fit) -> dict[str, Any]:
    lines = list(enumerate(entry.lines, start=1))
    return {
        "DOCUMENTHEADER": {
            "BUS_ACT": own.transaction, "USERNAME": own.username, "COMP_CODE": own.company_code,
            "DOC_DATE": f"{entry.value_on:%Y%m%d}", "PSTNG_DATE": f"{entry.posted_on:%Y%m%d}",
            "FISC_YEAR": f"{entry.posted_on:%Y}", "FIS_PERIOD": f"{entry.posted_on:%m}",
            "DOC_TYPE": own.document_type, "REF_DOC_NO": key, "HEADER_TXT": _heading(entry, fit),
        },
        "ACCOUNTGL": [
            {
                "ITEMNO_ACC": f"{item:010d}",
                "GL_ACCOUNT": _filled(fit.text(entry.key, "GL_ACCOUNT", line.account, ACCOUNT)),
                "ITEM_TEXT": _text(entry, line, fit),
                "ALLOC_NMBR": fit.text(entry.key, "ALLOC_NMBR", line.loan_no, ALLOCATION),
                "TAX_CODE": own.tax_code,
            }
            for item, line in lines
        ],
        "CURRENCYAMOUNT": [
            {
                "ITEMNO_ACC": f"{item:010d}", "CURRENCY": entry.currency,
                "AMT_DOCCUR": _amount(entry, "AMT_DOCCUR", line.debit - line.credit),
            }
            for item, line in lines
        ],
    }  # fmt: skip


def _documents(entries: Iterable[Entry], own: Sap) -> Iterator[tuple[str, Entry]]:
    """Each entry with the key of its document; a long one in parts, which balance each."""
    for entry in entries:
        key = reference(entry)
        if len(entry.lines) <= own.lines:
            yield key, entry
            continue
        if not own.split_account:
            rule = "group the entries less, or set sap.split_account to part its document"
            raise TooManyLines(f"entry {entry.key}", own.lines, rule)
        for nth, part in enumerate(_parts(entry, own), start=1):
            yield f"{key}-{nth}", part


def _parts(entry: Entry, own: Sap) -> Iterator[Entry]:
    room = own.lines - 1
    for start in range(0, len(entry.lines), room):
        lines = entry.lines[start : start + room]
        left = sum(line.debit - line.credit for line in lines)
        if left:
            carried = Line(
                account=own.split_account, debit=max(-left, 0), credit=max(left, 0), text="split"
            )
            lines = (*lines, carried)
        yield replace(entry, lines=lines)


def _fit(request: Request) -> Fit:
    return Fit(cut=request.settings.long_text == "cut", encoding=request.settings.sap.encoding)


def _heading(entry: Entry, fit: Fit) -> str:
    return fit.text(entry.key, "header text", entry.text, HEADING)


def _text(entry: Entry, line: Line, fit: Fit) -> str:
    return fit.text(entry.key, "item text", line.text or entry.text, TEXT)


def _filled(account: str) -> str:
    return account.zfill(ACCOUNT) if account.isdigit() else account


def _amount(entry: Entry, field: str, minor: int) -> str:
    shown = written(entry.currency)(minor)
    if len(shown.lstrip("-")) > AMOUNT:
        raise AmountTooWide(entry.key, field, shown, AMOUNT)
    return shown

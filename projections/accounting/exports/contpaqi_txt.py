"""CONTPAQi's fixed-position text file, by a layout that is data.

No public source of its positions was found: it is off until the company says, in
`contpaqi.txt`, that it has compared the delivered layout with its own version.
"""

from collections.abc import Iterable
from datetime import date
from pathlib import Path

from projections.accounting.entry import Entry, Line
from projections.accounting.exports import contpaqi
from projections.accounting.exports.errors import MissingPart
from projections.accounting.exports.fit import Fit, own_currency
from projections.accounting.exports.layout import Sources, Values, Writer, read_layout
from projections.accounting.exports.period import Request
from projections.accounting.exports.settings import Contpaqi

HEADING = {
    "posted_on": date, "kind": int, "number": int, "category": int, "journal_id": int,
    "text": str, "origin": int, "printed": str, "adjustment": str,
}  # fmt: skip
MOVEMENT = {
    "account": str, "reference": str, "side": str, "amount": int, "journal_id": int,
    "foreign_amount": int, "text": str, "posted_on": date,
}  # fmt: skip
DOCUMENT = {"uuid": str}
RECORDS: Sources = {"P": HEADING, "M1": MOVEMENT, "AM": DOCUMENT, "AD": DOCUMENT}


def write(entries: Iterable[Entry], request: Request, path: Path) -> None:
    """Errors: ``MissingPart`` while it is off, ``FormError``, the ``ExportRefused`` family."""
    own = request.settings.contpaqi
    if not own.txt:
        rule = "is off: its positions are unverified; compare the layout, then set it to true"
        raise MissingPart("contpaqi.txt", rule)
    layout = read_layout(own.txt_layout, "contpaqi_txt", RECORDS)
    out = Writer(layout, Fit(cut=request.settings.long_text == "cut"), request.settings.currency)
    with path.open("wb") as file:
        for entry in entries:
            own_currency(entry, request.settings.currency)
            file.write(out.record("P", entry.key, _heading(entry, own)))
            for line in entry.lines:
                file.write(out.record("M1", entry.key, _movement(entry, line, own)))
                if own.documents in ("movement", "both"):
                    for uuid in line.cfdi:
                        file.write(out.record("AM", entry.key, {"uuid": uuid}))
            if own.documents in ("entry", "both"):
                for uuid in contpaqi.documents(entry):
                    file.write(out.record("AD", entry.key, {"uuid": uuid}))


def _heading(entry: Entry, own: Contpaqi) -> Values:
    return {
        "posted_on": entry.posted_on,
        "kind": contpaqi.kind(entry, own),
        "number": entry.number,
        "category": own.category,
        "journal_id": own.journal_id,
        "text": entry.text,
        "origin": own.origin,
        "printed": contpaqi.PRINTED,
        "adjustment": contpaqi.ADJUSTMENT,
    }


def _movement(entry: Entry, line: Line, own: Contpaqi) -> Values:
    return {
        "account": contpaqi.account(entry, line, own),
        "reference": line.loan_no,
        "side": contpaqi.DEBIT if line.debit else contpaqi.CREDIT,
        "amount": line.debit or line.credit,
        "journal_id": own.journal_id,
        "foreign_amount": 0,
        "text": line.text or entry.text,
        "posted_on": entry.posted_on,
    }

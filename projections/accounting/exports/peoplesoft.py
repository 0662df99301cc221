"""PeopleSoft: the flat file of GL_JRNL_IMP, by a layout that each site may change.

Debits are positive, credits negative. The delivered layout is that of Oracle's PeopleBooks as far
as they are public (heading to position 56); the rest of it is for the first user to confirm.
"""

from collections.abc import Iterable
from datetime import date
from pathlib import Path

from projections.accounting.entry import Entry
from projections.accounting.exports.fit import Fit
from projections.accounting.exports.layout import Sources, Values, Writer, read_layout
from projections.accounting.exports.period import Request, reference
from projections.accounting.exports.settings import PeopleSoft

HEADING = {
    "business_unit": str, "journal_id": str, "reference": str, "posted_on": date,
    "value_on": date, "ledger_group": str, "ledger": str, "source": str, "text": str,
    "currency": str, "number": int, "key": str,
}  # fmt: skip
LINE = {
    "business_unit": str, "line_number": int, "ledger": str, "account": str, "amount": int,
    "debit_amount": int, "credit_amount": int, "text": str, "currency": str, "branch": str,
    "product": str, "loan_no": str, "reference": str, "key": str,
}  # fmt: skip
RECORDS: Sources = {"header": HEADING, "line": LINE}


def write(entries: Iterable[Entry], request: Request, path: Path) -> None:
    """Errors: ``FormError`` for a layout that cannot be, the ``ExportRefused`` family."""
    own = request.settings.peoplesoft
    layout = read_layout(own.layout, "peoplesoft", RECORDS)
    fit = Fit(cut=request.settings.long_text == "cut")
    writers: dict[str, Writer] = {}
    with path.open("wb") as file:
        for entry in entries:
            if entry.currency not in writers:
                writers[entry.currency] = Writer(layout, fit, entry.currency)
            out = writers[entry.currency]
            file.write(out.record("header", entry.key, _heading(entry, own)))
            for number in range(len(entry.lines)):
                file.write(out.record("line", entry.key, _line(entry, number, own)))


def _heading(entry: Entry, own: PeopleSoft) -> Values:
    return {
        "business_unit": own.business_unit,
        "journal_id": "NEXT" if own.journal_id == "NEXT" else _short(entry),
        "reference": _short(entry),
        "posted_on": entry.posted_on,
        "value_on": entry.value_on,
        "ledger_group": own.ledger_group,
        "ledger": own.ledger,
        "source": own.source,
        "text": entry.text,
        "currency": entry.currency,
        "number": entry.number,
        "key": entry.key,
    }


def _line(entry: Entry, number: int, own: PeopleSoft) -> Values:
    line = entry.lines[number]
    return {
        "business_unit": own.business_unit,
        "line_number": number + 1,
        "ledger": own.ledger,
        "account": line.account,
        "amount": line.debit - line.credit,
        "debit_amount": line.debit,
        "credit_amount": line.credit,
        "text": line.text or entry.text,
        "currency": entry.currency,
        "branch": line.branch,
        "product": line.product,
        "loan_no": line.loan_no,
        "reference": _short(entry),
        "key": entry.key,
    }


def _short(entry: Entry) -> str:
    """Ten characters, as a journal id has: D260100123 for entry 123 of the kind in 2026-01."""
    whole = reference(entry)
    return f"{whole[0]}{whole[3:7]}{entry.number:05d}"

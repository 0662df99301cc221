"""hledger's journal: every entry in plain text that a free program adds up."""

import re
from collections.abc import Iterable
from pathlib import Path

from projections.accounting.entry import Entry
from projections.accounting.exports.errors import ExportRefused
from projections.accounting.exports.fit import Fit, written
from projections.accounting.exports.period import Request, reference

ACCOUNT = re.compile(r"[\w][\w.:/-]*( [\w.:/-]+)*")
LONGEST = 2_000


def write(entries: Iterable[Entry], request: Request, path: Path) -> None:
    """Debits positive, credits negative. A semicolon, which would start a comment, is a comma.

    Errors: ``ExportRefused`` for accounts that hledger would read as something else.
    """
    fit = Fit(cut=False)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for entry in entries:
            amount = written(entry.currency)
            text = _plain(entry, entry.text, fit)
            file.write(f"{entry.posted_on} * ({reference(entry)}) {text}".rstrip())
            file.write(f"  ; key:{_plain(entry, entry.key, fit)}, value:{entry.value_on}\n")
            for line in entry.lines:
                name = _account(entry, line.account, request)
                note = _plain(entry, " ".join(filter(None, (line.loan_no, line.text))), fit)
                shown = f"{entry.currency} {amount(line.debit - line.credit)}"
                file.write(f"    {name}  {shown}{f'  ; {note}' if note else ''}\n")
            file.write("\n")


def _account(entry: Entry, number: str, request: Request) -> str:
    name = number
    if request.settings.hledger.names:
        name = f"{number} {' '.join(request.account(entry, number).name.split())}"
    if not ACCOUNT.fullmatch(name):
        rule = f"{name!r} of entry {entry.key} would not be read as an account by hledger"
        raise ExportRefused("account", rule)
    return name


def _plain(entry: Entry, text: str, fit: Fit) -> str:
    """Semicolons and colons mean something to hledger; so they are written otherwise."""
    shown = fit.text(entry.key, "text", text, LONGEST)
    return " ".join(shown.replace(";", ",").split())

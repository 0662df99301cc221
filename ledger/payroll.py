"""An employer's remittance: what he kept of his people's wages, one loan a line, paid at once.

A line is known by employer, file, loan and day of retention, for ever: sent again it is applied
once, with another amount it is rejected. Everything else is as in a bank's payment file.
"""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

from moneyed import Money

from ledger.application import Ledger
from ledger.bank_line import BankLine, reference_key
from ledger.csv_lines import CsvLines, Line
from ledger.fields import Fields
from ledger.money import FormError, parse
from ledger.orders import Cause
from ledger.payment_file import PaymentReport, Progress, land

COLUMNS: dict[str, tuple[str, ...]] = {
    "loan_no": ("loan no", "reference", "crédito", "número de crédito", "contrato", "referencia"),
    "amount": ("importe", "monto", "descuento", "retención"),
    "retained_on": ("retained on", "fecha", "fecha de retención", "fecha de descuento"),
}
REQUIRED = ("loan_no", "amount")
PAYROLL = "payroll"
LONGEST_NAME = 60
LONGEST_NUMBER = 64


def import_payroll(
    ledger: Ledger,
    path: Path,
    *,
    employer: str,
    on: date,
    file_id: str = "",
    total: str | None = None,
    rejects: Path | None = None,
    encoding: str = "utf-8",
    actor: str = "operator",
    progress: Progress | None = None,
) -> PaymentReport:
    """Bring every good line of the remittance at ``path`` to its loan, once.

    ``on`` is the value date of lines that say no ``retained_on``. ``file_id`` (default: the date)
    tells an employer's files apart. ``total`` is what the employer says he paid: where the lines
    add up to anything else, none is taken.
    Errors: ``FormError`` as for a payment file, and naming what differs.
    """
    ledger.check_date(on, "on")
    _check_name(employer, "employer")
    _check_name(named := file_id or str(on), "file_id")
    if total is not None:
        _check_total(path, encoding, parse(total, ledger.settings.currency, "total"))
    with CsvLines(path, COLUMNS, REQUIRED, encoding) as lines:
        read = _reader(employer, named, on)
        return land(
            ledger, lines, path, read, Cause(actor, "payroll-file"), rejects, progress=progress
        )


def _check_name(name: str, field: str) -> None:
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise FormError(field, f"must be 1 to {LONGEST_NAME} printable characters")


def _check_total(path: Path, encoding: str, total: Money) -> None:
    """Refuse a file whose lines, read or not, do not add up to what the employer paid."""
    currency, found = str(total.currency), Decimal(0)
    with CsvLines(path, COLUMNS, REQUIRED, encoding) as lines:
        for line in lines:
            if not isinstance(line, Line):
                raise FormError("total", f"cannot be checked: line {line.line} {line.reason}")
            try:
                found += parse(line.cells["amount"], currency).amount
            except FormError as error:
                rule = f"cannot be checked: amount of line {line.number} {error.rule}"
                raise FormError("total", rule) from None
    if found != total.amount:
        raise FormError("total", f"{total.amount} is not the {found} that the lines add up to")


def _reader(employer: str, file_id: str, on: date) -> Callable[[Line], BankLine]:
    seen: dict[str, int] = {}
    whose = ":".join(_plain(name) for name in (employer, file_id))

    def read(line: Line) -> BankLine:
        fields = Fields({name: cell for name, cell in line.cells.items() if cell})
        loan_no = fields.text("loan_no", longest=LONGEST_NUMBER)
        retained_on = fields.day("retained_on", None)
        identity = f"{whose}:{reference_key(loan_no) or loan_no}:{retained_on or ''}"
        first = seen.setdefault(identity, line.number)
        if first != line.number:
            rule = f"{loan_no} stands on line {first} too; only retained_on tells two lines apart"
            raise FormError("loan_no", rule)
        return BankLine(
            number=line.number,
            original=line.original,
            transaction_id=identity,
            paid_on=retained_on or on,
            reference=loan_no,
            amount=fields.text("amount"),
            channel=PAYROLL,
            currency="",
            source=PAYROLL,
            known_by="loan_no",
            dated_by="retained_on",
            note=f"{employer} {file_id}",
        )

    return read


def _plain(name: str) -> str:
    """Names never meet, whatever colons they have."""
    return name.replace("%", "%25").replace(":", "%3A")

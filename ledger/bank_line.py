"""One line of a file of payments, as a bank (or an employer: `ledger/payroll.py`) wrote it."""

import re
import unicodedata
from datetime import date
from typing import Self

from msgspec import Struct

from ledger.csv_lines import Line
from ledger.forms import Fields, FormError

COLUMNS: dict[str, tuple[str, ...]] = {
    "date": ("payment date", "value date", "fecha", "fecha de pago", "fecha operación",
             "fecha valor"),
    "reference": ("loan no", "referencia", "crédito", "número de crédito", "contrato"),
    "amount": ("importe", "monto", "abono", "depósito"),
    "channel": ("canal", "medio", "medio de pago", "forma de pago"),
    "transaction_id": ("bank transaction id", "txid", "id", "clave de rastreo", "folio",
                       "id transacción", "autorización"),
    "currency": ("moneda", "divisa"),
}  # fmt: skip
REQUIRED = ("date", "reference", "amount", "transaction_id")
LONGEST_ID = 150


class BankLine(Struct, frozen=True, kw_only=True):
    """What the bank said. ``amount`` stays text until the currency is known.

    ``source`` gave the transaction its id, told in the column ``known_by`` as the day is in
    ``dated_by``; ``note`` is the payment's own reference, where that is not the loan's number.
    ``told_on`` is the bank's day, where the money counts from another than that.
    ``others`` may mean the loan where ``reference`` means none, the likeliest first. ``payer`` is
    kept only as long as the money waits.
    """

    number: int
    original: str
    transaction_id: str
    paid_on: date
    reference: str
    amount: str
    channel: str
    currency: str
    source: str = "bank"
    known_by: str = "transaction_id"
    dated_by: str = "date"
    note: str = ""
    told_on: date | None = None
    others: tuple[str, ...] = ()
    payer: str = ""

    @classmethod
    def of(cls, line: Line) -> Self:
        """The line's cells by name. Errors: ``FormError`` naming the column."""
        fields = Fields({name: cell for name, cell in line.cells.items() if cell})
        transaction_id = fields.text("transaction_id")
        if len(transaction_id) > LONGEST_ID or not transaction_id.isprintable():
            rule = f"must be at most {LONGEST_ID} printable characters"
            raise FormError("transaction_id", rule)
        return cls(
            number=line.number,
            original=line.original,
            transaction_id=transaction_id,
            paid_on=fields.day("date"),
            reference=fields.text("reference", ""),
            amount=fields.text("amount"),
            channel=fields.text("channel", "bank"),
            currency=fields.text("currency", ""),
        )

    @property
    def key(self) -> str:
        """The line's idempotency key: the bank gives a transaction one id, ever."""
        return f"{self.source}:{self.transaction_id}"

    def content(self) -> dict[str, str]:
        """What must be the same when the line comes again."""
        return {
            "date": str(self.told_on or self.paid_on),
            "reference": self.reference,
            "amount": self.amount,
            "channel": self.channel,
            "currency": self.currency,
        }


def reference_key(reference: str) -> str:
    """A loan number as people type it: case, spaces and punctuation do not matter.

    The database computes the same for loan numbers (`ledger.reference_key`).
    """
    return re.sub(r"[^0-9A-Za-z]", "", unicodedata.normalize("NFKC", reference)).upper()

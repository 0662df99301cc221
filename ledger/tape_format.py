"""The columns of our own loan tape, in English or Spanish: `docs/guides/loan_tape.md`."""

from datetime import date
from typing import Any

from domain.borrower.person import Person
from ledger.borrowers.columns import PERSON_COLUMNS, person_on
from ledger.forms import Fields, FormError, terms_from
from ledger.tape_loan import BALANCES, REFERENCES, Running, TapeLoan, loan_number

COLUMNS: dict[str, tuple[str, ...]] = {
    "loan_no": ("loan number", "loan id", "crédito", "número de crédito", "no crédito", "contrato",
                "folio"),
    "borrower": ("borrower ref", "client", "acreditado", "cliente", "clave cliente"),
    "product": ("producto",),
    "branch": ("sucursal",),
    "officer": ("loan officer", "asesor", "promotor", "oficial"),
    "currency": ("moneda", "divisa"),
    "principal": ("loan amount", "monto", "monto otorgado", "capital otorgado"),
    "annual_rate": ("rate", "interest rate", "tasa", "tasa anual", "tasa ordinaria"),
    "instalments": ("installments", "term", "plazo", "pagos", "número de pagos"),
    "frequency": ("frecuencia", "periodicidad"),
    "every": ("cada",),
    "first_due": ("first due date", "primer pago", "fecha primer pago", "primer vencimiento"),
    "method": ("método", "tipo de amortización"),
    "day_count": ("base", "base de cálculo"),
    "interest": ("interest basis", "modo de interés"),
    "rounding": ("redondeo",),
    "tax_rate": ("vat rate", "iva", "tasa iva"),
    "late_rate": ("tasa moratoria", "moratorio anual"),
    "late_grace_days": ("grace days", "días de gracia"),
    "disbursed_on": ("disbursement date", "fecha de disposición", "fecha desembolso",
                     "fecha de otorgamiento"),
    "as_of": ("balance date", "fecha de corte", "fecha de saldos"),
    "principal_balance": ("outstanding principal", "balance", "saldo capital", "saldo insoluto"),
    "interest_balance": ("accrued interest", "saldo interés", "saldo intereses"),
    "interest_tax_balance": ("saldo iva interés", "saldo iva intereses"),
    "late_interest_balance": ("saldo moratorio", "saldo moratorios"),
    "late_interest_tax_balance": ("saldo iva moratorio", "saldo iva moratorios"),
    "fee_balance": ("saldo comisiones",),
    "fee_tax_balance": ("saldo iva comisiones",),
}  # fmt: skip
REQUIRED = ("loan_no", "principal", "annual_rate", "instalments", "frequency", "disbursed_on")
_TERMS = ("currency", "principal", "annual_rate", "frequency", "first_due", "method", "day_count",
          "interest", "rounding", "tax_rate", "late_rate")  # fmt: skip
_COUNTS = ("instalments", "every", "late_grace_days")


class Cartera:
    """The house's own tape."""

    columns = COLUMNS | PERSON_COLUMNS
    required = REQUIRED

    def __init__(self, as_of: date | None) -> None:
        self.as_of = as_of

    def person(self, cells: dict[str, str]) -> Person | None:
        """The borrower's data, where the line has some. Errors: ``FormError`` naming the column."""
        person = person_on(cells, cells.get("currency") or "MXN")
        if person is not None and not cells.get("borrower"):
            raise FormError("borrower", "is missing: a person is known by the lender's number")
        return person

    def loan(self, cells: dict[str, str]) -> TapeLoan:
        """The loan of a line. Errors: ``FormError`` naming the column."""
        given = {name: cell for name, cell in cells.items() if cell}
        fields = Fields(given)
        form: dict[str, Any] = {name: given[name] for name in _TERMS if name in given}
        form |= {name: _whole(given[name], name) for name in _COUNTS if name in given}
        terms = terms_from(form, currency="MXN")
        return TapeLoan(
            loan_no=loan_number(fields),
            terms=terms,
            disbursed_on=fields.day("disbursed_on"),
            running=self._running(fields, terms.currency),
            **{name: fields.text(name, "") for name in REFERENCES},
        )

    def _running(self, fields: Fields, currency: str) -> Running | None:
        owed: dict[str, Any] = {
            name: fields.amount(f"{name}_balance", currency)
            for name in BALANCES
            if f"{name}_balance" in fields.form
        }
        if "principal_balance" not in fields.form:
            if owed or "as_of" in fields.form:
                raise FormError("principal_balance", "is missing from a loan already running")
            return None
        return Running(
            fields.day("as_of", self.as_of) if self.as_of else fields.day("as_of"),
            fields.amount("principal_balance", currency),
            **owed,
        )


def _whole(cell: str, field: str) -> int:
    if not (cell.isascii() and cell.isdigit() and len(cell) < 10):
        raise FormError(field, f"must be a whole number, not {cell[:40]!r}")
    return int(cell)

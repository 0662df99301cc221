"""What Círculo de Crédito is told of a person's tradeline, element by element."""

import re
from collections.abc import Callable
from datetime import date
from typing import Literal

from msgspec import structs

from domain.borrower.person import Kind
from projections.bureau.catalogues import circulo
from projections.bureau.errors import BadLenderFile
from projections.bureau.formats.people import Person, Widths, person
from projections.bureau.lender import Lender
from projections.bureau.reported import (
    Faults,
    Problem,
    Record,
    Report,
    Totals,
    outcome,
    sign_of,
)
from projections.bureau.text import hundredths, plain, year_first
from projections.bureau.tradeline import Tradeline

WIDTHS = Widths(surname=30, given=50, street=80, streets=1, place=65)
NUMBER = re.compile(r"[!-~]([ -~]*[!-~])?")
CURRENT = " V"
MOST_MISSED = 84
MOST_DAYS = 999

NAME = (
    "ApellidoPaterno", "ApellidoMaterno", "ApellidoAdicional", "Nombres", "FechaNacimiento", "RFC",
    "CURP", "NumeroSeguridadSocial", "Nacionalidad", "Residencia", "NumeroLicenciaConducir",
    "EstadoCivil", "Sexo", "ClaveElectorIFE", "NumeroDependientes", "FechaDefuncion",
    "IndicadorDefuncion", "TipoPersona",
)  # fmt: skip
ADDRESS = (
    "Direccion", "ColoniaPoblacion", "DelegacionMunicipio", "Ciudad", "Estado", "CP",
    "FechaResidencia", "NumeroTelefono", "TipoDomicilio", "TipoAsentamiento", "OrigenDomicilio",
)  # fmt: skip
EMPLOYMENT = (
    "NombreEmpresa", "Direccion", "ColoniaPoblacion", "DelegacionMunicipio", "Ciudad", "Estado",
    "CP", "NumeroTelefono", "Extension", "Fax", "Puesto", "FechaContratacion", "ClaveMoneda",
    "SalarioMensual", "FechaUltimoDiaEmpleo", "FechaVerificacionEmpleo",
    "OrigenRazonSocialDomicilio",
)  # fmt: skip
ACCOUNT = (
    "ClaveActualOtorgante", "NombreOtorgante", "CuentaActual", "TipoResponsabilidad",
    "TipoCuenta", "TipoContrato", "ClaveUnidadMonetaria", "ValorActivoValuacion", "NumeroPagos",
    "FrecuenciaPagos", "MontoPagar", "FechaAperturaCuenta", "FechaUltimoPago",
    "FechaUltimaCompra", "FechaCierreCuenta", "FechaCorte", "Garantia", "CreditoMaximo",
    "SaldoActual", "LimiteCredito", "SaldoVencido", "NumeroPagosVencidos", "PagoActual",
    "HistoricoPagos", "ClavePrevencion", "TotalPagosReportados", "ClaveAnteriorOtorgante",
    "NombreAnteriorOtorgante", "NumeroCuentaAnterior", "FechaPrimerIncumplimiento",
    "SaldoInsoluto", "MontoUltimoPago", "FechaIngresoCarteraVencida",
    "MontoCorrespondienteIntereses", "FormaPagoActualIntereses", "DiasVencimiento", "PlazoMeses",
    "MontoCreditoOriginacion", "CorreoElectronicoConsumidor",
)  # fmt: skip
HEADER = (
    "ClaveOtorgante", "NombreOtorgante", "IdentificadorDeMedio", "FechaExtraccion",
    "NotaOtorgante", "Version",
)  # fmt: skip
TOTALS = (
    "TotalSaldosActuales", "TotalSaldosVencidos", "TotalElementosNombreReportados",
    "TotalElementosDireccionReportados", "TotalElementosEmpleoReportados",
    "TotalElementosCuentaReportados", "NombreOtorgante", "DomicilioDevolucion",
)  # fmt: skip
Parts = tuple[list[str], list[str], list[str], list[str]]


class Circulo:
    """Answers the elements of each tradeline, or why it cannot be sent."""

    bureau = "circulo"
    encoding = "iso-8859-1"
    order: Literal["loan", "borrower"] = "loan"
    second_pass: Callable[[str, Totals], str] | None = None

    def __init__(self, lender: Lender) -> None:
        if lender.circulo is None:
            raise BadLenderFile("circulo: the member's key and name are missing")
        self.lender, self.member, self.codes = lender, lender.circulo, circulo()
        self.choices = lender.circulo.choices
        self.reports_others = self.choices.others
        self.name = plain(self.member.name)
        if len(self.member.key) != 10:
            raise BadLenderFile(f"circulo.key: {self.member.key!r} is not ten characters")
        if not 1 <= len(self.name) <= 40:
            raise BadLenderFile(f"circulo.name: {self.member.name!r} is not 1 to 40 characters")
        if len(self.choices.delimiter) != 1:
            raise BadLenderFile("circulo.choices.delimiter: is not one character")

    def header(self, cut_off: date) -> list[str]:
        """The values of HEADER."""
        return [self.member.key, self.name, self.choices.medium, year_first(cut_off), "",
                self.codes.version]  # fmt: skip

    def totals(self, totals: Totals) -> list[str]:
        """The values of TOTALS."""
        count = str(totals.records)
        return [str(totals.balance), str(totals.past_due), count, count, count, count, self.name,
                plain(self.member.return_address)]  # fmt: skip

    def parts(self, report: Report) -> tuple[Parts, Record] | list[Problem]:
        """The values of NAME, ADDRESS, EMPLOYMENT and ACCOUNT, and what is kept of them."""
        faults = Faults(report)
        if report.person.kind is not Kind.PERSON:
            faults("kind", f"{report.person.kind} goes in the file of companies")
            return faults.found
        who = person(report, self.codes, WIDTHS, faults, self.choices.enye)
        faults.needed("rfc", report.person.rfc)
        names = faults.fitting("first_name", f"{who.first} {who.second}".strip(), WIDTHS.given)
        account, record = self._account(report, faults)
        employment = self._employment(report, who, faults)
        if faults.found:
            return faults.found
        return (_name(report, who, names), _address(report, who), employment, account), record

    def _employment(self, report: Report, who: Person, faults: Faults) -> list[str]:
        """Without an employer one of the bureau's words stands there, if the lender says which."""
        held = report.person.employment
        salary = (
            faults.whole("employment.monthly_income", held.monthly_income or 0, 9) if held else 0
        )
        currency = self.codes.currencies.get(report.line.currency, "")
        return [
            who.employer or self.choices.no_employer, *[""] * 9,
            faults.fitting("employment.occupation", plain(held.occupation), 60) if held else "",
            year_first(held.hired_on) if held else "", currency if salary else "",
            str(salary) if salary else "", "", "", "MX" if who.employer else "",
        ]  # fmt: skip

    def _account(self, report: Report, faults: Faults) -> tuple[list[str], Record]:
        line, codes = report.line, self.codes
        product = self.lender.product(line.product)
        kind: Literal["fixed", "mortgage", "open", "revolving"] = "fixed"
        if line.revolving:
            kind = "revolving"
        elif product is not None:
            kind = product.kind
        contract = product.circulo if product else ""
        if contract not in codes.contracts:
            faults(
                "product", f"{line.product!r} has no contract type of Círculo in the lender file"
            )
        balance, past_due, principal = self._owed(line, faults)
        missed = self._missed(line) if past_due else 0
        now = f"{min(missed, MOST_MISSED):02}" if missed else CURRENT
        first = report.first_default_on
        unlimited = kind in ("revolving", "open")
        paid_at_once = (
            0
            if line.status != "active"
            else min(faults.whole("instalment", line.instalment, 9), balance)
        )
        seen = codes.observations.get(outcome(report, member=line.holder in self.lender.buyers))
        values = [
            self.member.key, self.name, faults.account(line.loan_no, 1, 25, NUMBER),
            codes.responsibilities[report.role], codes.account_types[kind], contract,
            codes.currencies.get(line.currency)
            or faults("currency", f"{line.currency} has no code at Círculo"),
            "", "" if unlimited else faults.fitting("instalments", str(line.instalments), 4),
            codes.frequency(line), str(paid_at_once), year_first(line.opened_on),
            year_first(line.last_paid_on, "19010101"),
            year_first(line.last_drawn_on if unlimited and line.last_drawn_on else line.opened_on),
            year_first(line.closed_on), year_first(line.on), "",
            str(faults.whole("highest", line.highest if unlimited
                             else max(line.approved, line.highest), 9)),
            str(balance), str(faults.whole("approved", line.approved, 9)) if unlimited else "",
            str(past_due), str(line.missed) if missed else "0", now, "",
            seen.code if seen else "", "", "", "", "",
            year_first(first, self.choices.missing_date), str(principal),
            str(faults.whole("last_paid", line.last_paid, 10)),
            year_first(line.past_due_since if missed else None), "", "",
            str(min(line.days_past_due, MOST_DAYS) if missed else 0),
            "0" if unlimited else faults.fitting("term", hundredths(line.term_days), 6),
            str(faults.whole("approved", line.approved, 10)), self._email(report, faults),
        ]  # fmt: skip
        return values, Record(
            text="", balance=balance, past_due=past_due, rating=now.strip(), sign=sign_of(line),
            first_default_on=first,
        )  # fmt: skip

    def _owed(self, line: Tradeline, faults: Faults) -> tuple[int, int, int]:
        """Balance, past due, principal: nothing is past due of a debt without balance."""
        balance = faults.whole("balance", line.balance, 10)
        if line.status == "closed":
            return balance, 0, min(faults.whole("principal", line.principal, 10), balance)
        if line.status == "written_off" and self.choices.write_off_balance == "zero":
            balance = 0
        past_due = min(faults.whole("past_due", line.past_due, 9), balance)
        if not line.days_past_due:  # written off without ever being late
            past_due = 0
        # Interest paid ahead of its accrual makes the balance less than the principal.
        return balance, past_due, min(faults.whole("principal", line.principal, 10), balance)

    def _missed(self, line: Tradeline) -> int:
        """How many payments are missed: themselves, or the blocks of 30 days that began."""
        if self.choices.missed_policy == "blocks":
            return max(1, -(-line.days_past_due // 30))
        return max(1, line.missed)

    def _email(self, report: Report, faults: Faults) -> str:
        text = report.person.email
        if text and (not text.isascii() or "@" not in text):
            return faults("email", f"{text!r} is no address of plain characters")
        return faults.fitting("email", text, 40)


def _name(report: Report, who: Person, names: str) -> list[str]:
    dependants = report.person.dependants
    return [
        who.paternal, who.maternal, who.additional, names, year_first(who.born_on), who.rfc,
        who.curp, "", who.nationality, who.residence, "", who.civil_status, who.sex, "",
        "" if dependants is None else str(min(dependants, 99)), year_first(who.died_on),
        "Y" if who.died_on else "", "PF",
    ]  # fmt: skip


def _address(report: Report, who: Person) -> list[str]:
    place, given = who.place, report.person.address
    since = given.since_on if given else None
    return [place.street[0], place.colonia, place.municipality, place.city, place.state,
            place.postal_code, year_first(since), who.phone, "", "", place.country]  # fmt: skip


def with_text(record: Record, text: str) -> Record:
    """The record as it stands in a file."""
    return structs.replace(record, text=text)

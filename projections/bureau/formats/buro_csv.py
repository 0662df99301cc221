"""Buró's comma-separated file of people: the fields of INTF under the bureau's column names."""

import csv
import io
from datetime import date

from msgspec import structs

from projections.bureau.formats.buro import Account, Buro
from projections.bureau.formats.people import Person
from projections.bureau.reported import Problem, Record, Report, Totals
from projections.bureau.text import day_first

COLUMNS = (
    "CLAVE_OTORGANTE_1", "NOMBRE DEL OTORGANTE_1", "FECHA DEL REPORTE", "APELLIDO_PATERNO",
    "APELLIDO_MATERNO", "APELLIDO_ADICIONAL", "PRIMER_NOMBRE", "SEGUNDO_NOMBRE",
    "FECHA_DE_NACIMIENTO", "RFC", "PREFIJO", "NACIONALIDAD", "ESTADO_CIVIL", "SEXO",
    "FECHA_DEFUNCIÓN", "INDICADOR_DEFUNCIÓN", "DIRECCIÓN_CALLE_NÚMERO", "DIRECCIÓN_COMPLEMENTO",
    "COLONIA_O_POBLACIÓN", "DELEGACIÓN_O_MUNICIPIO", "CIUDAD", "ESTADO", "C.P.", "TELÉFONO",
    "DIRECCIÓN_ORIGEN", "EMPRESA", "DIRECCIÓN_CALLE_NÚMERO_1", "DIRECCIÓN_COMPLEMENTO_1",
    "COLONIA_O_POBLACIÓN_1", "DELEGACIÓN_O_MUNICIPIO_1", "CIUDAD_1", "ESTADO_1", "C.P._1",
    "TELÉFONO_1", "SALARIO", "DIRECCIÓN_ORIGEN", "CLAVE_OTORGANTE", "NOMBRE DEL OTORGANTE",
    "NÚMERO_CUENTA", "TIPO_RESPONSABILIDAD_CUENTA", "TIPO_CUENTA", "TIPO_CONTRATO", "MONEDA",
    "NÚMERO_DE_PAGOS", "FRECUENCIA_DE_PAGOS", "FECHA_APERTURA", "MONTO_A_PAGAR",
    "FECHA_ÚLTIMO_PAGO", "FECHA_ÚLTIMA_COMPRA", "FECHA_CIERRE_CREDITO", "FECHA_REPORTE",
    "CREDITO_MAXIMO", "SALDO_ACTUAL", "LIMITE_DE_CRÉDITO", "SALDO_VENCIDO",
    "NÚMERO_PAGOS_VENCIDOS", "FORMA_PAGO_MOP", "CLAVE_OBSERVACION", "CLAVE_ANTERIOR_OTORGANTE",
    "NOMBRE_ANTERIOR_OTORGANTE", "NÚMERO_CTA_ANTERIOR", "FECHA_PRIMER_INCUMPLIMIENTO",
    "SALDO_INSOLUTO", "MONTO_ULTIMO_PAGO", "PLAZO_CREDITO", "MONTO_CREDITO_ORIGINAL",
    "FECHA_INGRESO_CARTERA_VENCIDA", "MONTO_INTERESES", "FORMA_PAGO_MOP_INTERESES",
    "DÍAS_VENCIMIENTO", "CORREO_ELECTRONICO",
)  # fmt: skip
"""The header row; the bureau has two columns of the name DIRECCIÓN_ORIGEN."""


class IntfCsv(Buro):
    """A row a tradeline, no header or trailer record: control figures stand in the report."""

    def begin(self, cut_off: date, *, correction: bool) -> str:
        """The names of the columns."""
        self._reported = day_first(cut_off)
        return _row(COLUMNS)

    def record(self, report: Report) -> Record | list[Problem]:
        """The same fields as INTF, in the order of the columns."""
        found = self.fields(report)
        if isinstance(found, list):
            return found
        who, account, record = found
        cells = [
            self.key,
            self.name,
            self._reported,
            *self._person(who),
            *self._account_cells(account),
        ]
        return structs.replace(record, text=_row(cells))

    def end(self, totals: Totals) -> str:
        """Nothing."""
        return ""

    def _person(self, who: Person) -> list[str]:
        place, employer = who.place, who.employer or self.choices.no_employer
        return [
            who.paternal, who.maternal, who.additional, who.first, who.second,
            day_first(who.born_on), who.rfc, "", who.nationality, who.civil_status, who.sex,
            day_first(who.died_on), "Y" if who.died_on else "", place.street[0],
            place.street[1] if len(place.street) > 1 else "", place.colonia, place.municipality,
            place.city, place.state, place.postal_code, who.phone, place.country, employer,
            *[""] * 9, "MX",
        ]  # fmt: skip

    def _account_cells(self, a: Account) -> list[str]:
        return [
            self.key, self.name, a.number, a.responsibility, a.kind, a.contract, a.currency,
            a.payments, a.frequency, a.opened_on, str(a.to_pay), a.last_paid_on, a.last_drawn_on,
            a.closed_on, a.reported_on, str(a.highest), str(a.balance), a.limit, str(a.past_due),
            a.missed, a.rating, a.observation, "", "", "", a.first_default_on, str(a.principal),
            str(a.last_paid), a.term, str(a.original), a.past_due_since, "", "", a.days_past_due,
            a.email,
        ]  # fmt: skip


def _row(cells: list[str] | tuple[str, ...]) -> str:
    made = io.StringIO()
    csv.writer(made).writerow(cells)
    return made.getvalue()

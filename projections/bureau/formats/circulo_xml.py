"""Círculo's XML file of people, version 4: Encabezado, a Persona a tradeline, CifrasControl."""

from collections.abc import Iterable
from datetime import date
from xml.sax.saxutils import escape

from projections.bureau.formats.circulo import (
    ACCOUNT,
    ADDRESS,
    EMPLOYMENT,
    HEADER,
    NAME,
    TOTALS,
    Circulo,
    with_text,
)
from projections.bureau.reported import Problem, Record, Report, Totals

OPENING = (
    '<?xml version="1.0" encoding="ISO-8859-1"?>\n'
    '<Carga xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xsi:noNamespaceSchemaLocation="/Carga.xsd">\n'
)


def _template(names: Iterable[str]) -> str:
    return "".join(f"<{name}>%s</{name}>" for name in names)


PERSON = (
    f"<Persona><Nombre>{_template(NAME)}</Nombre>"
    f"<Domicilios><Domicilio>{_template(ADDRESS)}</Domicilio></Domicilios>"
    f"<Empleos><Empleo>{_template(EMPLOYMENT)}</Empleo></Empleos>"
    f"<Cuenta>{_template(ACCOUNT)}</Cuenta></Persona>\n"
)


class CirculoXml(Circulo):
    """Every element is written, an empty one as an empty element."""

    def begin(self, cut_off: date, *, correction: bool) -> str:
        """Up to the first Persona."""
        return OPENING + _filled("Encabezado", HEADER, self.header(cut_off)) + "<Personas>\n"

    def record(self, report: Report) -> Record | list[Problem]:
        """One Persona."""
        found = self.parts(report)
        if isinstance(found, list):
            return found
        parts, record = found
        values = tuple(map(escape, (value for part in parts for value in part)))
        return with_text(record, PERSON % values)

    def end(self, totals: Totals) -> str:
        """Control figures."""
        return f"</Personas>\n{_filled('CifrasControl', TOTALS, self.totals(totals))}</Carga>\n"


def _filled(element: str, names: Iterable[str], values: Iterable[str]) -> str:
    return f"<{element}>{_template(names) % tuple(map(escape, values))}</{element}>\n"

"""Reads Círculo's files back: the schema, rules between fields, control figures."""

import csv
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from lxml import etree

from projections.bureau.validators.circulo_rules import check_account
from projections.bureau.validators.finding import Finding, Notes

SCHEMA = Path(__file__).with_name("circulo.xsd")


class _Sums:
    """What the records come to, and the accounts met (as hashes, so that memory stays small)."""

    def __init__(self) -> None:
        self.records = self.balance = self.past_due = 0
        self.seen: set[int] = set()

    def add(self, account: Mapping[str, str], person: Mapping[str, str], told: Notes) -> None:
        self.balance += int(account["SaldoActual"])
        self.past_due += int(account["SaldoVencido"])
        key = hash((account["CuentaActual"], account["TipoResponsabilidad"], *person.values()))
        if key in self.seen:
            told("CuentaActual", "the same account of the same person stands twice")
        self.seen.add(key)

    def check(self, written: Mapping[str, str]) -> Iterator[Finding]:
        counted = {
            "TotalSaldosActuales": self.balance,
            "TotalSaldosVencidos": self.past_due,
            "TotalElementosNombreReportados": self.records,
            "TotalElementosDireccionReportados": self.records,
            "TotalElementosEmpleoReportados": self.records,
            "TotalElementosCuentaReportados": self.records,
        }
        for name, figure in counted.items():
            if written.get(name) != str(figure):
                yield Finding(-1, name, f"{written.get(name)} is not the {figure} of the records")


@cache
def _schema() -> Any:
    return etree.XMLSchema(etree.parse(str(SCHEMA)))


def check_xml(path: Path) -> Iterator[Finding]:
    """Every fault of the file; one against the schema ends the reading.

    Persons are let go of as soon as they are read.
    """
    sums, cut_off = _Sums(), ""
    reading = etree.iterparse(
        str(path), events=("end",), schema=_schema(), resolve_entities=False, no_network=True,
        tag=("Encabezado", "Persona", "CifrasControl"),
    )  # fmt: skip
    try:
        for _, element in reading:
            if element.tag == "Encabezado":
                cut_off = element.findtext("FechaExtraccion")
            elif element.tag == "Persona":
                sums.records += 1
                told = Notes(sums.records)
                person, account = _values(element.find("Nombre")), _values(element.find("Cuenta"))
                check_account(account, person, cut_off, told)
                sums.add(account, person, told)
                yield from told.found
                parent = element.getparent()
                element.clear()
                while element.getprevious() is not None:
                    del parent[0]
            else:
                yield from sums.check(_values(element))
    except etree.XMLSyntaxError as broken:
        yield Finding(sums.records + 1, "xml", " ".join(str(broken.msg).split()))


def check_delimited(path: Path) -> Iterator[Finding]:
    """Each row as a person by the schema, the rules, and the figures repeated in every row."""
    with path.open(encoding="iso-8859-1", newline="") as file:
        delimiter = "|" if "|" in file.readline() else ","
        file.seek(0)
        rows = csv.reader(file, delimiter=delimiter)
        names = next(rows)
        expected = _columns()
        if names != expected:
            yield Finding(0, "columns", f"are not the {len(expected)} of the format")
            return
        sums, last = _Sums(), list[str]()
        for row in rows:
            sums.records += 1
            told = Notes(sums.records)
            if len(row) != len(names):
                told("columns", f"are {len(row)} of {len(names)}")
            elif not _fits(row, told):
                head, person, account = row[:6], _part(row, NAME), _part(row, ACCOUNT)
                check_account(account, person, head[3], told)
                sums.add(account, person, told)
                if last and (row[:6], row[-8:]) != (last[:6], last[-8:]):
                    told("columns", "header and control figures differ from the row before")
                last = row
            yield from told.found
        yield from sums.check(dict(zip(names[-8:], last[-8:], strict=True)) if last else {})


def _values(element: Any) -> dict[str, str]:
    return {child.tag: child.text or "" for child in element}


def _elements(kind: str) -> list[str]:
    """The names of a complex type of the schema, in order."""
    space = "{http://www.w3.org/2001/XMLSchema}"
    found = etree.parse(str(SCHEMA)).find(f"{space}complexType[@name='{kind}']/{space}sequence")
    return [element.get("name") for element in found]


SECTIONS = ("Encabezado", "Nombre", "Domicilio", "Empleo", "Cuenta", "CifrasControl")
NAME, ACCOUNT = SECTIONS[1], SECTIONS[4]


@cache
def _sections() -> dict[str, tuple[int, list[str]]]:
    """Where each section begins in a row, and its columns."""
    found, at = {}, 0
    for kind in SECTIONS:
        names = _elements(kind)
        found[kind] = (at, names)
        at += len(names)
    return found


def _columns() -> list[str]:
    return [name for _, names in _sections().values() for name in names]


def _part(row: list[str], kind: str) -> dict[str, str]:
    at, names = _sections()[kind]
    return dict(zip(names, row[at : at + len(names)], strict=True))


def _fits(row: list[str], told: Notes) -> bool:
    """Check a row against the schema, as the file of XML that it stands for; whether it fails."""
    root = etree.Element("Carga")
    persons, person = etree.Element("Personas"), etree.Element("Persona")
    persons.append(person)
    for kind in SECTIONS:
        section = etree.Element(kind)
        for name, value in _part(row, kind).items():
            etree.SubElement(section, name).text = value
        if kind in ("Encabezado", "CifrasControl"):
            root.append(section)
        elif kind in ("Domicilio", "Empleo"):
            etree.SubElement(person, f"{kind}s").append(section)
        else:
            person.append(section)
        if kind == "Encabezado":
            root.append(persons)
    schema = _schema()
    if schema.validate(root):
        return False
    for error in schema.error_log:
        told(error.path.rsplit("/", 1)[-1], error.message)
    return True

"""XML as the tax authority (SAT) takes it: written in pieces, checked by its schema, zipped.

`satcfdi` makes the elements and brings the schemas; what is held here is one piece at a time.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from importlib.util import find_spec
from itertools import chain, groupby
from pathlib import Path
from typing import Any

from projections.accounting.exports.errors import EmptyPeriod, MissingPart, NotValid
from projections.accounting.exports.files import zipped
from projections.accounting.exports.period import Period, Request

PIECE = 500
"""Elements that are held at a time."""
SCHEMAS = "transform/schemas/www.sat.gob.mx/esquemas/ContabilidadE/1_3"
SCHEMA = {
    "CT": "CatalogoCuentas/CatalogoCuentas_1_3.xsd",
    "BN": "BalanzaComprobacion/BalanzaComprobacion_1_3.xsd",
    "BC": "BalanzaComprobacion/BalanzaComprobacion_1_3.xsd",
    "PL": "PolizasPeriodo/PolizasPeriodo_1_3.xsd",
    "XC": "AuxiliarCtas/AuxiliarCtas_1_3.xsd",
    "XF": "AuxiliarFolios/AuxiliarFolios_1_3.xsd",
}


def file_name(request: Request, kind: str, ending: str = "zip") -> str:
    """As SAT names it: RFC, year, month and kind."""
    year, month = request.period
    return f"{request.settings.rfc}{year:04d}{month:02d}{kind}.{ending}"


def needs(request: Request) -> dict[str, Any]:
    """What every file of the kind opens with. Errors: ``MissingPart``."""
    if find_spec("satcfdi") is None:
        raise MissingPart("format", "is made by satcfdi: install cartera[sat]")
    if not request.settings.rfc:
        raise MissingPart("rfc", "is needed in files for SAT: set it to the company's own")
    year, month = request.period
    return {"rfc": request.settings.rfc, "mes": f"{month:02d}", "anio": year}


def asked(request: Request) -> dict[str, Any]:
    """What SAT's request is known by. Errors: ``MissingPart`` naming the setting."""
    own = request.settings.sat
    if own.request is None:
        rule = "is needed: AF, FC, DE or CO, as the request of SAT says"
        raise MissingPart("sat.request", rule)
    key, given = (
        ("order_no", own.order_no) if own.request in ("AF", "FC")
        else ("procedure_no", own.procedure_no)
    )  # fmt: skip
    if given is None:
        raise MissingPart(f"sat.{key}", f"is needed for a request of kind {own.request}")
    number = "num_orden" if key == "order_no" else "num_tramite"
    return {"tipo_solicitud": own.request, number: given}


def delivered(
    request: Request, kind: str, made: Iterable[Any], path: Path, *, by: str = ""
) -> None:
    """The zipped file at ``path``, valid by its schema.

    ``made`` are documents of `satcfdi`, each with the same opening and some of the content;
    ``by`` is the attribute that says which of their elements are parts of one.
    Errors: ``EmptyPeriod`` without content, ``NotValid``.
    """
    xml = path.with_name(f"{path.name}.xml")
    try:
        _write(xml, made, by, request.period)
        _check(xml, kind)
        zipped(xml, file_name(request, kind, "xml"), path)
    finally:
        xml.unlink(missing_ok=True)


def _write(xml: Path, made: Iterable[Any], by: str, period: Period) -> None:
    from lxml import etree

    roots = (piece.to_xml(include_schema_location=True) for piece in made)
    first = next(roots, None)
    if first is None:
        raise EmptyPeriod(str(period))
    with xml.open("wb") as file, etree.xmlfile(file, encoding="UTF-8") as out:
        out.write_declaration()
        with _opened(out, first):
            if not by:
                for root in chain([first], roots):
                    _children(out, root)
                return
            elements = (element for root in chain([first], roots) for element in root)
            for _, parts in groupby(elements, key=lambda one: one.get(by)):
                whole = next(parts)
                with _opened(out, whole):
                    for part in chain([whole], parts):
                        _children(out, part)


@contextmanager
def _opened(out: Any, element: Any) -> Iterator[None]:
    with out.element(element.tag, dict(element.attrib), nsmap=element.nsmap):
        yield


def _children(out: Any, element: Any) -> None:
    for child in element:
        out.write(child)


def _check(xml: Path, kind: str) -> None:
    """Errors: ``NotValid`` with the first fault, by its line."""
    from lxml import etree

    with as_file(files("satcfdi").joinpath(SCHEMAS)) as folder:
        schema = etree.XMLSchema(etree.parse(folder / SCHEMA[kind]))
    try:
        for _, element in etree.iterparse(xml, events=("end",), schema=schema):
            parent = element.getparent()
            if parent is not None:
                parent.remove(element)  # checked already: what follows needs no more of it
    except etree.XMLSyntaxError as error:
        raise NotValid(kind, str(error)) from None


def pieces(items: Iterable[Any], size: int = PIECE) -> Iterator[list[Any]]:
    """The items, some at a time."""
    kept: list[Any] = []
    for item in items:
        kept.append(item)
        if len(kept) == size:
            yield kept
            kept = []
    if kept:
        yield kept

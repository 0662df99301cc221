"""The formats by the names that the command line knows."""

from collections.abc import Callable

from projections.bureau.errors import UnknownFormat
from projections.bureau.formats.buro_csv import IntfCsv
from projections.bureau.formats.buro_intf import Intf
from projections.bureau.formats.circulo_delimited import CirculoDelimited
from projections.bureau.formats.circulo_xml import CirculoXml
from projections.bureau.formats.companies import Companies
from projections.bureau.formats.metro2 import Metro2
from projections.bureau.lender import Lender
from projections.bureau.reported import Format

FORMATS: dict[str, Callable[[Lender], Format]] = {
    "buro-intf": Intf,
    "buro-csv": IntfCsv,
    "buro-companies": Companies,
    "circulo-xml": CirculoXml,
    "circulo-delimited": CirculoDelimited,
    "metro2": Metro2,
}


def format_of(name: str) -> Callable[[Lender], Format]:
    """The format of that name. Errors: ``UnknownFormat``."""
    if name not in FORMATS:
        raise UnknownFormat(name, FORMATS)
    return FORMATS[name]

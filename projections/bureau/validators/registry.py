"""Which reader a file is for, by its name or by how it begins."""

from collections.abc import Callable, Iterator
from pathlib import Path

from projections.bureau.validators import buro_csv, buro_intf, circulo, companies, metro2
from projections.bureau.validators.finding import Finding

Check = Callable[[Path], Iterator[Finding]]
CHECKS: dict[str, Check] = {
    "buro-intf": buro_intf.check,
    "buro-csv": buro_csv.check,
    "buro-companies": companies.check,
    "circulo-xml": circulo.check_xml,
    "circulo-delimited": circulo.check_delimited,
    "metro2": metro2.check,
}
BEGINNINGS = (
    ("INTF", "buro-intf"), ("CLAVE_OTORGANTE_1", "buro-csv"), ("HDBNCPM", "buro-companies"),
    ("<?xml", "circulo-xml"),
    ("ClaveOtorgante", "circulo-delimited"),
)  # fmt: skip


def kind_of(path: Path) -> str | None:
    """The format that the file's first characters are of, or None."""
    with path.open("rb") as file:
        head = file.read(20).decode("latin-1")
    if head[4:10] == "HEADER":
        return "metro2"
    return next((name for begins, name in BEGINNINGS if head.startswith(begins)), None)

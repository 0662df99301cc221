"""Which reader a file is for, by its name or by how it begins."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from projections.bureau.validators import buro_csv, buro_intf, companies, metro2
from projections.bureau.validators.finding import Finding


class ReaderNotInstalled(RuntimeError):
    """A reader needs an extra."""


Check = Callable[[Path], Iterator[Finding]]


def _circulo(name: str, path: Path) -> Iterator[Finding]:
    """Círculo's readers need lxml; the others do without it."""
    try:
        from projections.bureau.validators import circulo
    except ModuleNotFoundError as missing:
        raise ReaderNotInstalled(
            f"{missing.name} is not installed: pip install 'cartera[bureau]'"
        ) from None
    return {"xml": circulo.check_xml, "delimited": circulo.check_delimited}[name](path)


CHECKS: dict[str, Check] = {
    "buro-intf": buro_intf.check,
    "buro-csv": buro_csv.check,
    "buro-companies": companies.check,
    "circulo-xml": partial(_circulo, "xml"),
    "circulo-delimited": partial(_circulo, "delimited"),
    "metro2": metro2.check,
}
BEGINNINGS = (
    ("INTF", "buro-intf"), ("CLAVE_OTORGANTE_1", "buro-csv"), ("HDBNCPM", "buro-companies"),
    ("<?xml", "circulo-xml"),
    ("ClaveOtorgante", "circulo-delimited"),
)  # fmt: skip


def checked(kind: str, path: Path, processes: int) -> Iterator[Finding]:
    """The file's faults; INTF, of which there are the most records, by several processes."""
    if kind == "buro-intf":
        return buro_intf.check(path, processes)
    return CHECKS[kind](path)


def kind_of(path: Path) -> str | None:
    """The format that the file's first characters are of, or None."""
    with path.open("rb") as file:
        head = file.read(20).decode("latin-1")
    if head[4:10] == "HEADER":
        return "metro2"
    return next((name for begins, name in BEGINNINGS if head.startswith(begins)), None)

"""The formats there are, by the name that commands and requests use."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from projections.accounting.entry import Entry
from projections.accounting.exports import (
    aspel_coi,
    contpaqi,
    contpaqi_txt,
    hledger,
    peoplesoft,
    plain,
    sap,
    sat_accounts,
    sat_entries,
)
from projections.accounting.exports.errors import UnknownFormat
from projections.accounting.exports.period import Request
from projections.accounting.exports.sat_xml import file_name

Write: TypeAlias = Callable[[Iterable[Entry], Request, Path], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A kind of file. ``entries`` is whether it is made of entries, or of accounts only."""

    name: str
    ending: str
    write: Write
    entries: bool = True
    sat: str = ""

    def file_name(self, request: Request) -> str:
        """What the file is called by default."""
        if self.sat:
            kind = "BC" if self.sat == "BN" and request.settings.sat.sending == "C" else self.sat
            return file_name(request, kind)
        return f"{self.name}-{request.period}.{self.ending}"

    def target(self, request: Request) -> str:
        """Where an entry may go once: a format, or one request of SAT's."""
        own = request.settings.sat
        number = own.order_no or own.procedure_no
        return f"{self.name}:{number}" if self.sat and self.entries else self.name


FORMATS = {
    one.name: one
    for one in (
        Format(name="contpaqi", ending="xlsx", write=contpaqi.write),
        Format(name="contpaqi-txt", ending="txt", write=contpaqi_txt.write),
        Format(name="aspel-coi", ending="xlsx", write=aspel_coi.write),
        Format(name="sap-csv", ending="csv", write=sap.write_csv),
        Format(name="sap-bapi", ending="json", write=sap.write_json),
        Format(name="peoplesoft", ending="txt", write=peoplesoft.write),
        Format(name="csv", ending="csv", write=plain.write_csv),
        Format(name="parquet", ending="parquet", write=plain.write_parquet),
        Format(name="hledger", ending="journal", write=hledger.write),
        Format(name="sat-chart", ending="zip", write=sat_accounts.write_chart, entries=False,
               sat="CT"),
        Format(name="sat-balances", ending="zip", write=sat_accounts.write_balances,
               entries=False, sat="BN"),
        Format(name="sat-entries", ending="zip", write=sat_entries.write_entries, sat="PL"),
        Format(name="sat-documents", ending="zip", write=sat_entries.write_documents, sat="XF"),
        Format(name="sat-accounts", ending="zip", write=sat_entries.write_accounts, sat="XC"),
    )
}  # fmt: skip


def format_named(name: str) -> Format:
    """Errors: ``UnknownFormat``."""
    found = FORMATS.get(name)
    if found is None:
        raise UnknownFormat(name, ", ".join(FORMATS))
    return found

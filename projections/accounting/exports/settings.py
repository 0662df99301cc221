"""What a company sets for its accounting files: one YAML file, every key with a default.

What no published source fixes is a setting here, and the accountant's guide lists it.
"""

import hashlib
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from projections.accounting.chart import read_yaml
from projections.accounting.entries import Grouping

Code: TypeAlias = Annotated[str, Meta(pattern=r"^\S{0,20}$")]


class Contpaqi(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """CONTPAQi Contabilidad. ``mask`` is how many digits an account number is filled up to."""

    mask: Annotated[int, Meta(ge=0, le=30)] = 0
    income: int = 1
    expense: int = 2
    journal: int = 3
    category: int = 1
    journal_id: int = 0
    origin: int = 11
    reference_width: Annotated[int, Meta(ge=1)] = 30
    text_width: Annotated[int, Meta(ge=1)] = 100
    documents: Literal["movement", "entry", "both", "none"] = "both"
    txt: bool = False
    txt_layout: str | None = None


class AspelCoi(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Aspel COI. ``fourth`` is what column D of a heading holds: generators do not agree."""

    income: str = "Ig"
    expense: str = "Eg"
    journal: str = "Dr"
    department: str = "0"
    cost_centre: str = ""
    project: str = ""
    fourth: Literal["day", "movements"] = "day"
    text_width: Annotated[int, Meta(ge=1)] = 120
    documents: bool = True


class Sap(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """SAP. ``split_account`` carries what a document of too many lines hands on to the next."""

    company_code: Code = "1000"
    document_type: Code = "SA"
    transaction: Code = "RFBU"
    username: Code = ""
    tax_code: Code = ""
    date_format: str = "%Y%m%d"
    header: bool = True
    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] = ";"
    encoding: str = "utf-8"
    lines: Annotated[int, Meta(ge=3, le=999)] = 999
    split_account: Code = ""


class PeopleSoft(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """PeopleSoft's flat journal file. Without ``layout`` the delivered one is used."""

    business_unit: Code = ""
    ledger_group: Code = ""
    ledger: Code = ""
    source: Code = ""
    journal_id: Literal["NEXT", "reference"] = "NEXT"
    layout: str | None = None


class Hledger(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """hledger: whether an account's name follows its number."""

    names: bool = False


class Sat(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """SAT's Contabilidad Electrónica 1.3. The order or procedure is named in SAT's request.

    ``headings``: whether the trial balance has the accounts that gather others, as the chart has.
    """

    request: Literal["AF", "FC", "DE", "CO"] | None = None
    order_no: Annotated[str, Meta(pattern=r"^[A-Z]{3}[0-9]{7}/[0-9]{2}$")] | None = None
    procedure_no: Annotated[str, Meta(pattern=r"^[A-Z]{2}[0-9]{12}$")] | None = None
    sending: Literal["N", "C"] = "N"
    changed_on: date | None = None
    headings: bool = True


class ExportSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One company's settings. ``rfc`` is its tax id, ``currency`` the one of its accounts.

    ``grouping`` says what an entry is: a day's facts of one sort, or one event, which alone can
    carry its fiscal documents.
    """

    rfc: Annotated[str, Meta(pattern=r"^$|^[A-ZÑ&]{3,4}[0-9]{6}[A-Z0-9]{3}$")] = ""
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")] = "MXN"
    long_text: Literal["refuse", "cut"] = "refuse"
    grouping: Grouping = Grouping.DAY
    contpaqi: Contpaqi = Contpaqi()
    aspel_coi: AspelCoi = AspelCoi()
    sap: Sap = Sap()
    peoplesoft: PeopleSoft = PeopleSoft()
    hledger: Hledger = Hledger()
    sat: Sat = Sat()

    def kept(self) -> bytes:
        """As a batch records them: the same settings give the same bytes."""
        return msgspec.json.encode(self, order="sorted")

    def digest(self) -> str:
        """SHA-256 of ``kept``."""
        return hashlib.sha256(self.kept()).hexdigest()


def read_settings(path: Path | None) -> ExportSettings:
    """The settings in the file, or the defaults without one.

    Errors: ``FormError`` naming the key and the rule; ``OSError`` where there is no such file.
    """
    return ExportSettings() if path is None else read_yaml(path, ExportSettings)

"""How one lender reports: its keys at each bureau, its products' codes, and its choices."""

from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from projections.bureau.errors import BadLenderFile

Mark = Literal[
    "fraud", "fraud_not_by_client", "disputed", "sued", "sued_by_client", "in_collection"
]


class Choices(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the bureaus' known texts leave open; each default is explained in docs/bureau.md."""

    separator: Literal["newline", "crlf", "none"] = "newline"
    enye: str = "N"
    oldest_from: int = 365
    first_payment: Literal["empty", "opening"] = "empty"
    closed_first_default: Literal["sentinel", "kept"] = "sentinel"
    header_segments: Literal["000", "001"] = "001"
    write_off_balance: Literal["claim", "zero"] = "claim"
    new_accounts: bool = True
    others: bool = True
    no_employer: str = ""
    missed_policy: Literal["payments", "blocks"] = "payments"
    missing_date: Literal["19010101", "19000101"] = "19010101"
    delimiter: str = "|"
    medium: str = ""


class Member(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a bureau calls the lender."""

    key: str
    name: str
    return_address: str = ""
    choices: Choices = Choices()


class CompanyMember(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What Buró's file of companies asks for: a member key of four digits and its own codes."""

    key: str
    previous_key: str = ""
    institution: str = ""
    choices: Choices = Choices()


class Reporter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who furnishes a Metro 2 file."""

    name: str
    address: str
    phone: str
    identification: str
    program_on: str = ""
    cycle: str = ""
    equifax: str = ""
    experian: str = ""
    transunion: str = ""
    innovis: str = ""
    choices: Choices = Choices()


class ProductCodes(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The contract type of a product at each bureau; ``kind`` makes the account type."""

    buro: str = ""
    buro_company: str = ""
    circulo: str = ""
    metro2: str = ""
    kind: Literal["fixed", "mortgage", "open", "revolving"] = "fixed"


class Lender(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The lender file.

    ``products`` are by the loans' own product codes; "" stands for all that are not named.
    ``buyers`` are the members' keys of those who bought loans, by the holder of the sale.
    ``marks`` is what the ledger does not know of a loan (by its number): fraud,
    fraud_not_by_client, disputed, sued, sued_by_client or in_collection.
    """

    buro: Member | None = None
    buro_companies: CompanyMember | None = None
    circulo: Member | None = None
    metro2: Reporter | None = None
    products: dict[str, ProductCodes] = {}
    buyers: dict[str, str] = {}
    marks: dict[str, Mark] = {}

    def product(self, code: str) -> ProductCodes | None:
        """The codes of a product; None where nothing is said of it."""
        return self.products.get(code) or self.products.get("")


def read_lender(path: Path) -> Lender:
    """The lender file, in YAML.

    Errors: ``BadLenderFile`` naming the key and the rule; ``OSError`` where there is none.
    """
    try:
        return msgspec.yaml.decode(path.read_bytes(), type=Lender)
    except msgspec.MsgspecError as error:
        raise BadLenderFile(" ".join(str(error).split())) from None

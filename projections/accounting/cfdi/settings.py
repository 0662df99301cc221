"""What a lender sets for its fiscal documents. What SAT publishes no rule for is a setting."""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from ledger.settings import Settings
from projections.accounting.chart import read_yaml
from projections.accounting.exports.errors import MissingPart

Digits2 = Annotated[str, Meta(pattern=r"^[0-9]{2}$")]
Postal = Annotated[str, Meta(pattern=r"^[0-9]{5}$")]
Regime = Annotated[str, Meta(pattern=r"^[0-9]{3}$")]


class Issuer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The lender as SAT knows it: name without the kind of company, in capitals."""

    rfc: Annotated[str, Meta(pattern=r"^[A-ZÑ&]{3,4}[0-9]{6}[A-Z0-9]{3}$")]
    name: Annotated[str, Meta(min_length=1, max_length=254)]
    regime: Regime
    postal_code: Postal


class Concept(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a component is called in a document. No source fixes the product key of interest."""

    text: Annotated[str, Meta(min_length=1, max_length=1000)]
    product: Annotated[str, Meta(pattern=r"^[0-9]{8}$")] = "84121500"
    unit: Annotated[str, Meta(pattern=r"^[A-Z0-9]{2,3}$")] = "E48"


def _concepts() -> dict[str, Concept]:
    return {
        "interest": Concept(text="Intereses"),
        "late_interest": Concept(text="Intereses moratorios"),
        "fee": Concept(text="Comisiones"),
    }


def _forms() -> dict[str, str]:
    return {"cash": "01", "cheque": "02", "spei": "03", "transfer": "03", "card": "04",
            "debit": "28", "refinancing": "17", "withheld": "17"}  # fmt: skip


class CfdiSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``when``: at the due date (PPD, and a complement per payment) or at collection (PUE).

    ``since`` is the first day whose facts get a document. ``forms`` gives the SAT payment form of
    each channel; ``other_form`` is that of the rest, which are refused without one.
    ``kinds`` are the kinds of payment that are the borrower's money. ``untaxed`` says how interest
    without tax is declared. ``without_rfc``: refuse a borrower without RFC, or invoice the public.
    ``receivers`` is a CSV file of borrowers' fiscal data, which goes before the register's; paths
    are beside the settings' own file.
    ``reversed`` is what becomes of the invoice of a reversed payment, ``forgiven`` of invoiced debt
    that is given up. SAT's catalogues have the codes of credit notes, none says which a lender
    takes: ``credit_relation`` to the invoice, ``credit_use``, ``forgiven_form`` of payment, and
    ``credit_concept``, without which they are called as the invoice calls them.
    A sealed document older than ``stale_hours`` is sealed anew before it is sent.
    """

    issuer: Issuer
    when: Literal["due", "collection"] = "collection"
    since: date = date(2022, 1, 1)
    series: Annotated[str, Meta(max_length=25)] = ""
    use: Annotated[str, Meta(pattern=r"^[A-Z0-9]{3,4}$")] = "S01"
    concepts: dict[str, Concept] = field(default_factory=_concepts)
    forms: dict[str, Digits2] = field(default_factory=_forms)
    other_form: Digits2 | None = None
    kinds: tuple[str, ...] = ("payment", "security_deposit")
    untaxed: Literal["exempt", "not_object"] = "exempt"
    without_rfc: Literal["refuse", "public"] = "refuse"
    public_period: Digits2 = "04"
    motive_reversed: Literal["02", "03"] = "03"
    reversed: Literal["cancel", "credit_note"] = "cancel"
    forgiven: Literal["credit_note", "nothing"] = "credit_note"
    forgiven_form: Digits2 = "15"
    credit_relation: Literal["01", "03"] = "01"
    credit_use: Annotated[str, Meta(pattern=r"^[A-Z0-9]{3,4}$")] = "G02"
    credit_concept: Concept | None = None
    receivers: str = ""
    certificate: str = ""
    key: str = ""
    provider_url: str = ""
    provider_seconds: Annotated[float, Meta(gt=0, le=300)] = 20.0
    stale_hours: Annotated[int, Meta(ge=1, le=72)] = 70

    @property
    def basis(self) -> str:
        """What must stay once documents were issued."""
        credited = ", reversals credited" if self.reversed == "credit_note" else ""
        return f"{self.when} since {self.since}{credited}"


def read_settings(chosen: Settings) -> CfdiSettings:
    """The lender's settings of fiscal documents.

    Errors: ``MissingPart`` where none are named, ``FormError``, ``OSError``.
    """
    if chosen.cfdi is None:
        rule = "names no file: fiscal documents need the lender's settings"
        raise MissingPart("CARTERA_CFDI", rule)
    return read_yaml(chosen.cfdi, CfdiSettings)

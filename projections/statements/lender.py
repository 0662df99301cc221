"""Whose documents they are, in which language, and the words for them."""

import re
from datetime import date
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec
import yaml

from domain.references import ALGORITHMS
from projections.statements.period import LenderError

HERE = Path(__file__).parent
SHIPPED = HERE / "lender.yaml"
LOGOS = {".png", ".jpg", ".jpeg", ".svg"}
COLOUR = re.compile("#[0-9a-fA-F]{6}")
NAME = re.compile(r"\{([^{}]*)\}")
ALWAYS = frozenset({"loan_no", "borrower"})
FORCED = frozenset({"bbva-10"})
"""References that force an amount until a date: one given out some day says nothing of today."""

Language: TypeAlias = Literal["es", "en"]
Texts: TypeAlias = str | dict[Language, str]


class Colours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As ``#rrggbb``."""

    primary: str = "#12486b"
    accent: str = "#c8553d"


class PaymentReference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way to pay: ``value`` may hold ``{loan_no}``, ``{borrower}``, ``{clabe}``, or the name
    of an algorithm of references: the latest one given out for the loan.
    """

    label: Texts
    value: str

    @property
    def kinds(self) -> frozenset[str]:
        """The references that it holds."""
        return frozenset(NAME.findall(self.value)) - ALWAYS


class Lender(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the lender's file says; empty texts are not printed."""

    name: str
    address: str = ""
    phone: str = ""
    email: str = ""
    website: str = ""
    claims_unit: str = ""
    authority: str = ""
    language: Language = "es"
    logo: str = ""
    colours: Colours = Colours()
    payment_references: list[PaymentReference] = []
    legends: list[Texts] = []
    objection_days: int = 90

    def text(self, texts: Texts, **filled: object) -> str:
        """In the lender's language. Errors: ``LenderError`` where it is missing or names no field.

        Only whole names are filled in: a format that reaches into its values is refused.
        """
        told = texts if isinstance(texts, str) else texts.get(self.language)
        if told is None:
            raise LenderError(f"a text has no {self.language!r}: {texts}")
        return fill(told, **filled)


def fill(text: str, **given: object) -> str:
    """``text`` with its {names} filled in. Errors: ``LenderError`` for a name there is not."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in given:
            raise LenderError(f"{{{found[1]}}} is none of {', '.join(sorted(given))} in {text!r}")
        return str(given[found[1]])

    return NAME.sub(value, text)


@cache
def lender(path: Path | None = None) -> Lender:
    """The lender of a file, by default the shipped example. Errors: ``LenderError``."""
    where = path or SHIPPED
    try:
        said = yaml.safe_load(where.read_text(encoding="utf-8"))
        found = msgspec.convert(said, Lender)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, msgspec.ValidationError) as error:
        raise LenderError(f"{where.name}: {' '.join(str(error).split())}") from None
    for name in ("primary", "accent"):
        if not COLOUR.fullmatch(getattr(found.colours, name)):
            raise LenderError(f"{where.name}: colours.{name} is no colour such as #12486b")
    for one in found.payment_references:
        for name in one.kinds - _references():
            known = ", ".join(sorted(_references() | ALWAYS))
            raise LenderError(f"{where.name}: payment_references: {{{name}}} is none of {known}")
    if found.logo and (found.logo != Path(found.logo).name or _bad_logo(where.parent, found.logo)):
        raise LenderError(f"{where.name}: logo names no PNG, JPEG or SVG beside the file")
    return found


def _references() -> frozenset[str]:
    """The kinds of references that a loan may have been given; those of plug-ins by their name."""
    plugged = (one.name for one in entry_points(group="cartera.references"))
    return frozenset({"clabe", *ALGORITHMS, *plugged}) - FORCED


def _bad_logo(folder: Path, name: str) -> bool:
    return Path(name).suffix.lower() not in LOGOS or not (folder / name).is_file()


class Words:
    """The words of a language; ``words.to_pay`` is the word for what is to be paid."""

    def __init__(self, language: Language) -> None:
        said = (HERE / f"words_{language}.yaml").read_text(encoding="utf-8")
        self._said: dict[str, Any] = yaml.safe_load(said)

    def __getattr__(self, name: str) -> str:
        return str(self._said[name])

    def title(self, kind: str) -> str:
        """The name of a kind of document."""
        return str(self._said["titles"][kind])

    def concept(self, kind: str) -> str:
        """The words for a line of the account."""
        return str(self._said["concepts"][kind])

    def long(self, on: date) -> str:
        """A date in a sentence."""
        return self._date("long_date", "long_months", on)

    def short(self, on: date | None) -> str:
        """A date in a table."""
        return self._date("short_date", "months", on) if on else ""

    def span(self, since: date, upto: date) -> str:
        """From one day to another."""
        return str(self._said["span"]).format(since=self.short(since), upto=self.short(upto))

    def _date(self, form: str, months: str, on: date) -> str:
        month = self._said[months][on.month - 1]
        return str(self._said[form]).format(day=on.day, month=month, year=on.year)


@cache
def words(language: Language) -> Words:
    """Those of a language."""
    return Words(language)

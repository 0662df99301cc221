"""Texts and amounts as a file's fields take them, or a refusal that names entry and field."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from ledger.money import decimals, texts
from projections.accounting.entry import Entry
from projections.accounting.exports.errors import (
    AmountTooWide,
    OtherCurrency,
    TextNotWritable,
    TextTooLong,
)

EXCEL_DIGITS = 15
"""What Excel keeps of a number."""


@dataclass(frozen=True, slots=True)
class Fit:
    """The limits of one file: its encoding, and whether long texts are cut."""

    cut: bool
    encoding: str = "utf-8"

    def text(self, entry: str, field: str, value: str, width: int, *, cut: bool = False) -> str:
        """Errors: ``TextTooLong``, ``TextNotWritable`` (control characters too)."""
        if not _holds(self.encoding, value):
            what = self.encoding if value.isprintable() else "a line of text"
            raise TextNotWritable(entry, field, value, what)
        if len(value) <= width:
            return value
        if not (cut or self.cut):
            raise TextTooLong(entry, field, value, width)
        return value[:width].rstrip()


@lru_cache(maxsize=10_000)
def _holds(encoding: str, value: str) -> bool:
    """Whether a file of the encoding can hold the text; most texts come many times."""
    try:
        value.encode(encoding)
    except UnicodeEncodeError:
        return False
    return value.isprintable()


def own_currency(entry: Entry, currency: str) -> None:
    """Errors: ``OtherCurrency``."""
    if entry.currency != currency:
        raise OtherCurrency(entry.key, entry.currency, currency)


@lru_cache(maxsize=64)
def written(currency: str) -> Callable[[int], str]:
    """Amounts of the currency as plain text."""
    return texts(currency)


def exact(minor: int, currency: str) -> Decimal:
    """The amount with the currency's own decimals: 100_00 is 100.00."""
    return Decimal(minor).scaleb(-decimals(currency))


def cell(entry: Entry, field: str, minor: int) -> Decimal:
    """An amount for a spreadsheet. Errors: ``AmountTooWide`` past what Excel keeps exactly."""
    if len(str(abs(minor))) > EXCEL_DIGITS:
        raise AmountTooWide(entry.key, field, written(entry.currency)(minor), EXCEL_DIGITS)
    return exact(minor, entry.currency)

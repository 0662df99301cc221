"""A month of the accounts, and what a format is given besides its entries."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple, TypeAlias

from domain.calendar import month_named
from ledger.money import FormError
from projections.accounting.entry import Account, AccountBalance, Entry, EntryKind
from projections.accounting.exports.errors import UnknownAccount, UnknownDocument
from projections.accounting.exports.settings import ExportSettings

CLOSING = "-13"
CENTURY = 20  # years have the four digits 20xx in every format


class Period(NamedTuple):
    """A month; 13 is the year's closing, which only a trial balance has."""

    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> "Period":
        """Errors: ``FormError`` where it is not written as 2026-01."""
        closing = text.endswith(CLOSING)
        first = month_named(f"{text.removesuffix(CLOSING)}-12" if closing else text)
        if first is None or first.year // 100 != CENTURY:
            raise FormError("period", f"must be a month such as 2026-01, not {text[:20]!r}")
        return cls(first.year, 13 if closing else first.month)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"

    def holds(self, day: date) -> bool:
        """Whether the day lies in it."""
        return (day.year, day.month) == (self.year, self.month)


@dataclass(frozen=True, slots=True, kw_only=True)
class FiscalDocument:
    """A fiscal document (CFDI) that the tax authority knows. ``total`` is in minor units."""

    uuid: str
    issued_on: date
    issuer_rfc: str
    receiver_rfc: str
    total: int
    currency: str = "MXN"


Documents: TypeAlias = Callable[[Sequence[str]], Mapping[str, FiscalDocument]]
"""Looks documents up by their UUIDs; unknown ones are left out."""


def no_documents(_: Sequence[str]) -> Mapping[str, FiscalDocument]:
    """For a company that issues none."""
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is exported: a period's books by a company's settings."""

    period: Period
    settings: ExportSettings
    accounts: Mapping[str, Account] = field(default_factory=dict)
    balances: Iterable[AccountBalance] = ()
    documents: Documents = no_documents

    def account(self, entry: Entry, number: str) -> Account:
        """The account of a line. Errors: ``UnknownAccount``."""
        found = self.accounts.get(number)
        if found is None:
            raise UnknownAccount(entry.key, number)
        return found

    def documents_of(self, entry: Entry) -> Mapping[str, FiscalDocument]:
        """Those behind the entry's lines. Errors: ``UnknownDocument``."""
        wanted = sorted({uuid for line in entry.lines for uuid in line.cfdi})
        if not wanted:
            return {}
        found = self.documents(wanted)
        for uuid in wanted:
            if uuid not in found:
                raise UnknownDocument(entry.key, uuid)
        return found


LETTERS = {EntryKind.INCOME: "I", EntryKind.EXPENSE: "E", EntryKind.JOURNAL: "D"}


def reference(entry: Entry) -> str:
    """How every file names the entry: its kind, the month and its number, as D202601000123."""
    return f"{LETTERS[entry.kind]}{entry.posted_on:%Y%m}{entry.number:06d}"

"""What an accountant's system takes: accounts, balanced entries, balances. Shared by all exports.

Amounts are minor units of the entry's currency. A month has millions of entries and lines: they
are structs, which cost a quarter of frozen dataclasses to make, and are in no cycle.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from msgspec import Struct


class Nature(StrEnum):
    """The side on which an account usually stands."""

    DEBIT = "debit"
    CREDIT = "credit"


class EntryKind(StrEnum):
    """The kinds of *póliza*: money came in, money went out, or neither."""

    INCOME = "income"
    EXPENSE = "expense"
    JOURNAL = "journal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account of the company's chart.

    ``internal`` is the neutral name that posting rules use. ``sat_code`` is SAT's *código
    agrupador*, ``cnbv_concept`` the regulator's; None where the lender has yet to confirm one.
    """

    internal: str
    number: str
    name: str
    nature: Nature
    level: int = 1
    parent: str = ""
    sat_code: str | None = None
    cnbv_concept: str | None = None
    memorandum: bool = False


class Line(Struct, frozen=True, kw_only=True, gc=False):
    """One side of an entry: either ``debit`` or ``credit`` is above zero.

    ``account`` is the company's number. ``loan_no`` and ``cfdi`` (UUIDs of fiscal documents) are
    there where one event stands behind the line.
    """

    account: str
    debit: int = 0
    credit: int = 0
    text: str = ""
    branch: str = ""
    product: str = ""
    loan_no: str = ""
    cfdi: tuple[str, ...] = ()


class Entry(Struct, frozen=True, kw_only=True, gc=False):
    """A balanced entry of one posting day.

    ``key`` names it for ever: the same facts give the same key, so none is exported twice.
    ``value_on`` differs from ``posted_on`` where a closed period sent it on. ``number`` counts
    entries of the kind within the month, from 1.
    """

    key: str
    number: int
    kind: EntryKind
    posted_on: date
    value_on: date
    currency: str
    text: str
    lines: tuple[Line, ...] = ()

    def __post_init__(self) -> None:
        debit = credit = 0
        for line in self.lines:
            debit += line.debit
            credit += line.credit
        assert debit == credit, f"entry {self.key} is out of balance: {debit} and {credit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountBalance:
    """One row of a trial balance; balances are positive on the account's own side."""

    account: Account
    opening: int
    debit: int
    credit: int
    closing: int

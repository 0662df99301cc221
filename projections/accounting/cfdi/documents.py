"""Fiscal documents as facts ask for them, in minor units: invoices and what becomes of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeAlias

from domain.money import MILLION, divide

TAXED = ("fee", "late_interest", "interest")
Motive: TypeAlias = Literal["reversed", "replaced"]


@dataclass(frozen=True, slots=True)
class Item:
    """One component of a document, with its tax in minor units."""

    component: str
    amount: int
    tax: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Income:
    """An invoice. ``paid``: whether it is paid as it is issued (PUE), or later (PPD)."""

    key: str
    position: int
    on: date
    items: tuple[Item, ...]
    rate: int
    paid: bool
    channel: str = ""
    replaces: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """Amounts and taxes."""
        return _total(self.items)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """A credit note (E): so much of an invoice was forgiven, or its payment was reversed."""

    key: str
    position: int
    invoice: str
    items: tuple[Item, ...]
    rate: int
    why: Literal["forgiven", "reversed"]
    channel: str = ""

    @property
    def total(self) -> int:
        """Amounts and taxes."""
        return _total(self.items)


@dataclass(frozen=True, slots=True)
class Part:
    """What a payment paid of an invoice: its ``number``-th part, of ``before`` still owed."""

    invoice: str
    number: int
    before: int
    paid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Complement:
    """A payment's complement (P), for the invoices that it paid parts of."""

    key: str
    position: int
    on: date
    parts: tuple[Part, ...]
    channel: str = ""
    replaces: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """What was paid of them."""
        return sum(one.paid for one in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """A document is not to stand any more; ``by`` is the one in its place."""

    document: str
    position: int
    motive: Motive
    by: str = ""


Document: TypeAlias = Income | Complement | Credit
Wanted: TypeAlias = Document | Cancellation


def taxed(item: Item, rate: int) -> bool:
    """Whether an item bears tax by ``rate`` (millionths), even where it is less than a cent."""
    return item.tax > 0 or (rate > 0 and not divide(item.amount * rate, MILLION))


def _total(items: Iterable[Item]) -> int:
    return sum(one.amount + one.tax for one in items)


def apart(component: str, total: int, rate: int, taxed: bool) -> Item:
    """``total`` as amount and tax, where it holds tax at all: rounded half to even."""
    if not taxed:
        return Item(component, total, 0)
    amount = divide(total * MILLION, MILLION + rate)
    return Item(component, amount, total - amount)


def fitting(items: Iterable[Item], rate: int) -> tuple[Item, ...]:
    """Items by component. SAT checks tax against amount, so a payment that cleared the tax before
    its interest is told apart by the rate instead: the total is what it was.
    """
    sums = dict.fromkeys(TAXED, (0, 0))
    for item in items:
        amount, tax = sums[item.component]
        sums[item.component] = (amount + item.amount, tax + item.tax)
    found = []
    for component, (amount, tax) in sums.items():
        if amount + tax <= 0:
            continue
        fits = not tax or abs(tax * MILLION - amount * rate) <= MILLION
        item = Item(component, amount, tax)
        found.append(item if fits else apart(component, amount + tax, rate, taxed=True))
    return tuple(found)

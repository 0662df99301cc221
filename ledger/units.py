"""Units of account: a loan in UDI (currency MXV) is owed in units and paid in pesos.

A unit's value in money is an index like any other (`ledger/indices.py`). Both ways of conversion
round half-up to the minor unit of what comes out: pesos to the centavo, UDI to their hundredth. A
debt in units turned into pesos and back is the same debt wherever a unit is worth a peso or more.
"""

from decimal import ROUND_HALF_UP, Context, Decimal

from moneyed import Money
from msgspec import Struct

from domain.money import MILLION
from ledger.money import decimals

_EXACT = Context(prec=60, rounding=ROUND_HALF_UP)


class Unit(Struct, frozen=True):
    """A unit of account: the index that tells its value, and the money it is paid in."""

    currency: str
    index: str
    paid_in: str


UNITS = {"MXV": Unit("MXV", "UDI", "MXN")}
"""By the ISO 4217 code that a loan in them has."""

INDICES = frozenset(unit.index for unit in UNITS.values())
"""Indices that are worth money; all others are rates."""


def paid_in(currency: str) -> str:
    """What a debt in ``currency`` is paid in: pesos for UDI, else the same."""
    unit = UNITS.get(currency)
    return unit.paid_in if unit else currency


def in_unit(amount: Money, unit: Unit, value: int) -> Money:
    """``amount`` in units that are worth ``value`` (millionths) each, half-up."""
    return _rounded(_EXACT.divide(amount.amount * MILLION, Decimal(value)), unit.currency)


def in_money(amount: Money, unit: Unit, value: int) -> Money:
    """Units that are worth ``value`` (millionths) each in money, half-up."""
    return _rounded(_EXACT.divide(amount.amount * value, Decimal(MILLION)), unit.paid_in)


def told(amount: Money, value: int) -> str:
    """What was paid and at which value, for people: "MXN 12345.67 @ 8.123456"."""
    return f"{amount.currency} {amount.amount} @ {value_text(value)}"


def value_text(value: int) -> str:
    """A unit's value with its six decimals."""
    return f"{value // MILLION}.{value % MILLION:06d}"


def _rounded(exact: Decimal, currency: str) -> Money:
    return Money(exact.quantize(Decimal(1).scaleb(-decimals(currency)), context=_EXACT), currency)

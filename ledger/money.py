"""Money at the edges: exact text and `Money` into minor units, and back.

Nothing here rounds, guesses a separator or accepts a float: what is not plain is refused.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache

from moneyed import CurrencyDoesNotExist, Money, get_currency

from domain.limits import MAX_AMOUNT

PLAIN = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?", re.ASCII)


class FormError(ValueError):
    """A value of the form cannot be read: ``field`` says which, ``rule`` what it should be."""

    code = "form-error"

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field} {rule}")
        self.field = field
        self.rule = rule


@lru_cache(maxsize=256)
def decimals(currency: str) -> int:
    """How many decimals the currency's minor unit has: 2 for MXN, 0 for CLP, 4 for CLF."""
    try:
        unit = get_currency(currency).sub_unit
    except CurrencyDoesNotExist:
        raise FormError("currency", f"{currency!r} is no ISO 4217 code") from None
    digits = str(unit)
    return len(digits) - 1 if digits == "1" + "0" * (len(digits) - 1) else 2


def money(minor: int, currency: str) -> Money:
    """``minor`` units of ``currency``, as the edges show it."""
    return Money(Decimal(minor).scaleb(-decimals(currency)), currency)


def minor(amount: Money, field: str = "amount") -> int:
    """``amount`` in minor units, exactly.

    Errors: ``FormError`` for NaN, infinity, too many decimals, or more than the ledger can hold.
    """
    currency = str(amount.currency)
    return _exact(amount.amount, decimals(currency), currency, field)


def parse(text: str, currency: str, field: str = "amount") -> Money:
    """``text`` such as "1004.62"; no exponent, sign plus, thousands separator or blank inside.

    Errors: ``FormError`` as ``minor``, or where the text is no plain decimal number.
    """
    if not isinstance(text, str):
        raise FormError(field, f"must be text such as '1004.62', not {type(text).__name__}")
    plain = text.strip()
    if not PLAIN.fullmatch(plain):
        shown = text if len(text) <= 40 else f"{text[:40]}..."
        raise FormError(field, f"must be a plain decimal number such as 1004.62, not {shown!r}")
    _exact(Decimal(plain), decimals(currency), currency, field)
    return Money(Decimal(plain), currency)


def text(minor: int, currency: str) -> str:
    """``minor`` units as plain text: "1004.62", with a full stop in every locale."""
    return _written(minor, decimals(currency))


def texts(currency: str) -> Callable[[int], str]:
    """``text`` for many amounts of one currency."""
    places = decimals(currency)
    if places == CENTS:
        return _in_cents
    return lambda minor: _written(minor, places)


CENTS = 2  # decimals
_CENTS = tuple(f".{cents:02d}" for cents in range(100))


def _in_cents(minor: int) -> str:
    """``_written`` for most currencies, for where thousands are written."""
    if minor < 0:
        return f"-{_in_cents(-minor)}"
    return f"{minor // 100}{_CENTS[minor % 100]}"


def _written(minor: int, places: int) -> str:
    if not places:
        return str(minor)
    if minor < 0:
        return f"-{_written(-minor, places)}"
    digits = str(minor)
    if len(digits) <= places:
        digits = digits.zfill(places + 1)
    return f"{digits[:-places]}.{digits[-places:]}"


def rate_text(millionths: int) -> str:
    """A rate in percent, two decimals at least: "36.00", "9.4822"."""
    if millionths < 0:
        return f"-{rate_text(-millionths)}"
    whole, part = divmod(millionths, 10_000)
    decimals = f"{part:04d}"
    return f"{whole}.{decimals[:2]}{decimals[2:].rstrip('0')}"


def _exact(amount: Decimal, places: int, currency: str, field: str) -> int:
    if not amount.is_finite():
        raise FormError(field, "must be a finite number")
    if abs(amount) > MAX_AMOUNT:  # before anything is made of its exponent
        raise FormError(field, "is more than the ledger can hold")
    numerator, denominator = amount.as_integer_ratio()
    scale: int = 10**places
    whole, lost = divmod(numerator * scale, denominator)
    if lost:
        raise FormError(field, f"has more than the {places} decimals of {currency}")
    if abs(whole) > MAX_AMOUNT:
        raise FormError(field, "is more than the ledger can hold")
    return whole

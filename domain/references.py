"""Check digits of payment references: each algorithm by its own name, with its source.

A reference that a borrower types or a bank reads carries digits that follow from the others, so
that a slip of the finger is no other borrower's money.
"""

from collections.abc import Callable, Iterable
from datetime import date
from itertools import cycle
from typing import Any, Protocol

from msgspec import Struct
from stdnum import luhn as luhns
from stdnum.iso7064 import mod_97_10 as mod_97

from domain.errors import LoanError


class InvalidReference(LoanError):
    """What no reference can be made of, or a reference that is none."""

    field = "reference"


# CLABE


class Clabe(Struct, frozen=True):
    """An account number of 18 digits: bank, plaza (city), account, check digit."""

    bank: str
    plaza: str
    account: str
    digit: str

    def __str__(self) -> str:
        return self.bank + self.plaza + self.account + self.digit


def clabe_digit(first: str) -> str:
    """The 18th digit of a CLABE, from its first 17.

    Errors: ``InvalidReference``.
    Source: PyPI `clabe`; weights 3, 7, 1, each product taken modulo 10.
    """
    if len(first) != 17 or not _digits(first):
        raise InvalidReference("clabe: a CLABE has 17 digits before its check digit", "clabe")
    total = sum(int(n) * weight % 10 for n, weight in zip(first, cycle((3, 7, 1)), strict=False))
    return str(-total % 10)


def clabe_of(given: str) -> Clabe:
    """The parts of a CLABE; whether its bank takes part in SPEI today is another question.

    Errors: ``InvalidReference``.
    """
    if len(given) != 18 or not _digits(given):
        raise InvalidReference("clabe: a CLABE has 18 digits", "clabe")
    if given[-1] != clabe_digit(given[:-1]):
        raise InvalidReference("clabe: the check digit does not follow from the others", "clabe")
    return Clabe(given[:3], given[3:6], given[6:17], given[17])


def virtual_clabe(prefix: str, number: int) -> Clabe:
    """The CLABE that a participant's ``prefix`` gives to its ``number``-th account.

    How many digits the prefix has is between lender and participant: 6 (bank and plaza) to 16.
    Errors: ``InvalidReference``.
    """
    if not 6 <= len(prefix) <= 16 or not _digits(prefix):
        raise InvalidReference("clabe_prefix: has 6 to 16 digits", "clabe_prefix")
    width = 17 - len(prefix)
    if not 0 <= number < 10**width:
        rule = f"clabe_prefix: {prefix} leaves {width} digits, too few for account {number}"
        raise InvalidReference(rule, "clabe_prefix")
    first = f"{prefix}{number:0{width}}"
    return clabe_of(first + clabe_digit(first))


# References with check digits


class Algorithm(Protocol):
    """Makes the whole line that a borrower pays with, of the lender's own ``base``."""

    def __call__(self, base: str, **more: Any) -> str: ...


def bbva_10(
    base: str, *, amount: int, due_on: date, base_year: int = 2014, constant: str = "2"
) -> str:
    """BBVA "Algoritmo 10": base, condensed date and amount, a constant and two check digits.

    For references that force an exact ``amount`` (minor units) until ``due_on``. ``base_year`` is
    the bank's: 1988 in the sheet of the worked example, later in newer ones.
    Errors: ``InvalidReference``.
    Source: BBVA Bancomer procedure sheet "Algoritmo Bancomer 10 (8 dígitos verificadores)".
    """
    if not 1 <= len(base) <= 12 or not _digits(base):
        raise InvalidReference("reference: bbva-10 takes 1 to 12 digits")
    if amount <= 0:
        raise InvalidReference("amount: bbva-10 needs an amount of more than zero", "amount")
    day = (due_on.year - base_year) * 372 + (due_on.month - 1) * 31 + due_on.day - 1
    if not 0 <= day <= 9999:
        rule = f"due_on: {due_on} cannot be condensed from the base year {base_year}"
        raise InvalidReference(rule, "due_on")
    condensed = _weighted(str(amount), (7, 3, 1)) % 10
    line = f"{base}{day:04}{condensed}{constant}"
    return f"{line}{_weighted(line, (11, 13, 17, 19, 23)) % 97 + 1:02}"


def bbva_37(base: str) -> str:
    """BBVA "Algoritmo 37": the base as digits, and two check digits.

    The rightmost character takes no part in the sum, as in the sheet's worked example.
    Errors: ``InvalidReference``.
    Source: BBVA Bancomer procedure sheet "Algoritmo Bancomer 37".
    """
    if not 1 <= len(base) <= 18 or not (base.isascii() and base.isalnum()):
        raise InvalidReference("reference: bbva-37 takes 1 to 18 letters and digits")
    digits = "".join(_LETTERS.get(one, one) for one in base.upper())
    return f"{digits}{(_weighted(digits[:-1], (13, 17, 19, 23, 11)) + 330) % 97 + 1:02}"


def luhn(base: str) -> str:
    """Base 10: the digit that doubling every second one from the right asks for.

    Errors: ``InvalidReference``.
    """
    if not 1 <= len(base) <= 29 or not _digits(base):
        raise InvalidReference("reference: luhn takes 1 to 29 digits")
    return base + luhns.calc_check_digit(base)


def mod_97_10(base: str) -> str:
    """ISO 7064 mod 97-10: two digits, letters counting 10 to 35. Errors: ``InvalidReference``."""
    if not 1 <= len(base) <= 28 or not (base.isascii() and base.isalnum()):
        raise InvalidReference("reference: mod-97-10 takes 1 to 28 letters and digits")
    return base.upper() + mod_97.calc_check_digits(base.upper())


ALGORITHMS: dict[str, Callable[..., str]] = {
    "bbva-10": bbva_10,
    "bbva-37": bbva_37,
    "luhn": luhn,
    "mod-97-10": mod_97_10,
}
"""Those of a citable source; a bank's own sheet comes in as a plug-in (`ledger/rails`)."""


_LETTERS = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "12345678912345678912345678", strict=True))


def _weighted(digits: str, weights: Iterable[int]) -> int:
    """Digits from right to left, times the weights repeated."""
    return sum(int(n) * weight for n, weight in zip(reversed(digits), cycle(weights), strict=False))


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()

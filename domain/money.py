"""How exact fractions become minor units."""

from enum import StrEnum


class Rounding(StrEnum):
    """Where a half goes: to the even neighbour (banker's) or away from zero."""

    HALF_EVEN = "half_even"
    HALF_UP = "half_up"


def divide(numerator: int, denominator: int, rounding: Rounding = Rounding.HALF_EVEN) -> int:
    """``numerator / denominator`` rounded to a whole minor unit; ``denominator`` is positive.

    Exact on integers of any size. The result is odd in the numerator: rounding minus a half gives
    the mirror of rounding plus a half, so a correction mirrors what it corrects.
    """
    if numerator < 0:
        return -divide(-numerator, denominator, rounding)
    quotient, remainder = divmod(numerator, denominator)
    twice = 2 * remainder
    if twice < denominator:
        return quotient
    if twice == denominator and rounding is Rounding.HALF_EVEN and quotient % 2 == 0:
        return quotient
    return quotient + 1


MILLION = 1_000_000
"""Rates are integers of millionths: 360_000 is 36 % a year."""


def share(amount: int, rate: int, rounding: Rounding) -> int:
    """``rate`` (millionths) of ``amount`` (minor units), rounded."""
    return divide(amount * rate, MILLION, rounding) if rate else 0

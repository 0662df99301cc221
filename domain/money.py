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
    sign = -1 if numerator < 0 else 1
    quotient, remainder = divmod(abs(numerator), denominator)
    twice = 2 * remainder
    up = twice > denominator or (
        twice == denominator and (rounding is Rounding.HALF_UP or quotient % 2 == 1)
    )
    return sign * (quotient + up)


MILLION = 1_000_000
"""Rates are integers of millionths: 360_000 is 36 % a year."""


def share(amount: int, rate: int, rounding: Rounding) -> int:
    """``rate`` (millionths) of ``amount`` (minor units), rounded."""
    return divide(amount * rate, MILLION, rounding)

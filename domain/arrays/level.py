"""The level instalments of many loans: domain.level in doubles, exact where those leave doubt."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from domain.arrays.book import Bools, Whole
from domain.arrays.kinds import Book, Periods, spans_of, units_of
from domain.calendar import PERIODS_PER_YEAR
from domain.daycount import CONVENTIONS
from domain.level import level_instalment
from domain.money import MILLION
from domain.terms import Annuity, Level, LevelRounding

_UNIT = 2.0**-53
"""By how much of itself one operation on doubles may be wrong."""


def levels_of(book: Book, financed: Whole, periods: Periods, odd: Bools) -> Whole:
    """Level instalments as domain.level rounds them.

    In doubles, wrong by less than ``slack`` of themselves: a growth factor by 5 roundings, one
    more for each division and sum over the rows. Whose rounding that leaves open are worked out
    by the scalar.
    """
    shared = book.terms[0]
    factor, discounts = np.ones(financed.size), np.zeros(financed.size)
    for growth in _growth_factors(book, periods):
        here = growth.size
        factor[:here] /= growth
        discounts[:here] += factor[:here]
    balloon = np.minimum(book.balloon, financed)
    steps = (financed - balloon * factor) / discounts / book.multiple
    slack = 8 * _UNIT * (book.instalments + 2) * (financed + balloon) / discounts / book.multiple
    beyond = (steps * book.multiple > 2.0**60) | (slack > 0.25)
    steps = np.where(beyond, 0.0, steps)
    match shared.level_rounding:
        case LevelRounding.UP:
            rounded, apart = np.ceil(steps), np.abs(steps - np.rint(steps))
        case LevelRounding.DOWN:
            rounded, apart = np.floor(steps), np.abs(steps - np.rint(steps))
        case LevelRounding.NEAREST:
            rounded, apart = np.rint(steps), np.abs(steps - np.floor(steps) - 0.5)
    levels = rounded.astype(np.int64) * book.multiple
    for one in np.flatnonzero((beyond | (apart <= slack)) & ~odd).tolist():
        spans = spans_of(book, periods, one)
        exact = level_instalment(book.terms[one], int(financed[one]), spans)
        levels[one] = min(exact, 2**60)  # beyond what any row asks for
    return levels


def _growth_factors(book: Book, periods: Periods) -> Iterator[NDArray[np.float64]]:
    """What one unit grows to over each period, for the loans that have the row."""
    shared = book.terms[0]
    nominal = shared.annuity is Annuity.NOMINAL
    taxed = MILLION + (book.tax_rate if shared.level is Level.WITH_TAX else 0 * book.tax_rate)
    basis = PERIODS_PER_YEAR[shared.frequency] if nominal else CONVENTIONS[shared.day_count][1]
    wide = book.annual_rate * (book.every[None] if nominal else units_of(book, periods))
    growth = 1 + wide * taxed.astype(np.float64) / (basis * MILLION**2)
    for k, here in enumerate(periods.standing[:-1]):
        yield growth[min(k, len(growth) - 1), :here]

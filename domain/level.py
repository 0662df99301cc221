"""The level instalment: the annuity that repays a principal over given periods."""

from collections.abc import Iterator, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from functools import lru_cache

from domain.calendar import PERIODS_PER_YEAR
from domain.daycount import CONVENTIONS, rate_days, rate_units
from domain.money import MILLION, Rounding
from domain.period import Period, is_regular, spans
from domain.terms import Annuity, Graduation, Level, LevelRounding, Method, Terms

LEVEL_METHODS = (Method.EQUAL_INSTALMENTS, Method.BALLOON, Method.GRADUATED)
"""Methods that have a level instalment."""

_EXACT = Context(prec=60)
"""Digits enough that an instalment of any amount an int64 holds is rounded once, at the end."""


def level_instalment(
    terms: Terms, principal: int, periods: Sequence[Period], free: int = 0, before: int = 0
) -> int:
    """The equal instalment, rounded once: without tax, or with it where that is what is level.

    It is worked out as if the principal had been owed since the first period began; the first
    ``free`` periods bear no interest, and ``before`` them so many instalments had repaid.
    Source: the annuity formula A = (P - B d_n) / (g_1 d_1 + ... + g_n d_n), with d_k the discount
    factor of k periods, B the balloon left to the last instalment and g_k what the k-th instalment
    is of the first (1, unless the instalments are graduated).
    """
    if terms.method not in LEVEL_METHODS:
        return 0
    factor, discounts = _discounts(terms, periods, free, before)
    balloon = Decimal(min(terms.balloon, principal))
    owed = _EXACT.subtract(Decimal(principal), _EXACT.multiply(balloon, factor))
    multiple = Decimal(terms.instalment_multiple)
    steps = _EXACT.divide(_EXACT.divide(owed, discounts), multiple)
    return int(steps.to_integral_value(rounding=_mode(terms)) * multiple)


def growths(step: Graduation, before: int, index: int) -> int:
    """How often an instalment grows in ``index`` rows, where ``before`` others came before them."""
    return (before + index) // step.every - before // step.every


def _discounts(
    terms: Terms, periods: Sequence[Period], free: int, before: int
) -> tuple[Decimal, Decimal]:
    """The discount factor of all periods, and the sum of those of each, as graduated."""
    step = terms.graduation
    if step is None and free <= 0 and _is_plain(terms):
        return _plain_discounts(_plain_growth(terms), len(periods))
    factor, discounts = Decimal(1), Decimal(0)
    for index, growth in enumerate(_growth_factors(terms, periods, free)):
        factor = _EXACT.divide(factor, growth)
        weighed = factor
        if step is not None:
            grown = Decimal(MILLION + step.rate) / MILLION
            weighed = _EXACT.multiply(factor, _EXACT.power(grown, growths(step, before, index)))
        discounts = _EXACT.add(discounts, weighed)
    return factor, discounts


@lru_cache(maxsize=4_096)
def _plain_discounts(growth: Decimal, count: int) -> tuple[Decimal, Decimal]:
    """Of ``count`` periods that all grow alike: a book has few rates and terms."""
    factor, discounts = Decimal(1), Decimal(0)
    for _ in range(count):
        factor = _EXACT.divide(factor, growth)
        discounts = _EXACT.add(discounts, factor)
    return factor, discounts


def _is_plain(terms: Terms) -> bool:
    """Every period grows alike."""
    return terms.annuity is Annuity.NOMINAL and not terms.rate_steps and is_regular(terms)


def _plain_growth(terms: Terms) -> Decimal:
    taxed = MILLION + (terms.tax_rate if terms.level is Level.WITH_TAX else 0)
    denominator = Decimal(PERIODS_PER_YEAR[terms.frequency] * MILLION * MILLION)
    grows = _EXACT.divide(Decimal(terms.annual_rate * terms.every * taxed), denominator)
    return _EXACT.add(Decimal(1), grows)


def _mode(terms: Terms) -> str:
    match terms.level_rounding:
        case LevelRounding.UP:
            return ROUND_CEILING
        case LevelRounding.DOWN:
            return ROUND_FLOOR
        case LevelRounding.NEAREST:
            return ROUND_HALF_UP if terms.rounding is Rounding.HALF_UP else ROUND_HALF_EVEN


def _growth_factors(terms: Terms, periods: Sequence[Period], free: int) -> Iterator[Decimal]:
    """What one unit grows to over each period: by the nominal rate, or by the period's days."""
    one = Decimal(1)
    taxed = MILLION + (terms.tax_rate if terms.level is Level.WITH_TAX else 0)
    scale = MILLION * MILLION
    nominal = terms.annuity is Annuity.NOMINAL
    _, basis = CONVENTIONS[terms.day_count]
    denominator = Decimal((PERIODS_PER_YEAR[terms.frequency] if nominal else basis) * scale)
    plain, regular = _is_plain(terms), _plain_growth(terms)
    for index, period in enumerate(periods):
        if index < free:
            yield one
        elif plain:
            yield regular
        elif nominal:
            start_on, due_on = period
            wide = spans(terms, period) * taxed
            rate = _EXACT.divide(
                Decimal(rate_days(terms, start_on, due_on)), Decimal((due_on - start_on).days)
            )
            yield _EXACT.add(one, _EXACT.divide(rate * wide, denominator))
        else:
            weighed = rate_units(terms, period[0], *period, period[1])
            yield _EXACT.add(one, _EXACT.divide(Decimal(weighed * taxed), denominator))

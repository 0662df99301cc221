"""The schedule: which principal and interest falls due on which date."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from itertools import pairwise

from domain.calendar import PERIODS_PER_YEAR, due_dates
from domain.daycount import CONVENTIONS, interest_of
from domain.errors import InvalidTerms
from domain.events import Instalment
from domain.limits import MAX_AMOUNT
from domain.money import MILLION, Rounding, divide, share
from domain.terms import Annuity, InterestBasis, Method, Terms

_EXACT = Context(prec=60)
"""Digits enough that an instalment of any amount an int64 holds is rounded once, at the end."""


def schedule(terms: Terms, principal: int, disbursed_on: date) -> tuple[Instalment, ...]:
    """The instalments that repay ``principal`` (minor units), disbursed on ``disbursed_on``.

    The last instalment takes whatever principal rounding left, so principal always sums to the
    amount. Tax comes on top of interest.
    Errors: ``InvalidTerms`` where an instalment would not cover its interest, or all of them
    would sum to more than the ledger holds.
    """
    dates = (disbursed_on, *due_dates(terms, disbursed_on))
    periods = list(pairwise(dates))
    rows = []
    balance = principal
    for number, ((start_on, due_on), interest, repaid) in enumerate(
        _rows(terms, principal, periods), start=1
    ):
        balance -= repaid
        if repaid < 0 or balance < 0:
            raise InvalidTerms(
                f"instalment {number} ({{instalment}}) does not cover its interest "
                "({interest}) or repays more than the balance",
                "instalments",
                instalment=repaid + interest,
                interest=interest,
            )
        rows.append(
            Instalment(
                number=number,
                start_on=start_on,
                due_on=due_on,
                principal=repaid,
                interest=interest,
                tax=share(interest, terms.tax_rate, terms.rounding),
            )
        )
    if balance:
        raise AssertionError(f"schedule repays {principal - balance} of {principal}")
    if sum(row.principal + row.interest + row.tax for row in rows) > MAX_AMOUNT:
        raise InvalidTerms("the schedule sums to more than the ledger holds", "principal")
    return tuple(rows)


Period = tuple[date, date]


def _rows(
    terms: Terms, principal: int, periods: Sequence[Period]
) -> Iterator[tuple[Period, int, int]]:
    """(period, interest, principal) of every instalment."""
    count = len(periods)
    level = _level_instalment(terms, principal, periods)
    multiple = terms.instalment_multiple
    even = divide(principal, count * multiple, terms.rounding) * multiple
    balance = principal
    for index, period in enumerate(periods):
        interest = (
            nominal_interest(terms, principal)
            if terms.method is Method.FLAT
            else period_interest(terms, balance, period)
        )
        if index == count - 1:
            repaid = balance
        elif terms.method in (Method.EQUAL_PRINCIPAL, Method.FLAT):
            repaid = min(even, balance)
        elif terms.method is Method.IRREGULAR:
            repaid = terms.irregular[index].principal
        elif terms.method in (Method.INTEREST_ONLY, Method.SINGLE):
            repaid = 0
        else:
            repaid = min(level - interest, balance)
        balance -= repaid
        yield period, interest, repaid


def period_interest(terms: Terms, balance: int, period: Period) -> int:
    """Interest (minor units) on an unchanged ``balance`` over one whole period."""
    if terms.interest is InterestBasis.PER_PERIOD and terms.method is not Method.IRREGULAR:
        return nominal_interest(terms, balance)
    units, _ = CONVENTIONS[terms.day_count]
    return interest_of(terms, balance * terms.annual_rate * units(*period))


def nominal_interest(terms: Terms, balance: int) -> int:
    """Interest of one period at the annual rate divided by the periods of a year."""
    return divide(
        balance * terms.annual_rate * terms.every,
        PERIODS_PER_YEAR[terms.frequency] * MILLION,
        terms.rounding,
    )


def _level_instalment(terms: Terms, principal: int, periods: Sequence[Period]) -> int:
    """The equal instalment (without tax), rounded once.

    Source: the annuity formula A = (P - B d_n) / (d_1 + ... + d_n), with d_k the discount factor
    of k periods and B the balloon left to the last instalment.
    """
    if terms.method not in (Method.EQUAL_INSTALMENTS, Method.BALLOON):
        return 0
    factor, discounts = Decimal(1), Decimal(0)
    for growth in _growth_factors(terms, periods):
        factor = _EXACT.divide(factor, growth)
        discounts = _EXACT.add(discounts, factor)
    owed = _EXACT.subtract(Decimal(principal), _EXACT.multiply(Decimal(terms.balloon), factor))
    half = ROUND_HALF_UP if terms.rounding is Rounding.HALF_UP else ROUND_HALF_EVEN
    multiple = Decimal(terms.instalment_multiple)
    steps = _EXACT.divide(_EXACT.divide(owed, discounts), multiple)
    return int(steps.to_integral_value(rounding=half) * multiple)


def _growth_factors(terms: Terms, periods: Sequence[Period]) -> Iterator[Decimal]:
    """What one unit grows to over each period: by the nominal rate, or by the period's days."""
    if terms.annuity is Annuity.NOMINAL:
        denominator = Decimal(PERIODS_PER_YEAR[terms.frequency] * MILLION)
        nominal = _EXACT.divide(Decimal(terms.annual_rate * terms.every), denominator)
        yield from [_EXACT.add(Decimal(1), nominal)] * len(periods)
        return
    units, basis = CONVENTIONS[terms.day_count]
    for period in periods:
        numerator = Decimal(terms.annual_rate * units(*period))
        yield _EXACT.add(Decimal(1), _EXACT.divide(numerator, Decimal(basis * MILLION)))

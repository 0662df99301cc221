"""The rows of loans of one kind, fitted together: one recurrence over arrays."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.calendar import PERIODS_PER_YEAR
from domain.calendar_arrays import due_dates, worked
from domain.daycount import CONVENTIONS
from domain.level import LEVEL_METHODS, level_instalment
from domain.limits import MAX_AMOUNT
from domain.money import MILLION, Rounding
from domain.terms import Annuity, Level, LevelRounding, Method, Terms
from domain.vectorised import days_between, divide
from domain.vectorised_book import Bools, Days, Whole

_SURE = 2.0**50
"""Figures from which ``_scaled`` is exact: a double is wrong there by less than a half."""

_UNIT = 2.0**-53
"""By how much of itself one operation on doubles may be wrong."""


class Book(NamedTuple):
    """Loans alike in all but these columns; those of more instalments come first.

    Shapes: (loans,). Units: minor units, millionths. ``first_due_on`` is NaT where none is agreed.
    """

    loan: Whole
    terms: list[Terms]
    disbursed_on: Days
    first_due_on: Days
    principal: Whole
    annual_rate: Whole
    tax_rate: Whole
    down_payment_rate: Whole
    every: Whole
    instalments: Whole
    multiple: Whole
    balloon: Whole


class Rows(NamedTuple):
    """Columns (rows,), the rows of one loan after the other; ``loan`` is whose row it is."""

    loan: Whole
    number: Whole
    start_on: Days
    due_on: Days
    principal: Whole
    interest: Whole
    tax: Whole
    fee: Whole
    fee_tax: Whole


class _Periods(NamedTuple):
    """``start_on`` and ``due_on`` are (rows, loans), ``standing`` how many loans have row k."""

    start_on: Days
    due_on: Days
    standing: list[int]


def fitted_rows(book: Book) -> tuple[Rows, Whole]:
    """The rows of the loans, and which loans have to be answered one by one instead.

    Those are whose dates or figures are out of the ordinary, or whose terms are refused.
    """
    shared, rows = book.terms[0], int(book.instalments[0])
    dues = due_dates(
        shared.frequency, book.every, shared.month_days, book.disbursed_on, book.first_due_on, rows
    )
    due_on, odd = worked(dues, shared.business_day_rule, shared.calendar, book.instalments - 1)
    odd = odd | (due_on[0] <= book.disbursed_on)
    start_on = np.concatenate([book.disbursed_on[None], due_on[:-1]])
    standing = np.searchsorted(-book.instalments, -np.arange(rows + 1), side="left").tolist()
    periods = _Periods(start_on, due_on, standing)
    down = _scaled(book.principal, book.down_payment_rate, MILLION, shared.rounding)
    weights, year = _weights(book, periods)
    financed = book.principal - down
    odd |= _beyond(book, financed, weights.max(axis=0) / year)
    financed = np.where(odd, 0, financed)
    asked = _asked(book, financed, periods, odd)
    return _walked(book, periods, down, financed, weights, year, asked, odd)


def _walked(
    book: Book,
    periods: _Periods,
    down: Whole,
    financed: Whole,
    weights: Whole,
    year: int,
    asked: Callable[[Whole, Whole], Whole],
    odd: Bools,
) -> tuple[Rows, Whole]:
    shared, led = book.terms[0], (down > 0).astype(np.int64)
    counts = book.instalments + led
    ends = np.cumsum(counts)
    begins = ends - counts
    made = _empty(np.repeat(book.loan, counts))
    at = begins[down > 0]
    made.number[at], made.principal[at] = 1, down[down > 0]
    made.start_on[at] = made.due_on[at] = book.disbursed_on[down > 0]
    balance, total = financed.copy(), financed.copy()
    for k, (here, going) in enumerate(pairwise(periods.standing)):
        bears = (financed if shared.method is Method.FLAT else balance)[:here]
        weight = weights[min(k, len(weights) - 1), :here]
        interest = _scaled(bears, weight, year, shared.rounding)
        tax = _scaled(interest, book.tax_rate[:here], MILLION, shared.rounding)
        fee, fee_tax = _charges(book, financed[:here], balance[:here])
        repaid = balance[:here].copy()  # whose last row this is: all
        repaid[:going] = np.minimum(asked(interest[:going], tax[:going]), repaid[:going])
        odd[:going] |= repaid[:going] < 0
        np.maximum(repaid, 0, out=repaid)
        balance[:here] -= repaid
        total[:here] += interest + tax + fee
        odd[:here] |= total[:here] > MAX_AMOUNT
        to = begins[:here] + led[:here] + k
        made.number[to] = led[:here] + k + 1
        made.start_on[to], made.due_on[to] = periods.start_on[k, :here], periods.due_on[k, :here]
        made.principal[to], made.interest[to], made.tax[to] = repaid, interest, tax
        if shared.period_charges:
            made.fee[to], made.fee_tax[to] = fee, fee_tax
    if odd.any():
        kept = np.repeat(~odd, counts)
        made = Rows._make(column[kept] for column in made)
    return made, book.loan[odd]


def _empty(loan: Whole) -> Rows:
    """Rows of those loans, still without figures."""
    number, *money = np.zeros((6, loan.size), np.int64)
    start_on, due_on = np.empty((2, loan.size), "M8[D]")
    return Rows(loan, number, start_on, due_on, *money)


def _scaled(amount: Whole, weight: Whole, year: int, rounding: Rounding) -> Whole:
    """``amount x weight / year``, rounded; exact where it is below ``_SURE``, though the product
    may outgrow an int64.

    Doubles hold the factors exactly and give the quotient but for one; what it is wrong by is at
    most ``year``, so it comes out right even of products that wrap.
    """
    quotient = np.rint(amount * (weight / year)).astype(np.int64)
    twice = 2 * (amount * weight - quotient * year)
    rounded: Whole
    if rounding is Rounding.HALF_UP:
        rounded = quotient + (twice >= year) - (-twice > year)
    else:
        parity = quotient & 1
        rounded = quotient + (twice + parity > year) - (parity - twice > year)
    return rounded


def _weights(book: Book, periods: _Periods) -> tuple[Whole, int]:
    """(weights, year): a period's interest is balance x weight / year; (1, loans) if all alike."""
    shared = book.terms[0]
    if shared.fixed_per_period:
        weights = (book.annual_rate * book.every)[None]
        return weights, PERIODS_PER_YEAR[shared.frequency] * MILLION
    return book.annual_rate * _units(book, periods), CONVENTIONS[shared.day_count][1] * MILLION


def _units(book: Book, periods: _Periods) -> Whole:
    day_count = book.terms[0].day_count
    units = days_between(day_count, periods.start_on.ravel(), periods.due_on.ravel())
    return units.reshape(periods.due_on.shape)


def _beyond(book: Book, financed: Whole, weight: NDArray[np.float64]) -> Bools:
    """Whose interest, charge or tax of one row may be more than ``_scaled`` is sure of."""
    interest = financed * weight
    charges: Any = 0.0
    for charge in book.terms[0].period_charges:
        charges = charges + charge.amount + financed * (charge.rate / MILLION)
    beyond: Bools = np.maximum(interest, charges) * (1 + book.tax_rate / MILLION) > _SURE
    return beyond


def _charges(book: Book, financed: Whole, balance: Whole) -> tuple[Whole | int, Whole | int]:
    """(charges, their tax) of one row of each loan: domain.schedule.period_charges."""
    shared, tax_rate = book.terms[0], book.tax_rate[: balance.size]
    fee: Whole | int = 0
    tax: Whole | int = 0
    for charge in shared.period_charges:
        of = balance if charge.of_balance else financed
        rate = np.asarray(charge.rate)
        amount = charge.amount + _scaled(of, rate, MILLION, shared.rounding)
        fee = fee + amount
        if charge.taxed:
            tax = tax + _scaled(amount, tax_rate, MILLION, shared.rounding)
    return fee, tax


def _asked(
    book: Book, financed: Whole, periods: _Periods, odd: Bools
) -> Callable[[Whole, Whole], Whole]:
    """The principal that a row asks for before the last, from its interest and tax."""
    shared = book.terms[0]
    if shared.method in LEVEL_METHODS:
        level = _levels(book, financed, periods, odd)
        if shared.level is Level.WITH_TAX:
            return lambda interest, tax: level[: tax.size] - interest - tax
        return lambda interest, tax: level[: interest.size] - interest
    if shared.method in (Method.EQUAL_PRINCIPAL, Method.FLAT):
        even = _even_parts(book, financed)
        return lambda interest, tax: even[: interest.size]
    return lambda interest, tax: np.zeros_like(interest)


def _even_parts(book: Book, financed: Whole) -> Whole:
    """Equal parts of principal, rounded to the multiple of the terms."""
    shared, size = book.terms[0], book.instalments * book.multiple
    match shared.level_rounding:
        case LevelRounding.UP:
            steps = -(-financed // size)
        case LevelRounding.DOWN:
            steps = financed // size
        case LevelRounding.NEAREST:
            steps = divide(financed, size, shared.rounding)
    return steps * book.multiple


def _levels(book: Book, financed: Whole, periods: _Periods, odd: Bools) -> Whole:
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
        due_on = periods.due_on[: book.instalments[one], one].tolist()
        spans = list(pairwise([book.disbursed_on[one].item(), *due_on]))
        exact = level_instalment(book.terms[one], int(financed[one]), spans)
        levels[one] = min(exact, 2**60)  # beyond what any row asks for
    return levels


def _growth_factors(book: Book, periods: _Periods) -> Iterator[NDArray[np.float64]]:
    """What one unit grows to over each period, for the loans that have the row."""
    shared = book.terms[0]
    nominal = shared.annuity is Annuity.NOMINAL
    taxed = MILLION + (book.tax_rate if shared.level is Level.WITH_TAX else 0 * book.tax_rate)
    basis = PERIODS_PER_YEAR[shared.frequency] if nominal else CONVENTIONS[shared.day_count][1]
    wide = book.annual_rate * (book.every[None] if nominal else _units(book, periods))
    growth = 1 + wide * taxed.astype(np.float64) / (basis * MILLION**2)
    for k, here in enumerate(periods.standing[:-1]):
        yield growth[min(k, len(growth) - 1), :here]

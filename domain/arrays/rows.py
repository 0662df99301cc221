"""The rows of loans of one kind, fitted together: one recurrence over arrays."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.arrays.accrual import divide
from domain.arrays.book import Bools, Days, Whole
from domain.arrays.kinds import Book, Periods, periods_of, units_of
from domain.arrays.level import levels_of
from domain.calendar import PERIODS_PER_YEAR
from domain.daycount import CONVENTIONS
from domain.level import LEVEL_METHODS
from domain.limits import MAX_AMOUNT
from domain.money import MILLION, Rounding
from domain.terms import Level, LevelRounding, Method

_SURE = 2.0**50
"""Figures from which ``_scaled`` is exact: a double is wrong there by less than a half."""


class Rows(NamedTuple):
    """Columns (rows,), the rows of one of the ``loans`` after the other; each has ``counts``.

    ``fee`` and ``fee_tax`` are empty where the terms charge none.
    """

    loans: Whole
    counts: Whole
    number: Whole
    start_on: Days
    due_on: Days
    principal: Whole
    interest: Whole
    tax: Whole
    fee: Whole
    fee_tax: Whole


def fitted_rows(book: Book) -> tuple[Rows, Whole]:
    """The rows of the loans, and which loans have to be answered one by one instead.

    Those are whose dates or figures are out of the ordinary, or whose terms are refused.
    """
    shared = book.terms[0]
    periods, odd = periods_of(book)
    down = _scaled(book.principal, book.down_payment_rate, MILLION, shared.rounding)
    weights, year = _weights(book, periods)
    financed = book.principal - down
    odd |= _beyond(book, financed, weights.max(axis=0) / year)
    financed = np.where(odd, 0, financed)
    asked = _asked(book, financed, periods, odd)
    return _walked(book, periods, down, financed, weights, year, asked, odd)


def _walked(
    book: Book,
    periods: Periods,
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
    made = _empty(book.loan, counts, charged=bool(shared.period_charges))
    at = begins[down > 0]
    made.number[at], made.principal[at] = 1, down[down > 0]
    made.start_on[at] = made.due_on[at] = book.disbursed_on[down > 0]
    balance, total = financed.copy(), financed.copy()
    for k, (here, going) in enumerate(pairwise(periods.standing)):
        bears = (financed if shared.method is Method.FLAT else balance)[:here]
        weight = weights[min(k, len(weights) - 1), :here]
        interest = _scaled(bears, weight, year, shared.rounding)
        tax = _scaled(interest, book.tax_rate[:here], MILLION, shared.rounding)
        repaid = balance[:here].copy()  # whose last row this is: all
        repaid[:going] = np.minimum(asked(interest[:going], tax[:going]), repaid[:going])
        odd[:going] |= repaid[:going] < 0
        np.maximum(repaid, 0, out=repaid)
        fee, fee_tax = _charges(book, financed[:here], balance[:here], repaid)
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
        fine = [column[kept] if column.size else column for column in made[2:]]
        made = Rows._make([book.loan[~odd], counts[~odd], *fine])
    return made, book.loan[odd]


def _empty(loans: Whole, counts: Whole, *, charged: bool) -> Rows:
    """Rows of those loans, still without figures."""
    size = int(counts.sum())
    start_on, due_on = np.empty((2, size), "M8[D]")
    number, *money = np.zeros((4, size), np.int64)
    fees = np.zeros((2, size if charged else 0), np.int64)
    return Rows(loans, counts, number, start_on, due_on, *money, *fees)


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


def _weights(book: Book, periods: Periods) -> tuple[Whole, int]:
    """(weights, year): a period's interest is balance x weight / year; (1, loans) if all alike."""
    shared = book.terms[0]
    if shared.fixed_per_period:
        weights = (book.annual_rate * book.every)[None]
        return weights, PERIODS_PER_YEAR[shared.frequency] * MILLION
    return book.annual_rate * units_of(book, periods), CONVENTIONS[shared.day_count][1] * MILLION


def _beyond(book: Book, financed: Whole, weight: NDArray[np.float64]) -> Bools:
    """Whose interest, charge or tax of one row may be more than ``_scaled`` is sure of."""
    interest = financed * weight
    charges: Any = 0.0
    for charge in book.terms[0].period_charges:
        charges = charges + charge.amount + financed * (charge.rate / MILLION)
    beyond: Bools = np.maximum(interest, charges) * (1 + book.tax_rate / MILLION) > _SURE
    return beyond


def _charges(
    book: Book, financed: Whole, balance: Whole, repaid: Whole
) -> tuple[Whole | int, Whole | int]:
    """(charges, their tax) of one row of each loan: domain.schedule.period_charges."""
    shared, tax_rate = book.terms[0], book.tax_rate[: balance.size]
    fee: Whole | int = 0
    tax: Whole | int = 0
    for charge in shared.period_charges:
        of = repaid if charge.of_principal else balance if charge.of_balance else financed
        rate = np.asarray(charge.rate)
        amount = charge.amount + _scaled(of, rate, MILLION, shared.rounding)
        if charge.is_tax:
            tax = tax + amount
            continue
        fee = fee + amount
        if charge.taxed:
            tax = tax + _scaled(amount, tax_rate, MILLION, shared.rounding)
    return fee, tax


def _asked(
    book: Book, financed: Whole, periods: Periods, odd: Bools
) -> Callable[[Whole, Whole], Whole]:
    """The principal that a row asks for before the last, from its interest and tax."""
    shared = book.terms[0]
    if shared.method in LEVEL_METHODS:
        level = levels_of(book, financed, periods, odd)
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

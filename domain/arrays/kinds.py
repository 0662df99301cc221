"""Loans of one kind as columns, and the periods of all of them."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from domain.arrays.accrual import elapsed
from domain.arrays.book import Bools, Days, Whole
from domain.arrays.due_dates import due_dates, worked
from domain.period import Period
from domain.terms import Terms


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


class Periods(NamedTuple):
    """``start_on`` and ``due_on`` are (rows, loans), ``standing`` how many loans have row k."""

    start_on: Days
    due_on: Days
    standing: list[int]


def periods_of(book: Book) -> tuple[Periods, Bools]:
    """The periods of the loans, and whose dates the scalar has to answer for."""
    shared, rows = book.terms[0], int(book.instalments[0])
    dues = due_dates(
        shared.frequency, book.every, shared.month_days, book.disbursed_on, book.first_due_on, rows
    )
    due_on, odd = worked(dues, shared.business_day_rule, shared.calendar, book.instalments - 1)
    odd = odd | (due_on[0] <= book.disbursed_on)
    start_on = np.concatenate([book.disbursed_on[None], due_on[:-1]])
    standing = np.searchsorted(-book.instalments, -np.arange(rows + 1), side="left")
    return Periods(start_on, due_on, standing.tolist()), odd


def units_of(book: Book, periods: Periods) -> Whole:
    day_count = book.terms[0].day_count
    start_on, due_on = periods.start_on.ravel(), periods.due_on.ravel()
    units = elapsed(day_count, start_on, start_on, due_on, due_on)
    return units.reshape(periods.due_on.shape)


def spans_of(book: Book, periods: Periods, loan: int) -> list[Period]:
    """The periods of one loan, as the scalar takes them."""
    due_on = periods.due_on[: book.instalments[loan], loan].tolist()
    return list(pairwise([book.disbursed_on[loan].item(), *due_on]))

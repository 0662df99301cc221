"""A quiet day of many loans: what domain.closing would record of each, in columns.

Where nothing but interest runs (domain.quiet says so), the close of a day is arithmetic.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple

import numpy as np

from domain.arrays.accrual import Accrued, accrue, divide, elapsed, in_grace, share
from domain.arrays.book import Bools, Days, Whole
from domain.daycount import CONVENTIONS
from domain.money import Rounding
from domain.quiet import DAY_COUNTS, ROUNDINGS, Runs
from domain.terms import DayCount


class Book(NamedTuple):
    """What domain.quiet.Quiet says of each loan, and of its terms what counts; shapes (loans,).

    ``through`` and ``exact`` move on from day to day, in place.
    """

    through: Days
    runs: Whole
    bears: Whole
    rate: Whole
    begins_on: Days
    ends_on: Days
    exact: Whole
    day_count: Whole
    rounding: Whole
    tax_rate: Whole
    late_rate: Whole
    late_grace_days: Whole


class Overdue(NamedTuple):
    """The overdue instalments of the loans; ``loan`` is their place in the book, rising.

    Shapes: (instalments,). ``numerator`` moves on from day to day, in place.
    """

    loan: Whole
    due_on: Days
    base: Whole
    numerator: Whole


class Ran(NamedTuple):
    """What one day adds; ``recorded`` says where there is an event of it."""

    recorded: Bools
    interest: Whole
    tax: Whole
    numerator: Whole


def quiet_day(book: Book, overdue: Overdue, day: date, closing: Bools) -> tuple[Ran, Ran]:
    """What the close of ``day`` records of the loans it is ``closing``; the book moves on.

    Answers interest by loan and late interest by overdue instalment.
    """
    closing = closing & (book.through < np.datetime64(day, "D"))
    ran = _interest(book, day, closing)
    late = _late_interest(book, overdue, day, closing)
    book.exact[...] += ran.numerator
    overdue.numerator[...] += late.numerator
    moved = ran.recorded.copy()
    moved[overdue.loan[late.recorded]] = True
    book.through[moved] = np.datetime64(day, "D")
    return ran, late


def _interest(book: Book, day: date, closing: Bools) -> Ran:
    ran = _nothing(closing.size)
    loans = np.flatnonzero(closing & (book.runs > 0))
    for places, day_count, rounding in _alike(book, loans):
        at = loans[places]
        fixed = book.runs[at] == Runs.FIXED
        if (some := at[fixed]).size:
            _put(ran, some, *_fixed(book, some, day, rounding), 0)
        if (some := at[~fixed]).size:
            accrued = _by_days(book, some, day, day_count, rounding)
            owed = book.runs[some] != Runs.SPARED
            _put(ran, some, accrued.interest * owed, accrued.tax * owed, accrued.numerator)
    return ran


def _by_days(book: Book, at: Whole, day: date, day_count: DayCount, rounding: Rounding) -> Accrued:
    return accrue(
        book.bears[at],
        book.rate[at],
        elapsed(day_count, book.begins_on[at], book.through[at], day),
        book.exact[at],
        CONVENTIONS[day_count][1],
        rounding,
        book.tax_rate[at],
    )


def _fixed(book: Book, at: Whole, day: date, rounding: Rounding) -> tuple[Whole, Whole]:
    """(interest, tax) of periods whose interest the schedule fixed, in proportion to the days."""
    begins_on, tax_rate = book.begins_on[at], book.tax_rate[at]
    days = (book.ends_on[at] - begins_on).astype(np.int64)

    def earned(upto: Days) -> Whole:
        gone = np.clip((upto - begins_on).astype(np.int64), 0, days)
        return book.exact[at] + divide(book.bears[at] * gone, days, rounding)

    before, after = earned(book.through[at]), earned(np.full_like(begins_on, day))
    tax = share(after, tax_rate, rounding) - share(before, tax_rate, rounding)
    return after - before, tax


def _late_interest(book: Book, overdue: Overdue, day: date, closing: Bools) -> Ran:
    ran = _nothing(overdue.loan.size)
    lines = np.flatnonzero(closing[overdue.loan])
    for places, day_count, rounding in _alike(book, overdue.loan[lines]):
        some = lines[places]
        loan, due_on = overdue.loan[some], overdue.due_on[some]
        through, grace_days = book.through[loan], book.late_grace_days[loan]
        accrued = accrue(
            overdue.base[some],
            book.late_rate[loan],
            elapsed(day_count, due_on, through, day),
            overdue.numerator[some],
            CONVENTIONS[day_count][1],
            rounding,
            book.tax_rate[loan],
            (in_grace(due_on, through, grace_days), in_grace(due_on, day, grace_days)),
        )
        _put(ran, some, *accrued)
    return ran


def _alike(book: Book, loans: Whole) -> Iterator[tuple[Whole, DayCount, Rounding]]:
    """The places among ``loans`` of those that count days and round alike, kind by kind."""
    kinds = book.day_count[loans] * len(ROUNDINGS) + book.rounding[loans]
    for kind in np.unique(kinds).tolist():
        day_count, rounding = divmod(kind, len(ROUNDINGS))
        yield np.flatnonzero(kinds == kind), DAY_COUNTS[day_count], ROUNDINGS[rounding]


def _nothing(size: int) -> Ran:
    interest, tax, numerator = np.zeros((3, size), np.int64)
    return Ran(np.zeros(size, np.bool_), interest, tax, numerator)


def _put(ran: Ran, at: Whole, interest: Whole, tax: Whole, numerator: Any) -> None:
    ran.interest[at], ran.tax[at], ran.numerator[at] = interest, tax, numerator
    ran.recorded[at] = (interest != 0) | (ran.numerator[at] != 0)

"""The schedules of a whole portfolio at once: columns that equal domain.schedule row by row."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from domain.arrays.book import Days, Whole
from domain.arrays.kinds import Book
from domain.arrays.rows import Rows, fitted_rows
from domain.errors import InvalidTerms
from domain.events import Instalment
from domain.level import LEVEL_METHODS
from domain.limits import MAX_AMOUNT, MAX_INSTALMENTS, MAX_RATE
from domain.money import MILLION
from domain.period import is_regular
from domain.schedule import schedule
from domain.terms import FittedTo, Frequency, Grace, LastInstalment, Method, Terms

Asked: TypeAlias = tuple[Terms, int, date]
"""Terms, the principal disbursed (minor units) and the day: the arguments of a schedule."""


class Schedules(NamedTuple):
    """The rows of all loans, in order; ``refused`` are the loans (by index) that have none.

    Shapes: columns are (rows,); ``loan`` is the index of the loan asked. Units: minor units.
    """

    loan: Whole
    number: Whole
    start_on: Days
    due_on: Days
    principal: Whole
    interest: Whole
    tax: Whole
    fee: Whole
    fee_tax: Whole
    deferred: Whole
    deferred_tax: Whole
    refused: dict[int, InvalidTerms]


_EPOCH = date(1970, 1, 1).toordinal()
_NO_DAY = np.iinfo(np.int64).min + _EPOCH

FEW = 8
"""Fewer loans of a kind than these are quicker one by one."""

_ROWS_AT_ONCE = 100_000
"""Rows of one block: what it puts aside stays in cache."""

_TOGETHER = {
    Method.EQUAL_INSTALMENTS, Method.BALLOON, Method.EQUAL_PRINCIPAL, Method.FLAT,
    Method.INTEREST_ONLY, Method.SINGLE,
}  # fmt: skip

_kind = attrgetter(
    "method", "frequency", "month_days", "day_count", "interest", "rounding", "annuity", "level",
    "level_rounding", "last_instalment", "fitted_to", "grace", "rate_steps", "calendar",
    "business_day_rule", "skip_months", "period_charges",
)  # fmt: skip
"""What loans share that are worked out together."""

_figures = attrgetter(
    "annual_rate", "tax_rate", "down_payment_rate", "every", "instalments", "instalment_multiple",
    "balloon",
)  # fmt: skip
_LEAST = np.array([1, 0, 0, 0, 1, 1, 1, 0])
_MOST = np.array(
    [MAX_AMOUNT, MAX_RATE, MAX_RATE, MILLION - 1, 366, MAX_INSTALMENTS, MAX_AMOUNT, MAX_AMOUNT]
)
"""Between these (principal first) no figure on the way leaves its type; terms beyond are refused
when a loan is opened."""


def schedules(loans: Sequence[Asked]) -> Schedules:
    """Every loan's schedule, each row as domain.schedule.schedule gives it.

    Loans of the common products are worked out together; all others, and any whose dates or
    figures are out of the ordinary, one by one.
    """
    parts: list[Rows] = []
    alone: list[int] = []
    for kind in _by_kind(loans):
        if len(kind) < FEW or not _together(loans[kind[0]][0]):
            alone += kind
            continue
        books, odd = _books(loans, kind)
        alone += odd
        for book in books:
            rows, odd_ones = fitted_rows(book)
            parts.append(rows)
            alone += odd_ones.tolist()
    return _joined(len(loans), parts, *_one_by_one(loans, alone))


def _by_kind(loans: Sequence[Asked]) -> Iterable[list[int]]:
    kinds: dict[object, list[int]] = {}
    for index, (terms, _, _) in enumerate(loans):
        kinds.setdefault(_kind(terms), []).append(index)
    return kinds.values()


def _together(terms: Terms) -> bool:
    """Whether loans of the kind of these terms have a recurrence of their own here."""
    return (
        terms.method in _TOGETHER
        and terms.grace == Grace()
        and not terms.rate_steps
        and terms.fitted_to is FittedTo.DISBURSED
        and is_regular(terms)
        and (terms.last_instalment is LastInstalment.ABSORBS or terms.method not in LEVEL_METHODS)
        and all(
            0 <= charge.amount <= MAX_AMOUNT and 0 <= charge.rate <= MILLION
            for charge in terms.period_charges
        )
    )


def _books(loans: Sequence[Asked], kind: list[int]) -> tuple[Iterator[Book], list[int]]:
    """The loans of one kind in blocks, and those whose figures are beyond what any terms allow."""
    asked = [loans[index] for index in kind]
    columns = _whole([(principal, *_figures(terms)) for terms, principal, _ in asked])
    most = _MOST.copy()
    if asked[0][0].frequency is Frequency.SINGLE:
        most[5] = 1
    fine = ((columns >= _LEAST) & (columns <= most)).all(axis=1)
    order = np.flatnonzero(fine)[np.argsort(-columns[fine, 5], kind="stable")]
    indices = np.array(kind)
    return _blocks(asked, columns, indices, order), indices[~fine].tolist()


def _blocks(asked: list[Asked], columns: Whole, indices: Whole, order: Whole) -> Iterator[Book]:
    while order.size:
        size = max(_ROWS_AT_ONCE // int(columns[order[0], 5]), 1)
        block, order = order[:size], order[size:]
        some = [asked[place] for place in block.tolist()]
        principal, rate, tax_rate, down, every, instalments, multiple, balloon = columns[block].T
        yield Book(
            loan=indices[block],
            terms=[terms for terms, _, _ in some],
            disbursed_on=_days([on for _, _, on in some]),
            first_due_on=_days([terms.first_due_on for terms, _, _ in some]),
            principal=principal,
            annual_rate=rate,
            tax_rate=tax_rate,
            down_payment_rate=down,
            every=every,
            instalments=instalments,
            multiple=multiple,
            balloon=balloon,
        )


def _days(some: list[date | None] | list[date]) -> Days:
    """``datetime64[D]``, NaT for None; numpy itself takes ten times as long over dates."""
    since_year_1 = [_NO_DAY if day is None else day.toordinal() for day in some]
    return (np.array(since_year_1, np.int64) - _EPOCH).view("M8[D]")


def _whole(rows: list[tuple[int, ...]]) -> Whole:
    """The figures, with what no int64 holds as the nearest that one does."""
    try:
        return np.array(rows, np.int64)
    except OverflowError:
        return np.array([[min(max(one, -(2**62)), 2**62) for one in row] for row in rows], np.int64)


def _one_by_one(
    loans: Sequence[Asked], alone: list[int]
) -> tuple[dict[int, tuple[Instalment, ...]], dict[int, InvalidTerms]]:
    rows: dict[int, tuple[Instalment, ...]] = {}
    refused: dict[int, InvalidTerms] = {}
    for index in sorted(alone):
        try:
            rows[index] = schedule(*loans[index])
        except InvalidTerms as error:
            refused[index] = error
    return rows, refused


def _joined(
    loans: int,
    parts: list[Rows],
    alone: dict[int, tuple[Instalment, ...]],
    refused: dict[int, InvalidTerms],
) -> Schedules:
    """All rows in the order of the loans."""
    counts = np.zeros(loans, np.int64)
    for part in parts:
        counts[part.loans] = part.counts
    for index, rows in alone.items():
        counts[index] = len(rows)
    begins = np.cumsum(counts) - counts
    columns: dict[str, NDArray[Any]] = {
        name: np.zeros(counts.sum(), "M8[D]" if name.endswith("_on") else np.int64)
        for name in Schedules._fields[1:-1]
    }
    for part in parts:
        places = np.repeat(begins[part.loans], part.counts) + part.number - 1
        for name, column in zip(Rows._fields[2:], part[2:], strict=True):
            if column.size:
                columns[name][places] = column
    for index, rows in alone.items():
        begin = begins[index]
        for name, column in columns.items():
            column[begin : begin + len(rows)] = [getattr(row, name) for row in rows]
    return Schedules(np.repeat(np.arange(loans), counts), **columns, refused=refused)

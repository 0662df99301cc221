"""The arithmetic on a book of loans is the arithmetic on one loan, to the last minor unit."""

import random
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import daycount, money
from domain import events as e
from domain.arrays import accrual as vectorised
from domain.arrays.book import BLOCK
from domain.daycount import CONVENTIONS
from domain.draft import Draft
from domain.limits import MAX_AMOUNT, MAX_RATE
from domain.loan import Amounts, Line, Loan, Status
from domain.money import Rounding
from domain.terms import DayCount
from tests.domain.histories import terms

MOST = 2**63 - 1
EVEN, UP = Rounding.HALF_EVEN, Rounding.HALF_UP

roundings = st.sampled_from(list(Rounding))
int64s = st.one_of(
    st.integers(-MOST - 1, MOST), st.integers(-1_000, 1_000), st.integers(MOST - 9, MOST)
)
numerators = st.one_of(int64s, st.integers(-(10**30), 10**30))
amounts = st.integers(-MAX_AMOUNT, MAX_AMOUNT)
rates = st.integers(0, MAX_RATE)
units = st.one_of(st.just(0), st.integers(-400, 400), st.integers(0, 30 * 365 * 366))
bases = st.sampled_from([360, 364, 365, 365 * 366])
days = st.one_of(
    st.dates(date(1900, 1, 1), date(2200, 1, 1)),
    st.sampled_from([date(year, 2, day) for year in (2023, 2024, 2100) for day in (1, 27, 28)]),
    st.sampled_from([date(2024, 2, 29), date(2000, 2, 29), date(2024, 12, 31), date(2025, 1, 1)]),
    st.sampled_from([date(2026, month, 31) for month in (1, 3, 5, 7, 8, 10, 12)]),
    st.sampled_from([date(2026, month, 30) for month in (1, 4, 6, 8)]),
)


def whole(*figures):
    return np.array(figures, np.int64)


def dates(*some):
    return np.array(some, "M8[D]")


def columns(rows, width):
    """Rows as arrays, of Python integers where one is no int64."""
    return [column(part) for part in list(zip(*rows, strict=True)) or [()] * width]


def column(figures):
    if figures and all(isinstance(one, bool) for one in figures):
        return np.array(figures, np.bool_)
    return np.array(figures, object if any(outside(one) for one in figures) else np.int64)


def outside(figure):
    return not -MOST - 1 <= figure <= MOST


def one_step(principal, rate, units, numerator, basis, rounding, tax_rate, grace=(False, False)):
    """What domain/draft.py does with the scalar functions."""
    agreed = terms(day_count=of_basis(basis), rounding=rounding)
    added = principal * rate * units
    before = 0 if grace[0] else daycount.interest_of(agreed, numerator)
    after = 0 if grace[1] else daycount.interest_of(agreed, numerator + added)
    taxes = [money.share(interest, tax_rate, rounding) for interest in (before, after)]
    return after - before, taxes[1] - taxes[0], added


def of_basis(basis):
    return next(day_count for day_count, (_, units) in CONVENTIONS.items() if units == basis)


def test_ten_thousand_random_loans_accrue_as_their_drafts_do():
    seed = random.randrange(10**9)
    print("seed", seed)
    chance = random.Random(seed)
    for day_count in DayCount:
        for rounding in Rounding:
            loans = [
                random_loan(chance, day_count, rounding)
                for _ in range(10_000 // len(DayCount) // 2 + 1)
            ]
            until = [loan.through + timedelta(days=chance.choice((1, 1, 40))) for loan in loans]
            told = [draft_says(loan, to) for loan, to in zip(loans, until, strict=True)]

            interest = accrued_together(loans, dates(*until), day_count, rounding)
            late = late_together(loans, dates(*until), day_count, rounding)

            assert [row[0] for row in told] == interest
            assert [row[1] for row in told] == late


def random_loan(chance, day_count, rounding):
    """Active, its first instalment due and unpaid, its second running; amounts of any size."""
    first = date(2023, 1, 1) + timedelta(days=chance.randrange(800))
    due_on = first + timedelta(days=chance.randrange(1, 60))
    through = due_on + timedelta(days=chance.randrange(40))
    at_the_limit = chance.random() < 0.1
    principal = (
        MOST - chance.randrange(9)
        if at_the_limit
        else chance.randrange(1, 10 ** chance.randrange(3, 16))
    )
    most = 360_000 if at_the_limit else MAX_RATE  # the interest of either is an int64
    agreed = terms(
        day_count=day_count, rounding=rounding, principal=principal,
        annual_rate=chance.choice((0, 1, 145_000, 360_000, most)),
        late_rate=chance.choice((1, 720_000, most)), late_grace_days=chance.choice((0, 10, 25)),
        tax_rate=chance.choice((0, 80_000, 160_000)),
    )  # fmt: skip
    overdue = chance.randrange(1, principal + 1)
    gone = daycount.elapsed(day_count, due_on, due_on, through)
    corrected = chance.choice((1, 1, 1, -1))  # a correction may leave less than nothing
    due = Line(1, first, due_on, Amounts(principal=overdue), Amounts(), due=True,
               late_numerator=overdue * agreed.late_rate * gone)  # fmt: skip
    running = Line(2, due_on, date(2031, 1, 1), Amounts(principal=principal), Amounts(),
                   numerator=corrected * principal * agreed.annual_rate * gone)  # fmt: skip
    opened = e.LoanOpened(loan_no="L-1", terms=agreed, effective_on=first)
    return Loan(
        opened, through, status=Status.ACTIVE, principal=principal, current=1, lines=[due, running]
    )


def draft_says(loan, to):
    """(interest, tax, numerator) of the running instalment, and of late interest."""
    draft = Draft(loan)
    draft.catch_up(to)
    figures = {type(event): event for event in draft.events}
    accrued = figures.get(e.InterestAccrued)
    late = figures[e.LateInterestAccrued].lines[0] if e.LateInterestAccrued in figures else None
    return tuple((f.interest, f.tax, f.numerator) if f else (0, 0, 0) for f in (accrued, late))


def accrued_together(loans, until, day_count, rounding):
    starts, through = starts_and_through(loans)
    principal, rate, numerator, tax_rate = columns(
        [(n.principal, n.terms.annual_rate, n.lines[1].numerator, n.terms.tax_rate) for n in loans],
        4,
    )
    due_on = dates(*(loan.lines[1].due_on for loan in loans))
    gone = vectorised.elapsed(day_count, starts, through, until, due_on)
    basis = CONVENTIONS[day_count][1]
    return rows(vectorised.accrue(principal, rate, gone, numerator, basis, rounding, tax_rate))


def late_together(loans, until, day_count, rounding):
    starts, through = starts_and_through(loans)
    overdue, rate, numerator, tax_rate, grace_days = columns(
        [(n.lines[0].owed.principal, n.terms.late_rate, n.lines[0].late_numerator,
          n.terms.tax_rate, n.terms.late_grace_days) for n in loans],
        5,
    )  # fmt: skip
    gone = vectorised.elapsed(day_count, starts, through, until)
    grace = [vectorised.in_grace(starts, on, grace_days) for on in (through, until)]
    basis = CONVENTIONS[day_count][1]
    return rows(
        vectorised.accrue(overdue, rate, gone, numerator, basis, rounding, tax_rate, tuple(grace))
    )


def starts_and_through(loans):
    return dates(*(loan.lines[1].start_on for loan in loans)), dates(*(n.through for n in loans))


def rows(accrued):
    assert accrued.interest.dtype == accrued.tax.dtype == np.int64
    return list(zip(*(column.tolist() for column in accrued), strict=True))


@given(st.lists(st.tuples(int64s, st.integers(1, MOST)), max_size=20), roundings)
def test_a_quotient_is_the_scalar_one(pairs, rounding):
    numerator, denominator = columns(pairs, 2)

    quotients = vectorised.divide(numerator, denominator, rounding)

    assert quotients.dtype == np.int64
    assert quotients.tolist() == [money.divide(n, d, rounding) for n, d in pairs]


@given(st.lists(int64s, min_size=1, max_size=20), st.integers(1, MOST), roundings)
def test_one_denominator_serves_the_whole_book(figures, denominator, rounding):
    quotients = vectorised.divide(whole(*figures), denominator, rounding)

    assert quotients.tolist() == [money.divide(n, denominator, rounding) for n in figures]


@given(st.lists(st.integers(-MOST, MOST), min_size=1), st.integers(1, 1_000), roundings)
def test_a_quotient_is_odd_in_the_numerator(figures, denominator, rounding):
    there = vectorised.divide(whole(*figures), denominator, rounding)
    back = vectorised.divide(-whole(*figures), denominator, rounding)

    assert (there == -back).all()


@pytest.mark.parametrize(
    ("rounding", "expected"), [(EVEN, [-2, -2, 0, 0, 2, 2]), (UP, [-3, -2, -1, 1, 2, 3])]
)
def test_a_half_goes_to_the_even_neighbour_or_away_from_zero(rounding, expected):
    halves = vectorised.divide(whole(-5, -3, -1, 1, 3, 5), 2, rounding)

    assert halves.tolist() == expected


@given(st.lists(st.tuples(st.one_of(amounts, int64s), rates), min_size=1, max_size=20), roundings)
def test_a_share_is_the_scalar_one_or_refused(pairs, rounding):
    amount, rate = columns(pairs, 2)
    expected = [money.share(a, r, rounding) for a, r in pairs]

    equal_or_refused(expected, lambda: vectorised.share(amount, rate, rounding).tolist())


@given(st.lists(st.tuples(numerators, bases), min_size=1, max_size=20), roundings)
def test_interest_of_any_numerator_is_the_scalar_one_or_refused(pairs, rounding):
    numerator, basis = columns(pairs, 2)
    expected = [
        daycount.interest_of(terms(day_count=of_basis(b), rounding=rounding), n) for n, b in pairs
    ]

    equal_or_refused(expected, lambda: vectorised.interest_of(numerator, basis, rounding).tolist())


@given(st.lists(st.tuples(numerators, numerators), max_size=20))
def test_numerators_add_up_whatever_their_size(pairs):
    total = vectorised.plus(*columns(pairs, 2))

    expected = [one + other for one, other in pairs]
    assert total.tolist() == expected
    assert (total.dtype == object) == any(outside(one) for one in expected)


steps = st.tuples(amounts, rates, units, numerators, bases, rates, st.booleans(), st.booleans())


@given(st.lists(steps, min_size=1, max_size=12), roundings)
def test_a_step_of_any_size_is_the_scalar_one_or_refused(some, rounding):
    *head, tax_rate, before, after = columns(some, 8)
    expected = [one_step(*row[:5], rounding, row[5], row[6:]) for row in some]
    amounts_only = [figure for row in expected for figure in row[:2]]

    def step():
        return rows(vectorised.accrue(*head, rounding, tax_rate, (before, after)))

    if any(outside(figure) for figure in amounts_only):
        with pytest.raises(OverflowError, match=r"of element \d+ is"):
            step()
    else:
        assert step() == expected


def equal_or_refused(expected, answer):
    beyond = [n for n, figure in enumerate(expected) if outside(figure)]
    if beyond:
        with pytest.raises(OverflowError, match=rf"element {beyond[0]} is {expected[beyond[0]]},"):
            answer()
    else:
        assert answer() == expected


@given(
    st.integers(1, MAX_AMOUNT), st.integers(0, 2_000_000), st.integers(0, 1_000_000), bases,
    roundings, st.lists(st.integers(0, 5 * 366), min_size=1, max_size=10),
)  # fmt: skip
def test_steps_add_up_to_one_step_over_all_of_them(principal, rate, tax, basis, rounding, parts):
    numerator = whole(0)
    sums = np.zeros(2, np.int64)
    for part in parts:
        step = vectorised.accrue(whole(principal), rate, part, numerator, basis, rounding, tax)
        sums += (step.interest[0], step.tax[0])
        numerator = vectorised.plus(numerator, step.numerator)

    assert (*sums, numerator[0]) == one_step(principal, rate, sum(parts), 0, basis, rounding, tax)


@given(st.sampled_from(list(DayCount)), st.lists(st.tuples(days, days, days), max_size=40))
def test_every_convention_counts_as_for_one_loan(day_count, some):
    start, since, until = (dates(*part) for part in list(zip(*some, strict=True)) or [()] * 3)
    count, _ = CONVENTIONS[day_count]

    between = vectorised.days_between(day_count, start, until)
    gone = vectorised.elapsed(day_count, start, since, until)

    assert between.dtype == gone.dtype == np.int64
    assert between.tolist() == [count(one, other) for one, _, other in some]
    assert gone.tolist() == [daycount.elapsed(day_count, *row) for row in some]


@given(st.lists(st.tuples(days, days, days, days), min_size=1, max_size=40))
def test_months_counted_back_from_a_due_date_count_as_for_one_loan(some):
    gone = vectorised.elapsed(
        DayCount.ACTUAL_ACTUAL_ICMA, *(dates(*part) for part in zip(*some, strict=True))
    )
    assert gone.tolist() == [daycount.elapsed(DayCount.ACTUAL_ACTUAL_ICMA, *row) for row in some]


@pytest.mark.parametrize("day_count", list(DayCount))
def test_every_pair_of_days_around_a_leap_february_counts_as_for_one_loan(day_count):
    around = [date(2023, 12, 1) + timedelta(days=n) for n in range(460)]
    starts = dates(*around)
    count, _ = CONVENTIONS[day_count]

    for end in [*around[::7], date(2024, 2, 28), date(2024, 2, 29), date(2025, 2, 28)]:
        expected = [count(start, end) for start in around]
        assert vectorised.days_between(day_count, starts, end).tolist() == expected
        assert vectorised.days_between(day_count, end, starts).tolist() == [
            count(end, start) for start in around
        ]


@pytest.mark.parametrize(("on", "waits"), [(date(2026, 1, 20), True), (date(2026, 1, 21), False)])
def test_the_last_day_of_grace_is_in_it(on, waits):
    assert vectorised.in_grace(dates(date(2026, 1, 15)), on, 5).tolist() == [waits]


def test_late_interest_waits_for_the_end_of_grace_and_then_comes_whole():
    book = (whole(1_000_00, 1_000_00), 720_000, 1, whole(0, 5 * 1_000_00 * 720_000), 360, EVEN, 0)

    waiting = vectorised.accrue(*book, grace=(True, True))
    charged = vectorised.accrue(*book, grace=(True, False))

    assert rows(waiting) == [(0, 0, 72_000_000_000)] * 2
    assert rows(charged) == [(2_00, 0, 72_000_000_000), (12_00, 0, 72_000_000_000)]


def test_a_long_book_is_the_same_as_its_loans_one_by_one():
    size = 2 * BLOCK + 3
    chance = np.random.default_rng(7)
    principal, units = chance.integers(1, 10**9, size), chance.integers(0, 31, size)
    numerator = principal * 360_000 * 5
    numerator[::997] = MOST - 5

    step = vectorised.accrue(principal, 360_000, units, numerator, 360, UP, 160_000)

    every = zip(principal.tolist(), units.tolist(), numerator.tolist(), strict=True)
    assert rows(step) == [one_step(p, 360_000, u, n, 360, UP, 160_000) for p, u, n in every]


@pytest.mark.parametrize(
    "numerator", [whole(0, 3 * 10**17), np.array([0, 3 * 10**17], object)], ids=["int64", "object"]
)
def test_a_book_of_small_amounts_never_leaves_numpy(numerator, monkeypatch):
    monkeypatch.setattr(money, "divide", None)
    monkeypatch.setattr(money, "share", None)
    monkeypatch.setattr(vectorised, "_step_of_one", lambda *_: None)

    step = vectorised.accrue(whole(10**9, 10**11), 360_000, 31, numerator, 360, EVEN, 160_000)

    assert step.numerator.dtype == np.int64
    assert vectorised.interest_of(numerator, 360, EVEN).dtype == np.int64
    assert vectorised.plus(numerator, step.numerator).dtype == np.int64


def test_only_the_loans_that_could_overflow_are_counted_one_by_one(monkeypatch):
    counted = []
    divide = money.divide
    monkeypatch.setattr(money, "divide", lambda *a: counted.append(a[0]) or divide(*a))

    figures = np.array([5, 10**20, 7], object)
    interest = vectorised.interest_of(figures, 360, EVEN)

    assert counted == [10**20]
    assert interest.tolist() == [0, 277_777_777_778, 0]


def test_a_step_beyond_int64_may_bear_no_tax():
    figures = np.array([10**26, -(10**400)], object)

    with pytest.raises(OverflowError, match="interest of element 1 is -"):
        vectorised.interest_of(figures, 360, EVEN)
    step = vectorised.accrue(whole(1_000_00), 360_000, 1, figures[:1], 360, EVEN, 0)
    assert rows(step) == [one_step(1_000_00, 360_000, 1, 10**26, 360, EVEN, 0)]


@pytest.mark.parametrize("tax_rate", [160_000, MAX_RATE, 10**9, 10**12])
def test_a_tax_may_outgrow_int64_on_the_way_where_its_interest_does_not(tax_rate):
    step = vectorised.accrue(whole(9 * 10**12), 1_000_000, 1, whole(0), 360, EVEN, tax_rate)

    assert rows(step) == [one_step(9 * 10**12, 1_000_000, 1, 0, 360, EVEN, tax_rate)]


@pytest.mark.parametrize(("last", "kind"), [(MOST, np.int64), (MOST + 1, object)])
def test_numerators_are_python_integers_only_where_one_is_no_int64(last, kind):
    total = vectorised.plus(whole(1, last - 1), whole(1, 1))

    assert total.dtype == kind
    assert [type(one) for one in total.tolist()] == [int, int]
    assert total.tolist() == [2, last]


@pytest.mark.parametrize(("rate", "refused"), [(1_000_000, False), (1_000_001, True)])
def test_an_amount_that_no_int64_holds_is_refused_by_its_element(rate, refused):
    book = whole(0, MOST, MOST)
    if not refused:
        assert vectorised.share(book, rate, EVEN).tolist() == [0, MOST, MOST]
        return

    with pytest.raises(OverflowError, match="share of element 1 is 9223381260226812662,"):
        vectorised.share(book, rate, EVEN)


def test_the_least_int64_is_an_amount():
    assert vectorised.share(whole(-MOST - 1), 1_000_000, UP).tolist() == [-MOST - 1]
    assert vectorised.divide(whole(-MOST - 1, -MOST - 1), whole(1, 3), UP).tolist() == [
        -MOST - 1,
        -3_074_457_345_618_258_603,
    ]


@pytest.mark.parametrize("kind", [np.int64, object])
def test_an_empty_book_accrues_nothing(kind):
    nothing, none = whole(), np.array([], kind)

    step = vectorised.accrue(nothing, nothing, 1, none, nothing, EVEN, 160_000)

    assert rows(step) == []
    assert vectorised.divide(nothing, nothing).dtype == np.int64
    assert vectorised.share(nothing, 5, EVEN).size == vectorised.interest_of(none, 360, UP).size
    assert vectorised.elapsed(DayCount.THIRTY_360, dates(), dates(), date(2026, 1, 1)).size == 0


BOOK = whole(1, 2, 3)


@pytest.mark.parametrize(
    "call",
    [
        lambda: vectorised.divide(BOOK, whole(1, 2)),
        lambda: vectorised.divide(BOOK, whole(1)),
        lambda: vectorised.divide(BOOK.reshape(3, 1), 2),
        lambda: vectorised.share(BOOK, BOOK.reshape(3, 1), EVEN),
        lambda: vectorised.accrue(BOOK, 1, 1, whole(0), 360, EVEN, 0),
        lambda: vectorised.accrue(BOOK, 1, 1, BOOK, 360, EVEN, 0, (np.array([True]), False)),
        lambda: vectorised.interest_of(5, 360, EVEN),
        lambda: vectorised.days_between(DayCount.ACTUAL_360, dates("2026-01-01"), dates()),
    ],
)
def test_arguments_of_other_shapes_are_refused(call):
    with pytest.raises(ValueError, match=r"a book is \(loans,\)"):
        call()


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (ValueError, lambda: vectorised.divide(BOOK, 0)),
        (ValueError, lambda: vectorised.divide(BOOK, whole(1, -1, 1))),
        (ValueError, lambda: vectorised.interest_of(BOOK, 10**13, EVEN)),
        (ValueError, lambda: vectorised.in_grace(dates("NaT"), date(2026, 1, 1), 5)),
        (TypeError, lambda: vectorised.divide(np.array([1.5]), 1)),
        (TypeError, lambda: vectorised.share(np.array([True]), 1, EVEN)),
        (TypeError, lambda: vectorised.share(np.array([2**63]), 1, EVEN)),
        (TypeError, lambda: vectorised.interest_of(np.array([1.5], object), 360, EVEN)),
        (TypeError, lambda: vectorised.interest_of(np.array([1.5]), 360, EVEN)),
        (
            TypeError,
            lambda: vectorised.in_grace(np.array(["2026-01-01"], "M8[s]"), date(2026, 1, 1), 5),
        ),
        (TypeError, lambda: vectorised.days_between(DayCount.ACTUAL_360, np.array([3]), "2026")),
    ],
)
def test_what_is_no_whole_number_or_no_date_is_refused(error, call):
    with pytest.raises(error):
        call()

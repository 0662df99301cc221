"""A rate that floats, rests and changes: whatever order the facts are learned in."""

from datetime import date, timedelta

import pytest

from domain import commands, views
from domain import events as e
from domain.restructuring import NewTerms
from domain.terms import AllocationRule, Floating, InAdvance
from tests.domain.histories import START, disbursed, terms

DUE = [date(2026, 2, 15), date(2026, 3, 15), date(2026, 4, 15), date(2026, 5, 15)]
FLOATING = Floating(index="TIIE28", spread=50_000)
VALUES = {START: 100_000, DUE[0]: 110_000, DUE[1]: 120_000, DUE[2]: 130_000}


def value_of(index: str, day: date) -> int | None:
    known = [value for on, value in VALUES.items() if on <= day and index == "TIIE28"]
    return known[-1] if known else None


def floating_loan(**changes):
    """12,000.00 over four months at 15 %, which is the index and 5 points."""
    agreed = {"principal": 12_000_00, "annual_rate": 150_000, "instalments": 4, "tax_rate": 0,
              "late_rate": 0, "floating": FLOATING}  # fmt: skip
    return disbursed(terms(**(agreed | changes)))


def follow(book, upto):
    return book.do(commands.reset_rate, upto=upto, value_of=value_of)


def steps(book) -> list[tuple[date, int]]:
    return [(step.from_on, step.annual_rate) for step in book.loan.terms.rate_steps]


def state(book, on):
    seen = views.as_of(book.loan, on)
    return (seen.balances(), seen.terms.rate_steps,
            [(line.owed, line.paid, line.numerator) for line in seen.lines])  # fmt: skip


def test_what_is_fixed_while_interest_rests_holds_after_the_pause():
    book, begins, ends = floating_loan(), DUE[0] - timedelta(5), DUE[0] + timedelta(10)
    book.do(commands.pause_interest, effective_on=begins, until=ends)

    follow(book, ends)

    assert steps(book) == [(begins, 0), (ends, 160_000)]
    assert book.do(commands.reset_rate, upto=ends, value_of=value_of) == ()
    follow(book, DUE[1])
    assert steps(book) == [(begins, 0), (ends, 160_000), (DUE[1], 170_000)]


def test_a_pause_begun_on_a_reset_day_does_not_lose_the_reset():
    book, ends = floating_loan(), DUE[0] + timedelta(10)
    book.do(commands.pause_interest, effective_on=DUE[0], until=ends)
    follow(book, DUE[0])
    assert steps(book) == [(DUE[0], 0), (ends, 160_000)]


def test_of_two_resets_within_a_pause_the_last_holds():
    book, ends = floating_loan(), DUE[1] + timedelta(10)
    book.do(commands.pause_interest, effective_on=DUE[0], until=ends)
    follow(book, DUE[1])
    assert steps(book) == [(DUE[0], 0), (ends, 170_000)]


def test_a_pause_within_a_pause_rests_until_the_longer_ends():
    book, begins, ends = floating_loan(), DUE[0] - timedelta(9), DUE[0] + timedelta(10)
    book.do(commands.pause_interest, effective_on=begins, until=ends)
    book.do(commands.pause_interest, effective_on=begins + timedelta(2), until=DUE[0])
    follow(book, DUE[0])
    assert book.loan.terms.rate_on(DUE[0]) == 0
    assert book.loan.terms.rate_on(ends) == 160_000


def test_a_rate_agreed_within_a_pause_ends_it_and_the_next_reset_counts_at_once():
    book = floating_loan()
    book.do(commands.pause_interest, effective_on=START, until=DUE[2])
    agreed_on = DUE[0] + timedelta(3)
    follow(book, agreed_on)
    book.do(commands.change_rate, annual_rate=90_000, effective_on=agreed_on)
    follow(book, DUE[1])
    assert book.loan.terms.rate_on(agreed_on) == 90_000
    assert book.loan.terms.rate_on(DUE[1]) == 170_000


def test_a_pause_learned_after_the_reset_within_it_is_as_one_on_time():
    begins, ends = DUE[0] - timedelta(5), DUE[0] + timedelta(10)
    on_time, late = floating_loan(), floating_loan()
    on_time.do(commands.pause_interest, effective_on=begins, until=ends)
    follow(on_time, DUE[1])

    follow(late, DUE[1])
    late.do(commands.pause_interest, effective_on=begins, until=ends)

    assert state(late, DUE[2]) == state(on_time, DUE[2])


@pytest.mark.parametrize("late", [False, True])
def test_a_rate_of_a_day_comes_before_the_money_of_that_day(late):
    """A payment that shortens the term keeps the instalment of the new rate."""
    shortens = AllocationRule(in_advance=InAdvance.REDUCE_TERM)
    wanted, other = (floating_loan(instalments=12, allocation=shortens) for _ in range(2))
    wanted.do(commands.change_rate, annual_rate=300_000, effective_on=DUE[0])
    wanted.do(commands.receive_payment, amount=5_000_00, effective_on=DUE[0])

    other.do(commands.receive_payment, amount=5_000_00, effective_on=DUE[0])
    if late:
        other.do(commands.close_day, on=DUE[1] + timedelta(3))
    other.do(commands.change_rate, annual_rate=300_000, effective_on=DUE[0])

    assert state(other, DUE[2]) == state(wanted, DUE[2])


def test_a_rate_agreed_after_new_terms_of_its_day_is_not_moved_before_them():
    book = floating_loan(floating=None)
    new = NewTerms(annual_rate=200_000)
    book.do(commands.restructure, effective_on=DUE[0], new=new)
    book.do(commands.change_rate, annual_rate=300_000, effective_on=DUE[0])
    book.do(commands.receive_payment, amount=100_00, effective_on=DUE[0] + timedelta(1))
    book.do(commands.reverse_payment, payment=1, reversed_on=DUE[0] + timedelta(2))
    assert views.as_of(book.loan, DUE[0]).terms.rate_on(DUE[0]) == 300_000


def test_a_negative_spread_stops_at_the_floor():
    """1 % and minus 2 points is nothing; 12 % less 2 is 10."""
    low = floating_loan(annual_rate=0, floating=Floating(index="TIIE28", spread=-110_000))
    follow(low, DUE[2])
    assert steps(low) == [(DUE[1], 10_000), (DUE[2], 20_000)]


@pytest.mark.parametrize("kind", [e.Revision.RESTRUCTURE, e.Revision.RESCHEDULE])
def test_a_fixed_rate_among_new_terms_ends_the_floating_one(kind):
    book = floating_loan()
    follow(book, DUE[0])

    new = NewTerms(annual_rate=200_000)
    book.do(commands.restructure, effective_on=DUE[0] + timedelta(3), kind=kind, new=new)

    assert book.loan.terms.floating is None
    assert follow(book, DUE[2]) == ()
    assert book.loan.terms.rate_on(DUE[2]) == 200_000


@pytest.mark.parametrize("kind", [e.Revision.RESTRUCTURE, e.Revision.RESCHEDULE])
def test_a_rate_floats_as_newly_agreed_from_the_day_of_the_new_terms(kind):
    book, on = floating_loan(), DUE[0] + timedelta(3)
    follow(book, on)

    new = NewTerms(floating=Floating(index="TIIE28", spread=10_000, reset_every=2))
    book.do(commands.restructure, effective_on=on, kind=kind, new=new)
    follow(book, DUE[1])

    assert book.loan.terms.rate_on(on - timedelta(1)) == 160_000
    assert book.loan.terms.rate_on(DUE[1]) == 120_000  # index of the day and one point


def test_new_terms_on_a_reset_day_are_fixed_again_by_the_new_spread():
    book = floating_loan()
    follow(book, DUE[0])
    new = NewTerms(floating=Floating(index="TIIE28", spread=10_000))
    book.do(commands.restructure, effective_on=DUE[0], new=new)
    follow(book, DUE[0])
    assert book.loan.terms.rate_on(DUE[0]) == 120_000


def test_an_extension_fixes_no_rate_of_the_past():
    """The rate is fixed every third due date: the running period's first day is none of them."""
    book = floating_loan(instalments=8, floating=Floating(index="TIIE28", spread=50_000,
                                                          reset_every=3))  # fmt: skip
    book.do(commands.restructure, effective_on=DUE[0] + timedelta(3),
            kind=e.Revision.RESCHEDULE, new=NewTerms(instalments=9))  # fmt: skip
    assert follow(book, DUE[1]) == ()

"""A running loan keeps its balances, its oldest unpaid date and its rounding."""

from datetime import date, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain import commands, views
from domain.errors import InvalidAmount, InvalidDate, InvalidTerms
from domain.fold import replay
from domain.loan import Amounts, Status
from domain.terms import Method
from tests.domain.histories import START, Book, agreements, disbursed, terms


def taken_on(agreed=None, **changes) -> Book:
    given_ = {
        "loan_no": "L-1", "terms": agreed or terms(), "disbursed_on": START,
        "effective_on": date(2026, 4, 20), "principal": 8_000_00,
    }  # fmt: skip
    events = commands.take_on(**(given_ | changes))
    return Book(replay(events), list(events))


RUNNING = st.one_of(
    agreements(plain=True, method=method, balloon=0, instalments=6, late_rate=0)
    for method in (Method.EQUAL_INSTALMENTS, Method.EQUAL_PRINCIPAL, Method.FLAT)
)


@given(RUNNING, st.integers(0, 60))
def test_a_loan_taken_on_goes_on_as_the_one_that_was_always_here(agreed, wait):
    """On-time history: take it on in mid-life, and any later day owes the same."""
    try:
        here = disbursed(agreed)
    except InvalidTerms:
        assume(False)
    first = here.loan.lines[0]
    here.do(commands.close_day, on=first.due_on)
    here.do(
        commands.receive_payment, amount=here.loan.lines[0].left or 1, effective_on=first.due_on
    )
    assume(here.loan.status is Status.ACTIVE and here.loan.lines[0].settled_on)
    assume(here.loan.current < len(here.loan.lines))
    period = here.loan.lines[1].due_on - first.due_on
    day = first.due_on + timedelta(days=wait % period.days)

    moved = taken_on(agreed, effective_on=day, principal=here.loan.principal)

    later = day + timedelta(days=75)
    assert views.as_of(moved.loan, day).balances() == views.as_of(here.loan, day).balances()
    assert views.as_of(moved.loan, later).balances() == views.as_of(here.loan, later).balances()
    assert moved.loan.oldest_unpaid_due_on == here.loan.oldest_unpaid_due_on


def test_what_was_repaid_covers_the_oldest_instalments():
    book = taken_on(principal=9_000_00)

    assert book.loan.balances().principal == 9_000_00
    assert book.loan.oldest_unpaid_due_on == date(2026, 3, 15)
    assert book.loan.days_past_due(date(2026, 4, 20)) == 36


def test_given_balances_are_taken_as_given():
    book = taken_on(
        principal=9_000_00, interest=300_00, interest_tax=48_00, late_interest=20_00,
        late_interest_tax=3_20, fee=100_00, fee_tax=16_00,
    )  # fmt: skip

    assert book.loan.balances() == Amounts(
        principal=9_000_00, interest=300_00, interest_tax=48_00, late_interest=20_00,
        late_interest_tax=3_20, fee=100_00, fee_tax=16_00,
    )  # fmt: skip


def test_a_loan_with_nothing_left_is_taken_on_closed():
    book = taken_on(principal=0, interest=0)

    assert book.loan.status is Status.CLOSED


@pytest.mark.parametrize(
    ("changes", "error", "field"),
    [
        ({"principal": 10_000_01}, InvalidAmount, "principal_balance"),
        ({"principal": -1}, InvalidAmount, "principal_balance"),
        ({"late_interest": -1}, InvalidAmount, "late_interest_balance"),
        ({"effective_on": date(2026, 1, 14)}, InvalidDate, "as_of"),
    ],
)
def test_impossible_balances_are_refused_by_field(changes, error, field):
    with pytest.raises(error) as refused:
        taken_on(**changes)

    assert refused.value.field == field

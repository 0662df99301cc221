"""What a bureau is told of a loan: figures by hand, and what holds for every history."""

from datetime import date, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain import commands
from domain.errors import InvalidTerms
from domain.fold import replay
from domain.views import as_of, schedule_rows
from projections.bureau.tradeline import tradeline
from tests.domain.histories import START, STEPS, agreements, play, terms
from tests.domain.histories import disbursed as paid_out
from tests.projections.bureau.portfolio import CUT_OFF, portfolio


@pytest.fixture(scope="module")
def lines():
    return {name: tradeline(story.loan, CUT_OFF) for name, story in portfolio().items()}


# By hand: due on 15 February, 15 March and 15 April 2026; 30 April is 15, 46 and 74 days after.
# What left the books on 20 April counts to the day before, 63 days; on 20 March, 32.
@pytest.mark.parametrize(
    ("name", "days", "missed", "first"),
    [
        ("current", 0, 0, None),
        ("new", 0, 0, None),
        ("late 15 days", 15, 1, date(2026, 4, 15)),
        ("late 46 days", 46, 2, date(2026, 3, 15)),
        ("late 74 days", 74, 3, date(2026, 2, 15)),
        ("late over a year", 411, 12, date(2025, 3, 15)),
        ("paid off", 0, 0, date(2026, 2, 15)),
        ("written off", 74, 3, date(2026, 2, 15)),
        ("recovered", 32, 1, date(2026, 2, 15)),
        ("forgiven", 63, 3, date(2026, 2, 15)),
        ("sold late to a member", 63, 3, date(2026, 2, 15)),
        ("sold current outside", 0, 0, None),
        ("restructured", 0, 0, date(2026, 2, 15)),
        ("paused", 0, 0, None),
        ("cured", 0, 0, date(2026, 2, 15)),
        ("single payment", 0, 0, None),
    ],
)
def test_days_and_missed_payments_are_those_counted_by_hand(lines, name, days, missed, first):
    line = lines[name]

    assert (line.days_past_due, line.first_default_on) == (days, first)
    if line.status == "active":
        assert line.missed == missed


def test_what_is_past_due_is_what_the_schedule_says_is_left(lines):
    story = portfolio()["late 46 days"]
    rows = [row for row in schedule_rows(story.loan, CUT_OFF) if row.due_on < CUT_OFF]

    assert lines["late 46 days"].past_due == sum(row.total - row.paid for row in rows) > 0


def test_a_written_off_debt_is_told_by_the_claim_that_is_left(lines):
    left = portfolio()["written off"].loan.written_off.total

    line = lines["written off"]

    assert (line.status, line.balance, line.past_due) == ("written_off", left, left)
    assert line.written_off_on == date(2026, 4, 20)
    assert lines["recovered"].balance == 0
    assert lines["recovered"].last_paid_on == date(2026, 4, 15)


def test_a_debt_given_up_or_sold_has_no_balance_and_says_what_was_lost(lines):
    forgiven, sold = lines["forgiven"], lines["sold late to a member"]

    assert (forgiven.status, forgiven.closed_for, forgiven.balance) == ("closed", "forgiven", 0)
    assert forgiven.forgiven > 4_000_00
    assert (sold.closed_for, sold.balance, sold.holder) == ("sold", 0, "FONDO UNO")
    assert sold.past_due > 3_000_00


def test_the_day_before_the_payment_the_loan_was_late_and_after_it_is_not():
    story = portfolio()["cured"]

    before, after = (tradeline(story.loan, date(2026, 4, day)) for day in (15, 16))

    assert (before.days_past_due, after.days_past_due) == (59, 0)
    assert before.first_default_on == after.first_default_on == date(2026, 2, 15)
    assert (before.month_paid, after.month_paid) == (0, 3_400_00)


def test_late_since_goes_back_over_arrears_that_overlap():
    """Each instalment is paid 40 days late, so the loan is never current."""
    book = paid_out(terms())
    for month, day in ((3, 27), (4, 24)):
        on = date(2026, month, day)
        book.do(commands.close_day, on=on)
        book.do(commands.receive_payment, amount=1_080_00, effective_on=on)
    book.do(commands.close_day, on=CUT_OFF)

    line = tradeline(book.loan, CUT_OFF)

    assert line.days_past_due == 15 or line.late_since < CUT_OFF
    assert line.late_since == line.first_default_on == date(2026, 2, 15)


def test_a_loan_that_was_not_paid_out_is_not_told():
    book = paid_out(terms())

    assert tradeline(book.loan, START) is not None
    opened = commands.open_loan(loan_no="L-9", terms=terms(), effective_on=START)
    assert tradeline(replay(opened), CUT_OFF) is None


@given(agreements(), STEPS, st.integers(0, 400))
def test_every_history_is_told_without_contradiction(agreed, steps, days):
    try:
        book = paid_out(agreed)
    except InvalidTerms:
        assume(False)
    play(book, steps)
    on = START + timedelta(days=days)
    seen = as_of(book.loan, on)

    line = tradeline(book.loan, on)

    if line.status != "written_off":
        assert line.balance == max(0, seen.balances().total)
        assert line.principal == seen.principal
    assert line.highest >= seen.principal
    assert (line.status == "closed") == (line.closed_on is not None)
    if line.closed_on is not None:
        assert line.opened_on <= line.closed_on <= on
        assert line.balance == 0
    if line.status == "active":
        late = line.days_past_due > 0
        assert late == (line.missed > 0) == (line.past_due > 0) == (line.late_since is not None)
        assert line.days_past_due == seen.days_past_due(on)
    if line.days_past_due:
        assert line.first_default_on <= line.late_since <= on

"""The portfolio on any date, past or future, against every loan told again to that date."""

from collections import Counter
from datetime import date, timedelta

import pytest

from domain import commands
from domain.loan import Status
from domain.terms import Component
from domain.views import as_of
from ledger import database as db
from projections.portfolio import BUCKETS, summary
from tests.domain.histories import START, terms
from tests.projections.stories import Log, Story, catch_up, paid_out, read, taken_on

CLOSED = date(2026, 7, 1)


def lender():
    """Loans of every sort: on time, late, paid off, written off, forgiven, taken on, opened."""
    on_time, late, early, gone, quits, moved = (paid_out() for _ in range(6))
    for month in (2, 3, 4, 5, 6):
        due = date(2026, month, 15)
        on_time.do(commands.close_day, on=due)
        on_time.do(commands.receive_payment, amount=1_200_00, effective_on=due)
        quits.do(commands.close_day, on=due)
    late.do(commands.receive_payment, amount=1_100_00, effective_on=date(2026, 3, 30))
    early.do(commands.receive_payment, amount=11_000_00, effective_on=date(2026, 2, 1))
    gone.do(commands.write_off, effective_on=date(2026, 6, 20))
    gone.do(commands.receive_recovery, amount=500_00, effective_on=date(2026, 6, 25))
    quits.do(commands.forgive, amounts={Component.PRINCIPAL: 700_00},
             effective_on=date(2026, 6, 18))  # fmt: skip
    moved.do(commands.close_day, on=date(2026, 5, 1))
    moved.do(commands.receive_payment, amount=2_500_00, effective_on=date(2026, 3, 3))
    inherited = taken_on(terms(), date(2026, 4, 10), disbursed_on=START, principal=9_000_00)
    stories = [on_time, late, early, gone, quits, moved, inherited, Story()]
    for story in stories:
        if story.loan.status is Status.ACTIVE:
            story.do(commands.close_day, on=CLOSED)
    return stories


@pytest.fixture(scope="module")
def lent(database):
    log, stories = Log(database), lender()
    log.append(*stories)
    assert not catch_up(database).stopped
    return database, stories


def asked(settings, on):
    with db.connect(settings) as connection:
        [found] = summary(connection, on).currencies
    return found


def known(stories, on):
    """The loans on the books that day, as of it."""
    loans = []
    for story in stories:
        first = next((fact.effective_on for fact in story.history[1:]), None)
        if first is not None and first <= on:
            loans.append(as_of(story.loan, on))
    return loans


DATES = [START + timedelta(days=days) for days in (0, 1, 17, 31, 45, 60, 90, 110, 140, 154, 160)]


@pytest.mark.parametrize("on", DATES, ids=str)
def test_principal_and_days_past_due_are_right_on_any_date(lent, on):
    settings, stories = lent
    found = asked(settings, on)
    active = [loan for loan in known(stories, on) if loan.status is Status.ACTIVE]

    past = Counter(loan.days_past_due(on) for loan in active)
    rows = read(settings, "SELECT days_past_due FROM read.aging_at(%s)", on)

    assert Counter(row["days_past_due"] for row in rows) == past
    assert sum(bucket.principal for bucket in found.aging) == sum(one.principal for one in active)
    assert found.par30 == sum(one.principal for one in active if one.days_past_due(on) > 30)
    assert found.loans.get("active", 0) == len(active)


@pytest.mark.parametrize("on", DATES, ids=str)
def test_the_books_balance_and_carry_the_principal_on_any_date(lent, on):
    settings, _ = lent
    found = asked(settings, on)

    assert found.debit == found.credit > 0
    assert found.balances["principal"] == sum(bucket.principal for bucket in found.aging)


@pytest.mark.parametrize("on", [CLOSED, CLOSED + timedelta(days=400)])
def test_from_the_last_close_on_balances_are_what_the_loans_owe(lent, on):
    settings, stories = lent
    found = asked(settings, on)

    owed = [story.loan.balances() for story in stories]
    assert found.balances == {
        **{c.value: sum(getattr(one, c) for one in owed) for c in Component},
        "overpaid": sum(story.loan.overpaid for story in stories),
    }
    assert found.loans == Counter(story.loan.status.value for story in stories)


@pytest.mark.parametrize("on", DATES, ids=str)
def test_overdue_is_the_scheduled_debt_unpaid_that_day(lent, on):
    settings, stories = lent
    expected = sum(
        line.owed.principal + line.owed.interest + line.owed.interest_tax
        - line.paid.principal - line.paid.interest - line.paid.interest_tax
        for loan in known(stories, on) if loan.status is Status.ACTIVE
        for line in loan.lines if line.due
    )  # fmt: skip

    assert sum(bucket.overdue for bucket in asked(settings, on).aging) == expected


def test_every_bucket_is_shown_even_if_empty(lent):
    settings, _ = lent

    assert tuple(bucket.bucket for bucket in asked(settings, CLOSED).aging) == BUCKETS


def test_buckets_are_named_as_in_the_database(lent):
    settings, _ = lent
    rows = read(settings, "SELECT DISTINCT read.bucket(n) AS b FROM generate_series(-1, 200) AS n")

    assert {row["b"] for row in rows} == set(BUCKETS)


def test_a_portfolio_without_loans_is_empty(fresh_database):
    with db.connect(fresh_database) as connection:
        assert summary(connection, CLOSED).currencies == ()

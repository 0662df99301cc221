"""A day's facts added up by column are those of each event by itself, whatever the batches."""

from collections import Counter
from datetime import date

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from domain import commands
from domain import events as e
from domain.errors import InvalidTerms
from ledger import database as db
from projections import engine
from projections.accounting.facts import OFF_ACCOUNTS
from projections.accounting.standing import Standing
from projections.movements import COMPONENTS
from tests.domain.histories import START, STEPS, agreements, terms
from tests.projections.stories import EVERY_KIND, Log, every_kind, paid_out, played, read

TABLES = ("accounting_facts", "accounting_moves", "accounting_stages", "accounting_loans")


def suspending():
    """Terms whose interest is income no more after 60 days."""
    return terms(stage_2_from=31, stage_3_from=60, suspend_from=60, late_rate=480_000)


def neglected(agreed=None):
    """A loan that is not paid, then in part, taken back, and at last brought up to date."""
    story = paid_out(agreed or suspending())
    for on in (date(2026, 3, 20), date(2026, 5, 2), date(2026, 6, 1)):
        story.do(commands.close_day, on=on)
    story.do(commands.receive_payment, amount=2_000_00, effective_on=date(2026, 6, 2))
    story.do(commands.receive_payment, amount=1_500_00, effective_on=date(2026, 6, 3))
    story.do(commands.reverse_payment, payment=2, reversed_on=date(2026, 6, 4))
    story.do(commands.close_day, on=date(2026, 6, 10))
    story.do(commands.close_day, on=date(2026, 6, 20))
    story.do(commands.receive_payment, amount=6_000_00, effective_on=date(2026, 6, 21))
    story.do(commands.close_day, on=date(2026, 7, 1))
    return story


def by_event(story):
    """Sums of what each event means by itself, from how its loan stood."""
    standing, sums = Standing(), Counter()
    for event in story.history:
        for fact in standing.book(event):
            side = "added" if fact.amount > 0 else "taken"
            sums[fact.on, fact.stage, fact.kind, fact.component, side] += abs(fact.amount)
    return sums, standing


def kept(settings, *stories):
    sums = Counter()
    for row in read(settings, "SELECT * FROM read.accounting_facts"):
        for side in ("added", "taken"):
            key = (row["effective_on"], row["stage"], row["kind"], row["component"], side)
            sums[key] += row[side]
            assert row["posted_on"] == row["effective_on"]
    return +sums


def tables(settings):
    with db.connect(settings) as connection:
        return {
            table: connection.execute(
                f"SELECT one::text FROM read.{table} AS one ORDER BY 1"
            ).fetchall()
            for table in TABLES
        }


def fed(settings, size):
    """The read side from the beginning, so many events at a time."""
    with db.connect(settings) as connection:
        connection.execute(f"TRUNCATE {', '.join(f'read.{one}' for one in TABLES)}")
        connection.execute("TRUNCATE read.accounting_groups")
        connection.execute("DELETE FROM read.positions WHERE projection = 'accounting'")
        connection.commit()
        report = engine.catch_up(connection, batch_size=size)
    assert not report.stopped, report.stopped


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_facts_of_the_books_are_those_of_each_event(fresh_database, size):
    stories = [neglected(), *map(every_kind, EVERY_KIND)]
    Log(fresh_database).append(*stories)
    fed(fresh_database, size)

    expected = Counter()
    for story in stories:
        expected += by_event(story)[0]
    assert kept(fresh_database) == expected
    assert expected[date(2026, 6, 3), 3, "payment", "suspended_late_interest", "added"] > 0


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    told=st.lists(st.tuples(agreements(), STEPS), min_size=1, max_size=3),
    order=st.lists(st.integers(0, 5), max_size=40),
    sizes=st.tuples(st.integers(1, 25), st.integers(1, 400)),
)
def test_however_the_log_is_cut_the_facts_are_the_same(database, told, order, sizes):
    try:
        stories = [played(agreed, steps) for agreed, steps in told]
    except InvalidTerms:
        assume(False)
    Log(database).append(*stories, order=order)
    fed(database, sizes[0])
    first = tables(database)

    fed(database, sizes[1])

    assert tables(database) == first


@settings(max_examples=60, deadline=None)
@given(agreed=agreements(), steps=STEPS)
def test_what_is_on_and_off_the_accounts_is_what_the_loan_owes(agreed, steps):
    try:
        story = played(agreed, steps)
    except InvalidTerms:
        assume(False)
    _owes_what_its_loan_owes(story)


@pytest.mark.parametrize("name", EVERY_KIND)
def test_every_kind_of_event_leaves_the_accounts_at_what_is_owed(name):
    _owes_what_its_loan_owes(every_kind(name))


def test_a_suspended_loan_owes_on_and_off_its_accounts():
    _owes_what_its_loan_owes(neglected())


def _owes_what_its_loan_owes(story):
    standing = by_event(story)[1]
    owed = story.loan.balances()
    for name in COMPONENTS:
        aside = standing.owed.get(f"suspended_{name}", 0)
        assert standing.owed.get(name, 0) + aside == getattr(owed, name), name
    held = sum(
        each.overpaid
        for each in story.loan.payments.values()
        if each.is_deposit and each.reversed_on is None
    )
    assert standing.owed.get("security_deposit", 0) == story.loan.deposit == held
    assert standing.owed.get("overpaid", 0) == story.loan.overpaid - held


def test_interest_of_a_suspended_loan_is_kept_off_the_accounts_until_it_is_paid():
    story = paid_out(suspending())
    story.do(commands.close_day, on=date(2026, 5, 2))
    story.do(commands.close_day, on=date(2026, 5, 12))
    standing = by_event(story)[1]
    suspended = next(one for one in story.history if isinstance(one, e.AccrualSuspended))
    after = story.history[story.history.index(suspended) :]
    ran = [one for one in after if isinstance(one, e.InterestAccrued)]

    assert standing.owed["suspended_interest"] == sum(one.interest for one in ran) > 0
    assert standing.owed["suspended_interest_tax"] == sum(one.tax for one in ran) > 0


def test_a_reversal_is_the_exact_mirror_of_what_its_payment_came_to():
    story = neglected()
    standing, of_payment, of_reversal = Standing(), [], []
    for event in story.history:
        facts = standing.book(event)
        if isinstance(event, e.PaymentReceived) and event.payment == 2:
            of_payment = facts
        if isinstance(event, e.PaymentReversed):
            of_reversal = facts

    assert {(f.component, -f.amount) for f in of_reversal} == {
        (f.component, f.amount) for f in of_payment
    }
    assert any(fact.component in OFF_ACCOUNTS for fact in of_payment)


def test_a_move_between_stages_moves_all_that_is_owed():
    story = paid_out(terms(), START)
    story.do(commands.close_day, on=date(2026, 3, 20))
    standing = Standing()
    for event in story.history:
        before = dict(standing.owed)
        facts = standing.book(event)
        if isinstance(event, e.StageChanged):
            assert {fact.component: fact.amount for fact in facts} == before
            assert {(fact.stage, fact.kind) for fact in facts} == {(1, "to_stage_2")}
            return
    pytest.fail("the loan never changed its stage")

"""A closed month keeps its balances: what comes late posts to the first open day."""

from datetime import date

import psycopg
import pytest

from domain import commands
from ledger import database as db
from ledger.orders import Cause
from ledger.periods import (
    LoansNotClosed,
    PeriodClosed,
    PeriodNotOver,
    PeriodOutOfOrder,
    close_period,
    periods,
)
from ledger.store import Store
from projections.accounting.balances import trial_balance
from projections.accounting.entries import Grouping, entries
from projections.accounting.rules import load_rules
from projections.rebuild import rebuild
from tests.projections.stories import Log, catch_up, paid_out, read

JANUARY, FEBRUARY, MARCH = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)
CAUSE = Cause("ana", "tests")


@pytest.fixture
def store(fresh_database):
    store = Store(fresh_database)
    yield store
    store.close()


def told_late(settings, store):
    """A loan's January and February are closed; then a payment of January comes to light."""
    log, story = Log(settings), paid_out()
    story.do(commands.close_day, on=date(2026, 2, 28))
    log.append(story)
    catch_up(settings)
    with db.connect(settings) as connection:
        before = trial_balance(connection, load_rules(), date(2026, 2, 28), JANUARY)
    close_period(store, JANUARY, date(2026, 3, 2), CAUSE)
    close_period(store, FEBRUARY, date(2026, 3, 2), CAUSE)
    story.do(commands.receive_payment, amount=1_000_00, effective_on=date(2026, 1, 20))
    story.do(commands.close_day, on=date(2026, 3, 2))
    log.append(story)
    catch_up(settings)
    return before


def test_a_late_payment_leaves_closed_months_as_they_were(fresh_database, store):
    before = told_late(fresh_database, store)

    with db.connect(fresh_database) as connection:
        after = trial_balance(connection, load_rules(), date(2026, 2, 28), JANUARY)
        march = list(entries(connection, load_rules(), MARCH, date(2026, 3, 31), Grouping.EVENT))

    assert after == before
    late = [entry for entry in march if entry.value_on < MARCH]
    assert {entry.posted_on for entry in late} == {MARCH}
    assert (date(2026, 1, 20), "Cobranza") in {(entry.value_on, entry.text) for entry in late}


def test_a_rebuild_posts_late_facts_to_the_same_days(fresh_database, store):
    told_late(fresh_database, store)
    facts = "SELECT * FROM read.accounting_facts ORDER BY 1, 2, 3, 4, 5, 6"
    before = read(fresh_database, facts)

    with db.pool(fresh_database, min_size=2, max_size=3) as pool:
        rebuild(pool)

    assert read(fresh_database, facts) == before
    assert any(row["posted_on"] != row["effective_on"] for row in before)


def test_months_close_one_after_the_other_once_they_are_over(store):
    close_period(store, JANUARY, date(2026, 2, 1), CAUSE)

    with pytest.raises(PeriodClosed, match="2026-01 is closed and is not opened again"):
        close_period(store, JANUARY, date(2026, 5, 1), CAUSE)
    with pytest.raises(PeriodClosed):
        close_period(store, date(2025, 12, 1), date(2026, 5, 1), CAUSE)
    with pytest.raises(PeriodOutOfOrder, match="2026-03 cannot be closed before 2026-02"):
        close_period(store, MARCH, date(2026, 5, 1), CAUSE)
    with pytest.raises(PeriodNotOver, match="2026-02 is not over on the business date 2026-02-28"):
        close_period(store, FEBRUARY, date(2026, 2, 28), CAUSE)

    [kept] = store.run(periods)
    assert (kept.month, kept.actor, kept.channel) == (JANUARY, "ana", "tests")


def test_a_month_whose_days_are_not_all_recorded_stays_open(fresh_database, store):
    log, story = Log(fresh_database), paid_out()
    story.do(commands.close_day, on=date(2026, 1, 30))
    log.append(story)

    with pytest.raises(LoansNotClosed, match="1 loans are not closed through 2026-01-31"):
        close_period(store, JANUARY, date(2026, 3, 2), CAUSE)

    story.do(commands.close_day, on=date(2026, 1, 31))
    log.append(story)
    assert close_period(store, JANUARY, date(2026, 3, 2), CAUSE).month == JANUARY


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger.periods SET actor = 'nobody'",
        "DELETE FROM ledger.periods",
        "TRUNCATE ledger.periods",
        "DELETE FROM ledger.postings",
    ],
)
def test_what_was_closed_or_posted_cannot_be_taken_back(fresh_database, store, change):
    close_period(store, JANUARY, date(2026, 2, 1), CAUSE)

    with (
        db.connect(fresh_database, owner=True) as owner,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        owner.execute(change)

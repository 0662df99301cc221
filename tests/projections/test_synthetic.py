"""What is read of a synthetic portfolio of every product, closed each day, is what is replayed."""

from datetime import date

import pytest

from ledger import state
from ledger.database import connect, pool
from ledger.synthetic import fill
from projections.engine import catch_up
from projections.rebuild import rebuild
from projections.verify import verify

FEATURES = {
    "late-interest-accrued", "payment-reversed", "history-corrected", "promise-broken",
    "promise-kept", "loan-written-off", "rate-changed", "statement-cut", "stage-changed",
    "fee-charged", "instalment-charged", "overpayment-refunded", "loan-restructured",
    "schedule-revised", "recovery-received", "loan-closed", "loan-sold",
}  # fmt: skip


@pytest.fixture(scope="module")
def book(database):
    summary = fill(database, loans=300, seed=5, until=date(2026, 6, 30), history="daily", days=150)
    with pool(database, max_size=2) as connections:
        report = catch_up(connections)
    assert report.events == summary.events
    assert report.stopped == ()
    return database


def test_a_portfolio_of_every_product_closed_each_day_verifies_clean(book):
    with connect(book) as connection:
        assert verify(connection) == []
        types = {tag for (tag,) in connection.execute("SELECT DISTINCT type FROM ledger.events")}
    assert types >= FEATURES


def test_made_again_it_verifies_clean(book):
    with pool(book, max_size=2) as connections:
        rebuild(connections)
    rows = "SELECT to_jsonb(s) - 'since' FROM ledger.loan_state AS s ORDER BY loan_id"
    with connect(book, autocommit=True) as connection:
        before = connection.execute(rows).fetchall()

        assert state.rebuild(connection) == 300

        assert connection.execute(rows).fetchall() == before
        assert verify(connection) == []

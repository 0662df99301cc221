"""A clock set back: nothing of the future is taken, nothing of the past is lost, order is kept."""

from datetime import timedelta

import pytest

from domain.errors import InvalidDate
from ledger.close_of_day import close_through
from ledger.database import connect
from tests.ledger.builders import START, a_ledger, pay, running, stored

TOMORROW = START + timedelta(days=31)
BEFORE = START + timedelta(days=20)


@pytest.fixture
def closed(fresh_database):
    """A loan closed through a day that the clock then no longer reaches."""
    with a_ledger(fresh_database, on=TOMORROW) as ledger:
        loan_id = running(ledger)
        close_through(ledger, TOMORROW)
    with a_ledger(fresh_database, on=BEFORE) as ledger:
        yield ledger, loan_id


@pytest.fixture
def app(fresh_database):
    with connect(fresh_database, autocommit=True) as connection:
        yield connection


def test_what_lies_after_the_business_date_is_refused_and_records_nothing(closed, app):
    ledger, loan_id = closed
    before = stored(app, loan_id)
    for attempt in (
        lambda: pay(ledger, loan_id, on=BEFORE + timedelta(days=1)),
        lambda: close_through(ledger, TOMORROW),
    ):
        with pytest.raises(InvalidDate, match="in the future"):
            attempt()
    assert stored(app, loan_id) == before


def test_closing_an_earlier_day_again_records_nothing(closed, app):
    ledger, loan_id = closed
    before = stored(app, loan_id)
    report = close_through(ledger, BEFORE)
    assert (report.closed, report.events) == (0, 0)
    assert stored(app, loan_id) == before


def test_money_of_today_is_a_payment_before_days_already_closed(closed, app):
    """As any backdated payment: what was accrued since is corrected, the log only grows."""
    ledger, loan_id = closed
    before = stored(app, loan_id)
    pay(ledger, loan_id, "500.00", on=BEFORE)

    after = stored(app, loan_id)
    assert after[: len(before)] == before
    assert len(after) > len(before)
    loan = ledger.load(loan_id)
    assert loan.through == TOMORROW
    with a_ledger(ledger.settings, on=TOMORROW) as in_order:
        twin = running(in_order)
        close_through(in_order, BEFORE)
        pay(in_order, twin, "500.00", on=BEFORE)
        close_through(in_order, TOMORROW)
        assert in_order.load(twin).balances() == loan.balances()

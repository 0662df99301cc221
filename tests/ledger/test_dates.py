from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from moneyed import Money

from domain.errors import InvalidDate
from ledger.clock import SystemClock
from ledger.close_of_day import close_through
from ledger.errors import NotStorable, WrongCurrency
from ledger.money import FormError
from tests.ledger.builders import CAUSE, START, TERMS, TODAY, a_ledger, mxn, opened, pay, running

TOMORROW = TODAY + timedelta(days=1)

FUTURE = {
    "open": lambda ledger, loan, on: ledger.open_loan(
        loan_no=f"F{on}", terms=TERMS, effective_on=on, cause=CAUSE
    ),
    "pay": lambda ledger, loan, on: pay(ledger, loan, on=on),
    "reverse": lambda ledger, loan, on: ledger.reverse_payment(
        loan, payment=1, reversed_on=on, cause=CAUSE
    ),
    "write_off": lambda ledger, loan, on: ledger.write_off(loan, effective_on=on, cause=CAUSE),
    "close": lambda ledger, loan, on: close_through(ledger, on),
}


@pytest.mark.parametrize("order", FUTURE)
def test_nothing_is_dated_after_the_business_date(order, ledger):
    loan_id = running(ledger)
    pay(ledger, loan_id)

    with pytest.raises(InvalidDate, match="in the future"):
        FUTURE[order](ledger, loan_id, TOMORROW)
    FUTURE[order](ledger, loan_id, TODAY)


def test_a_promise_may_be_for_a_day_ahead(ledger):
    loan_id = running(ledger)
    ledger.make_promise(
        loan_id, amount=mxn("1.00"), promised_for=TOMORROW, effective_on=TODAY, cause=CAUSE
    )
    assert ledger.load(loan_id).promises[1].promised_for == TOMORROW


def test_the_business_date_is_that_of_the_lenders_zone():
    """These two zones are 26 hours apart: never the same day."""
    east, west = (SystemClock(ZoneInfo(zone)) for zone in ("Pacific/Kiritimati", "Etc/GMT+12"))
    assert east.business_date() > west.business_date()


def test_the_ledger_asks_the_clock_of_its_settings_zone(database):
    settings = database.model_copy(update={"lender_timezone": "Pacific/Kiritimati"})
    with a_ledger(settings) as ledger:
        ledger.clock = SystemClock(settings.zone)
        ahead = SystemClock(ZoneInfo("Pacific/Kiritimati")).business_date()
        ledger.check_date(ahead)
        with pytest.raises(InvalidDate):
            ledger.check_date(ahead + timedelta(days=1))


@pytest.mark.parametrize(
    ("amount", "error", "field"),
    [(Money("1.00", "USD"), WrongCurrency, "amount"), (mxn("0.001"), FormError, "amount"),
     (mxn("92233720368547758.08"), FormError, "amount"), (mxn("NaN"), FormError, "amount")],
)  # fmt: skip
def test_an_amount_the_loan_cannot_hold_is_refused_by_field(amount, error, field, ledger):
    loan_id = running(ledger)
    with pytest.raises(error) as refused:
        ledger.receive_payment(loan_id, amount=amount, effective_on=START, cause=CAUSE)
    assert refused.value.field == field
    assert ledger.load(loan_id).version == 2


@pytest.mark.parametrize("text", ["a\0b", "lone \ud800 surrogate"])
def test_text_the_database_cannot_hold_is_refused_without_its_words(text, ledger):
    with pytest.raises((NotStorable, FormError)) as refused:
        opened(ledger, text)
    for word in ("ledger.", "INSERT", "SELECT", "json"):
        assert word not in str(refused.value)

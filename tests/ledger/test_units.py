"""A loan in UDI is owed in units and paid in pesos at the day's value."""

from datetime import date, timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from moneyed import Money

from domain.errors import IndexWithoutValue, InvalidAmount
from domain.loan import Status
from ledger.errors import PayoffDiffers, WrongCurrency
from ledger.index_file import import_index
from ledger.money import FormError
from ledger.units import UNITS, in_money, in_unit, paid_in
from tests.ledger.builders import CAUSE, START, TERMS, a_ledger, keyed, mxn, opened

UDI = UNITS["MXV"]
MORTGAGE = msgspec.structs.replace(TERMS, currency="MXV", tax_rate=0)
DUE = date(2026, 2, 15)


@pytest.fixture(scope="module")
def ledger(database, tmp_path_factory):
    path = tmp_path_factory.mktemp("udi") / "udi.csv"
    path.write_text("index,day,value\nUDI,2026-01-15,8.000000\nUDI,2026-02-15,8.123456\n")
    with a_ledger(database) as ledger:
        import_index(ledger.store, path)
        yield ledger


def mxv(amount):
    return Money(amount, "MXV")


def mortgage(ledger):
    loan_id = opened(ledger, terms=MORTGAGE)
    ledger.disburse(loan_id, principal=mxv("10000.00"), effective_on=START, cause=CAUSE)
    return loan_id


@pytest.mark.parametrize(
    ("pesos", "value", "units"),
    [
        ("812.35", 8_123_456, "100.00"),  # 100.0005...
        ("0.04", 8_000_000, "0.01"),  # exactly half a hundredth goes up
        ("0.03", 8_000_000, "0.00"),
        ("1.00", 3_000_000, "0.33"),
        ("2.00", 3_000_000, "0.67"),
    ],
)
def test_pesos_become_units_half_up(pesos, value, units):
    assert in_unit(mxn(pesos), UDI, value) == mxv(units)


@pytest.mark.parametrize(
    ("units", "value", "pesos"),
    [
        ("100.00", 8_123_456, "812.35"),  # 812.3456
        ("1.00", 8_125_000, "8.13"),  # exactly half a centavo goes up
        ("1.00", 8_124_999, "8.12"),
    ],
)
def test_units_become_pesos_half_up(units, value, pesos):
    assert in_money(mxv(units), UDI, value) == mxn(pesos)


@given(st.integers(0, 10**15), st.integers(1_000_000, 100_000_000))
@example(10**15, 8_123_456)
def test_a_debt_in_units_turned_into_pesos_and_back_is_the_same(hundredths, value):
    debt = mxv(Decimal(hundredths).scaleb(-2))
    assert in_unit(in_money(debt, UDI, value), UDI, value) == debt


def test_only_units_of_account_are_paid_in_other_money():
    assert (paid_in("MXV"), paid_in("MXN"), paid_in("USD")) == ("MXN", "MXN", "USD")


def test_pesos_clear_units_at_the_value_of_the_day_and_the_payment_says_so(ledger):
    loan_id = mortgage(ledger)
    ledger.receive_payment(
        loan_id, amount=mxn("812.35"), effective_on=DUE, reference="SPEI 7", cause=CAUSE
    )
    [payment] = ledger.load(loan_id).payments.values()
    assert payment.amount == 100_00
    assert payment.reference == "SPEI 7; MXN 812.35 @ 8.123456"


def test_units_may_be_paid_as_units(ledger):
    loan_id = mortgage(ledger)
    ledger.receive_payment(loan_id, amount=mxv("100.00"), effective_on=DUE, cause=CAUSE)
    [payment] = ledger.load(loan_id).payments.values()
    assert (payment.amount, payment.reference) == (100_00, "")


def test_another_day_has_another_value_and_a_day_without_is_refused(ledger):
    loan_id = mortgage(ledger)
    with pytest.raises(IndexWithoutValue):
        ledger.receive_payment(
            loan_id, amount=mxn("812.35"), effective_on=DUE + timedelta(days=1), cause=CAUSE
        )
    ledger.receive_payment(loan_id, amount=mxn("800.00"), effective_on=START, cause=CAUSE)
    assert ledger.load(loan_id).payments[1].amount == 100_00


@pytest.mark.parametrize(
    ("amount", "error"),
    [
        (Money("1.00", "USD"), WrongCurrency),
        (mxn("0.03"), InvalidAmount),  # no hundredth of a unit
        (mxn("-8.00"), InvalidAmount),
        (mxn("0.001"), FormError),
        (mxn("NaN"), FormError),
        (mxn("1E30"), FormError),
    ],
)
def test_what_is_no_payment_is_refused_in_pesos_too(ledger, amount, error):
    loan_id = mortgage(ledger)
    with pytest.raises(error):
        ledger.receive_payment(loan_id, amount=amount, effective_on=DUE, cause=CAUSE)
    assert ledger.load(loan_id).version == 2


def test_pesos_do_for_payments_only(ledger):
    loan_id = mortgage(ledger)
    with pytest.raises(WrongCurrency):
        ledger.charge_fee(loan_id, kind="x", amount=mxn("8.00"), effective_on=DUE, cause=CAUSE)


def test_a_loan_in_pesos_takes_no_units(ledger):
    from tests.ledger.builders import running

    with pytest.raises(WrongCurrency):
        ledger.receive_payment(running(ledger), amount=mxv("1.00"), effective_on=DUE, cause=CAUSE)


def test_the_pesos_of_a_quote_pay_the_loan_off(ledger):
    from domain.views import payoff

    loan_id = mortgage(ledger)
    owed = payoff(ledger.load(loan_id), DUE).total
    pesos = in_money(mxv(Decimal(owed).scaleb(-2)), UDI, 8_123_456)
    with pytest.raises(PayoffDiffers):
        ledger.pay_off(loan_id, on=DUE, amount=pesos - mxn("1.00"), cause=CAUSE)

    ledger.pay_off(loan_id, on=DUE, amount=pesos, cause=keyed("udi-payoff"))

    assert ledger.load(loan_id).status is Status.CLOSED


def test_a_recovery_comes_in_pesos_too(ledger):
    loan_id = mortgage(ledger)
    ledger.write_off(loan_id, effective_on=START, cause=CAUSE)
    ledger.receive_recovery(loan_id, amount=mxn("812.35"), effective_on=DUE, cause=CAUSE)
    assert ledger.load(loan_id).recovered.total == 100_00

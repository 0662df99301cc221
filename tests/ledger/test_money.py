from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moneyed import Money

from domain.limits import MAX_AMOUNT
from ledger.money import FormError, minor, money, parse, text

CURRENCIES = st.sampled_from(["MXN", "CLP", "CLF", "USD", "KWD"])


@given(st.integers(-MAX_AMOUNT, MAX_AMOUNT), CURRENCIES)
def test_minor_units_survive_the_edge_and_back(amount, currency):
    assert minor(money(amount, currency)) == amount
    assert minor(parse(text(amount, currency), currency)) == amount


@pytest.mark.parametrize(
    ("given_text", "currency", "expected"),
    [("1004.62", "MXN", 1004_62), ("-0.05", "MXN", -5), (" 7 ", "MXN", 7_00), ("12", "CLP", 12),
     ("10.0462", "CLF", 10_0462), ("1.500", "MXN", 1_50), ("0", "MXN", 0)],
)  # fmt: skip
def test_plain_decimal_text_is_read_exactly(given_text, currency, expected):
    assert minor(parse(given_text, currency)) == expected


@pytest.mark.parametrize(
    "bad",
    ["", "-", "1,000.00", "1.000,00", "1e3", "+1", "١٢", "NaN", "Infinity", "1.", ".5", "1 0",
     "1.005", "0x10", "1_000", "9" * 40, 12.5, 7, None, Decimal(1), True],
)  # fmt: skip
def test_what_is_no_plain_amount_is_refused_by_field(bad):
    with pytest.raises(FormError) as refused:
        parse(bad, "MXN", "fee")
    assert refused.value.field == "fee"
    assert refused.value.rule


@pytest.mark.parametrize(
    ("amount", "whole"),
    [("10000000000000.00", MAX_AMOUNT), ("10000000000000.01", None), ("1.00000", 1_00),
     ("0.001", None), ("NaN", None), ("-Infinity", None), ("1E+500", None), ("1E-500", None)],
)  # fmt: skip
def test_money_becomes_minor_units_exactly_or_not_at_all(amount, whole):
    if whole is None:
        with pytest.raises(FormError):
            minor(Money(amount, "MXN"))
    else:
        assert minor(Money(amount, "MXN")) == whole


@pytest.mark.parametrize("currency", ["MXN ", "ZZZ", "mxn", ""])
def test_an_unknown_currency_is_refused(currency):
    with pytest.raises(FormError) as refused:
        parse("1", currency)
    assert refused.value.field == "currency"


def test_text_has_a_full_stop_and_all_its_decimals():
    assert text(5, "MXN") == "0.05"
    assert text(-1_000_00, "MXN") == "-1000.00"
    assert text(1234, "CLP") == "1234"

"""A loan's history in words: every figure in it is money."""

from datetime import date

import pytest

from cli.history import summary
from domain import events as e
from domain.terms import Component
from tests.domain.histories import terms

DAY = date(2026, 6, 1)


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (e.RecoveryReceived(effective_on=DAY, recovery=1, amount=1_234_56, channel="SPEI",
                            by_component={Component.PRINCIPAL: 1_000_00,
                                          Component.LATE_INTEREST_TAX: 234_56}),
         "recovery 1: 1234.56 = late interest tax 234.56, principal 1000.00"),
        (e.PromiseKept(effective_on=DAY, promise=2, received=1_234_56),
         "promise 2, received 1234.56"),
        (e.FeeCharged(effective_on=DAY, fee=1, kind="visit", amount=150_00, instalment=2,
                      tax=24_00),
         "fee 1, kind visit, amount 150.00, instalment 2, tax 24.00"),
    ],
)  # fmt: skip
def test_a_summary_shows_amounts_as_money(event, told):
    assert summary(event, "MXN") == told


@pytest.mark.parametrize(
    ("rate", "told"), [(1_234_567, "123.4567"), (360_000, "36"), (1, "0.0001")]
)
def test_a_rate_is_shown_with_all_its_decimals(rate, told):
    opened = e.LoanOpened(effective_on=DAY, loan_no="L", terms=terms(annual_rate=rate))

    assert f" at {told} %, " in summary(opened, "MXN")

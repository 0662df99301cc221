"""CAT and the effective rate, against published and independently computed figures."""

from datetime import date
from itertools import pairwise

import numpy_financial as npf
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.annual_cost import TimeBasis, cat, effective_rate, internal_rate
from domain.errors import InvalidTerms
from domain.schedule import schedule, withheld_interest
from domain.terms import Frequency, InterestBasis
from tests.domain.histories import START, agreements, terms


@pytest.mark.parametrize(
    ("received", "payment", "times", "expected"),
    [
        # exact annuities; a root finder apart from ours gave the third column
        (10_000.00, 1_004.6209, [k / 12 for k in range(1, 13)], 42.576),
        (9_700.00, 1_004.6209, [k / 12 for k in range(1, 13)], 51.352),
        (100_000.00, 9_167.9993, [k / 12 for k in range(1, 13)], 19.562),
        (5_000.00, 344.0276, [k / 52 for k in range(1, 17)], 81.587),
        (5_000.00, 344.0276, [7 * k / 365 for k in range(1, 17)], 81.885),
        (9_700.00, 528.711, [k / 24 for k in range(1, 25)], 71.408),
    ],
)
def test_known_vectors(received, payment, times, expected):
    flows = [(years, round(payment * 10_000)) for years in times]

    assert internal_rate(round(received * 10_000), flows) == pytest.approx(expected, abs=5e-4)


def test_a_published_example_with_an_opening_fee():
    """Alivio Capital, 26 June 2020: 20,000 at 58 %, 12 months, 5 % opening fee: CAT 95.7 %."""
    agreed = terms(
        principal=20_000_00, annual_rate=580_000, instalment_multiple=1_00,
        interest=InterestBasis.PER_PERIOD,
    )  # fmt: skip

    rows = schedule(agreed, 20_000_00, date(2020, 6, 26))

    assert cat(agreed, rows, withheld_fees=1_000_00) == pytest.approx(95.7, abs=0.15)
    level = [(k / 12, 2_236_00) for k in range(1, 13)]
    assert round(internal_rate(19_000_00, level), 1) == 95.7


def test_a_published_single_payment():
    """Moneyman, 10 September 2024: 3,000 for 15 days, CAT 606.8 %: 3,251.05 is paid back."""
    assert internal_rate(3_000_00, [(15 / 365, 3_251_05)]) == pytest.approx(606.8, abs=0.05)


@given(agreements(plain=True), st.integers(0, 1_000))
def test_at_the_cat_what_is_paid_is_worth_what_was_received(agreed, fee):
    try:
        rows = schedule(agreed, agreed.principal, START)
    except InvalidTerms:
        assume(False)

    found = cat(agreed, rows, withheld_fees=fee, basis=TimeBasis.DAYS)

    worth = sum(
        (row.principal + row.interest) / (1 + found / 100) ** ((row.due_on - START).days / 365)
        for row in rows
    )
    kept = fee + withheld_interest(agreed, rows)
    assert worth == pytest.approx(agreed.principal - kept, rel=1e-9)


@given(st.integers(10_000, 3_000_000), st.integers(2, 60))
def test_monthly_cat_is_the_monthly_rate_compounded(rate, instalments):
    agreed = terms(annual_rate=rate, instalments=instalments, interest=InterestBasis.PER_PERIOD)
    rows = schedule(agreed, 10_000_00, START)

    flows = [-10_000_00.0, *(float(row.principal + row.interest) for row in rows)]
    monthly = npf.irr(flows)
    assert cat(agreed, rows) == pytest.approx(100 * ((1 + monthly) ** 12 - 1), rel=1e-6)
    assert cat(agreed, rows) == pytest.approx(effective_rate(agreed), rel=1e-2)


def test_cat_rises_with_the_fee():
    agreed = terms()
    rows = schedule(agreed, 10_000_00, START)

    found = [cat(agreed, rows, withheld_fees=fee) for fee in range(0, 5_000_00, 500_00)]

    assert all(less < more for less, more in pairwise(found))


@pytest.mark.parametrize(("received", "paid"), [(0, 100), (-1, 100), (101, 100)])
def test_where_no_positive_rate_exists_there_is_none(received, paid):
    assert internal_rate(received, [(1.0, paid)]) is None


def test_a_loan_without_interest_costs_nothing():
    agreed = terms(annual_rate=0)

    assert cat(agreed, schedule(agreed, 10_000_00, START)) == 0
    assert effective_rate(agreed) == 0


def test_the_effective_rate_of_36_percent_monthly():
    assert effective_rate(terms()) == pytest.approx(42.5761, abs=1e-4)
    assert effective_rate(terms(frequency=Frequency.ANNUAL)) == pytest.approx(36)


def test_an_odd_first_period_counts_its_days():
    agreed = terms(instalments=1, first_due_on=date(2027, 1, 15))
    rows = schedule(agreed, 10_000_00, START)

    assert cat(agreed, rows) == pytest.approx(36.5)  # 365 days of 36 % over 360, after a year

"""Schedules: they sum to the loan, and agree with published and independent figures."""

import calendar
from datetime import date, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec import structs

from domain.business_days import BusinessDayRule
from domain.calendar import PERIODS_PER_YEAR, due_dates
from domain.daycount import (
    CONVENTIONS,
    actual_actual_isda,
    elapsed,
    thirty_360_us,
    thirty_e_360,
)
from domain.errors import InvalidTerms
from domain.limits import check_terms
from domain.schedule import schedule
from domain.terms import (
    Annuity,
    DayCount,
    Frequency,
    Grace,
    Graduation,
    InterestBasis,
    IrregularInstalment,
    LastInstalment,
    LevelRounding,
    Method,
    Revolving,
)
from tests.domain.histories import START, agreements, terms

npf = pytest.importorskip("numpy_financial")


@given(agreements())
def test_principal_sums_to_the_amount_and_no_instalment_is_negative(agreed):
    try:
        rows = schedule(agreed, agreed.principal, START)
    except InvalidTerms:
        assume(False)

    assert sum(row.principal for row in rows) == agreed.principal
    capitalised = agreed.grace.capitalise
    assert all(row.principal >= 0 or capitalised for row in rows)
    assert all(row.interest >= 0 and row.tax >= 0 and row.fee >= 0 for row in rows)
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    assert all(row.start_on < row.due_on for row in rows[1:])


@given(
    st.integers(100_00, 50_000_000_00),
    st.integers(10_000, 3_000_000),  # below, floating point loses the reference's digits
    st.integers(2, 360),
    st.sampled_from([f for f in Frequency if f is not Frequency.SINGLE]),
)
def test_the_level_instalment_is_the_annuity(principal, rate, instalments, frequency):
    agreed = terms(
        principal=principal, annual_rate=rate, instalments=instalments, frequency=frequency,
        interest=InterestBasis.PER_PERIOD,
    )  # fmt: skip
    try:
        first = schedule(agreed, principal, START)[0]
    except InvalidTerms:
        assume(False)

    published = npf.pmt(rate / 1e6 / PERIODS_PER_YEAR[frequency], instalments, -principal)
    assert first.principal + first.interest == pytest.approx(published, abs=0.51, rel=1e-11)


def test_the_annuity_on_the_days_of_each_period_leaves_no_remainder_to_the_last():
    agreed = terms(annuity=Annuity.ACTUAL)

    totals = [row.principal + row.interest for row in schedule(agreed, 10_000_00, START)]

    assert max(totals) - min(totals) <= len(totals)
    assert len(set(totals[:-1])) == 1


def test_a_textbook_loan():
    """100,000 at 6 % over 30 years pays 599.55 a month. Source: any mortgage table."""
    agreed = terms(
        principal=100_000_00, annual_rate=60_000, instalments=360,
        interest=InterestBasis.PER_PERIOD, tax_rate=0,
    )  # fmt: skip

    rows = schedule(agreed, 100_000_00, START)

    assert (rows[0].interest, rows[0].principal) == (500_00, 99_55)
    assert {row.principal + row.interest for row in rows[:-1]} == {599_55}


@pytest.mark.parametrize(
    ("method", "extra", "totals"),
    [
        (Method.EQUAL_PRINCIPAL, {}, [400_00 + 36_00, 400_00 + 24_00, 400_00 + 12_00]),
        (Method.FLAT, {}, [436_00, 436_00, 436_00]),
        (Method.INTEREST_ONLY, {}, [36_00, 36_00, 1_236_00]),
        (Method.BALLOON, {"balloon": 600_00}, [230_12, 230_12, 830_12]),
    ],
)
def test_methods_spread_principal_as_their_names_say(method, extra, totals):
    """1,200.00 at 36 % in three months, 3 % a month; the balloon row by
    (1200 - 600 v^3) / (v + v^2 + v^3) with v = 1/1.03."""
    agreed = terms(
        principal=1_200_00, instalments=3, method=method, interest=InterestBasis.PER_PERIOD,
        **extra,
    )  # fmt: skip

    rows = schedule(agreed, 1_200_00, START)

    assert [row.principal + row.interest for row in rows] == totals


def test_irregular_rows_repay_what_they_say():
    rows = (
        IrregularInstalment(due_on=date(2026, 6, 30), principal=200_00),
        IrregularInstalment(due_on=date(2026, 11, 30), principal=1_000_00),
    )
    agreed = terms(principal=1_200_00, instalments=2, method=Method.IRREGULAR, irregular=rows)

    made = schedule(agreed, 1_200_00, START)

    assert [(row.due_on, row.principal) for row in made] == [(r.due_on, r.principal) for r in rows]
    assert made[0].interest == 199_20  # 1200.00 x 0.36 x 166/360


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (date(2026, 1, 31), ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]),
        (date(2028, 1, 30), ["2028-01-30", "2028-02-29", "2028-03-30", "2028-04-30"]),
    ],
)
def test_months_keep_the_first_due_day_clipped_to_their_end(first, expected):
    agreed = terms(first_due_on=first, instalments=4)

    days = due_dates(agreed, first - timedelta(days=20))

    assert [day.isoformat() for day in days] == expected


@pytest.mark.parametrize(
    ("disbursed_on", "expected"),
    [
        (date(2026, 1, 14), ["2026-01-15", "2026-01-31", "2026-02-15", "2026-02-28"]),
        (date(2026, 1, 15), ["2026-01-31", "2026-02-15", "2026-02-28", "2026-03-15"]),
    ],
)
def test_semi_monthly_falls_on_the_15th_and_the_last_day(disbursed_on, expected):
    agreed = terms(frequency=Frequency.SEMI_MONTHLY, instalments=4)

    assert [day.isoformat() for day in due_dates(agreed, disbursed_on)] == expected


@pytest.mark.parametrize(
    ("frequency", "disbursed_on", "expected"),
    [
        (Frequency.SEMI_MONTHLY, date(2024, 11, 29), ["2024-12-13", "2024-12-31", "2025-01-15"]),
        (Frequency.DAILY, date(2026, 1, 16), ["2026-01-19", "2026-01-20", "2026-01-21"]),
    ],
)
def test_a_first_date_that_nobody_chose_does_not_move_to_the_disbursement(
    frequency, disbursed_on, expected
):
    agreed = terms(
        frequency=frequency, instalments=3, calendar="weekends",
        business_day_rule=BusinessDayRule.PRECEDING,
    )  # fmt: skip

    assert [day.isoformat() for day in due_dates(agreed, disbursed_on)] == expected

    chosen = structs.replace(agreed, first_due_on=disbursed_on + timedelta(days=1))
    with pytest.raises(InvalidTerms) as refused:
        due_dates(chosen, disbursed_on)
    assert refused.value.field == "first_due"


def test_semi_monthly_refuses_a_first_due_date_between_its_days():
    agreed = terms(frequency=Frequency.SEMI_MONTHLY, first_due_on=date(2026, 1, 20))

    with pytest.raises(InvalidTerms) as refused:
        due_dates(agreed, START)

    assert refused.value.field == "first_due"


@pytest.mark.parametrize(
    ("convention", "start", "end", "days"),
    [
        # Rows where the two 30/360 rules part; ISDA 2006 section 4.16 (f) and (g).
        (thirty_360_us, date(2026, 1, 31), date(2026, 3, 31), 60),
        (thirty_360_us, date(2026, 1, 30), date(2026, 2, 28), 28),
        (thirty_360_us, date(2026, 2, 28), date(2026, 3, 31), 30),
        (thirty_360_us, date(2024, 2, 29), date(2025, 2, 28), 360),
        (thirty_360_us, date(2026, 1, 15), date(2026, 1, 31), 16),
        (thirty_e_360, date(2026, 1, 15), date(2026, 1, 31), 15),
        (thirty_e_360, date(2026, 2, 28), date(2026, 3, 31), 32),
        (actual_actual_isda, date(2023, 12, 31), date(2024, 1, 2), 366 + 365),
    ],
)
def test_day_counts_follow_their_convention(convention, start, end, days):
    assert convention(start, end) == days


@given(
    st.sampled_from(list(DayCount)), st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    st.lists(st.integers(0, 800), min_size=3, max_size=3),
)  # fmt: skip
def test_days_of_a_period_add_up_to_the_period(convention, start, offsets):
    since, middle, until = (start + timedelta(days=days) for days in sorted(offsets))
    units, _ = CONVENTIONS[convention]

    parts = elapsed(convention, start, since, middle) + elapsed(convention, start, middle, until)

    assert parts == elapsed(convention, start, since, until)
    assert elapsed(convention, start, start, until) == units(start, until)


def test_a_year_of_actual_actual_is_one_whatever_the_year():
    _, basis = CONVENTIONS[DayCount.ACTUAL_ACTUAL]

    for year in range(2000, 2030):
        assert actual_actual_isda(date(year, 1, 1), date(year + 1, 1, 1)) == basis
        assert calendar.isleap(year) == ((date(year + 1, 1, 1) - date(year, 1, 1)).days == 366)


def test_an_even_share_is_rounded_to_its_multiple_once():
    agreed = terms(
        method=Method.EQUAL_PRINCIPAL, principal=2_33, instalments=6, instalment_multiple=26,
        annual_rate=0,
    )  # fmt: skip

    rows = schedule(agreed, agreed.principal, START)

    # 233/6 = 38.83 is 1.49 times 26; 39, its rounding, would be 1.5 times
    assert [row.principal for row in rows] == [26, 26, 26, 26, 26, 103]


def test_dates_of_a_daily_loan_that_become_one_bear_each_of_their_days():
    agreed = terms(
        method=Method.INTEREST_ONLY, principal=1_000_00, annual_rate=365_000, instalments=3,
        frequency=Frequency.DAILY, interest=InterestBasis.PER_PERIOD, tax_rate=0,
        calendar="weekends", business_day_rule=BusinessDayRule.FOLLOWING,
    )  # fmt: skip

    rows = schedule(agreed, agreed.principal, date(2026, 1, 15))  # a Thursday

    assert [(row.due_on.day, row.interest) for row in rows] == [(16, 1_00), (19, 3_00), (20, 1_00)]


def test_a_graduated_instalment_rounds_each_growth_as_its_terms_say():
    """1,200.00 at 0 %: 1200 / (1 + 1.1 + 1.21) = 362.54, up to 365; grown 401.50, up to 405."""
    agreed = terms(
        method=Method.GRADUATED, principal=1_200_00, annual_rate=0, instalments=3,
        graduation=Graduation(every=1, rate=100_000), instalment_multiple=5_00,
        level_rounding=LevelRounding.UP,
    )  # fmt: skip

    rows = schedule(agreed, agreed.principal, START)

    assert [row.principal for row in rows] == [365_00, 405_00, 430_00]


def test_a_line_of_credit_puts_no_interest_off():
    """Its statements ask for it."""
    agreed = terms(
        method=Method.REVOLVING, revolving=Revolving(minimum_rate=100_000),
        grace=Grace(principal_periods=1, interest_payment_periods=1),
    )  # fmt: skip
    with pytest.raises(InvalidTerms) as refused:
        check_terms(agreed)
    assert refused.value.field == "grace.interest_payment_periods"


def test_the_last_instalment_is_levelled_after_interest_became_principal_too():
    """74.24 and a month's 0.76 are 75.00, the example of the arithmetic: 15.46, and last 15.49."""
    grace = Grace(principal_periods=1, interest_payment_periods=1, capitalise=True)
    agreed = terms(
        principal=74_24, annual_rate=123_000, instalments=6, tax_rate=0, grace=grace,
        interest=InterestBasis.PER_PERIOD, last_instalment=LastInstalment.LEVELLED,
    )  # fmt: skip

    rows = schedule(agreed, agreed.principal, START)

    assert [row.principal + row.interest for row in rows] == [0, 15_47, 15_47, 15_47, 15_47, 15_45]


def test_levelling_stops_where_less_would_not_cover_the_interest():
    agreed = terms(
        principal=100_00, annual_rate=900_000, instalments=5, frequency=Frequency.ANNUAL,
        interest=InterestBasis.PER_PERIOD, annuity=Annuity.ACTUAL, tax_rate=0,
        last_instalment=LastInstalment.LEVELLED,
    )  # fmt: skip
    rows = schedule(agreed, agreed.principal, date(2023, 1, 1))
    assert sum(row.principal for row in rows) == 100_00
    assert all(row.principal >= 0 for row in rows)

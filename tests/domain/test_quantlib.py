"""Day counts, due dates, holidays and level instalments beside QuantLib's."""

from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.business_days import BusinessDayRule, is_business_day
from domain.calendar import add_months, due_dates
from domain.daycount import CONVENTIONS, elapsed
from domain.errors import InvalidTerms
from domain.schedule import schedule
from domain.terms import Annuity, DayCount, Frequency, InterestBasis
from tests.domain.histories import terms

ql = pytest.importorskip("QuantLib")

DAYS = st.dates(date(1990, 1, 1), date(2060, 12, 31))
COUNTERS = {
    DayCount.ACTUAL_360: ql.Actual360(),
    DayCount.ACTUAL_364: ql.Actual364(),
    DayCount.ACTUAL_365: ql.Actual365Fixed(),
    DayCount.ACTUAL_ACTUAL: ql.ActualActual(ql.ActualActual.ISDA),
    DayCount.THIRTY_360: ql.Thirty360(ql.Thirty360.USA),
    DayCount.THIRTY_E_360: ql.Thirty360(ql.Thirty360.EurobondBasis),
}
RULES = {
    BusinessDayRule.NONE: ql.Unadjusted,
    BusinessDayRule.FOLLOWING: ql.Following,
    BusinessDayRule.PRECEDING: ql.Preceding,
    BusinessDayRule.MODIFIED_FOLLOWING: ql.ModifiedFollowing,
    BusinessDayRule.MODIFIED_PRECEDING: ql.ModifiedPreceding,
}
MONTHS = {
    Frequency.MONTHLY: 1, Frequency.BIMONTHLY: 2, Frequency.QUARTERLY: 3,
    Frequency.SEMIANNUAL: 6, Frequency.ANNUAL: 12,
}  # fmt: skip


def theirs(day: date):
    return ql.Date(day.day, day.month, day.year)


def ours(day) -> date:
    return date(day.year(), day.month(), day.dayOfMonth())


@given(st.sampled_from(list(COUNTERS)), DAYS, st.integers(0, 2_000))
def test_a_day_count_gives_the_same_part_of_a_year(day_count, start, days):
    end = start + timedelta(days=days)
    units, basis = CONVENTIONS[day_count]

    year_fraction = COUNTERS[day_count].yearFraction(theirs(start), theirs(end))

    assert float(Fraction(units(start, end), basis)) == pytest.approx(year_fraction, abs=1e-12)


@given(DAYS, st.sampled_from(list(MONTHS.values())), st.data())
def test_icma_gives_the_same_part_of_a_year_as_in_a_monthly_schedule(first, back, data):
    """From any day of the first period on, also where that is shorter or longer than a month."""
    due_on = add_months(first, back)
    start = data.draw(st.dates(first - timedelta(20), due_on - timedelta(1)))
    on = data.draw(st.dates(start, due_on))
    assume(add_months(start, _months(due_on) - _months(start)) != due_on or start == first)
    assume(due_on.day <= 28)  # later days are clipped, which theirs tells from the first date
    schedule = ql.MakeSchedule(
        effectiveDate=theirs(add_months(due_on, -back - 2)), terminationDate=theirs(due_on),
        tenor=ql.Period(1, ql.Months), calendar=ql.NullCalendar(), backwards=True,
    )  # fmt: skip
    counter = ql.ActualActual(ql.ActualActual.ISMA, schedule)

    year_fraction = counter.yearFraction(theirs(start), theirs(on))

    units = elapsed(DayCount.ACTUAL_ACTUAL_ICMA, start, start, on, due_on)
    _, basis = CONVENTIONS[DayCount.ACTUAL_ACTUAL_ICMA]
    assert float(Fraction(units, basis)) == pytest.approx(year_fraction, abs=1e-12)


def _months(day: date) -> int:
    return 12 * day.year + day.month


@pytest.mark.parametrize("day", range(28, 32))
def test_icma_counts_a_month_for_every_row_of_a_month_end(day):
    agreed = terms(frequency=Frequency.MONTHLY, first_due_on=date(2027, 12, day), instalments=30)
    begin = date(2027, 11, min(day, 30))
    for start, due_on in pairwise((begin, *due_dates(agreed, begin))):
        units = elapsed(DayCount.ACTUAL_ACTUAL_ICMA, start, start, due_on, due_on)
        assert 12 * units == CONVENTIONS[DayCount.ACTUAL_ACTUAL_ICMA][1], (start, due_on)


@given(
    st.dates(date(2015, 1, 1), date(2030, 12, 31)),
    st.sampled_from(list(MONTHS)),
    st.sampled_from(list(RULES)),
    st.integers(1, 24),
)
def test_due_dates_move_as_in_a_calendar_of_weekends(start, frequency, rule, instalments):
    agreed = terms(
        frequency=frequency, instalments=instalments, calendar="weekends", business_day_rule=rule
    )
    calendar = ql.WeekendsOnly()
    step = MONTHS[frequency]

    try:
        found = due_dates(agreed, start)
    except InvalidTerms:
        assume(False)

    for n, due_on in enumerate(found, start=1):
        plain = ql.NullCalendar().advance(theirs(start), n * step, ql.Months)
        assert due_on == ours(calendar.adjust(plain, RULES[rule]))


@given(st.dates(date(2015, 1, 1), date(2030, 12, 31)))
def test_mexican_banks_do_not_work_when_the_exchange_is_closed(day):
    """QuantLib knows the exchange's calendar: on a day that it closes, banks do not work."""
    exchange = ql.Mexico().isBusinessDay(theirs(day))

    if not exchange:
        assert not is_business_day("mx_banking", day)


@given(
    st.integers(1_000_00, 50_000_000_00),
    st.integers(10_000, 1_200_000),
    st.integers(2, 240),
    st.sampled_from([f for f in MONTHS if f is not Frequency.BIMONTHLY]),
)
def test_the_balance_falls_as_theirs(principal, rate, instalments, frequency):
    """Notionals of an amortizing bond with equal payments, to the cent a row rounds away."""
    agreed = terms(
        principal=principal, annual_rate=rate, instalments=instalments, frequency=frequency,
        interest=InterestBasis.PER_PERIOD, annuity=Annuity.NOMINAL, tax_rate=0,
    )  # fmt: skip
    try:
        rows = schedule(agreed, principal, date(2026, 1, 15))
    except InvalidTerms:
        assume(False)
    step = MONTHS[frequency]
    notionals = ql.sinkingNotionals(
        ql.Period(instalments * step, ql.Months),
        {1: ql.Monthly, 3: ql.Quarterly, 6: ql.Semiannual, 12: ql.Annual}[step],
        rate / 1e6,
        float(principal),
    )

    balance = principal
    for n, (row, notional) in enumerate(zip(rows, notionals[1:], strict=False), start=1):
        balance -= row.principal
        growth = (1 + rate / 1e6 * step / 12) ** n
        assert abs(balance - notional) <= n * growth + 1

"""Business days: the official calendars, and dates that roll off the days nobody works."""

from datetime import date, timedelta

import pytest
from dateutil.easter import easter
from holidays import country_holidays, financial_holidays
from hypothesis import assume, example, given
from hypothesis import strategies as st

from domain.built_in_calendars import Weekday
from domain.business_days import (
    BusinessDayRule,
    check_calendar,
    is_business_day,
    register,
    roll,
)
from domain.errors import InvalidTerms

NONE, FOLLOWING, PRECEDING, MODIFIED_FOLLOWING, MODIFIED_PRECEDING = BusinessDayRule
ROLLING = [FOLLOWING, PRECEDING, MODIFIED_FOLLOWING, MODIFIED_PRECEDING]
ONE_DAY = timedelta(days=1)

# Ley Federal del Trabajo, article 74: a new federal government begins on 1 October 2024.
STATUTORY = {
    2024: "01-01 02-05 03-18 05-01 09-16 10-01 11-18 12-25",
    2025: "01-01 02-03 03-17 05-01 09-16 11-17 12-25",
    2026: "01-01 02-02 03-16 05-01 09-16 11-16 12-25",
}
BANKS_BESIDES = {
    2024: "03-28 03-29 11-02 12-12",
    2025: "04-17 04-18 11-02 12-12",
    2026: "04-02 04-03 11-02 12-12",
}

calendars = st.sampled_from(["mx_banking", "mx_statutory", "weekends", "none", "co", "us", "cn"])
rules = st.sampled_from(ROLLING)
days = st.dates(date(2007, 2, 1), date(2099, 11, 30))


def closed(calendar, year):
    """The weekdays of a year on which nobody works."""
    every = (date(year, 1, 1) + timedelta(days=n) for n in range(366))
    return {d for d in every if d.year == year and not is_business_day(calendar, d)}


def on(year, listed):
    return {date.fromisoformat(f"{year}-{day}") for day in listed.split()}


def refused(action, *arguments, **named):
    with pytest.raises(InvalidTerms) as refusal:
        action(*arguments, **named)
    return refusal.value.field, str(refusal.value)


@pytest.mark.parametrize("year", [2024, 2025, 2026])
def test_mexico_rests_on_the_days_of_its_labour_law(year):
    statutory = on(year, STATUTORY[year])

    assert closed("mx_statutory", year) == statutory | closed("weekends", year)
    assert set(country_holidays("MX", years=year, expand=False)) == statutory


@pytest.mark.parametrize("year", [2024, 2025, 2026])
def test_mexican_banks_keep_four_days_more(year):
    bank_days = on(year, f"{STATUTORY[year]} {BANKS_BESIDES[year]}")

    assert closed("mx_banking", year) == bank_days | closed("weekends", year)


@pytest.mark.parametrize("year", range(2011, 2101))
def test_mexican_banks_close_when_the_stock_exchange_does(year):
    """Source: the calendars of the Bolsa Mexicana de Valores, as `holidays` has them."""
    exchange = set(financial_holidays("XMEX", years=year, expand=False))

    assert closed("mx_banking", year) == exchange | closed("weekends", year)


@pytest.mark.parametrize("day", [date(2024, 3, 31), date(2025, 4, 20), date(2026, 4, 5)])
def test_good_friday_is_two_days_before_easter(day):
    assert easter(day.year) == day
    assert not is_business_day("mx_banking", day - timedelta(days=3))
    assert not is_business_day("mx_banking", day - timedelta(days=2))
    assert is_business_day("mx_banking", day - timedelta(days=4))
    assert is_business_day("mx_banking", day + timedelta(days=1))


@pytest.mark.parametrize(
    ("calendar", "day", "works"),
    [
        ("none", date(2026, 12, 25), True),
        ("none", date(2026, 12, 26), True),
        ("weekends", date(2026, 12, 25), True),
        ("weekends", date(2026, 12, 26), False),
        ("co", date(2026, 7, 20), False),  # Independence of Colombia, a Monday
        ("pe", date(2026, 7, 28), False),  # Independence of Peru, a Tuesday
        ("cl", date(2026, 9, 18), False),  # Independence of Chile, a Friday
        ("us", date(2026, 7, 3), False),  # the 4th is a Saturday
        ("us", date(2021, 12, 31), False),  # for New Year's Day of 2022, a Saturday
        ("mx", date(2026, 7, 3), True),
        ("sa", date(2026, 6, 7), True),  # Sundays are worked, Fridays are not
        ("sa", date(2026, 6, 5), False),
        ("cn", date(2024, 2, 4), True),  # a Sunday worked for a longer New Year
    ],
)
def test_other_calendars_close_on_their_own_days(calendar, day, works):
    assert is_business_day(calendar, day) is works


@pytest.mark.parametrize(
    ("day", "following", "preceding", "modified_following", "modified_preceding"),
    [
        ("2026-04-02", "2026-04-06", "2026-04-01", "2026-04-06", "2026-04-01"),  # Easter
        ("2026-01-31", "2026-02-03", "2026-01-30", "2026-01-30", "2026-01-30"),  # month's end
        ("2026-11-01", "2026-11-03", "2026-10-30", "2026-11-03", "2026-11-03"),  # and beginning
        ("2027-01-01", "2027-01-04", "2026-12-31", "2027-01-04", "2027-01-04"),  # another year
        ("2026-06-15", "2026-06-15", "2026-06-15", "2026-06-15", "2026-06-15"),
    ],
)
def test_each_rule_moves_a_date_its_own_way(
    day, following, preceding, modified_following, modified_preceding
):
    given_day = date.fromisoformat(day)

    assert [str(roll(given_day, rule, "mx_banking")) for rule in BusinessDayRule] == [
        day, following, preceding, modified_following, modified_preceding,
    ]  # fmt: skip


@given(days, rules, calendars)
def test_a_rolled_day_is_a_business_day_and_rolls_no_further(day, rule, calendar):
    rolled = roll(day, rule, calendar)

    assert is_business_day(calendar, rolled)
    assert roll(rolled, rule, calendar) == rolled
    assert rolled == day or not is_business_day(calendar, day)


@given(days, calendars)
def test_rolling_passes_no_business_day(day, calendar):
    following, preceding = (roll(day, rule, calendar) for rule in (FOLLOWING, PRECEDING))
    between = (preceding + n * ONE_DAY for n in range(1, (following - preceding).days))

    assert preceding <= day <= following
    assert not any(is_business_day(calendar, passed) for passed in between)


@given(days, calendars)
@example(date(2026, 1, 31), "mx_banking")
@example(date(2026, 11, 1), "mx_banking")
def test_the_modified_rules_stay_in_the_month(day, calendar):
    following, preceding = (roll(day, rule, calendar) for rule in (FOLLOWING, PRECEDING))
    forth, back = (roll(day, rule, calendar) for rule in (MODIFIED_FOLLOWING, MODIFIED_PRECEDING))

    assert forth == (following if following.month == day.month else preceding)
    assert back == (preceding if preceding.month == day.month else following)


@given(days, st.integers(0, 70), rules, calendars)
def test_rolled_dates_keep_their_order(day, later, rule, calendar):
    after = day + timedelta(days=later)
    assume(after.year < 2100)

    assert roll(day, rule, calendar) <= roll(after, rule, calendar)


@given(st.dates())
def test_the_rule_none_moves_nothing(day):
    assert roll(day, NONE, "mx_banking") == day


@given(st.dates(), rules)
def test_weekends_roll_on_every_date_there_is(day, rule):
    assert roll(day, rule, "weekends").weekday() < 5


@pytest.mark.parametrize("name", ["mx_banking", "mx_statutory", "weekends", "none", "co", "zw"])
def test_a_known_calendar_passes(name):
    check_calendar(name)


@pytest.mark.parametrize("name", ["", "x", "xx", "CO", "COL", "col", "Weekends", " none", "bmv"])
def test_an_unknown_calendar_is_refused_with_those_there_are(name):
    field, message = refused(check_calendar, name)

    assert field == "calendar"
    assert message.startswith(f"unknown calendar {name!r}; known: mx_banking, mx_statutory, ")
    assert refused(is_business_day, name, date(2026, 1, 1)) == (field, message)
    assert refused(roll, date(2026, 1, 1), FOLLOWING, name) == (field, message)


def test_a_long_unknown_name_is_cut():
    assert len(refused(check_calendar, "x" * 10_000)[1]) < 1_000


@pytest.mark.parametrize(
    ("calendar", "last", "message"),
    [
        ("mx_banking", date(2100, 12, 31), "'mx_banking' covers 1901 to 2100, not 2101"),
        ("lk", date(2026, 12, 31), "'lk' covers 2003 to 2026, not 2027"),
    ],
)
def test_a_year_without_known_holidays_is_refused(calendar, last, message):
    is_business_day(calendar, last)

    assert refused(is_business_day, calendar, last + ONE_DAY) == (
        "calendar", f"calendar {message}",
    )  # fmt: skip


def test_an_own_list_adds_to_its_base_and_excepts_from_it():
    register(
        "list_on_a_base",
        [date(2026, 4, 2)],
        years=[2026],
        workdays=[date(2026, 2, 2), date(2026, 2, 7)],
        base="mx_statutory",
    )

    changed = closed("list_on_a_base", 2026) ^ closed("mx_statutory", 2026)
    assert changed == on(2026, "04-02 02-02 02-07")
    check_calendar("list_on_a_base")
    assert "none, list_on_a_base" in refused(check_calendar, "xx")[1]


@pytest.mark.parametrize("base", ["weekends", "none", "mx_statutory"])
def test_an_own_weekend_replaces_that_of_the_base(base):
    name = f"fridays_{base}"
    register(name, [], years=[2026], weekend=[Weekday.FRIDAY], base=base)

    assert not is_business_day(name, date(2026, 6, 5))
    assert is_business_day(name, date(2026, 6, 6))
    assert is_business_day(name, date(2026, 9, 16)) is (base != "mx_statutory")


def test_a_list_answers_for_its_years_only():
    register("two_years", [], years=[2026, 2028])

    assert refused(is_business_day, "two_years", date(2027, 1, 1)) == (
        "calendar", "calendar 'two_years' lists 2026, 2028, not 2027",
    )  # fmt: skip
    last = date(2028, 12, 31)  # a Sunday
    assert "not 2029" in refused(roll, last, FOLLOWING, "two_years")[1]
    assert roll(last, MODIFIED_FOLLOWING, "two_years") == date(2028, 12, 29)


def test_a_month_without_a_business_day_has_no_modified_day():
    february = [date(2026, 2, 1) + n * ONE_DAY for n in range(28)]
    register("closed_february", february, years=[2026])

    assert roll(february[0], FOLLOWING, "closed_february") == date(2026, 3, 2)
    field, message = refused(roll, february[0], MODIFIED_FOLLOWING, "closed_february")
    assert field == "calendar"
    assert message.endswith("'closed_february' has no business day in the month of 2026-02-01")


@pytest.mark.parametrize(
    ("name", "rule", "edge"),
    [("at_the_end", FOLLOWING, date.max), ("at_the_start", PRECEDING, date.min)],
)
def test_no_roll_leaves_the_dates_there_are(name, rule, edge):
    register(name, [edge], years=[edge.year], base="none")

    field, message = refused(roll, edge, rule, name)
    assert (field, "no business day" in message) == ("calendar", True)
    modified = roll(edge, MODIFIED_FOLLOWING, name)
    assert abs(modified - edge) == ONE_DAY


def test_a_registered_calendar_never_changes():
    register("fixed", [date(2026, 4, 2)], years=[2026])
    register("fixed", iter([date(2026, 4, 2)]), years=[2026])

    assert refused(register, "fixed", [date(2026, 4, 3)], years=[2026])[0] == "name"
    assert is_business_day("fixed", date(2026, 4, 3))


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("name", {"name": "mx_banking"}),
        ("name", {"name": "none"}),
        ("name", {"name": "co"}),
        ("name", {"name": "zz"}),
        ("name", {"name": "Acme"}),
        ("name", {"name": "acmé"}),
        ("name", {"name": "acme\n"}),
        ("name", {"name": "a" * 41}),
        ("base", {"base": "xx"}),
        ("base", {"base": ""}),
        ("weekend", {"weekend": Weekday}),
        ("years", {"years": []}),
        ("years", {"years": [2026, 0]}),
        ("years", {"years": [2026, 10_000]}),
        ("years", {"years": [2026, 2101], "base": "mx_statutory"}),
        ("holidays", {"holidays": [date(2027, 1, 1)]}),
        ("workdays", {"workdays": [date(2025, 12, 31)]}),
        ("workdays", {"workdays": [date(2026, 4, 2)]}),
    ],
)
def test_an_impossible_list_is_refused_by_its_field(field, changes):
    good = {"name": "refused_list", "holidays": [date(2026, 4, 2)], "years": [2026]}

    named, message = refused(register, **(good | changes))

    assert named == field
    assert message.startswith(f"{field} ")
    assert refused(check_calendar, "refused_list")[0] == "calendar"

"""The domain owes what a second, day-by-day calculation owes, whatever happens to a loan."""

from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, assume, given, note, settings
from hypothesis import strategies as st

from domain.errors import InvalidTerms
from domain.money import Rounding
from domain.schedule import schedule
from domain.terms import Component, DayCount, Frequency, InterestBasis, Method, Terms
from tests.oracle_schedule import DoesNotAmortize, plan
from tests.oracle_stories import (
    Story,
    rows_of_the_domain,
    rows_of_the_oracle,
    seen_by_the_domain,
    seen_by_the_oracle,
)


@st.composite
def terms(draw, disbursed_on):
    method = draw(
        st.sampled_from(
            [
                Method.EQUAL_INSTALMENTS,
                Method.EQUAL_PRINCIPAL,
                Method.FLAT,
                Method.INTEREST_ONLY,
            ]
        )
    )
    frequency = draw(st.sampled_from([each for each in Frequency if each != Frequency.SINGLE]))
    day_count = draw(st.sampled_from(DayCount))
    first = draw(st.sampled_from([0, 0, 1, 20, 45])) if frequency != "semi_monthly" else 0
    level = method is Method.EQUAL_INSTALMENTS
    return Terms(
        currency="MXN",
        principal=draw(st.integers(100_00, 2_000_000_00)),
        annual_rate=draw(st.sampled_from([0, 82_400, 240_000, 360_000, 900_000])),
        instalments=draw(st.integers(1, 8)),
        frequency=frequency,
        first_due_on=disbursed_on + timedelta(days=first) if first else None,
        instalment_multiple=draw(st.sampled_from([1, 5_00])) if level else 1,
        interest_after_maturity=draw(st.sampled_from(["accrues", "accrues", "stops"])),
        every=draw(st.sampled_from([1, 1, 1, 2])),
        method=method,
        day_count=day_count,
        interest=draw(st.sampled_from(InterestBasis)),
        rounding=draw(st.sampled_from(Rounding)),
        tax_rate=draw(st.sampled_from([0, 160_000])),
        late_rate=draw(st.sampled_from([0, 720_000])),
        late_grace_days=draw(st.sampled_from([0, 0, 3])),
    )


disbursement_days = st.dates(date(2023, 1, 1), date(2024, 12, 31))


@given(st.data(), disbursement_days)
def test_the_schedule_is_the_one_worked_out_by_hand(data, disbursed_on):
    agreed = data.draw(terms(disbursed_on))
    try:
        expected = plan(agreed, disbursed_on)
    except DoesNotAmortize:
        with pytest.raises(InvalidTerms):
            schedule(agreed, agreed.principal, disbursed_on)
        return

    rows = schedule(agreed, agreed.principal, disbursed_on)

    assert [
        (row.number, row.start_on, row.due_on, row.principal, row.interest, row.tax) for row in rows
    ] == [
        (row.number, row.start, row.due, row.principal, row.interest, row.tax) for row in expected
    ]


VERBS = [
    "pay",
    "pay",
    "due",
    "early",
    "early",
    "all",
    "late",
    "fee",
    "undo",
    "close",
    "waive",
    "forgive",
]


@st.composite
def stories(draw):
    """A story and the day it has come to."""
    disbursed_on = draw(disbursement_days)
    agreed = draw(terms(disbursed_on))
    try:
        plan(agreed, disbursed_on)
    except DoesNotAmortize:
        assume(False)
    story = Story(agreed, disbursed_on)
    today = story.disbursed_on
    level = max(1, story.agreed.principal // story.agreed.instalments)
    for _ in range(draw(st.integers(1, 7))):
        today += timedelta(days=draw(st.integers(0, 40)))
        verb = draw(st.sampled_from(VERBS))
        if verb == "pay":
            story.pay(draw(st.integers(1, 2 * level)), today, today)
        elif verb == "due":
            owed = sum(line.total_left for line in story.now(today).lines if line.due <= today)
            if owed:
                story.pay(owed, today, today)
        elif verb == "early":  # all up to the running instalment, and a little ahead
            lines = [line for line in story.now(today).lines if line.start <= today]
            ahead = draw(st.integers(0, 100_00))
            story.pay(max(1, sum(line.total_left for line in lines) + ahead), today, today)
        elif verb == "all":
            owed = sum(story.now(today).balances.values())
            story.pay(max(1, owed + draw(st.integers(-5, 5))), today, today)
        elif verb == "late" and not story.relieved:
            back = draw(st.integers(1, 60))
            on = max(story.disbursed_on, today - timedelta(days=back))
            story.pay(draw(st.integers(1, 2 * level)), on, today)
        elif verb == "fee":
            story.charge(draw(st.integers(1, 500_00)), today)
        elif verb == "undo" and not story.relieved:
            story.reverse(draw(st.integers(0, 6)), today)
        elif verb == "waive":
            story.waive(draw(st.integers(0, 6)), today)
        elif verb == "forgive":
            story.forgive(draw(st.sampled_from(Component)), draw(st.integers(1, 100)), today)
        else:
            story.close(today, nightly=draw(st.booleans()))
    return story, today


def days_to_look_at(story: Story, today: date, data):
    """Today, a day to come and a day gone by."""
    ahead = data.draw(st.integers(1, 70), label="days ahead")
    age = data.draw(st.integers(0, (today - story.disbursed_on).days), label="age")
    return [today, today + timedelta(days=ahead), story.disbursed_on + timedelta(days=age)]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(stories(), st.data())
def test_the_domain_owes_what_the_oracle_owes_on_any_day(told, data):
    story, today = told
    note(f"{story.agreed} {story.disbursed_on}")
    note("\n".join(str(fact) for fact in story.facts))

    for on in days_to_look_at(story, today, data):
        note(f"on {on}")
        position = story.now(on, known_on=max(today, on))

        assert seen_by_the_domain(story.loan, on) == seen_by_the_oracle(story, position)
        if not story.relieved:
            assert rows_of_the_domain(story.loan, on) == rows_of_the_oracle(position, on)


def test_grace_may_end_on_a_night_that_counts_no_day():
    """The fourth day late is 1 February, and 31 January to 1 February is no day of 30/360."""
    agreed = Terms(
        currency="MXN",
        principal=10_000_00,
        annual_rate=0,
        instalments=1,
        frequency=Frequency.MONTHLY,
        first_due_on=date(2025, 1, 28),
        day_count=DayCount.THIRTY_360,
        late_rate=720_000,
        late_grace_days=3,
    )
    story = Story(agreed, date(2025, 1, 1))

    story.close(date(2025, 2, 1), nightly=True)

    assert story.now(date(2025, 2, 1)).balances["late_interest"] == 60_00
    assert story.loan.balances().late_interest == 60_00

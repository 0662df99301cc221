"""Every schedule that terms can ask for is the one worked out by hand."""

from datetime import date, timedelta

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from domain.business_days import BusinessDayRule
from domain.errors import InvalidTerms
from domain.money import Rounding
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
    Level,
    LevelRounding,
    Method,
    PeriodCharge,
    RateStep,
    Revolving,
    Terms,
)
from tests.oracle_dates import MONTHS
from tests.oracle_schedule import DoesNotAmortize, plan

DISBURSEMENTS = st.dates(date(2023, 1, 1), date(2024, 12, 31))
RATES = st.sampled_from([0, 82_400, 240_000, 360_000, 900_000])


def seldom(value, otherwise):
    return st.sampled_from([otherwise, otherwise, value])


def graces(instalments: int):
    below = st.integers(0, min(3, instalments - 1))
    return st.builds(
        lambda principal, payment, free, capitalise: Grace(
            principal_periods=max(principal, payment) if capitalise else principal,
            interest_payment_periods=payment,
            interest_free_periods=free,
            capitalise=capitalise and payment > 0,
        ),
        below, below, below, st.booleans(),
    )  # fmt: skip


@st.composite
def methods(draw, principal: int, instalments: int, disbursed_on: date):
    """A method and what only it needs."""
    method = draw(st.sampled_from(Method))
    own: dict = {"method": method, "instalments": instalments}
    if method in (Method.SINGLE, Method.DISCOUNT):
        own["instalments"] = 1
    elif method is Method.BALLOON:
        own["balloon"] = draw(st.integers(1, principal - 1))
    elif method is Method.GRADUATED:
        own["graduation"] = Graduation(
            every=draw(st.integers(1, 3)), rate=draw(st.sampled_from([50_000, 100_000, -50_000]))
        )
    elif method is Method.REVOLVING:
        own["revolving"] = Revolving(
            minimum_rate=draw(st.sampled_from([0, 50_000, 333_333])),
            minimum_amount=draw(st.sampled_from([0, 500_00])),
        )
    elif method is Method.IRREGULAR:
        gaps = draw(st.lists(st.integers(1, 60), min_size=instalments, max_size=instalments))
        days = [disbursed_on + timedelta(days=sum(gaps[: n + 1])) for n in range(instalments)]
        cuts = sorted(draw(st.lists(st.integers(0, principal), min_size=instalments - 1,
                                    max_size=instalments - 1)))  # fmt: skip
        parts = [b - a for a, b in zip([0, *cuts], [*cuts, principal], strict=True)]
        own["irregular"] = tuple(
            IrregularInstalment(due_on=day, principal=part)
            for day, part in zip(days, parts, strict=True)
        )
    return own


RENT_TAX = PeriodCharge(kind="tax", rate=160_000, of_principal=True, is_tax=True)


@st.composite
def terms(draw, disbursed_on: date, *, down: bool = True) -> Terms:
    principal = draw(st.integers(100_00, 2_000_000_00))
    own = draw(methods(principal, draw(st.integers(1, 8)), disbursed_on))
    instalments = own["instalments"]
    frequency = draw(st.sampled_from([each for each in Frequency if each != Frequency.SINGLE]))
    irregular = own["method"] is Method.IRREGULAR
    first = draw(st.sampled_from([0, 0, 1, 20, 45])) if frequency != "semi_monthly" else 0
    steps = draw(
        st.lists(st.tuples(st.integers(-5, 90), RATES), max_size=2, unique_by=lambda s: s[0])
    )
    charges = draw(st.lists(st.builds(
        PeriodCharge, kind=st.just("insurance"), amount=st.integers(1, 50_00),
        rate=st.sampled_from([0, 1_000, 12_345]), of_balance=st.booleans(), taxed=st.booleans(),
        is_tax=st.booleans(),
    ) | st.just(RENT_TAX), max_size=2))  # fmt: skip
    rule = draw(seldom(draw(st.sampled_from(BusinessDayRule)), BusinessDayRule.NONE))
    grace = draw(seldom(draw(graces(instalments)), Grace()))
    multiple = draw(st.sampled_from([1, 1, 5_00]))
    return Terms(
        currency="MXN",
        principal=principal,
        annual_rate=draw(RATES),
        frequency=frequency,
        every=draw(st.sampled_from([1, 1, 1, 2])),
        first_due_on=disbursed_on + timedelta(days=first) if first and not irregular else None,
        skip_months=draw(seldom((3, 12), ()))
        if not irregular
        and own["method"] is not Method.SINGLE
        and frequency not in list(MONTHS)[3:]  # or no date may be left
        and not first
        else (),
        calendar="weekends" if rule != "none" else "none",
        business_day_rule=rule,
        day_count=draw(st.sampled_from(DayCount)),
        interest=draw(st.sampled_from(InterestBasis)),
        rounding=draw(st.sampled_from(Rounding)),
        tax_rate=draw(st.sampled_from([0, 160_000])),
        annuity=draw(st.sampled_from(Annuity)),
        level=draw(st.sampled_from(Level)),
        instalment_multiple=multiple,
        level_rounding=draw(st.sampled_from(LevelRounding)),
        # Not worked out here: how many multiples a levelled instalment moves by.
        last_instalment=LastInstalment.ABSORBS
        if multiple > 1
        else draw(st.sampled_from(LastInstalment)),
        grace=grace,
        rate_steps=tuple(
            RateStep(from_on=disbursed_on + timedelta(days=day), annual_rate=rate)
            for day, rate in sorted(steps)
        )
        if draw(st.booleans())
        else (),
        period_charges=tuple(charges),
        down_payment_rate=draw(seldom(123_456, 0)) if down and not irregular else 0,
        **own,
    )


def shown(row):
    return (row.number, row.principal, row.interest, row.tax, row.deferred, row.deferred_tax,
            row.fee, row.fee_tax)  # fmt: skip


@given(st.data(), DISBURSEMENTS)
def test_every_schedule_is_the_one_worked_out_by_hand(data, disbursed_on):
    agreed = data.draw(terms(disbursed_on))
    note(f"{agreed} {disbursed_on}")
    try:
        expected = plan(agreed, disbursed_on)
    except DoesNotAmortize:
        with pytest.raises(InvalidTerms):
            schedule(agreed, agreed.principal, disbursed_on)
        return

    rows = schedule(agreed, agreed.principal, disbursed_on)

    assert [(row.start_on, row.due_on) for row in rows] == [
        (row.start, row.due) for row in expected
    ]
    assert [shown(row) for row in rows] == [shown(row) for row in expected]

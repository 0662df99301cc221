"""What people write becomes terms exactly, or a refusal that names the field and the rule."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidTerms, OverDisbursement
from domain.limits import check_terms
from domain.money import Rounding
from domain.plan import Pause
from domain.terms import (
    AllocationRule,
    Annuity,
    Component,
    DayCount,
    Floating,
    Frequency,
    InAdvance,
    InterestBasis,
    IrregularInstalment,
    Method,
    Timing,
    Walk,
)
from ledger.forms import Fields, FormError, percent, rule_of, terms_from
from ledger.new_terms import new_terms
from ledger.plan_form import plan_from

LOAN = {
    "currency": "MXN",
    "principal": "10000.00",
    "annual_rate": "36.00",
    "instalments": 12,
    "frequency": "monthly",
}


def refused(changes):
    with pytest.raises(FormError) as refusal:
        terms_from({**LOAN, **changes}, at="loan")
    return refusal.value.field, refusal.value.rule


def test_five_fields_make_terms_and_the_rest_has_defaults():
    terms = terms_from(LOAN)

    assert (terms.principal, terms.annual_rate, terms.tax_rate) == (10_000_00, 360_000, 0)
    assert (terms.method, terms.day_count) == (Method.EQUAL_INSTALMENTS, DayCount.ACTUAL_360)
    assert terms.allocation == AllocationRule()
    check_terms(terms)


def test_every_field_of_a_form_reaches_the_terms():
    terms = terms_from(
        LOAN
        | {
            "every": 2,
            "first_due": date(2026, 2, 15),
            "month_days": [10, 25],
            "method": "balloon",
            "day_count": "30e/360",
            "interest": "per_period",
            "interest_after_maturity": "stops",
            "rounding": "half_up",
            "annuity": "actual",
            "instalment_multiple": "10.00",
            "balloon": "2500.00",
            "irregular": [{"due": "2026-03-01", "principal": "1.50"}],
            "tax_rate": "16.00",
            "late_rate": "72.5",
            "late_grace_days": 3,
            "promise_grace_days": 2,
            "stage_2_from": 30,
            "stage_3_from": 89,
            "allocation": {
                "walk": "by_component",
                "order": ["past_due_fee_tax", "due_interest", "in_advance_principal"],
                "in_advance": "last_instalment",
            },
        }
    )

    assert terms.every == 2
    assert terms.first_due_on == date(2026, 2, 15)
    assert terms.month_days == (10, 25)
    assert terms.method is Method.BALLOON
    assert terms.day_count is DayCount.THIRTY_E_360
    assert terms.interest is InterestBasis.PER_PERIOD
    assert terms.interest_after_maturity == "stops"
    assert terms.rounding is Rounding.HALF_UP
    assert terms.annuity is Annuity.ACTUAL
    assert (terms.instalment_multiple, terms.balloon) == (10_00, 2_500_00)
    assert terms.irregular == (IrregularInstalment(due_on=date(2026, 3, 1), principal=1_50),)
    assert (terms.tax_rate, terms.late_rate) == (160_000, 725_000)
    assert (terms.late_grace_days, terms.promise_grace_days) == (3, 2)
    assert (terms.stage_2_from, terms.stage_3_from) == (30, 89)
    assert terms.allocation == AllocationRule(
        walk=Walk.BY_COMPONENT,
        in_advance=InAdvance.LAST_INSTALMENT,
        order=(
            (Timing.PAST_DUE, Component.FEE_TAX),
            (Timing.DUE, Component.INTEREST),
            (Timing.IN_ADVANCE, Component.PRINCIPAL),
        ),
    )


def test_a_plain_list_allocates_its_components_whatever_their_timing():
    terms = terms_from({**LOAN, "allocation": ["principal", "interest"]})

    assert terms.allocation.order == tuple(
        (when, what) for when in Timing for what in (Component.PRINCIPAL, Component.INTEREST)
    )


@pytest.mark.parametrize("frequency", list(Frequency))
def test_every_frequency_is_understood_by_its_own_name(frequency):
    assert terms_from({**LOAN, "frequency": str(frequency)}).frequency is frequency


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("principal", 10000.00, 'must be text such as "1200.00", not a number with a point'),
        ("principal", 10000, 'must be text such as "1200.00", not a number'),
        ("principal", "1,000.00", "must be a plain decimal number"),
        ("principal", "1e5", "must be a plain decimal number"),
        ("principal", "0.001", "has more than the 2 decimals of MXN"),
        ("principal", "92233720368547758.08", "is more than the ledger can hold"),
        ("principal", None, "is missing"),
        ("annual_rate", 36.0, 'must be text such as "36.00"'),
        ("annual_rate", "36 %", "must be a percentage"),
        ("annual_rate", "36.00001", "has more than four decimals"),
        ("annual_rate", "-1", "must be between 0 and 10000 percent"),
        ("annual_rate", "10000.01", "must be between 0 and 10000 percent"),
        ("instalments", "12", "must be a whole number, not '12'"),
        ("instalments", True, "must be a whole number, not true or false"),
        ("instalments", 12.0, "must be a whole number"),
        ("instalments", 10**10, "must be within 1000000000"),
        ("frequency", "sometimes", "'sometimes' is not one of: daily, weekly"),
        ("frequency", ["monthly"], "is not one of"),
        ("currency", "XXQ", "'XXQ' is no ISO 4217 code"),
        ("currency", 484, "must be text"),
        ("first_due", "15/02/2026", "must be a date such as 2026-01-31"),
        ("first_due", "2026-02-30", "2026-02-30 is not a day of the calendar"),
        ("first_due", "20260215", "must be a date such as 2026-01-31"),
        ("month_days", [15], "must be a list of two days"),
        ("month_days", "15", "must be a list of two days"),
        ("interest_after_maturity", "maybe", "must be accrues or stops"),
        ("allocation", ["intrest"], "'intrest' is not one of"),
        ("allocation", "interest", "must be a mapping of fields"),
        ("irregular", {"due": "2026-01-01"}, "must be a list"),
        ("balloon", 0, "must be text"),
        ("tax_rate", 0, "must be text"),
        ("instalment_multiple", 1, "must be text"),
        ("allocation", [], "names no component"),
        ("allocation", {"order": []}, "names no component"),
    ],
)
def test_a_field_that_cannot_be_read_is_named_with_its_rule(field, value, rule):
    at, told = refused({field: value})

    assert at == f"loan.{field}"
    assert rule in told


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"intrest": "1"}, "loan.intrest"),
        ({True: "x"}, "loan.True"),
        ({"allocation": {"wak": "by_instalment"}}, "loan.allocation.wak"),
        ({"allocation": {"order": ["soon_fee"]}}, "loan.allocation.order"),
        ({"irregular": [{"due": "2026-03-01", "principal": "1.00", "x": 1}]},
         "loan.irregular[0].x"),
        ({"irregular": [{"due": "2026-03-01"}]}, "loan.irregular[0].principal"),
    ],
)  # fmt: skip
def test_an_unknown_or_missing_key_is_named_by_its_path(changes, field):
    assert refused(changes)[0] == field


def test_a_form_that_is_no_mapping_is_refused():
    with pytest.raises(FormError, match="loan must be a mapping of fields, not a list"):
        terms_from([], at="loan")


@given(st.integers(min_value=0, max_value=100_000_000))
def test_every_rate_in_millionths_is_read_back_exactly(millionths):
    whole, part = divmod(millionths, 10_000)
    assert percent(f"{whole}.{part:04d}", "rate") == millionths


def test_a_schedule_request_has_its_day_of_disbursement_beside_the_terms():
    plan = plan_from({**LOAN, "disbursed_on": "2026-01-15"})

    assert plan.disbursed_on == date(2026, 1, 15)
    assert plan.terms == terms_from(LOAN)
    with pytest.raises(FormError, match="disbursed_on is missing"):
        plan_from(LOAN)


def test_a_refusal_shows_its_figures_as_amounts():
    field, rule = rule_of(OverDisbursement(asked=120_000, available=100_000), "MXN")

    assert field == "principal"
    assert rule == "principal 1200.00 is more than the 1000.00 still approved"


def test_a_figure_that_equals_a_number_of_the_sentence_is_still_the_only_amount():
    error = InvalidTerms("instalment 30000 ({paid}) is less than {owed}", paid=30_000, owed=2)

    assert str(error) == "instalment 30000 (30000) is less than 2"
    assert rule_of(error, "MXN")[1] == "instalment 30000 (300.00) is less than 0.02"
    assert rule_of(error, "JPY")[1] == "instalment 30000 (30000) is less than 2"


def test_a_spread_may_be_negative_and_a_rate_may_not():
    terms = terms_from({**LOAN, "floating": {"index": "TIIE28", "spread": "-1.50"}})
    assert terms.floating == Floating(index="TIIE28", spread=-15_000)
    check_terms(terms)
    told = refused({"floating": {"index": "TIIE28", "floor": "-1.00"}})
    assert told == ("loan.floating.floor", "must be between 0 and 10000 percent")
    told = refused({"floating": {"index": "TIIE28", "spread": "-10000.01"}})
    assert told == ("loan.floating.spread", "must be between -10000 and 10000 percent")


def test_new_terms_may_let_the_rate_float_otherwise():
    fields = Fields({"floating": {"index": "CETES28", "spread": "4.00", "cap": "20.00"}})
    new = new_terms(fields, "MXN")
    fields.done()
    assert new.floating == Floating(index="CETES28", spread=40_000, cap=200_000)
    assert new_terms(Fields({}), "MXN").floating is None


def test_a_schedule_request_may_let_interest_rest():
    pauses = [{"from": "2026-02-01", "until": "2026-02-10"}]
    plan = plan_from({**LOAN, "disbursed_on": "2026-01-15", "pauses": pauses})
    assert plan.pauses == (Pause(date(2026, 2, 1), date(2026, 2, 10)),)


@pytest.mark.parametrize(
    ("name", "row", "field", "rule"),
    [
        ("pauses", {"from": "2026-02-01"}, "pauses[0].until", "is missing"),
        ("pauses", {"from": "2026-02-01", "to": "2026-02-10"}, "pauses[0].to", "is an unknown key"),
        ("tranches", {"on": "2026-02-01", "amount": "1.00", "until": "2026-02-10"},
         "tranches[0].until", "is an unknown key"),
    ],
)  # fmt: skip
def test_a_row_of_a_schedule_request_is_read_whole(name, row, field, rule):
    with pytest.raises(FormError) as refusal:
        plan_from({**LOAN, "disbursed_on": "2026-01-15", name: [row]})
    assert (refusal.value.field, refusal.value.rule) == (field, rule)

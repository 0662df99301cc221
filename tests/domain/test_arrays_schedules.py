"""The schedules of a portfolio are those of its loans, row by row and to the last cent."""

import random
from datetime import date, timedelta
from itertools import groupby
from operator import itemgetter

import numpy as np
import pytest

from domain.arrays import level as level_arrays
from domain.arrays import rows as schedule_rows
from domain.arrays import schedules as schedule_arrays
from domain.arrays.schedules import Schedules, schedules
from domain.business_days import BusinessDayRule
from domain.errors import InvalidTerms
from domain.limits import MAX_AMOUNT, MAX_RATE
from domain.money import Rounding, divide
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
from tests.domain.histories import START, terms

PLAIN = [
    Method.EQUAL_INSTALMENTS, Method.EQUAL_PRINCIPAL, Method.FLAT, Method.INTEREST_ONLY,
    Method.BALLOON, Method.SINGLE,
]  # fmt: skip
REGULAR = [frequency for frequency in Frequency if frequency is not Frequency.SINGLE]
MONTH_ENDS = [date(2023, 12, 31), date(2024, 1, 31), date(2024, 2, 29), date(2025, 1, 30)]


def told(made: Schedules):
    """{loan: its rows} as the scalar's, and what was refused."""
    rows = zip(*(column.tolist() for column in made[:-1]), strict=True)
    by_loan = {loan: [row[1:] for row in some] for loan, some in groupby(rows, itemgetter(0))}
    return by_loan, {loan: str(error) for loan, error in made.refused.items()}


def one_by_one(loans):
    rows, refused = {}, {}
    for index, asked in enumerate(loans):
        try:
            made = schedule(*asked)
        except InvalidTerms as error:
            refused[index] = str(error)
        else:
            rows[index] = [
                tuple(getattr(row, name) for name in Schedules._fields[1:-1]) for row in made
            ]
    return rows, refused


@pytest.fixture
def alone(monkeypatch):
    """Which schedules were worked out one by one, and any number of loans may go together."""
    asked = []
    monkeypatch.setattr(schedule_arrays, "FEW", 1)
    monkeypatch.setattr(
        schedule_arrays, "schedule", lambda *loan: asked.append(loan) or schedule(*loan)
    )
    return asked


@pytest.mark.parametrize("method", PLAIN)
def test_thousands_of_random_schedules_are_those_of_the_loans_one_by_one(method, alone):
    seed = random.randrange(10**9)
    print("seed", seed)
    chance = random.Random(seed)
    loans = [loan for _ in range(60) for loan in random_kind(chance, method)]
    chance.shuffle(loans)

    made = schedules(loans)

    assert told(made) == one_by_one(loans)
    assert len(alone) < len(loans) / 2


def random_kind(chance, method):
    """A few loans that may be worked out together, of figures of any size."""
    frequency = Frequency.SINGLE if method is Method.SINGLE else chance.choice(REGULAR)
    shared = {
        "method": method, "frequency": frequency,
        "day_count": chance.choice(list(DayCount)),
        "interest": chance.choice(list(InterestBasis)),
        "rounding": chance.choice(list(Rounding)),
        "annuity": chance.choice(list(Annuity)),
        "level": chance.choice(list(Level)),
        "level_rounding": chance.choice(list(LevelRounding)),
        "month_days": chance.choice(((15, 31), (1, 16), (30, 5), (27, 31))),
        "period_charges": chance.choice(((), (), ((
            PeriodCharge(kind="insurance", rate=chance.choice((0, 450)), amount=1, of_balance=True),
            PeriodCharge(kind="fee", amount=chance.randrange(1, 300_00), taxed=False),
            PeriodCharge(kind="tax", rate=160_000, of_principal=True, is_tax=True),
        )))),
    }  # fmt: skip
    if chance.random() < 0.3:
        shared["calendar"] = chance.choice(("weekends", "mx"))
        shared["business_day_rule"] = chance.choice(list(BusinessDayRule))
    return [random_loan(chance, shared) for _ in range(10)]


def random_loan(chance, shared):
    single = shared["frequency"] is Frequency.SINGLE
    principal = chance.choice((
        chance.randrange(1, 1_000), chance.randrange(1_000_00, 900_000_00),
        chance.randrange(1, 10 ** chance.randrange(4, 16)),
    ))  # fmt: skip
    on = chance.choice((*MONTH_ENDS, START + timedelta(days=chance.randrange(-900, 900))))
    agreed = Terms(
        currency="MXN", principal=principal,
        annual_rate=chance.choice((0, 1, 145_000, 360_000, chance.randrange(2_000_000))),
        instalments=1 if single else chance.choice((1, 2, 6, 12, chance.randrange(1, 60))),
        every=chance.choice((1, 1, 1, 2, 3)),
        first_due_on=first_due(chance, shared, on) if single or chance.random() < 0.4 else None,
        tax_rate=chance.choice((0, 80_000, 160_000)),
        instalment_multiple=chance.choice((1, 1, 10, 1_00, 26)),
        balloon=chance.randrange(principal) if shared["method"] is Method.BALLOON else 0,
        down_payment_rate=chance.choice((0, 0, 0, 100_000, 333_333)),
        **shared,
    )  # fmt: skip
    return agreed, principal, on


def first_due(chance, shared, on):
    days = [on + timedelta(days=n) for n in range(1, 60)]
    if shared["frequency"] is Frequency.SEMI_MONTHLY:
        days = [day for day in days if day.day in shared["month_days"]]
    return chance.choice(days)


def test_what_has_no_recurrence_here_stands_in_its_place_all_the_same(alone):
    odd = [
        terms(grace=Grace(principal_periods=2, interest_payment_periods=1)),
        terms(rate_steps=(RateStep(from_on=date(2026, 5, 1), annual_rate=100_000),)),
        terms(method=Method.GRADUATED, graduation=Graduation(every=3, rate=10_000)),
        terms(method=Method.REVOLVING, revolving=Revolving(minimum_rate=50_000)),
        terms(method=Method.DISCOUNT, instalments=1),
        terms(last_instalment=LastInstalment.LEVELLED),
        terms(skip_months=(12,)),
        terms(frequency=Frequency.DAILY, calendar="mx",
              business_day_rule=BusinessDayRule.FOLLOWING),
        terms(method=Method.IRREGULAR, instalments=1, irregular=(
            IrregularInstalment(due_on=date(2026, 7, 1), principal=10_000_00),)),
    ]  # fmt: skip
    loans = [(agreed, 10_000_00, START) for one in odd for agreed in (terms(), one)]

    made = schedules(loans)

    assert told(made) == one_by_one(loans)
    assert [asked[0] for asked in alone] == odd


@pytest.mark.parametrize(
    ("changes", "on"),
    [
        ({"first_due_on": START}, START),
        ({"first_due_on": date(2026, 1, 20), "frequency": Frequency.SEMI_MONTHLY}, START),
        ({"frequency": Frequency.SINGLE, "instalments": 1}, START),
        ({"instalments": 12, "frequency": Frequency.MONTHLY}, date(9999, 6, 30)),
        ({"calendar": "mx", "business_day_rule": BusinessDayRule.FOLLOWING}, date(9998, 1, 1)),
        ({"calendar": "atlantis", "business_day_rule": BusinessDayRule.FOLLOWING}, START),
        ({"every": 366, "frequency": Frequency.ANNUAL, "annual_rate": 360_000}, START),
        ({"principal": MAX_AMOUNT, "annual_rate": MAX_RATE}, START),
        ({"principal": 10**25}, START),
        ({"instalments": 10**9}, date(9000, 1, 1)),
    ],
)
def test_refused_terms_are_told_by_their_index_and_the_others_go_on(changes, on, alone):
    loans = [(terms(), 10_000_00, START), (terms(**changes), terms(**changes).principal, on)] * 2

    made = schedules(loans)

    assert set(made.refused) == {1, 3}
    assert told(made) == one_by_one(loans)
    assert isinstance(made.refused[1], InvalidTerms)


@pytest.mark.parametrize("method", [Method.EQUAL_PRINCIPAL, Method.EQUAL_INSTALMENTS])
def test_the_largest_amounts_of_the_ledger_need_no_other_arithmetic(method, alone):
    seed = random.randrange(10**9)
    print("seed", seed)
    chance = random.Random(seed)
    agreed = [
        terms(principal=MAX_AMOUNT // 3 - chance.randrange(10**9), method=method,
              annual_rate=chance.randrange(1, 10**6), day_count=chance.choice(list(DayCount)))
        for _ in range(2_000)
    ]  # fmt: skip
    loans = [(one, one.principal, START) for one in agreed]

    made = schedules(loans)

    assert told(made) == one_by_one(loans)
    assert alone == []


def test_a_level_instalment_too_near_a_half_is_rounded_by_the_scalar(alone, monkeypatch):
    exact = level_arrays.level_instalment
    asked = []
    monkeypatch.setattr(
        level_arrays, "level_instalment", lambda *given: asked.append(given[1]) or exact(*given)
    )
    ties = [(terms(annual_rate=0, principal=12 * n + 6), 12 * n + 6, START) for n in range(9)]
    clear = [(terms(principal=1_000_00 + n), 1_000_00 + n, START) for n in range(500)]

    made = schedules(ties + clear)

    assert told(made) == one_by_one(ties + clear)
    assert asked == [principal for _, principal, _ in ties]
    assert alone == []


@pytest.mark.parametrize("rounding", list(Rounding))
def test_a_scaled_amount_is_the_quotient_rounded_though_its_product_wraps(rounding):
    seed = random.randrange(10**9)
    print("seed", seed)
    chance = random.Random(seed)
    for year in (1_000_000, 360_000_000, 365 * 366 * 1_000_000):
        rows = [(chance.randrange(10**15), chance.randrange(1, year)) for _ in range(3_000)]
        rows += [(n * year // 2, m) for n in range(40) for m in (1, 2, 3)]  # halves
        amount, weight = (np.array(column, np.int64) for column in zip(*rows, strict=True))

        scaled = schedule_rows._scaled(amount, weight, year, rounding).tolist()

        assert scaled == [divide(a * w, year, rounding) for a, w in rows]


def test_a_few_loans_of_a_kind_are_worked_out_one_by_one(monkeypatch):
    monkeypatch.setattr(schedule_arrays, "fitted_rows", None)
    loans = [(terms(), 10_000_00, START)] * (schedule_arrays.FEW - 1)

    assert told(schedules(loans)) == one_by_one(loans)


def test_no_loans_have_no_rows():
    made = schedules([])

    assert [column.size for column in made[:-1]] == [0] * 11
    assert made.due_on.dtype == "M8[D]"
    assert made.principal.dtype == np.int64


def test_every_term_is_heeded_here_or_has_no_say_in_a_schedule():
    heeded = {
        "method", "frequency", "month_days", "day_count", "interest", "rounding", "annuity",
        "level", "level_rounding", "last_instalment", "fitted_to", "grace", "rate_steps",
        "calendar", "business_day_rule", "skip_months", "period_charges", "annual_rate", "tax_rate",
        "down_payment_rate", "every", "instalments", "instalment_multiple", "balloon",
        "first_due_on",
    }  # fmt: skip
    of_other_methods = {"irregular", "graduation", "revolving"}
    silent = {
        "currency", "principal", "interest_after_maturity", "floating", "late_rate", "late_base",
        "late_grace_days", "late_fee", "opening_fee_rate", "opening_fee_financed",
        "prepayment_fee_rate", "allocation", "allocations", "promise_grace_days", "stage_2_from",
        "stage_3_from", "suspend_from", "instalment", "overdue_forecast", "chargeback",
        "charges_due",
    }  # fmt: skip

    assert heeded | of_other_methods | silent == set(Terms.__struct_fields__)

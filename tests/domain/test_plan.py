"""A schedule with tranches and changes of rate: the loan if all is paid on its day."""

from datetime import date, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain import commands, views
from domain.errors import InvalidAmount, InvalidDate, InvalidTerms, LoanError, OverDisbursement
from domain.fold import replay
from domain.loan import Status
from domain.plan import Charge, Pause, Plan, Tranche, planned
from domain.terms import DayCount, FittedTo, Frequency, InterestBasis, Method, RateStep
from tests.domain.histories import START, Book, agreements, terms

LEVELS = [m for m in Method if m not in (Method.IRREGULAR, Method.DISCOUNT, Method.SINGLE)]


@st.composite
def plans(draw) -> Plan:
    """Terms with up to two more tranches and a change of rate."""
    down = draw(st.sampled_from([0, 0, 250_000]))
    agreed = draw(agreements(late_rate=0, late_fee=0, down_payment_rate=down, opening_fee_rate=0))
    assume(agreed.method in LEVELS and not agreed.grace.capitalise and agreed.instalments > 2)
    assume(agreed.revolving is None or not agreed.revolving.statement_days)  # a plan has no bills
    first = agreed.principal // 2
    days = sorted(draw(st.lists(st.integers(1, 50), max_size=2)))
    rest = agreed.principal - first
    later = [Tranche(START + timedelta(days=day), rest // (len(days) + 1) or 1) for day in days]
    rates = [
        RateStep(from_on=START + timedelta(days=day), annual_rate=rate)
        for day, rate in draw(
            st.lists(st.tuples(st.integers(0, 40), st.sampled_from([0, 240_000])), max_size=1)
        )
    ]
    pauses = [
        Pause(START + timedelta(days=day), START + timedelta(days=day + nights))
        for day, nights in draw(
            st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), max_size=1)
        )
    ]
    return Plan(agreed, START, (Tranche(START, first), *later), tuple(rates), tuple(pauses))


@given(plans())
def test_a_loan_paid_on_its_days_follows_the_plan(plan):
    try:
        rows = planned(plan)
    except LoanError:
        assume(False)
    book = Book(replay(commands.open_loan(loan_no="P", terms=plan.terms, effective_on=START)), [])
    steps = [(t.on, "a", t.amount) for t in plan.tranches]
    steps += [(r.from_on, "0", r.annual_rate) for r in plan.rate_changes]
    steps += [(pause.from_on, "1", pause.until) for pause in plan.pauses]
    dues = [row.due_on for row in rows]
    steps += [(due, " ", 0) for due in dues]  # paid before anything else happens that day
    steps += [(t.on, "b", 0) for t in plan.tranches]  # and its down payment after the payout
    for on, what, figure in sorted(steps, key=lambda step: (step[0], step[0] == START, step[1])):
        if what == "a":
            book.do(commands.disburse, principal=figure, effective_on=on, withheld_fees=0)
        elif what == "0" and on == START:
            continue
        elif what == "1":
            book.do(commands.pause_interest, effective_on=on, until=figure)
        elif what == "0":
            book.do(commands.change_rate, annual_rate=figure, effective_on=on)
        else:
            owed = sum(line.left for line in views.as_of(book.loan, on).rows if line.due_on <= on)
            if owed > 0:
                book.do(commands.receive_payment, amount=owed, effective_on=on)
        if book.loan.status is Status.CLOSED:
            assume(book.loan.tranches == len(plan.tranches))  # repaid before the next payout
            break
    assume(not any(r.from_on == START for r in plan.rate_changes))

    lines = book.loan.rows
    assert [line.due_on for line in lines] == dues
    assert [line.owed.principal for line in lines] == [row.principal for row in rows]
    assert [line.owed.interest for line in lines] == [row.interest for row in rows]
    assert [line.owed.fee for line in lines] == [row.fee for row in rows]


def test_a_tranche_in_mid_period_bears_interest_from_its_day():
    """100.00 on 1 January, 200.00 more on the 8th, 9.4822 %, six months, interest per period.

    Interest of January: (100 x 7 + 300 x 24) / 31 days at 0.790183 % a month = 2.01.
    """
    agreed = terms(
        principal=300_00, annual_rate=94_822, instalments=6, interest=InterestBasis.PER_PERIOD,
        tax_rate=0,
    )  # fmt: skip
    on = date(2024, 1, 1)

    rows = planned(Plan(agreed, on, (Tranche(on, 100_00), Tranche(date(2024, 1, 8), 200_00))))

    assert rows[0].interest == 2_01
    assert sum(row.principal for row in rows) == 300_00


def fitted_to_all(**changes):
    agreed = {"principal": 12_000_00, "annual_rate": 240_000, "instalments": 4, "tax_rate": 0}
    return terms(
        **agreed, interest=InterestBasis.PER_PERIOD, fitted_to=FittedTo.APPROVED, **changes
    )


def test_the_instalment_may_be_that_of_all_that_was_approved_from_the_start():
    """A of 12,000.00 is 3,151.49. Half of it is out until 25 February.

    Row 2: 2,968.51 x 2 % x 10/28 + 8,968.51 x 2 % x 18/28 = 136.51.
    """
    half, second = Tranche(START, 6_000_00), Tranche(date(2026, 2, 25), 6_000_00)

    alone = planned(Plan(fitted_to_all(), START, (half,)))
    both = planned(Plan(fitted_to_all(), START, (half, second)))

    assert [row.total for row in alone] == [3_151_49, 3_027_88, 0, 0]
    assert [row.total for row in both] == [3_151_49, 3_151_49, 3_151_49, 2_979_53]
    assert [row.interest for row in both] == [120_00, 136_51, 119_07, 58_42]


def test_a_change_of_rate_fits_it_to_what_is_left_and_still_to_come():
    """From 15 February 36 %: 2,968.51 and 6,000.00 to come over three at 3 %: 3,170.64."""
    change = RateStep(from_on=date(2026, 2, 15), annual_rate=360_000)
    tranches = Tranche(START, 6_000_00), Tranche(date(2026, 2, 25), 6_000_00)

    rows = planned(Plan(fitted_to_all(), START, tranches, (change,)))

    assert [row.total for row in rows[:3]] == [3_151_49, 3_170_64, 3_170_64]


def test_only_equal_instalments_are_fitted_to_what_was_approved():
    steps = (RateStep(from_on=date(2026, 2, 15), annual_rate=360_000),)
    for changes in ({"method": Method.EQUAL_PRINCIPAL}, {"rate_steps": steps}):
        with pytest.raises(InvalidTerms) as refused:
            planned(Plan(fitted_to_all(**changes), START))
        assert refused.value.field == "fitted_to"


def test_each_payout_has_its_down_payment_on_its_day():
    """A quarter of 8,000.00 and of 4,000.00; on a due date after what falls due that day.

    2 % a period: A of 6,000.00 over four months is 1,575.74, of 4,544.26 + 3,000.00 over three
    2,616.01.
    """
    agreed = terms(principal=12_000_00, annual_rate=240_000, instalments=4, tax_rate=0,
                   down_payment_rate=250_000, interest=InterestBasis.PER_PERIOD)  # fmt: skip
    second = date(2026, 2, 15)

    rows = planned(Plan(agreed, START, (Tranche(START, 8_000_00), Tranche(second, 4_000_00))))

    assert [row.number for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [row.due_on for row in rows[:3]] == [START, second, second]
    assert [row.principal for row in rows[:3]] == [2_000_00, 1_455_74, 1_000_00]
    assert [row.interest for row in rows[:4]] == [0, 120_00, 0, 150_89]
    assert [row.total for row in rows[3:5]] == [2_616_01, 2_616_01]
    assert sum(row.principal for row in rows) == 12_000_00


def test_a_charge_falls_due_with_the_instalment_of_its_day_or_gets_a_row_of_its_own():
    charges = (Charge(START, "visit", 10_00), Charge(date(2026, 2, 15), "visit", 20_00),
               Charge(date(2028, 1, 1), "letter", 5_00))  # fmt: skip

    rows = planned(Plan(terms(), START, charges=charges))

    assert [row.fee for row in rows if row.fee] == [30_00, 5_00]
    assert (rows[0].fee, rows[0].fee_tax) == (30_00, 4_80)
    assert (rows[-1].number, rows[-1].due_on, rows[-1].total) == (13, date(2028, 1, 1), 5_80)


BEFORE, LATE = START - timedelta(1), date(2028, 1, 1)


@pytest.mark.parametrize(
    ("changes", "error", "field"),
    [
        ({"tranches": (Tranche(START, 10_000_01),)}, OverDisbursement, "tranches"),
        ({"tranches": (Tranche(START, 9_000_00), Tranche(START, 1_000_01))}, OverDisbursement,
         "tranches"),
        ({"tranches": (Tranche(START, 0),)}, InvalidAmount, "tranches"),
        ({"tranches": (Tranche(BEFORE, 1_00),)}, InvalidDate, "tranches"),
        ({"tranches": (Tranche(START, 1_00), Tranche(LATE, 1_00))}, InvalidDate, "tranches"),
        ({"rate_changes": (RateStep(from_on=BEFORE, annual_rate=1),)}, InvalidDate,
         "rate_changes"),
        ({"rate_changes": (RateStep(from_on=START, annual_rate=-1),)}, InvalidTerms,
         "rate_changes"),
        ({"rate_changes": (RateStep(from_on=LATE, annual_rate=1),)}, InvalidDate, "rate_changes"),
        ({"pauses": (Pause(BEFORE, START),)}, InvalidDate, "pauses"),
        ({"pauses": (Pause(START, START),)}, InvalidDate, "pauses"),
        ({"pauses": (Pause(LATE, LATE + timedelta(1)),)}, InvalidDate, "pauses"),
        ({"charges": (Charge(START, " ", 1),)}, InvalidTerms, "charges"),
        ({"charges": (Charge(START, "visit", 0),)}, InvalidAmount, "charges"),
        ({"charges": (Charge(BEFORE, "visit", 1),)}, InvalidDate, "charges"),
    ],
)  # fmt: skip
def test_an_impossible_plan_is_refused_by_name(changes, error, field):
    with pytest.raises(error) as refusal:
        planned(Plan(terms(), START, **changes))
    assert refusal.value.field == field


def test_interest_rests_in_a_pause_and_the_instalment_stays():
    """100.00 at 7 %, six months: 17.01. No interest for the nights of 4 to 9 February."""
    agreed = terms(principal=100_00, annual_rate=70_000, instalments=6, tax_rate=0,
                   day_count=DayCount.THIRTY_360)  # fmt: skip
    pause = Pause(date(2024, 2, 4), date(2024, 2, 10))

    rows = planned(Plan(agreed, date(2024, 1, 1), pauses=(pause,)))

    assert rows[1].interest == 39  # 83.57 x 7 % x 24/360
    assert [row.total for row in rows] == [17_01, 17_01, 17_01, 17_01, 17_01, 16_90]


def test_a_payout_after_the_first_day_bears_nothing_before_it():
    """Agreed on 1 January, paid out on the 5th: interest of 27 of 31 days."""
    agreed = terms(principal=100_00, annual_rate=94_822, instalments=6, tax_rate=0,
                   frequency=Frequency.MONTHLY, interest=InterestBasis.PER_PERIOD)  # fmt: skip
    on = date(2024, 1, 1)

    rows = planned(Plan(agreed, on, (Tranche(date(2024, 1, 5), 100_00),)))

    assert rows[0].due_on == date(2024, 2, 1)
    assert rows[0].interest == 69  # 0.790183 x 27 / 31 = 0.688

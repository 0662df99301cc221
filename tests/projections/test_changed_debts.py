"""What read models say once schedule, terms or debt change, with figures worked out by hand.

The loan: 1,200.00 at 36 %, twelve equal principals of 100.00 on 30/360, 16 % tax, late interest
72 %. A full month's interest on 1,200.00 is 36.00, its tax 5.76.
"""

from datetime import date, timedelta

import pytest

from domain import commands
from domain import events as e
from domain.restructuring import NewTerms
from domain.terms import (
    AllocationRule,
    Component,
    DayCount,
    Grace,
    InAdvance,
    Method,
    PaymentKind,
)
from domain.views import as_of
from ledger import database as db
from projections.journal.accounts import Account
from projections.journal.postings import postings
from projections.verify import verify
from tests.domain.histories import terms
from tests.projections.stories import Log, Story, catch_up, paid_out, read

JANUARY, FEBRUARY, MARCH = date(2026, 1, 15), date(2026, 2, 15), date(2026, 3, 15)
SCHEDULE = "SELECT * FROM read.schedule WHERE loan_id = %s ORDER BY instalment"
LOAN = "SELECT * FROM read.loans WHERE loan_id = %s"
BALANCES = "SELECT * FROM read.balances WHERE loan_id = %s"
PAYMENTS = "SELECT * FROM read.payments WHERE loan_id = %s ORDER BY payment"
AGED = "SELECT days_past_due, late_since FROM read.aging_at(%s) WHERE loan_id = %s"


@pytest.fixture(scope="module")
def told(database):
    """Answers a function: store the stories, read them, and hold them against their replay."""
    log = Log(database)

    def store(*stories):
        log.append(*stories)
        assert not catch_up(database).stopped
        with db.connect(database) as connection:
            assert verify(connection) == []
        return lambda query, *values: read(database, query, *values)

    return store


def small(**changes):
    fixed = {"method": Method.EQUAL_PRINCIPAL, "day_count": DayCount.THIRTY_360}
    return terms(principal=1_200_00, **(fixed | changes))


def entry(story, kind):
    event = next(event for event in story.history[::-1] if isinstance(event, kind))
    return {posting.account: posting.amount for posting in postings(event)}


def restructured(treatment, **changes):
    """On the first due date nothing was paid; ten new instalments take the whole debt."""
    story = paid_out(small(**changes))
    story.do(commands.restructure, effective_on=FEBRUARY, treatment=treatment,
             new=NewTerms(instalments=10, first_due_on=MARCH))  # fmt: skip
    return story


def test_a_second_tranche_is_added_to_what_is_not_yet_due(told):
    story = Story(small())
    story.do(commands.disburse, principal=600_00, effective_on=JANUARY)
    story.do(commands.disburse, principal=600_00, effective_on=FEBRUARY)
    ask = told(story)

    rows, [loan] = ask(SCHEDULE, story.loan_id), ask(LOAN, story.loan_id)

    assert [row["principal"] for row in rows[:2]] == [50_00, 104_55]
    assert sum(row["principal"] for row in rows) == 1_200_00
    assert (rows[0]["interest"], rows[1]["planned_interest"]) == (18_00, 34_50)
    assert (loan["disbursed"], loan["disbursed_on"], loan["instalments"]) == (
        1_200_00, JANUARY, 12,
    )  # fmt: skip


def test_interest_that_becomes_principal_moves_within_the_debt(told):
    story = restructured(e.Treatment.CAPITALISE)
    ask = told(story)

    [balance], [loan] = ask(BALANCES, story.loan_id), ask(LOAN, story.loan_id)
    first, second, *_ = ask(SCHEDULE, story.loan_id)
    [moved] = ask(
        "SELECT * FROM read.transactions WHERE loan_id = %s AND kind = 'capitalisation'",
        story.loan_id,
    )

    assert (balance["principal"], balance["interest"], balance["interest_tax"]) == (1_241_76, 0, 0)
    assert (balance["disbursed"], balance["capitalised"]) == (1_200_00, 41_76)
    assert (moved["amount"], moved["interest"], moved["principal_change"]) == (41_76, -36_00, 41_76)
    assert (first["principal"], first["interest"], first["settled_on"]) == (0, 0, FEBRUARY)
    assert (second["due_on"], second["principal"]) == (MARCH, 124_18)
    assert (loan["restructures"], loan["restructured_on"]) == (1, FEBRUARY)
    assert (loan["instalments"], loan["principal"]) == (len(story.loan.lines), 1_241_76)
    assert entry(story, e.LoanRestructured) == {
        Account.PRINCIPAL: 41_76,
        Account.INTEREST: -36_00,
        Account.INTEREST_TAX: -5_76,
        Account.TAX_NOT_COLLECTED: 5_76,
        Account.TAX_COLLECTED: -5_76,
    }


def test_interest_given_up_by_a_restructuring_is_forgiven(told):
    story = restructured(e.Treatment.FORGIVE)
    [balance] = told(story)(BALANCES, story.loan_id)

    assert (balance["principal"], balance["interest"]) == (1_200_00, 0)
    assert (balance["forgiven"], balance["forgiven_total"]) == (0, 41_76)
    assert entry(story, e.LoanRestructured) == {
        Account.FORGIVEN: 36_00,
        Account.TAX_NOT_COLLECTED: 5_76,
        Account.INTEREST: -36_00,
        Account.INTEREST_TAX: -5_76,
    }


def test_interest_kept_by_a_restructuring_falls_due_with_the_next_instalment(told):
    story = restructured(e.Treatment.KEEP)
    ask = told(story)

    [balance] = ask(BALANCES, story.loan_id)
    first, second, *_ = ask(SCHEDULE, story.loan_id)

    assert (balance["principal"], balance["interest"]) == (1_200_00, 36_00)
    assert (first["interest"], first["interest_tax"]) == (0, 0)
    assert (second["planned_interest"], second["interest"]) == (36_00, 72_00)
    assert entry(story, e.LoanRestructured) == {}


def test_new_dates_are_no_restructuring(told):
    story = paid_out(small())
    story.do(commands.payment_holiday, effective_on=JANUARY, periods=2)
    ask = told(story)

    [loan], rows = ask(LOAN, story.loan_id), ask(SCHEDULE, story.loan_id)

    assert (loan["restructures"], loan["restructured_on"]) == (0, None)
    assert (loan["instalments"], loan["maturity_on"]) == (14, date(2027, 3, 15))
    assert [row["principal"] for row in rows[:3]] == [0, 0, 100_00]


def test_grace_interest_becomes_principal_of_its_own_instalment(told):
    grace = Grace(principal_periods=1, interest_payment_periods=1, capitalise=True)
    story = paid_out(small(grace=grace))
    planned = told(story)(SCHEDULE, story.loan_id)[0]
    story.do(commands.accrue, effective_on=FEBRUARY)
    due = told(story)(SCHEDULE, story.loan_id)[0]

    assert (planned["principal"], planned["interest"], planned["interest_tax"]) == (
        -41_76, 36_00, 5_76,
    )  # fmt: skip
    assert (due["principal"], due["interest"], due["interest_tax"]) == (0, 0, 0)


def test_a_payment_that_shortens_the_term_leaves_no_rows_behind(told):
    shorter = AllocationRule(in_advance=InAdvance.REDUCE_TERM)
    story = paid_out(small(method=Method.EQUAL_INSTALMENTS, allocation=shorter))
    before = told(story)(LOAN, story.loan_id)[0]["maturity_on"]
    story.do(commands.receive_payment, amount=600_00, effective_on=JANUARY)
    ask = told(story)

    rows, [loan] = ask(SCHEDULE, story.loan_id), ask(LOAN, story.loan_id)

    assert len(rows) == loan["instalments"] < 12
    assert loan["maturity_on"] == rows[-1]["due_on"] < before
    assert sum(row["principal"] - row["paid_principal"] for row in rows) == 600_00


def test_the_rate_of_a_loan_is_the_one_fixed_last_and_no_pause_changes_it(told):
    story = paid_out(small())
    story.do(commands.change_rate, annual_rate=240_000, effective_on=JANUARY)
    story.do(commands.pause_interest, effective_on=JANUARY, until=FEBRUARY)
    [loan] = told(story)(LOAN, story.loan_id)

    assert loan["annual_rate"] == 240_000


def test_money_taken_back_is_owed_again_and_the_payment_stays(told):
    story = paid_out(small())
    story.do(commands.receive_payment, amount=1_300_00, effective_on=JANUARY)
    story.do(commands.charge_back, payment=1, amount=500_00, effective_on=date(2026, 1, 20))
    ask = told(story)

    [balance], [loan] = ask(BALANCES, story.loan_id), ask(LOAN, story.loan_id)
    [payment] = ask(PAYMENTS, story.loan_id)

    assert (balance["principal"], balance["repaid"], balance["charged_back"]) == (
        400_00, 1_200_00, 400_00,
    )  # fmt: skip
    assert (payment["principal"], payment["overpaid"]) == (1_200_00, 0)
    assert (payment["refunded"], payment["charged_back"]) == (100_00, 500_00)
    assert (loan["status"], loan["closed_on"], loan["closed_reason"]) == ("active", None, None)
    assert entry(story, e.ChargedBack) == {
        Account.PRINCIPAL: 400_00, Account.OVERPAYMENTS: 100_00, Account.BANK: -500_00,
    }  # fmt: skip


def test_money_that_waits_clears_what_falls_due_and_what_is_left_can_go_back(told):
    story = paid_out(small(allocation=AllocationRule(in_advance=InAdvance.WAIT)))
    story.do(commands.receive_payment, amount=200_00, effective_on=date(2026, 1, 20))
    story.do(commands.accrue, effective_on=FEBRUARY)
    story.do(commands.refund_overpayment, effective_on=date(2026, 2, 16), amount=50_00)
    ask = told(story)

    [payment], [balance] = ask(PAYMENTS, story.loan_id), ask(BALANCES, story.loan_id)
    first, *_ = ask(SCHEDULE, story.loan_id)

    assert (payment["principal"], payment["interest"], payment["overpaid"]) == (
        100_00, 36_00, 8_24,
    )  # fmt: skip
    assert (payment["refunded"], balance["overpaid"], balance["repaid"]) == (50_00, 8_24, 100_00)
    assert (first["settled_on"], first["paid_on"]) == (FEBRUARY, date(2026, 1, 20))
    assert first["paid_in_advance"] == 141_76
    assert entry(story, e.OverpaymentApplied) == {
        Account.OVERPAYMENTS: 141_76,
        Account.TAX_NOT_COLLECTED: 5_76,
        Account.PRINCIPAL: -100_00,
        Account.INTEREST: -36_00,
        Account.INTEREST_TAX: -5_76,
        Account.TAX_COLLECTED: -5_76,
    }
    assert entry(story, e.OverpaymentRefunded) == {
        Account.OVERPAYMENTS: 50_00, Account.BANK: -50_00,
    }  # fmt: skip


def test_a_goodwill_credit_is_paid_by_the_lender(told):
    story = paid_out(small())
    story.do(commands.receive_payment, amount=100_00, effective_on=JANUARY,
             kind=PaymentKind.GOODWILL_CREDIT)  # fmt: skip
    [payment] = told(story)(PAYMENTS, story.loan_id)

    assert payment["source"] == "goodwill_credit"
    assert entry(story, e.PaymentReceived) == {
        Account.GOODWILL: 100_00, Account.PRINCIPAL: -100_00,
    }  # fmt: skip


def test_a_loan_sold_leaves_the_books_for_its_price(told):
    story = paid_out(small())
    story.do(commands.sell, effective_on=FEBRUARY, holder="Fund", price=800_00)
    ask = told(story)

    [balance], [loan] = ask(BALANCES, story.loan_id), ask(LOAN, story.loan_id)
    rows = ask(SCHEDULE, story.loan_id)

    assert (balance["principal"], balance["sold"], balance["sold_total"]) == (
        0, 1_200_00, 1_241_76,
    )  # fmt: skip
    assert (loan["status"], loan["closed_reason"], loan["sold_on"], loan["holder"]) == (
        "closed", "sold", FEBRUARY, "Fund",
    )  # fmt: skip
    assert sum(row["sold"] for row in rows) == 1_241_76
    assert [row["interest"] for row in rows] == [36_00] + [0] * 11
    assert entry(story, e.LoanSold) == {
        Account.BANK: 800_00,
        Account.SALE_RESULT: 436_00,
        Account.TAX_NOT_COLLECTED: 5_76,
        Account.PRINCIPAL: -1_200_00,
        Account.INTEREST: -36_00,
        Account.INTEREST_TAX: -5_76,
    }


def test_a_loan_recovered_in_full_owes_nothing_of_any_instalment(told):
    story = paid_out(small())
    story.do(commands.write_off, effective_on=date(2026, 1, 25))
    story.do(commands.receive_recovery, amount=1_213_92, effective_on=FEBRUARY)
    rows = told(story)(SCHEDULE, story.loan_id)

    assert story.loan.status == "closed"
    assert [row["interest"] for row in rows] == [12_00] + [0] * 11
    charged = sum(row[c.value] for row in rows for c in Component)
    assert charged == sum(row["written_off"] for row in rows) == 1_213_92


def test_interest_withheld_is_deferred_and_its_tax_owed_at_once():
    event = e.LoanDisbursed(
        effective_on=JANUARY, tranche=1, principal=1_200_00, schedule=(), withheld_fees=20_00,
        withheld_fees_tax=3_20, withheld_interest=36_00, withheld_interest_tax=5_76,
    )  # fmt: skip

    assert {posting.account: posting.amount for posting in postings(event)} == {
        Account.PRINCIPAL: 1_200_00,
        Account.BANK: -1_135_04,
        Account.TAX_COLLECTED: -8_96,
        Account.DEFERRED_FEES: -20_00,
        Account.DEFERRED_INTEREST: -36_00,
    }


def test_accrual_is_suspended_until_the_arrears_are_paid(told):
    story = paid_out(small(suspend_from=30))
    story.do(commands.close_day, on=date(2026, 3, 20))
    before = told(story)(LOAN, story.loan_id)[0]["suspended"]
    story.do(commands.receive_payment, amount=500_00, effective_on=date(2026, 3, 21))
    story.do(commands.close_day, on=date(2026, 3, 22))
    after = told(story)(LOAN, story.loan_id)[0]["suspended"]

    assert (before, after) == (True, False)


@pytest.fixture(scope="module")
def paused(told):
    """Nothing is paid; twenty days from 20 February and ten from 1 April do not count."""
    story = paid_out(small())
    for begin, days in ((date(2026, 2, 20), 20), (date(2026, 4, 1), 10)):
        story.do(commands.pause_delinquency, effective_on=begin, until=begin + timedelta(days=days))
    story.do(commands.close_day, on=date(2026, 5, 1))
    return told(story), story


@pytest.mark.parametrize(
    ("on", "days"),
    [("2026-02-15", 0), ("2026-02-20", 5), ("2026-02-21", 5), ("2026-03-12", 5),
     ("2026-03-13", 6), ("2026-04-01", 25), ("2026-04-11", 25), ("2026-04-12", 26),
     ("2026-06-01", 76)],
)  # fmt: skip
def test_days_in_a_pause_count_as_none_past_due(paused, on, days):
    ask, story = paused
    day = date.fromisoformat(on)

    [row] = ask(AGED, day, story.loan_id)

    assert row["days_past_due"] == days == as_of(story.loan, day).days_past_due(day)
    assert row["late_since"] == (day - timedelta(days=days) if days else None) or day == FEBRUARY

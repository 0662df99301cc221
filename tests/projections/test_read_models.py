"""What each read model says of a small story, with figures worked out by hand.

The loan: 1,200.00 at 36 %, twelve equal principals of 100.00 on 30/360, 16 % tax, late interest
72 %. A full month's interest on 1,200.00 is 36.00, its tax 5.76; on 1,100.00 33.00 and 5.28.
"""

from datetime import date

import pytest

from domain import commands
from domain.terms import AllocationRule, Component, DayCount, InAdvance, InterestBasis, Method
from tests.domain.histories import terms
from tests.projections.stories import Log, Story, catch_up, paid_out, read, taken_on

JANUARY, FEBRUARY, MARCH = date(2026, 1, 15), date(2026, 2, 15), date(2026, 3, 15)
WITHOUT_INTEREST = {"annual_rate": 0, "method": Method.INTEREST_ONLY}
PRINCIPALS = {"method": Method.EQUAL_PRINCIPAL, "day_count": DayCount.THIRTY_360}


@pytest.fixture(scope="module")
def told(database):
    """Answers a function: store the stories and read them."""
    log = Log(database)

    def store(*stories):
        log.append(*stories)
        report = catch_up(database)
        assert not report.stopped
        return lambda query, *values: read(database, query, *values)

    return store


def small(**changes):
    return terms(principal=1_200_00, **(PRINCIPALS | changes))


def owed(row):
    return {c.value: row[c.value] for c in Component if row[c.value]}


def test_balances_add_up_by_component_and_say_where_principal_went(told):
    story = paid_out(small())
    story.do(commands.receive_payment, amount=141_76, effective_on=FEBRUARY)
    story.do(commands.accrue, effective_on=date(2026, 2, 25))

    [row] = told(story)("SELECT * FROM read.balances WHERE loan_id = %s", story.loan_id)

    assert owed(row) == {"principal": 1_100_00, "interest": 11_00, "interest_tax": 1_76}
    assert (row["disbursed"], row["repaid"], row["paid_total"]) == (1_200_00, 100_00, 141_76)
    assert (row["version"], row["accrued_through"]) == (story.loan.version, date(2026, 2, 25))


def test_interest_paid_before_it_is_earned_is_a_negative_balance(told):
    story = paid_out(small(interest=InterestBasis.PER_PERIOD, tax_rate=0))
    story.do(commands.receive_payment, amount=36_00, effective_on=date(2026, 1, 20))

    [row] = told(story)("SELECT * FROM read.balances WHERE loan_id = %s", story.loan_id)

    assert row["interest"] == story.loan.balances().interest < 0


def test_an_instalment_is_planned_until_due_then_final(told):
    story = paid_out(small(allocation=AllocationRule(in_advance=InAdvance.LAST_INSTALMENT)))
    story.do(commands.receive_payment, amount=600_00, effective_on=JANUARY)
    story.do(commands.accrue, effective_on=FEBRUARY)

    first, second, *_, last = told(story)(
        "SELECT * FROM read.schedule WHERE loan_id = %s ORDER BY instalment", story.loan_id
    )

    assert (first["planned_interest"], first["interest"], first["due"]) == (36_00, 18_00, True)
    assert (second["planned_interest"], second["interest"], second["due"]) == (33_00, 33_00, False)
    assert last["paid_in_advance"] == last["paid_principal"] == 100_00


@pytest.mark.parametrize(
    ("paid_on", "late", "settled"),
    [(FEBRUARY, 0, True), (date(2026, 2, 20), 100_00 + 36_00 + 5_76 + 1_00 + 16, True)],
)
def test_an_instalment_says_when_it_was_paid_and_how_much_of_it_late(told, paid_on, late, settled):
    story = paid_out(small())
    story.do(commands.accrue, effective_on=paid_on)
    due = story.loan.lines[0].left
    story.do(commands.receive_payment, amount=due, effective_on=paid_on)

    first, *_ = told(story)(
        "SELECT * FROM read.schedule WHERE loan_id = %s ORDER BY instalment", story.loan_id
    )

    assert (first["settled_on"], first["paid_on"]) == (paid_on, paid_on)
    assert (first["paid_late"], first["paid_in_advance"]) == (late, 0)


def test_a_reversed_payment_leaves_the_instalment_unpaid_and_its_row_in_place(told):
    story = paid_out(small())
    story.do(commands.receive_payment, amount=141_76, effective_on=FEBRUARY, reference="B1")
    story.do(commands.reverse_payment, payment=1, reversed_on=date(2026, 2, 20), reason="returned")
    ask = told(story)

    first, *_ = ask("SELECT * FROM read.schedule WHERE loan_id = %s ORDER BY 2", story.loan_id)
    [payment] = ask("SELECT * FROM read.payments WHERE loan_id = %s", story.loan_id)
    moved = ask(
        "SELECT kind, amount, principal, principal_change FROM read.transactions"
        " WHERE loan_id = %s AND number = 1 AND kind <> 'disbursement' ORDER BY position",
        story.loan_id,
    )

    assert (first["settled_on"], first["paid_on"], first["paid_principal"]) == (None, None, 0)
    assert (payment["amount"], payment["principal"], payment["overpaid"]) == (141_76, 0, 0)
    assert (payment["reversed_on"], payment["reversal_reason"]) == (date(2026, 2, 20), "returned")
    assert [tuple(row.values()) for row in moved] == [
        ("payment", 141_76, 100_00, -100_00),
        ("reversal", -141_76, -100_00, 100_00),
    ]


def test_principal_can_be_summed_to_any_value_date(told):
    story = paid_out(small())
    story.do(commands.receive_payment, amount=141_76, effective_on=FEBRUARY)
    story.do(commands.receive_payment, amount=138_28, effective_on=MARCH)
    ask = told(story)

    def principal(on):
        [row] = ask(
            "SELECT sum(principal_change) AS principal FROM read.transactions"
            " WHERE loan_id = %s AND effective_on <= %s",
            story.loan_id, on,
        )  # fmt: skip
        return row["principal"]

    assert principal(date(2026, 2, 14)) == 1_200_00
    assert principal(FEBRUARY) == 1_100_00
    assert principal(MARCH) == 1_000_00


@pytest.mark.parametrize(
    ("days", "bucket"),
    [(-1, "current"), (0, "current"), (1, "1-7"), (7, "1-7"), (8, "8-15"), (15, "8-15"),
     (16, "16-30"), (30, "16-30"), (31, "31-60"), (60, "31-60"), (61, "61-90"), (90, "61-90"),
     (91, "91-120"), (120, "91-120"), (121, "121-180"), (180, "121-180"), (181, "181+")],
)  # fmt: skip
def test_days_past_due_follow_from_the_date_alone(unpaid, days, bucket):
    ask, loan_id = unpaid

    [row] = ask(
        "SELECT * FROM read.aging_at(%s::date + %s) WHERE loan_id = %s", FEBRUARY, days, loan_id
    )

    assert (row["days_past_due"], row["bucket"]) == (max(days, 0), bucket)


@pytest.fixture(scope="module")
def unpaid(told):
    story = paid_out(small())
    story.do(commands.close_day, on=MARCH)
    return told(story), story.loan_id


def test_a_loan_ages_only_while_it_is_on_the_books(told):
    never, gone = Story(small()), paid_out(small())
    gone.do(commands.write_off, effective_on=date(2026, 4, 1))
    ask = told(never, gone)

    def aged(on):
        rows = ask("SELECT loan_id, days_past_due FROM read.aging_at(%s)", on)
        return {row["loan_id"]: row["days_past_due"] for row in rows}

    assert never.loan_id not in aged(MARCH)
    assert gone.loan_id not in aged(date(2026, 1, 14))
    assert aged(date(2026, 3, 31))[gone.loan_id] == 44
    assert gone.loan_id not in aged(date(2026, 4, 1))


def test_a_payment_settles_the_past_without_rewriting_what_was_past_due_before(told):
    story = paid_out(small())
    story.do(commands.receive_payment, amount=200_00, effective_on=date(2026, 2, 25))
    ask = told(story)

    def days(on):
        query = "SELECT days_past_due FROM read.aging_at(%s) WHERE loan_id = %s"
        return ask(query, on, story.loan_id)[0]["days_past_due"]

    assert (days(date(2026, 2, 24)), days(date(2026, 2, 25))) == (9, 0)


def test_a_promise_is_open_until_it_is_kept_broken_or_cancelled(told):
    story = paid_out(small())
    for promised_for in (date(2026, 2, 20), date(2026, 3, 20), date(2026, 3, 25)):
        story.do(commands.make_promise, amount=150_00, promised_for=promised_for,
                 effective_on=date(2026, 2, 16))  # fmt: skip
    story.do(commands.receive_payment, amount=150_00, effective_on=date(2026, 2, 19))
    story.do(commands.close_day, on=date(2026, 2, 22))
    story.do(commands.cancel_promise, promise=3, effective_on=date(2026, 2, 22), reason="agreed")

    rows = told(story)(
        "SELECT promise, status, received, resolved_on, reason FROM read.promises"
        " WHERE loan_id = %s ORDER BY promise",
        story.loan_id,
    )

    states = {number: promise.state for number, promise in story.loan.promises.items()}
    assert {row["promise"]: row["status"] for row in rows} == states
    assert rows[0]["status"] == "kept"
    assert rows[0]["received"] == 150_00
    assert (rows[2]["resolved_on"], rows[2]["reason"]) == (date(2026, 2, 22), "agreed")


def test_a_loan_closed_early_keeps_of_the_instalments_never_due_what_was_paid(told):
    story = paid_out(small())
    story.do(
        commands.receive_payment, amount=1_200_00 + 12_00 + 1_92, effective_on=date(2026, 1, 25)
    )
    ask = told(story)

    rows = ask("SELECT * FROM read.schedule WHERE loan_id = %s ORDER BY 2", story.loan_id)
    [loan] = ask("SELECT * FROM read.loans WHERE loan_id = %s", story.loan_id)

    assert (loan["status"], loan["closed_on"], loan["principal"]) == (
        "closed", date(2026, 1, 25), 0,
    )  # fmt: skip
    assert [row["interest"] for row in rows] == [12_00] + [0] * 11
    assert [row["interest_tax"] for row in rows] == [1_92] + [0] * 11


def test_a_loan_that_comes_back_to_life_plans_its_interest_again(told):
    story = paid_out(small())
    story.do(commands.receive_payment, amount=1_213_92, effective_on=date(2026, 1, 25))
    story.do(commands.reverse_payment, payment=1, reversed_on=date(2026, 1, 30))
    ask = told(story)

    rows = ask("SELECT * FROM read.schedule WHERE loan_id = %s ORDER BY 2", story.loan_id)
    [loan] = ask("SELECT * FROM read.loans WHERE loan_id = %s", story.loan_id)

    assert (loan["status"], loan["closed_on"], loan["closed_reason"]) == ("active", None, None)
    assert [row["interest"] for row in rows] == [row["planned_interest"] for row in rows]


def test_a_loan_taken_on_owes_its_opening_balances(told):
    story = taken_on(
        small(), date(2026, 4, 10), disbursed_on=JANUARY, principal=1_100_00, interest=40_00,
        interest_tax=6_40, late_interest=3_00, fee=50_00, fee_tax=8_00,
    )  # fmt: skip
    ask = told(story)

    [balance] = ask("SELECT * FROM read.balances WHERE loan_id = %s", story.loan_id)
    [loan] = ask("SELECT * FROM read.loans WHERE loan_id = %s", story.loan_id)
    rows = ask("SELECT * FROM read.schedule WHERE loan_id = %s ORDER BY 2", story.loan_id)

    assert owed(balance) == {
        "principal": 1_100_00, "interest": 40_00, "interest_tax": 6_40, "late_interest": 3_00,
        "fee": 50_00, "fee_tax": 8_00,
    }  # fmt: skip
    assert balance["disbursed"] == 1_100_00
    assert (loan["disbursed_on"], loan["booked_on"]) == (JANUARY, date(2026, 4, 10))
    assert loan["oldest_unpaid_due_on"] == MARCH
    assert rows[0]["settled_on"] == date(2026, 4, 10)
    assert sum(row["principal"] for row in rows) == 1_100_00


def test_what_is_forgiven_waived_or_written_off_is_told_apart(told):
    story = paid_out(small())
    story.do(commands.charge_fee, kind="visit", amount=50_00, effective_on=FEBRUARY)
    story.do(commands.waive_fee, fee=1, effective_on=FEBRUARY)
    story.do(commands.forgive, amounts={Component.INTEREST: 6_00}, effective_on=FEBRUARY)
    story.do(commands.write_off, effective_on=FEBRUARY)
    story.do(commands.receive_recovery, amount=300_00, effective_on=MARCH)
    ask = told(story)

    [row] = ask("SELECT * FROM read.balances WHERE loan_id = %s", story.loan_id)
    first, *_ = ask("SELECT * FROM read.schedule WHERE loan_id = %s ORDER BY 2", story.loan_id)

    assert not owed(row)
    assert row["forgiven_total"] == 58_00 + 6_00
    assert row["written_off_total"] == 1_200_00 + 30_00 + 5_76
    assert (row["written_off"], row["forgiven"], row["recovered"]) == (1_200_00, 0, 300_00)
    assert (first["forgiven_fee"], first["forgiven_interest"]) == (50_00, 6_00)
    assert first["written_off"] == 100_00 + 30_00 + 5_76


def test_counters_need_no_count(told, database):
    terms_abroad = small(currency="USD")
    stories = [paid_out(terms_abroad, branch="sur"), paid_out(terms_abroad, branch="sur"),
               Story(terms_abroad, branch="sur")]  # fmt: skip
    stories[0].do(commands.close_day, on=date(2026, 2, 16))
    ask = told(*stories)

    rows = ask("SELECT * FROM read.portfolio_totals WHERE currency = 'USD' ORDER BY status")

    assert [(row["status"], row["loans"], row["principal"]) for row in rows] == [
        ("active", 2, 2_400_00), ("opened", 1, 0),
    ]  # fmt: skip
    assert (rows[0]["overdue_loans"], rows[0]["overdue"]) == (1, 141_76)


@pytest.mark.parametrize(("on", "days"), [("2026-07-01", 0), ("2027-01-15", 0), ("2027-01-25", 10)])
def test_an_instalment_of_nothing_makes_nobody_late(told, on, days):
    """Interest only at 0 %: eleven empty instalments, then the principal. No day was closed."""
    story = paid_out(terms(**WITHOUT_INTEREST))
    rows = told(story)(
        "SELECT days_past_due FROM read.aging_at(%s) WHERE loan_id = %s", on, story.loan_id
    )
    assert rows == [{"days_past_due": days}]


def test_a_page_of_the_journal_follows_an_index(told):
    ask = told(paid_out())
    plan = ask(
        "EXPLAIN (COSTS OFF) SELECT set_config('enable_seqscan', 'off', true), entry.position"
        " FROM read.journal_entries AS entry WHERE (entry.position, entry.part) > (5, 1)"
        " ORDER BY entry.position, entry.part LIMIT 50"
    )
    [walk] = [line["QUERY PLAN"] for line in plan if "on transactions moved" in line["QUERY PLAN"]]
    assert "transactions_position_idx" in walk, plan
    assert "Incremental Sort" in plan[2]["QUERY PLAN"], plan

"""The allowance that the tables ask for is posted once, and to the centavo."""

from datetime import date
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import commands
from ledger import database as db
from ledger.orders import Cause
from ledger.periods import PeriodClosed, close_period
from ledger.postings import Posting, post
from ledger.store import Store
from projections.accounting import rules as shipped
from projections.accounting.allowance import (
    BalancesBeyond,
    Loans,
    load_tables,
    movements,
    required,
    standing_loans,
)
from projections.accounting.balances import trial_balance
from projections.accounting.roll_rates import roll_rates, shares
from projections.accounting.rules import load_rules
from projections.movements import COMPONENTS
from tests.projections.stories import Log, catch_up, paid_out
from tests.projections.test_accounting_facts import suspending

TABLES = load_tables(Path(shipped.__file__).with_name("allowance_example.yaml"))
ANEXO_D = [(0, 1), (1, 4), (7, 4), (8, 15), (30, 15), (31, 30), (60, 30), (61, 50), (90, 50),
           (91, 75), (120, 75), (121, 90), (180, 90), (181, 100), (999, 100)]  # fmt: skip
"""EACP general provisions, Anexo D, consumer type I: days and per cent."""
ON = date(2026, 5, 31)


def loans(rows):
    """(stage, days past due, amounts by component) of loans of one product."""
    return Loans(
        [("MXN", "norte", "personal")] * len(rows), ["monthly"] * len(rows),
        np.array([row[0] for row in rows]), np.array([row[1] for row in rows]),
        np.array([row[2] for row in rows], dtype=np.int64).reshape(-1, len(COMPONENTS)),
    )  # fmt: skip


def owing(**amounts):
    return [amounts.get(name, 0) for name in COMPONENTS]


@pytest.mark.parametrize(("days", "percent"), ANEXO_D)
def test_the_rate_is_the_published_one_on_both_sides_of_each_step(days, percent):
    [found] = required(TABLES, loans([(1, days, owing(principal=10_000_00))]))

    assert found == percent * 100_00


def test_interest_of_loans_in_stage_3_is_provided_whole():
    [found] = required(TABLES, loans([(3, 95, owing(principal=1_000_00, interest=100_00))]))

    assert found == 750_00 + 100_00


@given(st.integers(0, 10**15), st.sampled_from([days for days, _ in ANEXO_D]))
def test_shares_are_exact_to_the_minor_unit(amount, days):
    [found] = required(TABLES, loans([(1, days, owing(principal=amount))]))

    rate = next(percent for at, percent in ANEXO_D[::-1] if at <= days)
    assert found == round(Fraction(amount * rate, 100))


@pytest.fixture
def book(fresh_database):
    paid, late = paid_out(), paid_out(suspending())
    paid.do(commands.receive_payment, amount=8_000_00, effective_on=date(2026, 3, 1))
    for story in (paid, late):
        story.do(commands.close_day, on=date(2026, 3, 31))
        story.do(commands.close_day, on=ON)
    Log(fresh_database).append(paid, late)
    catch_up(fresh_database)
    return fresh_database


def posted(settings, rules):
    with db.connect(settings) as connection:
        found = movements(connection, rules, TABLES, standing_loans(connection, ON), ON)
    lines = [
        Posting(currency=one.currency, branch=one.branch, product=one.product, stage=one.stage,
                kind="allowance", component="required", amount=one.amount, reason="test")
        for one in found if one.amount
    ]  # fmt: skip
    store = Store(settings)
    try:
        if lines:
            post(store, "allowance", ON, lines, Cause("ana", "tests"))
    finally:
        store.close()
    return found


def test_the_movement_brings_the_accounts_to_what_is_required_once(book):
    rules = load_rules()
    first = posted(book, rules)

    with db.connect(book) as connection:
        [balances] = trial_balance(connection, rules, ON).values()
        late = standing_loans(connection, ON)
    closing = {one.account.internal: one.closing for one in balances}
    assert len({one.stage for one in first if one.required}) == 2
    for one in first:
        if one.required:
            assert closing[f"allowance_{one.stage}"] == one.required == one.amount
    assert closing["allowance_expense"] == sum(one.required for one in first)
    assert late.days_past_due.max() > 60
    assert [one.amount for one in posted(book, rules) if one.amount] == []


def test_interest_kept_off_the_accounts_is_no_base(book):
    with db.connect(book) as connection:
        rows = standing_loans(connection, ON)
        [[whole, aside]] = connection.execute(
            "SELECT interest, (standing -> 'owed' ->> 'suspended_interest')::bigint"
            " FROM read.balances JOIN read.accounting_loans USING (loan_id) WHERE suspended"
        ).fetchall()

    at = int(rows.days_past_due.argmax())
    assert rows.amounts[at, COMPONENTS.index("interest")] == whole - (aside or 0)


def test_a_day_before_the_balances_is_refused(book):
    with db.connect(book) as connection, pytest.raises(BalancesBeyond, match="rebuild --as-of"):
        standing_loans(connection, date(2026, 5, 1))


def test_nothing_is_posted_to_a_closed_month(book):
    store = Store(book)
    try:
        close_period(store, date(2026, 5, 1), date(2026, 6, 2), Cause("ana", "tests"))
        with pytest.raises(PeriodClosed):
            posted(book, load_rules())
    finally:
        store.close()


def test_roll_rates_say_where_the_loans_of_a_bucket_went(book):
    with db.connect(book) as connection:
        found = roll_rates(connection, date(2026, 3, 1), ON)

    rows = {
        (start, end): found.loans[i][j]
        for i, start in enumerate(found.start)
        for j, end in enumerate(found.end)
        if found.loans[i][j]
    }
    assert sum(rows.values()) == 2
    assert ("8-15", "91-120") in rows
    assert shares(np.array([[1, 2, 0], [0, 0, 0]])).tolist() == [[333_333, 666_666, 0], [0, 0, 0]]

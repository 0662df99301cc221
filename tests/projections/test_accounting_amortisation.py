"""What was withheld at disbursement is earned by the effective rate, whole at the end."""

from datetime import date
from decimal import Decimal

import numpy_financial as npf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import commands
from ledger import database as db
from ledger.orders import Cause
from ledger.postings import Posting, post
from ledger.store import Store
from projections.accounting.amortisation import Flow, earned, movements
from projections.accounting.balances import trial_balance
from projections.accounting.rules import load_rules
from tests.domain.histories import START, terms
from tests.projections.stories import Log, Story, catch_up

FEE, PRINCIPAL = 300_00, 10_000_00
PAYMENTS = [Flow(30 * n, 1_004_62) for n in range(1, 13)]


def deferred_by_periods(n):
    """Independent: numpy-financial's rate of equal periods, cost carried period by period."""
    left = []
    for lent in (PRINCIPAL, PRINCIPAL - FEE):
        rate = npf.irr([-lent, *[1_004_62] * 12])
        cost = float(lent)
        for _ in range(n):
            cost = cost * (1 + rate) - 1_004_62
        left.append(cost)
    return left[0] - left[1]


@pytest.mark.parametrize("n", range(1, 12))
def test_what_is_deferred_is_what_the_amortised_cost_lacks(n):
    found = FEE - earned(PRINCIPAL, FEE, PAYMENTS, 30 * n)

    assert abs(found - deferred_by_periods(n)) <= 1


@given(
    fee=st.integers(0, 2_000_00),
    amounts=st.lists(st.integers(1, 3_000_00), min_size=1, max_size=24),
    step=st.integers(1, 92),
)
def test_it_is_never_more_than_was_withheld_and_all_of_it_at_the_end(fee, amounts, step):
    flows = [Flow(step * n, amount) for n, amount in enumerate(amounts, start=1)]
    principal = max(sum(amounts) * 9 // 10, fee + 1)
    found = [earned(principal, fee, flows, day) for day in range(0, step * len(flows) + 1, step)]

    assert found[0] == 0
    assert found[-1] == fee
    assert all(0 <= part <= fee for part in found)


def test_each_day_earns_its_part():
    found = [earned(PRINCIPAL, FEE, PAYMENTS, day) for day in range(361)]

    assert found == sorted(found)
    assert (found[0], found[-1]) == (0, FEE)


def test_a_schedule_worth_less_than_was_lent_is_earned_by_the_day():
    flows = [Flow(100, 500_00)]

    assert earned(1_000_00, 30_00, flows, 50) == Decimal(15_00)


@pytest.fixture
def book(fresh_database):
    running, repaid = (Story(terms(opening_fee_rate=30_000)).disburse() for _ in range(2))
    repaid.do(commands.receive_payment, amount=20_000_00, effective_on=date(2026, 2, 10))
    for story in (running, repaid):
        story.do(commands.close_day, on=date(2026, 6, 30))
    Log(fresh_database).append(running, repaid)
    catch_up(fresh_database)
    return fresh_database, running.history[1]


def posted(settings, on):
    with db.connect(settings) as connection:
        found = movements(connection, on)
    lines = [
        Posting(currency=one.currency, branch=one.branch, product=one.product, stage=one.stage,
                kind="amortisation", component=name, amount=one.amount, reason="test")
        for name, some in found.items() for one in some if one.amount
    ]  # fmt: skip
    if lines:
        store = Store(settings)
        try:
            post(store, "amortisation", on, lines, Cause("ana", "tests"))
        finally:
            store.close()
    return found


def test_what_is_earned_becomes_income_month_by_month(book):
    settings, event = book
    assert event.withheld_fees > 0
    days = [date(2026, 1, 31), date(2026, 2, 28), date(2026, 6, 30)]
    for on in days:
        posted(settings, on)

    flows = [Flow((row.due_on - START).days, row.principal + row.interest)
             for row in event.schedule]  # fmt: skip
    running = earned(event.principal, event.withheld_fees, flows, (days[-1] - START).days)
    with db.connect(settings) as connection:
        [balances] = trial_balance(connection, load_rules(), days[-1]).values()
    closing = {one.account.internal: one.closing for one in balances}
    assert closing["opening_fee_income"] == running + event.withheld_fees
    assert closing["deferred_fees"] == event.withheld_fees - running > 0
    assert [one.amount for one in posted(settings, days[-1])["withheld_fee"]] == [0]

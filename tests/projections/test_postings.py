"""Double entry of every event: what balances, what mirrors, and the figures of one story."""

from collections import defaultdict
from datetime import date

import pytest
from hypothesis import assume, given, settings

from domain import commands
from domain import events as e
from domain.errors import InvalidTerms
from domain.terms import ChargebackRule, Component, DayCount, Method
from projections.journal.accounts import RECEIVABLE, Account
from projections.journal.postings import _ordered, postings
from tests.domain.histories import STEPS, agreements, terms
from tests.projections.stories import paid_out, played, taken_on

JANUARY, FEBRUARY = date(2026, 1, 15), date(2026, 2, 15)


def small():
    return terms(principal=1_200_00, method=Method.EQUAL_PRINCIPAL, day_count=DayCount.THIRTY_360)


def entry(event):
    return {posting.account: posting.amount for posting in postings(event)}


def last(story, kind):
    return next(event for event in story.history[::-1] if isinstance(event, kind))


def test_a_disbursement_defers_withheld_fees_and_owes_their_tax_at_once():
    event = e.LoanDisbursed(
        effective_on=JANUARY, tranche=1, principal=1_200_00, schedule=(), withheld_fees=20_00,
        withheld_fees_tax=3_20,
    )  # fmt: skip

    assert entry(event) == {
        Account.PRINCIPAL: 1_200_00,
        Account.BANK: -1_176_80,
        Account.DEFERRED_FEES: -20_00,
        Account.TAX_COLLECTED: -3_20,
    }


def test_a_chargeback_as_paid_mirrors_what_its_payment_brought():
    agreed = terms(principal=1_200_00, method=Method.EQUAL_PRINCIPAL,
                   day_count=DayCount.THIRTY_360, chargeback=ChargebackRule.AS_PAID)  # fmt: skip
    story = paid_out(agreed)
    story.do(commands.receive_payment, amount=141_76, effective_on=FEBRUARY)

    story.do(commands.charge_back, payment=1, effective_on=date(2026, 2, 20))

    paid, back = last(story, e.PaymentReceived), last(story, e.ChargedBack)
    assert back.restored == e.Portion(instalment=2, interest=36_00, interest_tax=5_76)
    assert entry(back) == {account: -amount for account, amount in entry(paid).items()}


def test_accrued_tax_is_not_collected_until_a_payment_brings_it():
    story = paid_out(small())
    story.do(commands.receive_payment, amount=150_00, effective_on=FEBRUARY)

    assert entry(last(story, e.InterestAccrued)) == {
        Account.INTEREST: 36_00,
        Account.INTEREST_TAX: 5_76,
        Account.INTEREST_INCOME: -36_00,
        Account.TAX_NOT_COLLECTED: -5_76,
    }
    assert entry(last(story, e.PaymentReceived)) == {
        Account.BANK: 150_00,
        Account.TAX_NOT_COLLECTED: 5_76,
        Account.TAX_COLLECTED: -5_76,
        Account.INTEREST: -36_00,
        Account.INTEREST_TAX: -5_76,
        Account.PRINCIPAL: -108_24,
    }


def test_what_is_paid_too_much_is_owed_to_the_borrower():
    story = paid_out(small())
    story.do(commands.receive_payment, amount=1_300_00, effective_on=JANUARY)

    assert entry(last(story, e.PaymentReceived)) == {
        Account.BANK: 1_300_00,
        Account.PRINCIPAL: -1_200_00,
        Account.OVERPAYMENTS: -100_00,
    }


def test_a_reversal_is_the_exact_mirror_of_its_payment():
    story = paid_out(small())
    story.do(commands.receive_payment, amount=150_00, effective_on=FEBRUARY)
    story.do(commands.reverse_payment, payment=1, reversed_on=date(2026, 2, 20))

    payment, reversal = last(story, e.PaymentReceived), last(story, e.PaymentReversed)

    assert entry(reversal) == {account: -amount for account, amount in entry(payment).items()}
    assert {posting.on for posting in postings(reversal)} == {FEBRUARY}


def test_debt_given_up_is_a_loss_and_its_tax_is_never_owed():
    story = paid_out(small())
    story.do(commands.accrue, effective_on=FEBRUARY)
    story.do(commands.forgive, amounts={Component.INTEREST: 6_00, Component.INTEREST_TAX: 96},
             effective_on=FEBRUARY)  # fmt: skip
    story.do(commands.write_off, effective_on=FEBRUARY)
    story.do(commands.receive_recovery, amount=100_00, effective_on=FEBRUARY)

    assert entry(last(story, e.DebtForgiven)) == {
        Account.FORGIVEN: 6_00,
        Account.TAX_NOT_COLLECTED: 96,
        Account.INTEREST: -6_00,
        Account.INTEREST_TAX: -96,
    }
    assert entry(last(story, e.LoanWrittenOff)) == {
        Account.WRITTEN_OFF: 1_230_00,
        Account.TAX_NOT_COLLECTED: 4_80,
        Account.PRINCIPAL: -1_200_00,
        Account.INTEREST: -30_00,
        Account.INTEREST_TAX: -4_80,
    }
    assert entry(last(story, e.RecoveryReceived)) == {
        Account.BANK: 100_00,
        Account.TAX_COLLECTED: -4_80,
        Account.RECOVERIES: -95_20,
    }


def test_a_loan_taken_on_opens_its_accounts():
    story = taken_on(small(), FEBRUARY, disbursed_on=JANUARY, principal=1_200_00)

    assert entry(story.history[-1]) == {
        Account.PRINCIPAL: 1_200_00,
        Account.INTEREST: 36_00,
        Account.INTEREST_TAX: 5_76,
        Account.TAX_NOT_COLLECTED: -5_76,
        Account.OPENING_BALANCES: -1_236_00,
    }


def test_a_correction_posts_each_difference_on_its_own_value_date():
    event = e.HistoryCorrected(
        effective_on=JANUARY,
        charged=(
            e.Charged(on=FEBRUARY, instalment=1, interest=-2_00, interest_tax=-32),
            e.Charged(on=date(2026, 3, 1), instalment=1, late_interest=-1_00),
        ),
    )

    assert [tuple(posting) for posting in postings(event)] == [
        (FEBRUARY, Account.TAX_NOT_COLLECTED, 32),
        (FEBRUARY, Account.INTEREST_INCOME, 2_00),
        (FEBRUARY, Account.INTEREST, -2_00),
        (FEBRUARY, Account.INTEREST_TAX, -32),
        (date(2026, 3, 1), Account.LATE_INTEREST_INCOME, 1_00),
        (date(2026, 3, 1), Account.LATE_INTEREST, -1_00),
    ]


def test_an_entry_that_does_not_balance_is_never_written():
    with pytest.raises(AssertionError, match="out of balance by 1"):
        _ordered(JANUARY, defaultdict(int, {Account.BANK: 1}))


@settings(max_examples=80, deadline=None)
@given(agreements(), STEPS)
def test_whatever_happens_every_entry_balances_and_accounts_equal_the_loan(agreed, steps):
    story = told(agreed, steps)

    accounts = defaultdict(int)
    for event in story.history:
        by_date = defaultdict(int)
        for posting in postings(event):
            by_date[posting.on] += posting.amount
            accounts[posting.account] += posting.amount
        assert not any(by_date.values())

    owed = story.loan.balances()
    assert {name: accounts[account] for name, account in RECEIVABLE.items()} == {
        component.value: getattr(owed, component) for component in Component
    }
    assert -accounts[Account.OVERPAYMENTS] == story.loan.overpaid
    taxes = owed.interest_tax + owed.late_interest_tax + owed.fee_tax
    assert -accounts[Account.TAX_NOT_COLLECTED] == taxes


def told(agreed, steps):
    try:
        return played(agreed, steps)
    except InvalidTerms:
        assume(False)

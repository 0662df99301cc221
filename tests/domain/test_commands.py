"""Every command checks its preconditions, names field and rule, and leaves the loan alone."""

from datetime import date, timedelta

import pytest

from domain import commands, views
from domain import events as e
from domain.errors import (
    AlreadyReversed,
    BalanceOutstanding,
    InvalidAmount,
    InvalidDate,
    InvalidTerms,
    LoanError,
    NotAllowedNow,
    NotBackdatable,
    OverDisbursement,
    OverForgiveness,
    OverRecovery,
    UnknownFee,
    UnknownPayment,
    UnknownPromise,
)
from domain.limits import MAX_AMOUNT
from domain.loan import Amounts, Status
from domain.terms import Component, InterestBasis
from tests.domain.histories import START, disbursed, opened, terms

DUE = date(2026, 2, 15)


def written_off():
    book = disbursed()
    book.do(commands.write_off, effective_on=date(2026, 6, 1), approval="C-77")
    return book


def paid_off():
    book = disbursed()
    quote = views.payoff(book.loan, DUE).total
    book.do(commands.receive_payment, amount=quote, effective_on=DUE)
    return book


REFUSED = [
    # book, command, arguments, error, field
    (disbursed, commands.disburse, {"principal": 1, "effective_on": START},
     NotAllowedNow, "status"),
    (paid_off, commands.disburse, {"principal": 1, "effective_on": DUE}, NotAllowedNow, "status"),
    (opened, commands.disburse, {"principal": 10_000_01, "effective_on": START},
     OverDisbursement, "principal"),
    (opened, commands.disburse, {"principal": 0, "effective_on": START},
     InvalidAmount, "principal"),
    (opened, commands.disburse, {"principal": 1_00, "effective_on": START - timedelta(1)},
     InvalidDate, "effective_on"),
    (opened, commands.disburse,
     {"principal": 100_00, "effective_on": START, "withheld_fees": 100_00},
     InvalidAmount, "withheld_fees"),
    (opened, commands.receive_payment, {"amount": 1_00, "effective_on": START},
     NotAllowedNow, "status"),
    (disbursed, commands.receive_payment, {"amount": 0, "effective_on": DUE},
     InvalidAmount, "amount"),
    (disbursed, commands.receive_payment, {"amount": -1, "effective_on": DUE},
     InvalidAmount, "amount"),
    (disbursed, commands.receive_payment, {"amount": MAX_AMOUNT + 1, "effective_on": DUE},
     InvalidAmount, "amount"),
    (disbursed, commands.receive_payment, {"amount": 1, "effective_on": START - timedelta(1)},
     InvalidDate, "effective_on"),
    (written_off, commands.receive_payment, {"amount": 1_00, "effective_on": date(2026, 6, 2)},
     NotAllowedNow, "status"),
    (disbursed, commands.reverse_payment, {"payment": 1, "reversed_on": DUE},
     UnknownPayment, "payment"),
    (written_off, commands.reverse_payment, {"payment": 1, "reversed_on": date(2026, 6, 2)},
     NotAllowedNow, "status"),
    (disbursed, commands.charge_fee, {"kind": " ", "amount": 1, "effective_on": DUE},
     UnknownFee, "kind"),
    (disbursed, commands.charge_fee, {"kind": "visit", "amount": 0, "effective_on": DUE},
     InvalidAmount, "amount"),
    (disbursed, commands.waive_fee, {"fee": 1, "effective_on": DUE}, UnknownFee, "fee"),
    (disbursed, commands.forgive, {"amounts": {}, "effective_on": DUE},
     InvalidAmount, "amounts"),
    (disbursed, commands.forgive,
     {"amounts": {Component.INTEREST: 310_01}, "effective_on": DUE},
     OverForgiveness, "interest"),
    (paid_off, commands.write_off, {"effective_on": DUE}, NotAllowedNow, "status"),
    (disbursed, commands.receive_recovery, {"amount": 1, "effective_on": DUE},
     NotAllowedNow, "status"),
    (written_off, commands.receive_recovery,
     {"amount": 99_999_99, "effective_on": date(2026, 6, 2)}, OverRecovery, "amount"),
    (disbursed, commands.close, {"effective_on": DUE}, BalanceOutstanding, "balance"),
    (paid_off, commands.close, {"effective_on": DUE}, NotAllowedNow, "status"),
    (disbursed, commands.make_promise,
     {"amount": 1, "promised_for": START, "effective_on": DUE}, InvalidDate, "promised_for"),
    (disbursed, commands.cancel_promise, {"promise": 1, "effective_on": DUE},
     UnknownPromise, "promise"),
]  # fmt: skip


@pytest.mark.parametrize(("book", "command", "arguments", "error", "field"), REFUSED)
def test_a_command_out_of_place_is_refused_by_name(book, command, arguments, error, field):
    with pytest.raises(error) as refused:
        command(book().loan, **arguments)

    assert refused.value.field == field
    assert refused.value.code


def test_error_codes_are_kebab_names_and_stable():
    codes = {
        kind.__name__: kind.code.fget(kind.__new__(kind)) for kind in LoanError.__subclasses__()
    }

    assert codes["OverDisbursement"] == "over-disbursement"
    assert len(set(codes.values())) == len(codes)


def test_a_written_off_loan_asks_for_a_recovery_instead():
    with pytest.raises(NotAllowedNow, match="receive a recovery instead"):
        commands.receive_payment(written_off().loan, amount=1_00, effective_on=date(2026, 6, 2))


def test_a_reversal_cannot_be_reversed():
    book = disbursed()
    book.do(commands.receive_payment, amount=100_00, effective_on=DUE)
    book.do(commands.reverse_payment, payment=1, reversed_on=DUE)

    with pytest.raises(AlreadyReversed):
        commands.reverse_payment(book.loan, payment=1, reversed_on=DUE)


def test_a_payment_dated_before_a_forgiveness_that_would_not_hold_is_refused():
    book = disbursed()
    book.do(commands.forgive, amounts={Component.INTEREST: 310_00}, effective_on=DUE)

    with pytest.raises(NotBackdatable):
        commands.receive_payment(book.loan, amount=700_00, effective_on=date(2026, 2, 10))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"principal": 0}, "principal"),
        ({"annual_rate": -1}, "annual_rate"),
        ({"annual_rate": 100_000_001}, "annual_rate"),
        ({"instalments": 0}, "instalments"),
        ({"instalments": 3_661}, "instalments"),
        ({"every": 0}, "every"),
        ({"balloon": 1}, "balloon"),
        ({"month_days": (15, 15)}, "month_days"),
        ({"month_days": (31, 28)}, "month_days"),  # one day in February
        ({"stage_2_from": 90}, "stage_3_from"),
    ],
)
def test_impossible_terms_are_refused_by_field(changes, field):
    with pytest.raises(LoanError) as refused:
        commands.open_loan(loan_no="L-1", terms=terms(**changes), effective_on=START)

    assert refused.value.field == field


def test_a_first_due_date_before_disbursement_is_refused():
    book = opened(terms(first_due_on=START))

    with pytest.raises(InvalidTerms) as refused:
        commands.disburse(book.loan, principal=1_000_00, effective_on=START)

    assert refused.value.field == "first_due"


def test_an_instalment_that_would_not_cover_its_interest_is_refused():
    book = opened(terms(annual_rate=360_000, first_due_on=date(2027, 6, 15)))

    with pytest.raises(InvalidTerms, match="does not cover its interest"):
        commands.disburse(book.loan, principal=10_000_00, effective_on=START)


def test_fees_withheld_at_disbursement_carry_their_tax():
    book = opened()

    (event,) = book.do(
        commands.disburse, principal=10_000_00, effective_on=START, withheld_fees=200_00
    )

    assert (event.withheld_fees, event.withheld_fees_tax) == (200_00, 32_00)
    assert book.loan.principal == 10_000_00


def test_an_undisbursed_loan_is_cancelled():
    book = opened()

    book.do(commands.close, effective_on=START)

    assert (book.loan.status, book.loan.closed_for) == (Status.CLOSED, "cancelled")


def test_forgiving_all_that_is_left_closes_the_loan():
    book = disbursed()
    owed = views.as_of(book.loan, DUE).balances()
    amounts = {c: amount for c in Component if (amount := getattr(owed, c))}

    book.do(commands.forgive, amounts=amounts, effective_on=DUE, approval="Q-1")

    assert (book.loan.status, book.loan.closed_for) == (Status.CLOSED, "forgiven")


def test_recovering_all_that_was_written_off_closes_the_loan():
    book = written_off()
    left = book.loan.written_off_left().total

    book.do(commands.receive_recovery, amount=left, effective_on=date(2026, 7, 1))

    assert (book.loan.status, book.loan.closed_for) == (Status.CLOSED, "recovered")


def test_who_pays_the_whole_instalment_early_is_not_past_due_for_the_last_days():
    book = disbursed(terms(late_rate=720_000))
    book.do(commands.receive_payment, amount=1_054_22, effective_on=date(2026, 2, 12))

    book.do(commands.close_day, on=date(2026, 3, 14))

    first, second = book.loan.lines[:2]
    assert first.settled_on == DUE
    assert book.loan.days_past_due(date(2026, 3, 14)) == 0
    assert second.owed.interest > 0


def test_a_fixed_interest_paid_ahead_is_not_charged_after_a_payoff():
    book = disbursed(terms(interest=InterestBasis.PER_PERIOD, tax_rate=0))
    book.do(commands.receive_payment, amount=1_004_62, effective_on=START)
    assert book.loan.balances().interest == -300_00
    quote = views.payoff(book.loan, date(2026, 1, 30)).total

    book.do(commands.receive_payment, amount=quote, effective_on=date(2026, 1, 30))

    earned = 145_16  # 300.00 x 15/31, rounded
    assert book.loan.status is Status.CLOSED
    assert quote == 10_000_00 + earned - 1_004_62
    assert book.loan.balances() == Amounts()


def test_promises_are_judged_after_their_grace():
    book = disbursed(terms(promise_grace_days=2))
    promise = {"amount": 500_00, "promised_for": date(2026, 2, 20)}
    book.do(commands.make_promise, effective_on=DUE, **promise)
    book.do(commands.make_promise, effective_on=DUE, amount=500_01, promised_for=date(2026, 2, 20))
    book.do(commands.receive_payment, amount=500_00, effective_on=date(2026, 2, 22))

    book.do(commands.close_day, on=date(2026, 2, 22))
    assert {p.state for p in book.loan.promises.values()} == {"open"}
    book.do(commands.close_day, on=date(2026, 2, 23))

    assert [p.state for p in book.loan.promises.values()] == ["kept", "broken"]


def test_stages_follow_days_past_due():
    book = disbursed(terms(stage_2_from=31, stage_3_from=90))
    seen = {}

    for days in (30, 31, 89, 90):
        book.do(commands.close_day, on=DUE + timedelta(days))
        seen[days] = book.loan.stage

    assert seen == {30: 1, 31: 2, 89: 2, 90: 3}


def test_a_reversal_is_one_fact_and_one_explained_correction():
    book = disbursed()
    book.do(commands.receive_payment, amount=1_004_62, effective_on=DUE)
    book.do(commands.close_day, on=date(2026, 2, 20))

    events = book.do(commands.reverse_payment, payment=1, reversed_on=date(2026, 2, 20))

    assert [type(event) for event in events] == [e.PaymentReversed, e.HistoryCorrected]
    assert events[0].effective_on == DUE
    assert all(change.interest >= 0 for change in events[1].charged)


def test_a_backdated_payment_without_consequence_is_one_fact():
    book = disbursed(terms(annual_rate=0, late_rate=0))
    book.do(commands.close_day, on=date(2026, 2, 10))
    book.do(commands.charge_fee, kind="visit", amount=10_00, effective_on=date(2026, 2, 10))

    events = book.do(commands.receive_payment, amount=5_00, effective_on=date(2026, 2, 1))

    assert [type(event) for event in events] == [e.PaymentReceived]

"""Every order that the ledger takes beyond the first ones: what it records, and what it refuses."""

from datetime import date, timedelta

import msgspec
import pytest
from moneyed import Money

from domain.business_days import BusinessDayRule
from domain.errors import InvalidAmount, InvalidDate, InvalidTerms, NotAllowedNow, UnknownPayment
from domain.events import Revision, Treatment
from domain.loan import Status
from domain.restructuring import NewTerms
from domain.terms import PaymentKind
from domain.views import payoff
from ledger.errors import KeyReused, PayoffDiffers, WrongCurrency
from tests.ledger.builders import (
    CAUSE,
    START,
    TERMS,
    TODAY,
    a_ledger,
    keyed,
    mxn,
    opened,
    pay,
    running,
    stored,
)

DAY = date(2026, 2, 20)
LATER = date(2026, 12, 1)

ORDERS = {
    "charge_back": {"payment": 1, "amount": mxn("50.00"), "reason": "disputed"},
    "refund_overpayment": {"amount": mxn("1.00"), "channel": "spei", "reference": "R1"},
    "change_rate": {"annual_rate": 240_000, "keeps_instalment": True, "reason": "good payer"},
    "pause_interest": {"until": LATER, "reason": "flood"},
    "pause_delinquency": {"until": LATER, "reason": "flood"},
    "restructure": {
        "new": NewTerms(instalments=24, annual_rate=240_000), "kind": Revision.RESTRUCTURE,
        "treatment": Treatment.CAPITALISE, "approval": "committee 7", "reason": "illness",
    },
    "payment_holiday": {"periods": 2, "interest_runs": False, "approval": "committee 7"},
    "accelerate": {"approval": "committee 7", "reason": "clause 12"},
    "sell": {"holder": "Fondo Norte", "price": mxn("4000.00"), "reference": "C-9"},
}  # fmt: skip
RECORDED = {
    "charge_back": "charged-back", "refund_overpayment": "overpayment-refunded",
    "change_rate": "rate-changed", "pause_interest": "rate-changed",
    "pause_delinquency": "delinquency-paused", "restructure": "loan-restructured",
    "payment_holiday": "loan-restructured", "accelerate": "loan-restructured", "sell": "loan-sold",
}  # fmt: skip


def ready(ledger, order):
    """A loan that the order is for."""
    loan_id = running(ledger)
    if order == "refund_overpayment":  # paid off by too much
        pay(ledger, loan_id, "20000.00", on=date(2026, 2, 1))
    else:
        pay(ledger, loan_id, "100.00", on=date(2026, 2, 1))
    return loan_id


@pytest.mark.parametrize("order", ORDERS)
def test_an_order_records_its_fact(order, ledger):
    loan_id = ready(ledger, order)
    receipt = getattr(ledger, order)(loan_id, effective_on=DAY, cause=CAUSE, **ORDERS[order])
    assert RECORDED[order] in receipt.events
    assert ledger.load(loan_id).version == receipt.version


@pytest.mark.parametrize("order", ORDERS)
def test_an_order_given_twice_is_carried_out_once_and_another_body_refused(order, ledger):
    loan_id = ready(ledger, order)
    cause = keyed(f"{order}-1")
    give = getattr(ledger, order)
    first = give(loan_id, effective_on=DAY, cause=cause, **ORDERS[order])

    again = give(loan_id, effective_on=DAY, cause=cause, **ORDERS[order])

    assert again == msgspec.structs.replace(first, repeated=True)
    with pytest.raises(KeyReused):
        give(loan_id, effective_on=DAY + timedelta(days=1), cause=cause, **ORDERS[order])
    assert ledger.load(loan_id).version == first.version


@pytest.mark.parametrize("order", ORDERS)
def test_no_order_is_dated_after_the_business_date(order, ledger):
    loan_id = ready(ledger, order)
    with pytest.raises(InvalidDate, match="in the future"):
        getattr(ledger, order)(
            loan_id, effective_on=TODAY + timedelta(days=1), cause=CAUSE, **ORDERS[order]
        )


@pytest.mark.parametrize(
    ("order", "given", "error"),
    [
        ("charge_back", {"payment": 9}, UnknownPayment),
        ("charge_back", {"payment": 1, "amount": mxn("100.01")}, InvalidAmount),
        ("charge_back", {"payment": 1, "amount": Money("1.00", "USD")}, WrongCurrency),
        ("refund_overpayment", {}, InvalidAmount),
        ("refund_overpayment", {"amount": Money("1.00", "USD")}, WrongCurrency),
        ("change_rate", {"annual_rate": -1}, InvalidTerms),
        ("change_rate", {"annual_rate": 100_000_001}, InvalidTerms),
        ("pause_interest", {"until": DAY}, InvalidDate),
        ("pause_delinquency", {"until": DAY}, InvalidDate),
        ("restructure", {"kind": Revision.ACCELERATION}, InvalidTerms),
        ("restructure", {"new": NewTerms(instalments=0)}, InvalidTerms),
        ("payment_holiday", {"periods": -1}, InvalidTerms),
        ("sell", {"holder": " ", "price": mxn("1.00")}, InvalidTerms),
        ("sell", {"holder": "F", "price": mxn("-1.00")}, InvalidAmount),
        ("sell", {"holder": "F", "price": Money("1.00", "USD")}, WrongCurrency),
    ],
)
def test_what_an_order_refuses_changes_nothing(order, given, error, ledger):
    loan_id = running(ledger)
    pay(ledger, loan_id, "100.00", on=date(2026, 2, 1))
    before = ledger.load(loan_id).version

    with pytest.raises(error):
        getattr(ledger, order)(loan_id, effective_on=DAY, cause=CAUSE, **given)

    assert ledger.load(loan_id).version == before


@pytest.mark.parametrize("order", [name for name in ORDERS if name != "charge_back"])
def test_a_loan_not_yet_paid_out_takes_none_of_them(order, ledger):
    loan_id = opened(ledger)
    with pytest.raises((NotAllowedNow, InvalidAmount)):
        getattr(ledger, order)(loan_id, effective_on=DAY, cause=CAUSE, **ORDERS[order])


def test_a_payment_says_its_kind(ledger):
    loan_id = running(ledger)
    ledger.receive_payment(
        loan_id,
        amount=mxn("50.00"),
        effective_on=DAY,
        kind=PaymentKind.GOODWILL_CREDIT,
        cause=CAUSE,
    )
    assert ledger.load(loan_id).payments[1].kind is PaymentKind.GOODWILL_CREDIT


def test_a_fee_may_fall_due_on_a_day_ahead(ledger):
    loan_id = running(ledger)
    due_on = TODAY + timedelta(days=400)
    ledger.charge_fee(
        loan_id, kind="legal", amount=mxn("50.00"), effective_on=DAY, due_on=due_on, cause=CAUSE
    )
    loan = ledger.load(loan_id)
    assert loan.lines[loan.fees[1].instalment - 1].due_on == due_on


def test_tranches_are_paid_out_one_by_one_and_the_fee_is_that_of_the_terms(ledger):
    terms = msgspec.structs.replace(TERMS, opening_fee_rate=10_000)
    loan_id = opened(ledger, terms=terms)
    for amount, fees in (("6000.00", None), ("4000.00", mxn("0.00"))):
        ledger.disburse(
            loan_id, principal=mxn(amount), effective_on=START, withheld_fees=fees,
            refinances="OLD-1", cause=CAUSE,
        )  # fmt: skip
    paid_out = [msgspec.json.decode(row[3]) for row in ledger.store.run(
        lambda connection: stored(connection, loan_id)) if row[2] == "loan-disbursed"]  # fmt: skip
    assert [one["tranche"] for one in paid_out] == [1, 2]
    assert [one.get("withheld_fees", 0) for one in paid_out] == [60_00, 0]
    assert {one["refinances"] for one in paid_out} == {"OLD-1"}


def test_an_old_order_and_a_new_one_that_say_the_same_have_one_fingerprint(ledger):
    """A key sent before an upgrade and again after it stands for one order."""
    loan_id = running(ledger)
    from ledger.application import fingerprint

    before = {
        "command": "receive-payment", "amount": mxn("50.00"), "effective_on": DAY,
        "channel": "", "reference": "", "loan_id": loan_id,
    }  # fmt: skip
    ledger.receive_payment(loan_id, amount=mxn("50.00"), effective_on=DAY, cause=keyed("old"))
    [[kept]] = ledger.store.run(
        lambda connection: connection.execute(
            "SELECT fingerprint FROM ledger.commands WHERE idempotency_key = 'old'"
        ).fetchall()
    )
    assert f"\\x{kept.hex()}" == fingerprint(before)


def test_the_quote_and_no_other_amount_pays_off_the_loan(ledger):
    loan_id = running(ledger)
    owed = payoff(ledger.load(loan_id), DAY).total

    for amount in (owed - 1, owed + 1):
        with pytest.raises(PayoffDiffers) as refused:
            ledger.pay_off(loan_id, on=DAY, amount=mxn(amount) / 100, cause=CAUSE)
        assert refused.value.amounts == {"given": amount, "owed": owed}
    receipt = ledger.pay_off(loan_id, on=DAY, amount=mxn(owed) / 100, cause=keyed("off"))

    assert receipt.events[-1] == "loan-closed"
    again = ledger.pay_off(loan_id, on=DAY, amount=mxn(owed) / 100, cause=keyed("off"))
    assert again.repeated
    with pytest.raises(NotAllowedNow):
        ledger.pay_off(loan_id, on=DAY, cause=CAUSE)


def test_a_payoff_may_leave_the_amount_to_the_ledger_fees_and_all(ledger):
    terms = msgspec.structs.replace(TERMS, prepayment_fee_rate=20_000)
    loan_id = running(ledger, terms=terms)
    ledger.charge_fee(loan_id, kind="x", amount=mxn("10.00"), effective_on=DAY, cause=CAUSE)
    owed = payoff(ledger.load(loan_id), DAY).total

    ledger.pay_off(loan_id, on=DAY, cause=CAUSE)

    loan = ledger.load(loan_id)
    assert (loan.status, loan.overpaid) == (Status.CLOSED, 0)
    assert loan.payments[1].amount == owed


def test_no_payoff_is_dated_before_the_latest_recorded_day(ledger):
    loan_id = running(ledger)
    pay(ledger, loan_id, on=DAY)
    with pytest.raises(InvalidDate, match="latest recorded day"):
        ledger.pay_off(loan_id, on=DAY - timedelta(days=1), cause=CAUSE)


def test_a_ledger_knows_the_lenders_own_calendars(database, tmp_path):
    (tmp_path / "own.yaml").write_text(
        "name: ledger_own\nyears: [2026, 2027]\nholidays: [2026-02-16]\nbase: weekends\n"
    )
    terms = msgspec.structs.replace(
        TERMS, calendar="ledger_own", business_day_rule=BusinessDayRule.FOLLOWING
    )
    with a_ledger(database.model_copy(update={"calendars_dir": tmp_path})) as ledger:
        loan = ledger.load(running(ledger, terms=terms))
    assert loan.lines[0].due_on == date(2026, 2, 17)  # the 15th is a Sunday

"""Charges on a date of their own and later down payments: owed from their day, beside the rows."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import commands, views
from domain import events as e
from domain.errors import InvalidDate, InvalidTerms
from domain.loan import Amounts, Status
from domain.plan import Charge, Plan, planned
from domain.terms import ChargesDue, InterestBasis
from tests.domain.histories import START, agreements, disbursed, opened, terms
from tests.domain.test_properties import book_of, figures

DUE = [date(2026, 2, 15), date(2026, 3, 15), date(2026, 4, 15), date(2026, 5, 15)]
VISIT = date(2026, 3, 1)
DAY = timedelta(1)
ON_DATE = {"kind": "visit", "amount": 100_00, "due_on": VISIT,
           "falls_due": ChargesDue.ON_THEIR_DATE}  # fmt: skip


def lent(**changes):
    agreed = {
        "principal": 12_000_00, "annual_rate": 0, "instalments": 4, "tax_rate": 0,
        "interest": InterestBasis.PER_PERIOD, "late_rate": 360_000,
    }  # fmt: skip
    book = disbursed(terms(**(agreed | changes)))
    book.do(commands.receive_payment, amount=3_000_00, effective_on=DUE[0])
    return book


def days_late(book, on):
    return views.as_of(book.loan, on).days_past_due(on)


def test_a_charge_on_its_date_is_past_due_from_the_day_after_it():
    book = lent()
    book.do(commands.charge_fee, effective_on=DUE[0], **ON_DATE)

    assert [days_late(book, VISIT + timedelta(n)) for n in (-1, 0, 1, 14)] == [0, 0, 1, 14]
    assert days_late(book, DUE[1] + timedelta(5)) == 19
    assert views.as_of(book.loan, DUE[3]).balances().late_interest > 0  # of the instalments alone
    assert views.as_of(book.loan, DUE[1]).balances().late_interest == 0


@pytest.mark.parametrize("agreed", [{}, {"charges_due": ChargesDue.ON_THEIR_DATE}])
def test_the_terms_say_when_a_charge_with_a_date_falls_due_and_the_charge_may_say_otherwise(agreed):
    book = lent(**agreed)
    said = ON_DATE | {"falls_due": None}
    book.do(commands.charge_fee, effective_on=DUE[0] + DAY, **said)
    book.do(commands.charge_fee, effective_on=DUE[0] + DAY, kind="copy", amount=1_00)

    assert days_late(book, VISIT + timedelta(1)) == (1 if agreed else 0)
    assert book.loan.lines[1].owed.fee == (1_00 if agreed else 101_00)


def test_a_payment_clears_it_before_the_instalment_to_come_and_what_waits_clears_it_on_its_day():
    book = lent()
    book.do(commands.charge_fee, effective_on=DUE[0], **ON_DATE)
    book.do(commands.receive_payment, amount=60_00, effective_on=VISIT + timedelta(2))

    assert book.loan.balances() == Amounts(fee=40_00, principal=9_000_00)
    [row] = [row for row in views.schedule_rows(book.loan, VISIT + timedelta(2))
             if row.due_on == VISIT]  # fmt: skip
    assert (row.total, row.paid, row.paid_late) == (100_00, 60_00, 60_00)


def test_it_is_waived_by_its_number_and_owed_again_on_its_own_row():
    book = lent()
    book.do(commands.charge_fee, effective_on=DUE[0], **ON_DATE)
    book.do(commands.waive_fee, fee=1, effective_on=VISIT + timedelta(3))
    assert days_late(book, VISIT + timedelta(3)) == 0

    book.do(commands.undo_waiver, fee=1, effective_on=VISIT + timedelta(4))

    assert days_late(book, VISIT + timedelta(4)) == 4


def test_one_learned_late_is_owed_as_if_it_had_been_known():
    known, late = lent(), lent()
    on = DUE[1] + timedelta(3)
    for book in (known, late):
        if book is known:
            book.do(commands.charge_fee, effective_on=DUE[0], **ON_DATE)
        book.do(commands.receive_payment, amount=3_000_00, effective_on=DUE[1])
        book.do(commands.close_day, on=on)

    late.do(commands.charge_fee, effective_on=DUE[0], **ON_DATE)

    assert figures(views.as_of(late.loan, on)) == figures(known.loan)
    assert days_late(late, on) == days_late(known, on) == 3  # the visit was paid, not all of row 2


def test_new_terms_take_what_is_due_and_leave_what_is_to_come_on_its_date():
    book = lent()
    book.do(commands.charge_fee, effective_on=DUE[0], **ON_DATE)
    later = ON_DATE | {"due_on": DUE[3]}
    book.do(commands.charge_fee, effective_on=DUE[0], **later)
    book.do(commands.restructure, effective_on=DUE[1], treatment=e.Treatment.CAPITALISE)

    assert book.loan.principal == 9_100_00
    assert book.loan.balances().fee == 100_00
    assert days_late(book, DUE[1]) == 0


@pytest.mark.parametrize("on", [DUE[0] + timedelta(3), DUE[0]])
def test_all_that_falls_due_at_once_takes_charges_to_come_with_it(on):
    """Of 9,000.00 to come and a charge of 100.00 in May: 9,100.00 that day, past due the next."""
    book = lent()
    book.do(commands.charge_fee, effective_on=DUE[0], **(ON_DATE | {"due_on": DUE[3]}))
    book.do(commands.accelerate, effective_on=on)

    assert [line.due_on for line in book.loan.rows if line.left] == [on, on]
    assert sum(line.left for line in book.loan.fallen_due) == 9_100_00
    book.do(commands.receive_payment, amount=9_000_00, effective_on=on)
    assert days_late(book, on + 5 * DAY) == 5  # for the charge alone
    book.do(commands.receive_payment, amount=100_00, effective_on=on + 6 * DAY)
    assert book.loan.status is Status.CLOSED


def test_who_pays_all_of_it_early_closes_the_loan():
    book = lent()
    book.do(commands.charge_fee, effective_on=DUE[0], **ON_DATE)
    owed = views.payoff(book.loan, DUE[0]).total
    assert owed == 9_100_00

    book.do(commands.receive_payment, amount=owed, effective_on=DUE[0])

    assert book.loan.status is Status.CLOSED


def test_bad_dates_are_refused_by_name():
    book = lent()
    with pytest.raises(InvalidDate) as refused:
        commands.charge_fee(book.loan, effective_on=DUE[1], **ON_DATE)
    assert refused.value.field == "due"
    with pytest.raises(InvalidTerms) as unsaid:
        commands.charge_fee(book.loan, effective_on=DUE[1], **(ON_DATE | {"due_on": None}))
    assert unsaid.value.field == "due"


def test_a_schedule_asked_for_has_a_row_of_a_charge_on_its_date():
    charge = Charge(VISIT, "visit", 100_00, ChargesDue.ON_THEIR_DATE)
    rows = planned(Plan(terms(instalments=4), START, charges=(charge,)))

    assert [row.number for row in rows] == [1, 2, 3, 4, 5]
    assert (rows[1].due_on, rows[1].total) == (VISIT, 116_00)
    plain = planned(Plan(terms(instalments=4), START))
    assert [row.total for row in rows if row.principal] == [row.total for row in plain]


def test_each_tranche_asks_for_its_down_payment_on_its_day():
    agreed = terms(principal=12_000_00, annual_rate=0, instalments=4, tax_rate=0, late_rate=360_000,
                   down_payment_rate=250_000)  # fmt: skip
    book = opened(agreed)
    book.do(commands.disburse, principal=8_000_00, effective_on=START)
    book.do(commands.receive_payment, amount=2_000_00, effective_on=START)
    on = START + timedelta(10)
    book.do(commands.disburse, principal=4_000_00, effective_on=on)

    assert [line.owed.principal for line in book.loan.lines[1:]] == [2_250_00] * 4
    assert days_late(book, on + timedelta(5)) == 5
    assert views.as_of(book.loan, on + timedelta(5)).balances().late_interest == 5_00
    book.do(commands.receive_payment, amount=1_000_00, effective_on=on)
    assert days_late(book, on + timedelta(5)) == 0


@given(agreements(down_payment_rate=200_000), st.integers(0, 60), st.integers(0, 40))
def test_a_tranche_learned_late_asks_for_its_down_payment_as_if_known(agreed, wait, until):
    known, late = book_of(agreed), book_of(agreed)
    on = START + timedelta(wait)
    if known.loan.disbursed + 1 >= agreed.principal or known.loan.lines[-1].due_on <= on:
        return
    part = (agreed.principal - known.loan.disbursed) // 2
    known.do(commands.disburse, principal=part, effective_on=on)
    known.do(commands.close_day, on=on + timedelta(until))
    late.do(commands.close_day, on=on + timedelta(until))
    late.do(commands.disburse, principal=part, effective_on=on)

    end = on + timedelta(until)
    assert figures(views.as_of(late.loan, end)) == figures(views.as_of(known.loan, end))

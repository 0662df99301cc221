"""A new loan pays off old ones once and only once, whatever happens in between."""

from datetime import date, timedelta
from threading import Thread
from uuid import UUID

import msgspec
import pytest
from moneyed import Money

from domain.errors import InvalidAmount, InvalidDate, NotAllowedNow
from domain.loan import Status
from domain.views import payoff
from ledger.close_of_day import close_through
from ledger.errors import BelowPayoff, DuplicateLoanNumber, KeyReused, UnknownLoan, WrongCurrency
from ledger.money import FormError
from ledger.refinancing import Refinancing, refinance
from tests.ledger.builders import (
    CAUSE,
    TERMS,
    a_ledger,
    keyed,
    mxn,
    opened,
    pay,
    running,
    stored,
)

ON = date(2026, 4, 10)


@pytest.fixture
def ledger(fresh_database):
    with a_ledger(fresh_database) as ledger:
        yield ledger


def order(*old, loan_no="NEW-1", principal=30_000_00, **given):
    terms = msgspec.structs.replace(TERMS, principal=principal)
    return Refinancing(
        refinances=list(old), loan_no=loan_no, effective_on=ON, **{"terms": terms, **given}
    )


def owed(ledger, loan_id):
    return payoff(ledger.load(loan_id), ON).total


def events(ledger):
    return [row[2] for row in ledger.store.run(stored)]


def test_the_old_loans_are_paid_off_to_the_centavo_and_the_rest_is_paid_out(ledger):
    old = [running(ledger, "OLD-1"), running(ledger, "OLD-2")]
    debts = [owed(ledger, loan_id) for loan_id in old]

    done = refinance(ledger, order(*old), keyed("r-1"))

    assert [paid.amount for paid in done.paid_off] == debts
    assert done.paid_out == 30_000_00 - sum(debts)
    for loan_id, debt in zip(old, debts, strict=True):
        loan = ledger.load(loan_id)
        assert (loan.status, loan.closed_for, loan.overpaid) == (Status.CLOSED, "refinanced", 0)
        [payment] = loan.payments.values()
        assert (payment.amount, payment.channel, payment.reference) == (
            debt, "refinancing", "NEW-1",
        )  # fmt: skip
    new = ledger.load(done.receipt.loan_id)
    assert (new.loan_no, new.principal, new.status) == ("NEW-1", 30_000_00, Status.ACTIVE)
    lent = msgspec.json.decode(
        ledger.store.run(lambda connection: stored(connection, done.receipt.loan_id))[1][3]
    )
    assert lent["refinances"] == "OLD-1, OLD-2"


def test_given_again_it_answers_the_same_and_does_nothing(ledger):
    old = running(ledger)
    first = refinance(ledger, order(old), keyed("r-1"))
    before = events(ledger)

    again = refinance(ledger, order(old), keyed("r-1"))

    assert again.receipt.repeated
    assert (again.paid_off, again.paid_out) == (first.paid_off, first.paid_out)
    assert events(ledger) == before


def test_the_key_with_another_order_is_refused(ledger):
    old, other = running(ledger), running(ledger)
    refinance(ledger, order(old), keyed("r-1"))
    for changed in (order(other), order(old, loan_no="NEW-2"), order(old, channel="cash")):
        with pytest.raises(KeyReused):
            refinance(ledger, changed, keyed("r-1"))


class Killed(BaseException):
    """What a kill does to a process, seen from inside."""


@pytest.mark.parametrize("step", range(1, 8))
def test_killed_between_any_two_steps_the_same_order_finishes_it_once(
    ledger, fresh_database, monkeypatch, step
):
    """Each look at the store and each append is a place to die at, before it and after it."""
    old = [running(ledger, "OLD-1"), running(ledger, "OLD-2")]
    debts = [owed(ledger, loan_id) for loan_id in old]
    appended = type(ledger.facts).append
    calls = []

    def dying(self, *given):
        calls.append(given)
        if len(calls) == (step + 1) // 2 and step % 2:
            raise Killed
        result = appended(self, *given)
        if len(calls) == (step + 1) // 2:
            raise Killed
        return result

    with a_ledger(fresh_database) as first:
        monkeypatch.setattr(type(first.facts), "append", dying)
        if step < 7:  # three appends: the new loan and two payoffs
            with pytest.raises(Killed):
                refinance(first, order(*old), keyed("r-1"))
        monkeypatch.undo()
    with a_ledger(fresh_database) as second:
        done = refinance(second, order(*old), keyed("r-1"))

    assert [paid.amount for paid in done.paid_off] == debts
    assert done.paid_out == 30_000_00 - sum(debts)
    assert events(ledger).count("loan-opened") == 3
    assert events(ledger).count("payment-received") == 2
    assert [ledger.load(loan_id).status for loan_id in old] == [Status.CLOSED] * 2


def killed_after_lending(ledger, monkeypatch, *old, **given):
    """The new loan is lent, and nothing paid yet."""
    with monkeypatch.context() as patched:

        def dying(self, *given, **named):
            raise Killed

        patched.setattr(type(ledger), "execute", dying)
        with pytest.raises(Killed):
            refinance(ledger, order(*old, **given), keyed("r-1"))


def test_a_close_of_day_in_between_changes_nothing_of_it(ledger, monkeypatch):
    old = running(ledger)
    debt = owed(ledger, old)
    killed_after_lending(ledger, monkeypatch, old)
    close_through(ledger, ON + timedelta(days=3))

    done = refinance(ledger, order(old), keyed("r-1"))

    assert [paid.amount for paid in done.paid_off] == [debt]
    loan = ledger.load(old)
    assert (loan.status, loan.overpaid, loan.balances().total) == (Status.CLOSED, 0, 0)


def test_a_payment_in_between_leaves_more_to_pay_out(ledger, monkeypatch):
    old = running(ledger)
    debt = owed(ledger, old)
    killed_after_lending(ledger, monkeypatch, old)
    pay(ledger, old, "1000.00", on=ON)

    done = refinance(ledger, order(old), keyed("r-1"))

    assert [paid.amount for paid in done.paid_off] == [debt - 1_000_00]
    assert done.paid_out == 30_000_00 - debt + 1_000_00


def test_a_loan_that_was_paid_in_between_takes_nothing(ledger, monkeypatch):
    old = running(ledger)
    killed_after_lending(ledger, monkeypatch, old)
    ledger.pay_off(old, on=ON, cause=CAUSE)

    done = refinance(ledger, order(old), keyed("r-1"))

    assert [paid.amount for paid in done.paid_off] == [0]
    assert done.paid_out == 30_000_00


def test_a_debt_that_grew_in_between_is_never_paid_with_more_than_was_lent(ledger, monkeypatch):
    old = running(ledger)
    debt = owed(ledger, old)
    killed_after_lending(ledger, monkeypatch, old, principal=debt)
    ledger.charge_fee(old, kind="legal", amount=mxn("50.00"), effective_on=ON, cause=CAUSE)

    with pytest.raises(BelowPayoff) as refused:
        refinance(ledger, order(old, principal=debt), keyed("r-1"))
    assert refused.value.amounts == {"paid_out": debt, "owed": debt + 58_00}
    assert ledger.load(old).status is Status.ACTIVE

    ledger.waive_fee(old, fee=1, effective_on=ON, cause=CAUSE)
    assert refinance(ledger, order(old, principal=debt), keyed("r-1")).paid_out == 0


def test_two_at_once_do_it_once(ledger, fresh_database):
    old = running(ledger)
    done = []

    def run():
        with a_ledger(fresh_database) as mine:
            done.append(refinance(mine, order(old), keyed("r-1")))

    threads = [Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({one.receipt.loan_id for one in done}) == 1
    assert len({(one.paid_out, one.paid_off[0].amount) for one in done}) == 1
    assert events(ledger).count("payment-received") == 1


@pytest.mark.parametrize(("short", "refused"), [(0, False), (1, True)])
def test_the_new_loan_must_pay_the_old_ones_off(ledger, short, refused):
    old = running(ledger)
    debt = owed(ledger, old)
    before = events(ledger)
    if not refused:
        assert refinance(ledger, order(old, principal=debt - short), keyed("r-1")).paid_out == 0
        return
    with pytest.raises(BelowPayoff) as error:
        refinance(ledger, order(old, principal=debt - short), keyed("r-1"))
    assert error.value.amounts == {"paid_out": debt - short, "owed": debt}
    assert events(ledger) == before


def test_what_is_withheld_pays_nothing_off(ledger):
    old = running(ledger)
    debt = owed(ledger, old)
    terms = msgspec.structs.replace(TERMS, principal=debt + 116_00, opening_fee_rate=0)
    enough = order(old, terms=terms, withheld_fees=mxn("100.00"))
    assert refinance(ledger, enough, keyed("r-1")).paid_out == 0  # 16.00 are the fee's tax
    other = running(ledger)
    with pytest.raises(BelowPayoff):
        refinance(
            ledger, order(other, terms=terms, withheld_fees=mxn("100.01"), loan_no="NEW-2"),
            keyed("r-2"),
        )  # fmt: skip


def test_a_fee_that_is_financed_comes_on_top(ledger):
    old = running(ledger)
    debt = owed(ledger, old)
    terms = msgspec.structs.replace(
        TERMS, principal=debt, opening_fee_rate=20_000, opening_fee_financed=True
    )
    done = refinance(ledger, order(old, terms=terms), keyed("r-1"))
    assert done.paid_out == 0
    assert ledger.load(done.receipt.loan_id).principal > debt


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"refinances": []}, FormError),
        ({"refinances": "twice"}, FormError),
        ({"refinances": "unknown"}, UnknownLoan),
        ({"refinances": "opened"}, NotAllowedNow),
        ({"refinances": "closed"}, NotAllowedNow),
        ({"effective_on": date(2030, 1, 1)}, InvalidDate),
        ({"effective_on": date(2026, 2, 1)}, InvalidDate),
        ({"terms": msgspec.structs.replace(TERMS, currency="USD")}, WrongCurrency),
        ({"withheld_fees": Money("1.00", "USD")}, WrongCurrency),
        ({"withheld_fees": mxn("-1.00")}, InvalidAmount),
        ({"loan_no": "OLD-1"}, DuplicateLoanNumber),
    ],
)
def test_a_refusal_changes_nothing(ledger, given, error):
    old = running(ledger, "OLD-1")
    pay(ledger, old, on=date(2026, 3, 1))
    closed = opened(ledger)
    ledger.close_loan(closed, effective_on=ON, cause=CAUSE)
    named = {"twice": [old, old], "unknown": [UUID(int=7)], "opened": [opened(ledger)],
             "closed": [closed]}  # fmt: skip
    changed = {name: named.get(value, value) if isinstance(value, str) and name == "refinances"
               else value for name, value in given.items()}  # fmt: skip
    before = events(ledger)

    with pytest.raises(error):
        refinance(ledger, msgspec.structs.replace(order(old), **changed), keyed("r-1"))

    assert events(ledger) == before
    assert ledger.load(old).status is Status.ACTIVE

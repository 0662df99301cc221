"""Short stories for tests of the store."""

from datetime import date
from itertools import count

from moneyed import Money

from domain.terms import Frequency, Terms
from ledger.application import Ledger
from ledger.clock import FixedClock
from ledger.orders import Cause

START = date(2026, 1, 15)
TODAY = date(2027, 6, 30)
CAUSE = Cause("ana", "test")
TERMS = Terms(
    currency="MXN", principal=10_000_00, annual_rate=360_000, instalments=12,
    frequency=Frequency.MONTHLY, tax_rate=160_000, late_rate=720_000,
)  # fmt: skip

_numbers = count(1)


def mxn(amount):
    return Money(amount, "MXN")


def keyed(key):
    return Cause("ana", "test", key)


def a_ledger(settings, on=TODAY):
    return Ledger(settings, clock=FixedClock(on))


def opened(ledger, loan_no=None, terms=TERMS, cause=CAUSE):
    number = loan_no or f"L-{next(_numbers):05d}"
    return ledger.open_loan(loan_no=number, terms=terms, effective_on=START, cause=cause).loan_id


def running(ledger, loan_no=None, terms=TERMS):
    """A loan disbursed in full on START."""
    loan_id = opened(ledger, loan_no, terms)
    ledger.disburse(loan_id, principal=mxn(terms.principal / 100), effective_on=START, cause=CAUSE)
    return loan_id


def pay(ledger, loan_id, amount="1.00", on=date(2026, 2, 1), cause=CAUSE):
    return ledger.receive_payment(loan_id, amount=mxn(amount), effective_on=on, cause=cause)


def stored(connection, loan_id=None):
    """What is on record, as it is: (version, type, state as text), oldest first."""
    return connection.execute(
        "SELECT loan_id, version, type, state::text FROM ledger.events"
        " WHERE %(id)s::uuid IS NULL OR loan_id = %(id)s ORDER BY loan_id, version",
        {"id": loan_id},
    ).fetchall()

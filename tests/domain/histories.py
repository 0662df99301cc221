"""Random loans and random histories of commands, for the properties that always hold."""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta

from hypothesis import strategies as st

from domain import commands
from domain import events as e
from domain.errors import LoanError
from domain.fold import replay
from domain.loan import Loan, Status
from domain.money import Rounding
from domain.terms import (
    AllocationRule,
    Component,
    DayCount,
    Frequency,
    InAdvance,
    InterestBasis,
    Method,
    Terms,
    Walk,
)

START = date(2026, 1, 15)


def terms(**changes) -> Terms:
    """10,000.00 pesos at 36 %, twelve months, 16 % tax: the loan most examples use."""
    agreed = {
        "currency": "MXN",
        "principal": 10_000_00,
        "annual_rate": 360_000,
        "instalments": 12,
        "frequency": Frequency.MONTHLY,
        "tax_rate": 160_000,
        "late_rate": 720_000,
    }
    return Terms(**(agreed | changes))


@dataclass
class Book:
    """A loan with its whole history, as the store would keep it."""

    loan: Loan
    history: list[e.AnyLoanEvent] = field(default_factory=list)

    def do(self, command, **arguments) -> tuple[e.AnyLoanEvent, ...]:
        events = command(self.loan, **arguments)
        stored = [e.decode.decode(e.encode.encode(event)) for event in events]
        self.loan = replay(stored, self.loan)
        self.history += stored
        return events


def opened(agreed: Terms | None = None, on: date = START) -> Book:
    """A loan just approved."""
    events = commands.open_loan(loan_no="L-1", terms=agreed or terms(), effective_on=on)
    return Book(replay(events), list(events))


def disbursed(agreed: Terms | None = None, on: date = START) -> Book:
    """A loan just paid out in full."""
    book = opened(agreed, on)
    book.do(commands.disburse, principal=book.loan.terms.principal, effective_on=on)
    return book


@st.composite
def agreements(draw, **fixed) -> Terms:
    """Terms of every kind that the domain offers, small enough to walk day by day."""
    method = draw(st.sampled_from([m for m in Method if m is not Method.IRREGULAR]))
    single = method is Method.SINGLE
    principal = draw(st.integers(1_000_00, 500_000_00))
    frequency = draw(st.sampled_from([
        Frequency.WEEKLY, Frequency.FORTNIGHTLY, Frequency.SEMI_MONTHLY, Frequency.MONTHLY,
    ]))  # fmt: skip
    drawn = {
        "currency": "MXN",
        "principal": principal,
        "annual_rate": draw(st.sampled_from([0, 1, 145_000, 360_000, 1_200_000])),
        "instalments": 1 if single else draw(st.integers(1, 8)),
        "frequency": frequency,
        "method": method,
        "balloon": principal // 3 if method is Method.BALLOON else 0,
        "day_count": draw(st.sampled_from(list(DayCount))),
        "interest": draw(st.sampled_from(list(InterestBasis))),
        "rounding": draw(st.sampled_from(list(Rounding))),
        "tax_rate": draw(st.sampled_from([0, 80_000, 160_000])),
        "late_rate": draw(st.sampled_from([0, 720_000])),
        "late_grace_days": draw(st.sampled_from([0, 0, 5])),
        "allocation": AllocationRule(
            walk=draw(st.sampled_from(list(Walk))),
            in_advance=draw(st.sampled_from(list(InAdvance))),
        ),
    }
    return Terms(**(drawn | fixed))


STEPS = st.lists(
    st.tuples(
        st.integers(0, 25),
        st.sampled_from(
            ["pay", "pay", "pay", "pay_back", "reverse", "fee", "waive", "forgive", "close_day",
             "close_day", "promise", "write_off", "recover"]
        ),
        st.integers(1, 1_000),
    ),
    max_size=14,
)  # fmt: skip
"""(days to wait, what to do, how much in thousandths)."""


PLAIN_STEPS = st.lists(
    st.tuples(
        st.integers(1, 25), st.sampled_from(["pay", "pay", "fee", "close_day"]), st.integers(1, 250)
    ),
    min_size=1,
    max_size=12,
).filter(lambda steps: any(verb == "pay" for _, verb, _ in steps))
"""Payments, fees and closes only: (days to wait, what to do, thousandths of the principal)."""


def play(book: Book, steps) -> date:
    """Do ``steps`` one after the other, going on where one is refused. The last day."""
    day = book.loan.disbursed_on
    for wait, verb, size in steps:
        day += timedelta(days=wait)
        with suppress(LoanError):
            _step(book, day, verb, size)
    return day


def _step(book: Book, day: date, verb: str, size: int) -> None:
    loan = book.loan
    part = max(1, loan.terms.principal * size // 2_000)
    match verb:
        case "pay":
            book.do(commands.receive_payment, amount=part, effective_on=day)
        case "pay_back":
            back = max(loan.disbursed_on, day - timedelta(days=size % 60))
            book.do(commands.receive_payment, amount=part, effective_on=back)
        case "reverse":
            number = size % (len(loan.payments) + 1)
            book.do(commands.reverse_payment, payment=number, reversed_on=day)
        case "fee":
            book.do(commands.charge_fee, kind="visit", amount=size * 10, effective_on=day)
        case "waive":
            book.do(commands.waive_fee, fee=len(loan.fees), effective_on=day)
        case "forgive":
            amounts = {Component.PRINCIPAL: part // 4 + 1}
            book.do(commands.forgive, amounts=amounts, effective_on=day)
        case "close_day":
            book.do(commands.close_day, on=day)
        case "promise":
            later = day + timedelta(days=size % 20)
            book.do(commands.make_promise, amount=part, promised_for=later, effective_on=day)
        case "write_off" if size % 3 == 0:
            book.do(commands.write_off, effective_on=day)
        case "recover" if loan.status is Status.WRITTEN_OFF:
            book.do(commands.receive_recovery, amount=part, effective_on=day)

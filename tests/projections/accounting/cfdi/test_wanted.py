"""Which documents a history asks for: together they say what was collected, whatever happened."""

from collections import Counter
from datetime import date

import pytest
from hypothesis import example, given, reject
from hypothesis import strategies as st

from domain import commands
from domain import events as e
from domain.errors import LoanError
from domain.terms import (
    AllocationRule,
    Component,
    Frequency,
    Grace,
    InAdvance,
    InterestBasis,
    PaymentKind,
    PeriodCharge,
    RateStep,
)
from ledger.mapper import Recorded
from projections.accounting.cfdi.documents import (
    TAXED,
    Cancellation,
    Complement,
    Credit,
    Income,
    Item,
    apart,
)
from projections.accounting.cfdi.wanted import wanted
from tests.domain.histories import STEPS, agreements, disbursed, play, terms
from tests.projections.accounting.cfdi.tools import settings

EVER = date(2000, 1, 1)


def played(agreed, steps):
    """A loan and what happened to it; agreements that no loan can have are passed over."""
    try:
        book = disbursed(agreed)
    except LoanError:
        reject()
    play(book, steps)
    return book


def asked(book, when, **given):
    history = [Recorded(None, nth, event, nth) for nth, event in enumerate(book.history, start=1)]
    return wanted(history, settings(when=when, since=EVER, **given))


def standing(found):
    gone = {one.document for one in found if isinstance(one, Cancellation)}
    kinds = (Income, Complement)
    return [one for one in found if isinstance(one, kinds) and one.key not in gone]


def paid(found):
    """What documents say was collected: invoices paid at once, and complements; less credit notes
    on the former.
    """
    at_once = {one.key for one in found if isinstance(one, Income) and one.paid}
    back = sum(one.total for one in found if isinstance(one, Credit) and one.invoice in at_once)
    came = [one for one in standing(found) if isinstance(one, Complement) or one.paid]
    return sum(one.total for one in came) - back


def collected(book):
    """The same from the loan as it stands, and from what was withheld and recovered."""
    total = 0
    for payment in book.loan.payments.values():
        own = payment.kind in (PaymentKind.PAYMENT, PaymentKind.SECURITY_DEPOSIT)
        if own and payment.reversed_on is None:
            total += sum(one.total - one.principal for one in payment.allocation.values())
    for event in book.history:
        if isinstance(event, e.LoanDisbursed):
            total += event.withheld_fees + event.withheld_fees_tax
            total += event.withheld_interest + event.withheld_interest_tax
        if isinstance(event, e.RecoveryReceived):
            total += sum(
                amount
                for component, amount in event.by_component.items()
                if component.value.removesuffix("_tax") in TAXED
            )
    return total


WAITING = (
    {"annual_rate": 0, "instalments": 3, "frequency": Frequency.WEEKLY, "principal": 2165_34,
     "allocation": AllocationRule(in_advance=InAdvance.WAIT),
     "period_charges": (PeriodCharge(kind="insurance", amount=35_00, taxed=True),
                        PeriodCharge(kind="cover", rate=1500, of_balance=True))},
    [(0, "pay", 15), (0, "pay", 91), (0, "holiday", 1), (21, "pay", 1), (0, "rate", 2)],
)  # fmt: skip
"""Payments that waited and cleared bit by bit, moved by late news: several documents of one."""

GIVEN_BACK = (
    {"annual_rate": 0, "instalments": 8, "principal": 1000_00, "frequency": Frequency.FORTNIGHTLY,
     "interest": InterestBasis.PER_PERIOD, "tax_rate": 0,
     "grace": Grace(principal_periods=1, interest_payment_periods=1),
     "rate_steps": (RateStep(from_on=date(2026, 2, 24), annual_rate=240_000),),
     "allocation": AllocationRule(in_advance=InAdvance.LAST_INSTALMENT)},
    [(3, "pay", 1), (25, "pay", 1), (14, "pay", 285), (0, "restructure", 1)],
)  # fmt: skip
"""A payment that gives back on one instalment what another payment had cleared there."""

TAKEN_BACK = (
    {"annual_rate": 0, "instalments": 1, "principal": 1000_00, "interest": InterestBasis.PER_PERIOD,
     "rate_steps": (RateStep(from_on=date(2026, 2, 24), annual_rate=240_000),),
     "allocation": AllocationRule(in_advance=InAdvance.LAST_INSTALMENT)},
    [(0, "restructure", 1), (0, "pay", 1), (0, "write_off", 3)],
)  # fmt: skip
"""Interest paid in advance that becomes principal when the loan is written off."""


@pytest.mark.parametrize("when", ["collection", "due"])
@example(agreed=terms(**WAITING[0]), steps=WAITING[1])
@example(agreed=terms(**TAKEN_BACK[0]), steps=TAKEN_BACK[1])
@example(agreed=terms(**GIVEN_BACK[0]), steps=GIVEN_BACK[1])
@given(agreed=agreements(), steps=STEPS)
def test_documents_say_what_was_collected(when, agreed, steps):
    book = played(agreed, steps)

    for how in ("cancel", "credit_note"):
        assert paid(asked(book, when, reversed=how)) == collected(book)


@pytest.mark.parametrize("when", ["collection", "due"])
@given(agreed=agreements(), steps=STEPS)
def test_each_document_is_asked_for_once_and_goes_once(when, agreed, steps):
    book = played(agreed, steps)

    issued, gone = [], []
    for one in asked(book, when):
        if isinstance(one, Cancellation):
            assert one.document in issued
            assert not one.by or one.by in issued
            gone.append(one.document)
        else:
            before = [one.invoice] if isinstance(one, Credit) else one.replaces
            assert set(before) <= set(issued)
            issued.append(one.key)
    assert max(Counter(issued).values(), default=1) == 1
    assert max(Counter(gone).values(), default=1) == 1


@given(agreed=agreements(), steps=STEPS)
def test_no_invoice_is_paid_beyond_what_it_asks(agreed, steps):
    book = played(agreed, steps)

    found = asked(book, "due")
    invoices = {one.key: one for one in found if isinstance(one, Income)}
    sums = Counter()
    for one in standing(found):
        for part in one.parts if isinstance(one, Complement) else ():
            assert 0 < part.paid <= part.before <= invoices[part.invoice].total
            sums[part.invoice] += part.paid
    for one in found:
        if isinstance(one, Credit):
            assert one.total > 0
            sums[one.invoice] += one.total
    for key, total in sums.items():
        assert not invoices[key].paid
        assert total <= invoices[key].total


@pytest.mark.parametrize(
    ("when", "given", "notes"),
    [("due", {}, 1), ("due", {"forgiven": "nothing"}, 0), ("collection", {}, 0)],
)
def test_only_debt_that_was_invoiced_asks_for_a_credit_note(when, given, notes):
    book = disbursed(terms(tax_rate=160_000))
    book.do(commands.close_day, on=date(2026, 2, 20))
    [invoiced] = [one for one in book.history if isinstance(one, e.InstalmentFellDue)]
    book.do(
        commands.forgive, effective_on=date(2026, 2, 20),
        amounts={Component.INTEREST: 50_00, Component.INTEREST_TAX: 8_00},
    )  # fmt: skip

    found = [one for one in asked(book, when, **given) if isinstance(one, Credit)]

    assert invoiced.interest > 50_00
    assert [(one.items, one.why) for one in found] == [
        ((Item("interest", 50_00, 8_00),), "forgiven")
    ] * notes


@given(
    forgiven=st.lists(
        st.tuples(st.integers(1, 60_00), st.integers(0, 9_00)), min_size=1, max_size=3
    ),
    payments=st.lists(st.integers(1, 300_00), min_size=3, max_size=3),
)
def test_what_is_left_of_an_invoice_is_what_the_loan_still_owes_of_it(forgiven, payments):
    book = disbursed(terms(tax_rate=160_000))
    for nth, (amount, tax) in enumerate(forgiven):
        on = date(2026, 2, 20 + nth)
        book.do(commands.close_day, on=on)
        asks = {Component.INTEREST: amount, Component.INTEREST_TAX: tax}
        try:
            book.do(
                commands.forgive, effective_on=on,
                amounts={name: one for name, one in asks.items() if one},
            )  # fmt: skip
        except LoanError:
            reject()
        book.do(commands.receive_payment, amount=payments[nth], effective_on=on, channel="spei")

    found = asked(book, "due")
    line = book.loan.line(1)
    left = sum(getattr(line.owed, one) - getattr(line.paid, one)
               for one in ("interest", "interest_tax"))  # fmt: skip
    for one in found:
        match one:
            case Income(paid=False):
                left -= one.total
            case Complement():
                left += one.total
            case Credit():
                left += one.total
    assert left == 0


@given(agreed=agreements(), steps=STEPS)
def test_tax_is_what_the_rate_makes_of_the_amount(agreed, steps):
    book = played(agreed, steps)

    for one in asked(book, "collection"):
        for item in one.items if isinstance(one, Income) else ():
            assert item.amount >= 0
            assert item.tax >= 0
            if item.tax:
                assert abs(item.tax * 10**6 - item.amount * one.rate) <= 10**6


@given(agreed=agreements(), steps=STEPS)
def test_what_was_asked_for_stays_asked_for_as_history_goes_on(agreed, steps):
    book = played(agreed, steps)
    whole = asked(book, "due")

    for length in range(1, len(book.history)):
        book.history, rest = book.history[:length], book.history[length:]
        part = asked(book, "due")
        book.history = book.history + rest
        assert part == whole[: len(part)]


@pytest.mark.parametrize(
    ("total", "rate", "item"),
    [
        (116, 160_000, Item("fee", 100, 16)),
        (16, 160_000, Item("fee", 14, 2)),
        (1, 160_000, Item("fee", 1, 0)),
        (108, 80_000, Item("fee", 100, 8)),
    ],
)
def test_a_total_is_told_apart_by_the_rate(total, rate, item):
    assert apart("fee", total, rate, taxed=True) == item
    assert apart("fee", total, rate, taxed=False) == Item("fee", total, 0)

"""A statement adds up, agrees with the loan, and goes on where the one before it ended."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import assume, example, given
from msgspec.structs import astuple

from domain import commands
from domain.errors import InvalidTerms
from domain.loan import Status
from domain.terms import Frequency
from domain.views import as_of
from ledger.mapper import Recorded
from projections.statements.account import Cut, statement
from projections.statements.period import (
    BadPeriod,
    NothingToState,
    PeriodNotClosed,
    month,
)
from tests.domain.histories import STEPS, agreements, disbursed, play, terms

ID = UUID(int=1)
BOOKED = datetime(2026, 1, 1, tzinfo=UTC)
LAST = 10**9


def recorded(book):
    return [
        Recorded(ID, n, event, n, BOOKED, ID, 0) for n, event in enumerate(book.history, start=1)
    ]


def months(first, last):
    while first <= last:
        period = month(f"{first:%Y-%m}")
        yield period
        first = period.ends_on + timedelta(days=1)


def played(agreed, steps):
    try:
        book = disbursed(agreed)
    except InvalidTerms:
        assume(False)
    play(book, steps)
    return book


def over(book):
    """Months of the loan that are closed."""
    through = book.loan.through if book.loan.status is Status.ACTIVE else date(2029, 1, 31)
    return [one for one in months(book.loan.opened_on, through) if one.ends_on <= through][:40]


@given(agreements(), STEPS)
@example(
    terms(
        principal=1_000_00, annual_rate=0, instalments=1, frequency=Frequency.WEEKLY,
        late_rate=720_000,
    ),
    [(18, "pay", 1), (25, "restructure", 1), (0, "pay_back", 1), (1, "pay", 1)],
)  # fmt: skip
def test_a_statement_adds_up_and_agrees_with_the_loan(agreed, steps):
    book = played(agreed, steps)

    for period in over(book):
        try:
            told = statement(recorded(book), period, Cut(period.ends_on, LAST))
        except NothingToState:
            continue
        seen = as_of(book.loan, period.ends_on)

        assert told.closing.owed == astuple(seen.balances())
        assert told.closing.kept == seen.overpaid
        assert told.opening.balance + told.charges - told.credits == told.closing.balance
        assert [row.balance for row in told.rows][-1:] in ([], [told.closing.balance])
        assert not [row for row in told.rows if row.concept in ("principal", "kept")]


@given(agreements(), STEPS)
def test_opening_balances_are_the_closing_balances_before_them(agreed, steps):
    """Each month is issued as soon as it is closed; what comes later is on the next."""
    book = played(agreed, steps)
    history, before, closing = recorded(book), None, 0

    for period in over(book):
        known = next(
            (one.position for one in history if one.event.effective_on > period.ends_on), LAST
        )
        cut = Cut(period.ends_on, known)
        try:
            told = statement(history, period, cut, before)
        except (NothingToState, PeriodNotClosed):
            continue

        assert told.opening.balance == closing
        before, closing = cut, told.closing.balance


def test_what_is_learned_late_stands_on_the_next_statement_with_its_own_date():
    book = disbursed(terms())
    book.do(commands.close_day, on=date(2026, 3, 10))
    issued = Cut(date(2026, 2, 28), len(book.history))
    february = statement(recorded(book), month("2026-02"), issued)
    book.do(commands.receive_payment, amount=500_00, effective_on=date(2026, 2, 20))
    book.do(commands.close_day, on=date(2026, 3, 31))

    march = statement(recorded(book), month("2026-03"), Cut(date(2026, 3, 31), LAST), issued)

    assert march.opening == february.closing
    late = [(row.on, row.concept, row.credit) for row in march.rows if row.late]
    assert late[0] == (date(2026, 2, 20), "payment", 500_00)
    assert march.rows[0].late
    assert march.closing.balance == as_of(book.loan, date(2026, 3, 31)).balances().total


def test_a_period_that_is_not_closed_is_refused_with_the_command_that_closes_it():
    book = disbursed(terms())
    book.do(commands.close_day, on=date(2026, 1, 30))

    with pytest.raises(PeriodNotClosed, match="cartera close --through 2026-01-31"):
        statement(recorded(book), month("2026-01"), Cut(date(2026, 1, 31), LAST))


@pytest.mark.parametrize("name", ["2026-13", "2026-1", "enero", "", "0000-01", "2026-01-01"])
def test_only_months_are_periods(name):
    with pytest.raises(BadPeriod):
        month(name)


def test_before_it_was_opened_a_loan_has_no_statement():
    book = disbursed(terms())

    with pytest.raises(NothingToState):
        statement(recorded(book), month("2025-12"), Cut(date(2025, 12, 31), LAST))

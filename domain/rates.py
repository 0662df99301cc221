"""The rate of a running loan changes, follows its index, or rests."""

from collections.abc import Callable
from datetime import date

from domain import events as e
from domain.errors import IndexWithoutValue, InvalidDate, InvalidTerms
from domain.guards import (
    Events,
    check_active,
    check_not_before_disbursement,
)
from domain.history import in_order, told_now
from domain.limits import MAX_RATE
from domain.loan import Loan, Status
from domain.pauses import end_of_pause
from domain.terms import Floating

IndexValue = Callable[[str, date], int | None]
"""The value (millionths) an index has on a day: that of the day or the last before it."""


def change_rate(
    loan: Loan,
    *,
    annual_rate: int,
    effective_on: date,
    keeps_instalment: bool = False,
    reason: str = "",
) -> Events:
    """From the night of ``effective_on`` the loan bears ``annual_rate`` (millionths).

    What is not yet due is fitted to it; ``keeps_instalment`` lets the term or the last instalment
    take the difference instead.
    Errors: ``NotAllowedNow`` unless active, ``InvalidTerms``, ``InvalidDate``.
    """
    check_active(loan, "change the rate")
    check_not_before_disbursement(loan, effective_on)
    if not 0 <= annual_rate <= MAX_RATE:
        rule = f"annual_rate {annual_rate} must be between 0 and {MAX_RATE}"
        raise InvalidTerms(rule, "annual_rate")
    fact = e.RateChanged(
        effective_on=effective_on,
        annual_rate=annual_rate,
        keeps_instalment=keeps_instalment,
        reason=reason,
    )
    return tuple(told_now(loan, fact).events)


def pause_interest(loan: Loan, *, effective_on: date, until: date, reason: str = "") -> Events:
    """No interest runs from the night of ``effective_on`` up to that of ``until``, exclusive.

    The instalments stay as they are, and the last one takes the difference.
    Errors: ``NotAllowedNow`` unless active, ``InvalidDate``.
    """
    check_active(loan, "pause interest")
    check_not_before_disbursement(loan, effective_on)
    if until <= effective_on:
        raise InvalidDate(until, f"is not after the {effective_on} it begins", "until")
    fact = e.RateChanged(
        effective_on=effective_on, annual_rate=0, until=until, keeps_instalment=True, reason=reason
    )
    return tuple(told_now(loan, fact).events)


def pause_delinquency(loan: Loan, *, effective_on: date, until: date, reason: str = "") -> Events:
    """Days up to ``until`` count as none past due and bear no late interest.

    Errors: ``NotAllowedNow`` unless active, ``InvalidDate`` where it overlaps another pause.
    """
    check_active(loan, "pause delinquency")
    check_not_before_disbursement(loan, effective_on)
    if until <= effective_on:
        raise InvalidDate(until, f"is not after the {effective_on} it begins", "until")
    for begin, end in loan.pauses:
        if begin < until and effective_on < end:
            raise InvalidDate(effective_on, f"overlaps the pause from {begin} to {end}")
    fact = e.DelinquencyPaused(effective_on=effective_on, until=until, reason=reason)
    return tuple(told_now(loan, fact).events)


def reset_rate(loan: Loan, *, upto: date, value_of: IndexValue) -> Events:
    """What a floating loan's index made of its rate on each reset day up to ``upto``.

    A reset day is every so many due dates of the terms, from the disbursement on. Nothing is
    recorded where the rate stays what it is. What is fixed while interest rests holds after it.
    Errors: ``IndexWithoutValue`` if the index has none on such a day.
    """
    floating = loan.terms.floating
    if floating is None or loan.status is not Status.ACTIVE:
        return ()
    events: list[e.AnyLoanEvent] = []
    for day in reset_days(loan, floating, upto):
        value = value_of(floating.index, day)
        if value is None:
            raise IndexWithoutValue(floating.index, day)
        rate = floating_rate(floating, value)
        if rate == loan.terms.rate_on(end_of_pause(loan, day)):
            continue
        fact = e.RateChanged(
            effective_on=day,
            annual_rate=rate,
            index=floating.index,
            index_value=value,
            reason=f"{floating.index} {value}",
        )
        draft = told_now(loan, fact)
        loan = draft.loan
        events += draft.events
    return tuple(events)


def floating_rate(floating: Floating, value: int) -> int:
    """The index plus the spread, within floor and cap (millionths)."""
    rate = max(value + floating.spread, floating.floor)
    return rate if floating.cap is None else min(rate, floating.cap)


def reset_days(loan: Loan, floating: Floating, upto: date) -> list[date]:
    """Reset days on which no rate has been fixed yet.

    They count from the day the rate began to float as it does; each is fixed once, and not where
    another rate was agreed on it or after it.
    """
    since, fixed = loan.lines[0].start_on, date.min
    follows = loan.opened.terms.floating
    for fact in in_order(loan.facts):
        match fact:
            case e.LoanRestructured(terms=terms, kind=kind):
                if terms.floating != follows or kind is e.Revision.RESTRUCTURE:
                    since, fixed = fact.effective_on, date.min
                follows = terms.floating
            case e.RateChanged(until=None):
                fixed = fact.effective_on
            case _:
                pass
    agreed = [s.from_on for s in loan.opened.terms.rate_steps if s in loan.terms.rate_steps]
    dues = [line.due_on for line in loan.lines[loan.first_line :]]
    days = [since, *dues[floating.reset_every - 1 :: floating.reset_every]]
    begun, last = max(since, loan.facts[0].effective_on), max([fixed, *agreed])
    return [day for day in days if begun <= day <= upto and day > last]

"""Promises to pay: made, judged when their grace has passed, cancelled."""

from datetime import date, timedelta

from domain import events as e
from domain.draft import Draft
from domain.errors import InvalidDate, NotAllowedNow, UnknownPromise
from domain.guards import Events
from domain.limits import check_amount
from domain.loan import Loan, Promise, Status


def make_promise(
    loan: Loan,
    *,
    amount: int,
    promised_for: date,
    effective_on: date,
    grace_days: int | None = None,
) -> Events:
    """Note that the borrower promised ``amount`` (minor units) by ``promised_for``.

    ``grace_days`` defaults to the terms'.
    Errors: ``NotAllowedNow`` unless active or written off, ``InvalidDate`` for a day already past.
    """
    if loan.status not in (Status.ACTIVE, Status.WRITTEN_OFF):
        raise NotAllowedNow("make a promise", loan.status)
    check_amount(amount)
    if promised_for < effective_on:
        raise InvalidDate(promised_for, f"is before the promise ({effective_on})", "promised_for")
    draft = Draft(loan)
    draft.catch_up(effective_on)
    draft.record(
        e.PromiseMade(
            effective_on=effective_on,
            promise=len(loan.promises) + 1,
            amount=amount,
            promised_for=promised_for,
            grace_days=loan.terms.promise_grace_days if grace_days is None else grace_days,
        )
    )
    return tuple(draft.events)


def cancel_promise(loan: Loan, *, promise: int, effective_on: date, reason: str = "") -> Events:
    """Release the borrower from an open promise. Errors: ``UnknownPromise``."""
    found = loan.promises.get(promise)
    if found is None or found.state != "open":
        raise UnknownPromise(promise)
    if effective_on < found.made_on:
        raise InvalidDate(effective_on, f"is before the promise ({found.made_on})")
    draft = Draft(loan)
    draft.catch_up(effective_on)
    draft.record(e.PromiseCancelled(effective_on=effective_on, promise=promise, reason=reason))
    return tuple(draft.events)


def judge_promises(draft: Draft, on: date) -> None:
    """Judge every open promise whose grace has passed before ``on``."""
    for promise in list(draft.loan.promises.values()):
        last = promise.promised_for + timedelta(days=promise.grace_days)
        if promise.state != "open" or on <= last:
            continue
        received = received_by(draft.loan, promise, last)
        kind = e.PromiseKept if received >= promise.amount else e.PromiseBroken
        draft.record(kind(effective_on=on, promise=promise.number, received=received))


def received_by(loan: Loan, promise: Promise, last: date) -> int:
    """What came in from the day of the promise to ``last``, payments and recoveries."""
    payments = sum(
        payment.amount
        for payment in loan.payments.values()
        if payment.reversed_on is None and promise.made_on <= payment.effective_on <= last
    )
    recoveries = sum(
        fact.amount
        for fact in loan.facts
        if isinstance(fact, e.RecoveryReceived) and promise.made_on <= fact.effective_on <= last
    )
    return payments + recoveries

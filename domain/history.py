"""A loan retold: what its facts lead to when one of them is dated in the past, or never was.

A backdated payment or a reversal never edits history. The loan is told again from its facts, and
the difference between the two tellings is one new event, ``HistoryCorrected``.
"""

from collections.abc import Iterator
from datetime import date

from msgspec import structs

from domain import events as e
from domain.allocation import allocate, as_portion
from domain.draft import Draft, marks
from domain.errors import NotBackdatable
from domain.loan import COMPONENTS, Amounts, Loan, Payment, Status


def retell(loan: Loan, upto: date, facts: list[e.AnyLoanEvent]) -> Draft:
    """The loan as ``facts`` with a value date up to ``upto`` lead to, on that day."""
    blank = Loan(opened=loan.opened, through=loan.opened_on, version=1)
    draft = Draft(blank)
    for fact in sorted(facts, key=lambda fact: fact.effective_on):
        if fact.effective_on > upto:
            break
        draft.catch_up(fact.effective_on)
        draft.record(_again(draft.loan, fact))
        draft.close_if_paid(fact.effective_on)
    draft.catch_up(upto)
    return draft


def _again(loan: Loan, fact: e.AnyLoanEvent) -> e.AnyLoanEvent:
    """The fact with the effects it has on this telling: a payment clears what is owed now."""
    if isinstance(fact, e.PaymentReceived):
        return payment_event(
            loan, fact.amount, fact.effective_on, fact.payment, fact.channel, fact.reference
        )
    if isinstance(fact, e.DebtForgiven):
        _still_owed(loan, fact, fact.forgiven, "forgiveness")
        return structs.replace(fact, settled=marks(loan, fact.forgiven, fact.effective_on))
    if isinstance(fact, e.FeeWaived):
        portion = e.Portion(instalment=fact.instalment, fee=fact.amount, fee_tax=fact.tax)
        _still_owed(loan, fact, (portion,), "waiver")
        return structs.replace(fact, settled=marks(loan, (portion,), fact.effective_on))
    if isinstance(fact, e.FeeCharged):
        portion = e.Portion(instalment=fact.instalment, fee=fact.amount, fee_tax=fact.tax)
        return structs.replace(fact, settled=marks(loan, (portion,), fact.effective_on, sign=1))
    return fact


def _still_owed(
    loan: Loan, fact: e.AnyLoanEvent, portions: tuple[e.Portion, ...], name: str
) -> None:
    for portion in portions:
        line = loan.lines[portion.instalment - 1]
        left = line.owed.less(line.paid)
        for component in COMPONENTS:
            if 0 < getattr(portion, component) > getattr(left, component):
                raise NotBackdatable(loan.through, fact.effective_on, name)


def payment_event(
    loan: Loan, amount: int, effective_on: date, number: int, channel: str, reference: str
) -> e.PaymentReceived:
    """A payment on a loan caught up to its value date, with what it clears."""
    allocation = allocate(loan, amount, effective_on)
    portions = allocation.portions
    return e.PaymentReceived(
        effective_on=effective_on,
        payment=number,
        amount=amount,
        allocation=portions,
        overpaid=allocation.left,
        prepaid=allocation.prepaid,
        channel=channel,
        reference=reference,
        settled=marks(loan, portions, effective_on),
    )


def undone(loan: Loan, payment: Payment, reversed_on: date, reason: str) -> e.PaymentReversed:
    """The payment taken back: the exact mirror of what it clears now."""
    portions = tuple(as_portion(n, cleared) for n, cleared in sorted(payment.allocation.items()))
    return e.PaymentReversed(
        effective_on=payment.effective_on,
        payment=payment.number,
        amount=payment.amount,
        allocation=portions,
        reversed_on=reversed_on,
        overpaid=payment.overpaid,
        reason=reason,
        settled=marks(loan, portions, payment.effective_on, sign=1),
    )


def correct(draft: Draft, told: Draft, effective_on: date) -> None:
    """Record the difference between the draft and the telling, both through the same day.

    Where the loan was paid in the telling, it closes as of that day.
    """
    _record_difference(draft, told.loan, effective_on)
    for event in told.events[::-1]:
        if isinstance(event, e.LoanClosed):
            draft.close_if_paid(event.effective_on)
            break


def _record_difference(draft: Draft, telling: Loan, effective_on: date) -> None:
    loan = draft.loan
    charged = tuple(_charged(loan, telling))
    moved = tuple(_moved(loan, telling))
    prepaid = telling.prepaid - loan.prepaid
    if telling.status is Status.CLOSED:
        prepaid = -loan.prepaid
    before = {line.number: line.settled_on for line in loan.lines}
    correction = e.HistoryCorrected(
        effective_on=effective_on, charged=charged, moved=moved, prepaid=prepaid
    )
    draft.record(correction)
    settled = tuple(_settled(loan, telling, before))
    if not (charged or moved or prepaid or settled):
        _forget_last(draft)
        return
    draft.events[-1] = structs.replace(correction, settled=settled)
    for mark in settled:
        loan.lines[mark.instalment - 1].settled_on = mark.on


def _forget_last(draft: Draft) -> None:
    """An empty correction is no fact."""
    draft.events.pop()
    draft.loan.version -= 1


def _charged(loan: Loan, telling: Loan) -> Iterator[e.Charged]:
    for line, told in zip(loan.lines, telling.lines, strict=True):
        change = told.owed.less(line.owed)
        numerator = told.numerator - line.numerator
        late_numerator = told.late_numerator - line.late_numerator
        if change.interest or change.interest_tax or numerator:
            yield e.Charged(
                on=min(line.due_on, loan.through),
                instalment=line.number,
                due=line.due,
                interest=change.interest,
                interest_tax=change.interest_tax,
                numerator=numerator,
            )
        if change.late_interest or change.late_interest_tax or late_numerator:
            yield e.Charged(
                on=loan.through,
                instalment=line.number,
                due=line.due,
                late_interest=change.late_interest,
                late_interest_tax=change.late_interest_tax,
                late_numerator=late_numerator,
            )


def _moved(loan: Loan, telling: Loan) -> Iterator[e.Moved]:
    for number, payment in loan.payments.items():
        told = telling.payments.get(number)
        if told is None or payment.reversed_on is not None:
            continue
        portions = []
        for n in sorted(payment.allocation.keys() | told.allocation.keys()):
            change = told.allocation.get(n, Amounts()).less(payment.allocation.get(n, Amounts()))
            if change != Amounts():
                portions.append(as_portion(n, change))
        if portions or told.overpaid != payment.overpaid:
            yield e.Moved(
                payment=number,
                on=payment.effective_on,
                portions=tuple(portions),
                overpaid=told.overpaid - payment.overpaid,
            )


def _settled(loan: Loan, telling: Loan, before: dict[int, date | None]) -> Iterator[e.Settled]:
    for line, told in zip(loan.lines, telling.lines, strict=True):
        if not line.due:
            continue
        on = (told.settled_on or line.due_on) if line.left == 0 else None
        if on != before[line.number]:
            yield e.Settled(instalment=line.number, on=on)

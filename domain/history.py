"""A loan retold: what its facts lead to when one of them is dated in the past, or never was.

A backdated payment or a reversal never edits history. The loan is told again from its facts, and
the difference between the two tellings is one new event, ``HistoryCorrected``.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import zip_longest
from typing import Any

from msgspec import structs

from domain import events as e
from domain.allocation import as_portion
from domain.draft import Draft
from domain.effects import marks
from domain.fold import apply
from domain.loan import Amounts, Line, Loan, Payment, Status, copy
from domain.refit import row_at, row_of


def retell(loan: Loan, upto: date, facts: Iterable[e.AnyLoanEvent]) -> Draft:
    """The loan as ``facts`` with a value date up to ``upto`` lead to, on that day."""
    blank = Loan(opened=loan.opened, through=loan.opened_on, version=1)
    draft = Draft(blank)
    for fact in in_order(facts):
        if fact.effective_on > upto:
            break
        draft.tell(fact)
    draft.catch_up(upto)
    return draft


def in_order(facts: Iterable[e.AnyLoanEvent]) -> list[e.AnyLoanEvent]:
    """``facts`` as they are told: by value date, those of one day as they were recorded.

    Only its rates come first, before the money of the day, whenever they became known: what is
    paid or paid out on a day meets the rate of that day. None moves before new terms.
    """
    turn, found = 0, []
    for fact in sorted(facts, key=lambda fact: fact.effective_on):
        begins = isinstance(fact, e.LoanRestructured | e.LoanTakenOn) or (
            isinstance(fact, e.LoanDisbursed) and fact.tranche == 1
        )
        turn += begins
        rank = 0 if begins else 1 if isinstance(fact, e.RateChanged) else 2
        found.append(((fact.effective_on, turn, rank), fact))
    return [fact for _, fact in sorted(found, key=lambda one: one[0])]


def loan_on(loan: Loan, on: date) -> Loan:
    """The loan caught up to ``on``, or told again up to it."""
    if on < loan.through:
        return retell(loan, on, loan.facts).loan
    draft = Draft(loan)
    draft.catch_up(on)
    return draft.loan


def told_now(loan: Loan, fact: e.AnyLoanEvent) -> Draft:
    """``fact`` recorded today: with what follows from it, or among days already recorded."""
    draft = Draft(loan)
    on = fact.effective_on
    if on > loan.through or (on == loan.through and in_order([*loan.facts, fact])[-1] is fact):
        draft.tell(fact)
        return draft
    telling = retell(loan, loan.through, [*loan.facts, fact])
    key = number_of(fact)
    told = next(told for told in telling.loan.facts if number_of(told) == key)
    draft.record(_bare(draft.loan, told))
    correct(draft, telling, fact.effective_on)
    return draft


def _bare(loan: Loan, fact: e.AnyLoanEvent) -> e.AnyLoanEvent:
    """The fact without effects on instalments that only the telling has: they come as differences.

    New terms of the past change every instalment since: all of it comes as differences.
    """
    count = len(loan.lines)
    match fact:
        case e.PaymentReceived() if not all(loan.has(p.instalment) for p in fact.allocation):
            return structs.replace(fact, allocation=(), overpaid=fact.amount, prepaid=0, settled=())
        case e.LoanDisbursed() if fact.schedule[-1].number < count:
            return structs.replace(fact, schedule=())
        case e.FeeCharged() if count < fact.instalment <= e.CHARGES:
            return structs.replace(fact, instalment=count, schedule=(), settled=())
        case e.LoanRestructured():
            return structs.replace(
                fact, schedule=(), instalments=count, cleared=(), capitalised=None, forgiven=None,
                kept=None, settled=(),
            )  # fmt: skip
        case e.DepositApplied():
            return structs.replace(fact, moved=(), settled=())
        case _:
            return fact


def number_of(fact: e.AnyLoanEvent) -> tuple[str, object]:
    """What tells one fact of a loan from the others."""
    match fact:
        case e.PaymentReceived():
            return "payment", fact.payment
        case e.FeeCharged():
            return "fee", fact.fee
        case e.LoanDisbursed():
            return "tranche", fact.tranche
        case e.ChargedBack():
            return "chargeback", fact.chargeback
        case e.LoanRestructured():
            return e.tag(fact), (fact.effective_on, fact.kind)
        case e.OverpaymentRefunded() | e.DepositApplied():
            return e.tag(fact), (fact.effective_on, fact.amount)
        case _:
            return e.tag(fact), fact


def undone(loan: Loan, payment: Payment, reversed_on: date, reason: str) -> e.PaymentReversed:
    """The payment taken back: the exact mirror of what it clears now."""
    portions = tuple(as_portion(n, cleared) for n, cleared in sorted(payment.allocation.items()))
    return e.PaymentReversed(
        effective_on=payment.effective_on,
        payment=payment.number,
        amount=payment.amount,
        kind=payment.kind,
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
    draft.count_again()
    for event in told.events[::-1]:
        if isinstance(event, e.LoanClosed):
            draft.close_if_paid(event.effective_on)
            break


def _record_difference(draft: Draft, telling: Loan, effective_on: date) -> None:
    loan = draft.loan
    prepaid = telling.prepaid - loan.prepaid
    if telling.status is Status.CLOSED:
        prepaid = -loan.prepaid
    before = {line.number: line.settled_on for line in loan.rows}
    moves = telling.current != loan.current or telling.agreed != loan.agreed
    correction = e.HistoryCorrected(
        effective_on=effective_on,
        charged=tuple(_charged(loan, telling)),
        moved=tuple(_moved(loan, telling)),
        schedule=tuple(_replanned(loan, telling)),
        instalments=len(telling.lines) if len(telling.lines) != len(loan.lines) else None,
        due=telling.current if telling.current != loan.current else None,
        terms=telling.agreed if telling.agreed != loan.agreed else None,
        first=telling.first_line + 1 if telling.first_line != loan.first_line else None,
        capitalised=telling.capitalised - loan.capitalised,
        level=(telling.fitted_level or 0) if telling.fitted_level != loan.fitted_level else None,
        charged_back=tuple(_charged_back(loan, telling)),
        revolves=telling.revolves if telling.revolves != loan.revolves else None,
        billed=telling.billed if moves or telling.billed != loan.billed else None,
        prepaid=prepaid,
    )
    nothing = e.HistoryCorrected(effective_on=effective_on)
    if loan.terms.revolving is not None:
        after = copy(loan)
        apply(after, correction)
        correction = structs.replace(correction, statement=telling.statement - after.statement)
    draft.record(correction)
    settled = tuple(_settled(loan, telling, before))
    if correction == nothing and not settled:
        _forget_last(draft)
        return
    draft.events[-1] = structs.replace(correction, settled=settled)
    for mark in settled:
        loan.line(mark.instalment).settled_on = mark.on


def _forget_last(draft: Draft) -> None:
    """An empty correction is no fact."""
    draft.events.pop()
    draft.loan.version -= 1


def _charged(loan: Loan, telling: Loan) -> Iterator[e.Charged]:
    pairs: Iterable[tuple[Line | Any, Line | Any]]
    pairs = (*zip_longest(loan.lines, telling.lines), *_apart(loan, telling))
    for line, told in pairs:
        known = told or line
        owed = told.owed if told else Amounts()
        change = owed.less(line.owed) if line else owed
        numerator = (told.numerator if told else 0) - (line.numerator if line else 0)
        late_numerator = (told.late_numerator if told else 0) - (line.late_numerator if line else 0)
        due = known.due if told else line.due
        due_interest = (told.due_interest if told else 0) - (line.due_interest if line else 0)
        falls = bool(told and told.due and not (line and line.due))
        if (
            falls
            or due_interest
            or change.interest
            or change.interest_tax
            or numerator
            or change.fee
            or change.fee_tax
        ):
            yield e.Charged(
                on=min(known.due_on, loan.through),
                instalment=known.number,
                due=due,
                fee=change.fee,
                fee_tax=change.fee_tax,
                interest=change.interest,
                interest_tax=change.interest_tax,
                numerator=numerator,
                due_interest=due_interest,
                final_interest=told.owed.interest if falls else None,
                final_tax=told.owed.interest_tax if falls else None,
            )
        if change.late_interest or change.late_interest_tax or late_numerator:
            yield e.Charged(
                on=loan.through,
                instalment=known.number,
                due=due,
                late_interest=change.late_interest,
                late_interest_tax=change.late_interest_tax,
                late_numerator=late_numerator,
            )


def _apart(loan: Loan, telling: Loan) -> Iterator[tuple[Line | None, Line]]:
    """The rows apart of the telling beside those of the loan, which may lack some."""
    for told in telling.apart:
        yield loan.line(told.number) if loan.has(told.number) else None, told


def _replanned(loan: Loan, telling: Loan) -> Iterator[e.Instalment]:
    """Rows that are planned otherwise in the telling, or only there."""
    for n in range(len(telling.lines)):
        row = row_at(telling, n)
        if n >= len(loan.lines) or row != row_at(loan, n) or _earns(telling, n) != _earns(loan, n):
            yield row
    for line, told in _apart(loan, telling):
        if line is None or line.owed.principal != told.owed.principal:
            yield row_of(telling, told)


def _earns(loan: Loan, index: int) -> tuple[int, int]:
    """What the period of the line in that place earns by the schedule."""
    line = loan.lines[index]
    return line.planned_interest, line.planned_tax


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
        overpaid = told.overpaid - told.owed_again - payment.overpaid + payment.owed_again
        if portions or overpaid:
            yield e.Moved(
                payment=number,
                on=payment.effective_on,
                portions=tuple(portions),
                overpaid=overpaid,
                deposit=payment.is_deposit,
            )


def _charged_back(loan: Loan, telling: Loan) -> Iterator[e.Moved]:
    """What else of a payment was still kept when it was charged back, and went before principal."""
    backs = [fact for fact in loan.facts if isinstance(fact, e.ChargedBack)]
    for number, on in {back.payment: back.effective_on for back in backs}.items():
        payment = loan.payments[number]
        again = telling.payments[number].owed_again - payment.owed_again
        if again:
            yield e.Moved(
                payment=number, on=on, portions=(), overpaid=again, deposit=payment.is_deposit
            )


def _settled(loan: Loan, telling: Loan, before: dict[int, date | None]) -> Iterator[e.Settled]:
    for line, told in (*zip(loan.lines, telling.lines, strict=True), *_apart(loan, telling)):
        assert line is not None, "the correction brought all rows of the telling"
        on = (told.settled_on or line.due_on) if line.due and line.left == 0 else None
        if on != before.get(line.number):
            yield e.Settled(instalment=line.number, on=on)

"""The effects a fact has on a loan as it stands; told on another past, it has others."""

from collections.abc import Callable, Iterable
from datetime import date
from itertools import pairwise
from operator import attrgetter
from typing import Any

from msgspec import structs

from domain import events as e
from domain.allocation import allocate, allocate_held, as_portion, portions_oldest_first
from domain.calendar import due_dates
from domain.chargeback import owed_again
from domain.errors import NotAllowedNow, NotBackdatable
from domain.fold import apply
from domain.loan import COMPONENTS, Amounts, Loan, Status, copy
from domain.money import share
from domain.refit import emptied, in_use, opening_of, row_at, row_of, with_paid, with_rest
from domain.schedule import (
    Place,
    approved_level,
    check_sum,
    down_payment,
    fitted,
    schedule,
    withheld_interest,
)
from domain.terms import ChargebackRule, Terms
from domain.totals import fitted_anew


def with_effects(loan: Loan, fact: e.AnyLoanEvent) -> e.AnyLoanEvent:
    """``fact`` with the effects it has on ``loan``, which is caught up to its value date."""
    decide = _DECIDE.get(type(fact))
    return decide(loan, fact) if decide else fact


def payment_event(loan: Loan, fact: e.PaymentReceived) -> e.PaymentReceived:
    """A payment on a loan caught up to its value date, with what it clears."""
    allocation = allocate(loan, fact.amount, fact.effective_on, fact.kind)
    portions = allocation.portions
    return structs.replace(
        fact,
        allocation=portions,
        overpaid=allocation.left,
        prepaid=allocation.prepaid,
        settled=marks(loan, portions, fact.effective_on),
    )


def _disbursed(loan: Loan, fact: e.LoanDisbursed) -> e.LoanDisbursed:
    """The first tranche brings the schedule; a later one fits what is not yet due to it."""
    level = None
    if fact.tranche == 1:
        rows = schedule(loan.terms, fact.principal, fact.effective_on)
        level = approved_level(loan.terms, fact.effective_on)
    elif loan.current < len(loan.lines):
        down = down_payment(loan.terms, fact.principal, fact.effective_on, apart=fact.tranche)
        financed = fact.principal - sum(row.principal for row in down)
        rows = fitted_anew(loan, fact.effective_on, more=financed, level=loan.fitted_level)
        rows = (*down, *rows)
    else:
        raise NotAllowedNow("disburse", "past its last instalment")
    check_sum(rows)
    interest = withheld_interest(loan.terms, rows)
    tax = share(interest, loan.terms.tax_rate, loan.terms.rounding)
    return structs.replace(
        fact, schedule=rows, withheld_interest=interest, withheld_interest_tax=tax, level=level
    )


def _forgiven(loan: Loan, fact: e.DebtForgiven) -> e.DebtForgiven:
    _still_owed(loan, fact, fact.forgiven, "forgiveness")
    return structs.replace(fact, settled=marks(loan, fact.forgiven, fact.effective_on))


def _waived(loan: Loan, fact: e.FeeWaived | e.ChargesWaived) -> e.FeeWaived | e.ChargesWaived:
    portion = e.Portion(instalment=fact.instalment, fee=fact.amount, fee_tax=fact.tax)
    _still_owed(loan, fact, (portion,), "waiver")
    return structs.replace(fact, settled=marks(loan, (portion,), fact.effective_on))


def _waiver_undone(loan: Loan, fact: e.WaiverUndone) -> e.WaiverUndone:
    """Owed with the instalment it was waived from; with the next where that ended by new terms."""
    number = fact.waived_from
    if number <= loan.first_line or not loan.has(number):
        number = min(loan.current + 1, len(loan.lines))
    portion = e.Portion(instalment=number, fee=fact.amount, fee_tax=fact.tax)
    settled = marks(loan, (portion,), fact.effective_on, sign=1)
    return structs.replace(fact, instalment=number, settled=settled)


def _fee_charged(loan: Loan, fact: e.FeeCharged) -> e.FeeCharged:
    due_on = fact.due_on or fact.effective_on
    regular = [line for line in loan.lines if line.start_on < line.due_on]  # no down payment
    if loan.billed is not None and fact.due_on is None:  # the next statement asks for it
        regular = [line for line in regular if line.number != loan.current + 1]
    if fact.apart:
        row = e.Instalment(
            number=e.CHARGES + fact.fee, start_on=due_on, due_on=due_on, principal=0, interest=0
        )
        return structs.replace(fact, instalment=row.number, schedule=(row,), settled=())
    line = next((line for line in regular if line.due_on >= due_on), loan.lines[-1])
    portion = e.Portion(instalment=line.number, fee=fact.amount, fee_tax=fact.tax)
    if fact.due_on is not None and fact.due_on > line.due_on:
        row = e.Instalment(
            number=line.number + 1, start_on=line.due_on, due_on=fact.due_on, principal=0,
            interest=0,
        )  # fmt: skip
        return structs.replace(fact, instalment=row.number, schedule=(row,), settled=())
    return structs.replace(
        fact,
        instalment=line.number,
        schedule=(),
        settled=marks(loan, (portion,), fact.effective_on, sign=1),
    )


def _still_owed(
    loan: Loan, fact: e.AnyLoanEvent, portions: tuple[e.Portion, ...], name: str
) -> None:
    for portion in portions:
        if not loan.has(portion.instalment):
            raise NotBackdatable(loan.through, fact.effective_on, name)
        line = loan.line(portion.instalment)
        left = line.owed.less(line.paid)
        for component in COMPONENTS:
            if 0 < getattr(portion, component) > getattr(left, component):
                raise NotBackdatable(loan.through, fact.effective_on, name)


def _charged_back(loan: Loan, fact: e.ChargedBack) -> e.ChargedBack:
    """What was kept of the payment goes first. The rest the next instalment asks for again.

    After the last, it is one of its own, due at once. Told again, a chargeback stays on the
    components it was put on.
    """
    on = fact.effective_on
    again = owed_again(loan, fact)
    payment = loan.payments[fact.payment]
    kept = min(payment.overpaid, fact.amount - again.total + again.principal)
    moved: tuple[e.Moved, ...] = ()
    if kept:
        one = e.Moved(
            payment=fact.payment, on=on, portions=(), overpaid=-kept, deposit=payment.is_deposit
        )
        moved = (one,)
    principal = fact.amount - kept - (again.total - again.principal)
    fact = structs.replace(fact, principal=principal, moved=moved)
    if fact.amount == kept:
        return structs.replace(fact, schedule=(), instalments=len(loan.lines))
    coming = next(
        (n for n, line in enumerate(loan.lines) if not line.due and line.due_on > on), None
    )
    rest: tuple[e.Instalment, ...] = ()
    if coming is not None:
        row, *others = _earning_no_more(loan, coming, on)
        row = structs.replace(row, principal=row.principal + fact.principal)
        rest = tuple(others)
        count = len(loan.lines)
    else:
        last = loan.lines[-1]
        count = last.number + 1
        row = e.Instalment(
            number=count, start_on=min(last.due_on, on), due_on=on, principal=fact.principal,
            interest=0,
        )  # fmt: skip
    restored = None
    if loan.terms.chargeback is not ChargebackRule.AS_PRINCIPAL:
        again.principal = 0
        restored = as_portion(row.number, again)
    return structs.replace(fact, schedule=(row, *rest), instalments=count, restored=restored)


def _earning_no_more(loan: Loan, coming: int, on: date) -> list[e.Instalment]:
    """The row in that place; where the loan had been repaid, those after it as well: an interest
    that the schedule fixed on principal which was paid is earned no further than by that day.
    """
    row = row_at(loan, coming)
    if loan.status is not Status.CLOSED or loan.accrues_daily:
        return [row]
    rows = []
    for n, line in enumerate(loan.lines[coming:], start=coming):
        begun = line.start_on < on
        rows.append(
            structs.replace(
                row_at(loan, n), interest=line.owed.interest, tax=line.owed.interest_tax,
                deferred=0, deferred_tax=0, brought=0, brought_tax=0, before=0,
                since=on if begun else None, earned=line.owed.interest if begun else 0,
            )
        )  # fmt: skip
    return rows


def _refunded(loan: Loan, fact: e.OverpaymentRefunded) -> e.OverpaymentRefunded:
    """The oldest overpayment is given back first, a security deposit last."""
    rest, moved = fact.amount, []
    for payment in sorted(loan.payments.values(), key=attrgetter("is_deposit")):
        if payment.reversed_on is None and (part := min(rest, payment.overpaid)) > 0:
            moved.append(
                e.Moved(
                    payment=payment.number, on=fact.effective_on, portions=(), overpaid=-part,
                    deposit=payment.is_deposit,
                )
            )  # fmt: skip
            rest -= part
    if rest:
        raise NotBackdatable(loan.through, fact.effective_on, "refund")
    return structs.replace(fact, moved=tuple(moved))


def _deposit_applied(loan: Loan, fact: e.DepositApplied) -> e.DepositApplied:
    """What is due is cleared out of the oldest deposit first."""
    trial, rest, moved = copy(loan), fact.amount, []
    for payment in [each for each in loan.payments.values() if each.is_deposit]:
        if payment.reversed_on is not None or (part := min(rest, payment.overpaid)) <= 0:
            continue
        found = allocate_held(trial, part, fact.effective_on, payment.kind)
        if not found.portions:
            break
        used = part - found.left
        one = e.Moved(
            payment=payment.number, on=fact.effective_on, portions=found.portions, overpaid=-used,
            deposit=True,
        )  # fmt: skip
        apply(trial, e.OverpaymentApplied(effective_on=fact.effective_on, moved=(one,)))
        moved.append(one)
        rest -= used
    if rest:
        raise NotBackdatable(loan.through, fact.effective_on, "use of the deposit")
    cleared: dict[int, Amounts] = {}
    for portion in (portion for one in moved for portion in one.portions):
        cleared.setdefault(portion.instalment, Amounts()).add(portion)
    whole = [as_portion(number, amounts) for number, amounts in cleared.items()]
    return structs.replace(fact, moved=tuple(moved), settled=marks(loan, whole, fact.effective_on))


def _written_off(loan: Loan, fact: e.LoanWrittenOff) -> e.LoanWrittenOff:
    return structs.replace(fact, written_off=_whole_debt(loan))


def _sold(loan: Loan, fact: e.LoanSold) -> e.LoanSold:
    return structs.replace(fact, sold=_whole_debt(loan))


def _whole_debt(loan: Loan) -> tuple[e.Portion, ...]:
    """All that is owed; interest paid ahead is none of it any more (``Draft.tell``)."""
    owed = loan.balances()
    assert min(owed.interest, owed.interest_tax) >= 0, f"paid ahead of what is owed: {owed}"
    return portions_oldest_first(loan, {c: getattr(owed, c) for c in COMPONENTS})


def _restructured(loan: Loan, fact: e.LoanRestructured) -> e.LoanRestructured:
    on = fact.effective_on
    if fact.keeps_rate:
        fact = structs.replace(fact, terms=fact.terms.bearing_as(loan.terms))
    if fact.kind is e.Revision.ACCELERATION:
        return _accelerated(loan, fact)
    if fact.kind is e.Revision.RESCHEDULE:
        rows = _running_rows(loan, fact.terms, on, loan.to_come)
        return _planned(loan, fact, rows, rows[0].number)
    cleared = tuple(_arrears(loan, all_lines=fact.kind is e.Revision.RESTRUCTURE))
    sums = Amounts()
    for portion in cleared:
        sums.add(portion)
    added = sums.total if fact.treatment is e.Treatment.CAPITALISE else 0
    paid_only = tuple(
        structs.replace(row_of(loan, line), principal=line.paid.principal)
        for line in loan.fallen_due
        if line.owed.principal != line.paid.principal
    )
    owed = loan.principal + added
    if fact.kind is e.Revision.REAMORTIZATION:
        rows = _running_rows(loan, fact.terms, on, owed)
        first = rows[0].number
    else:
        coming = loan.lines[loan.current :]
        begun = any(line.start_on < on or in_use(line) for line in coming)
        closing = _closed_rows(loan, on) if begun else ()
        first = loan.current + len(closing) + 1
        periods = list(pairwise((on, *due_dates(fact.terms, on, same_day=True))))
        rows = (*closing, *fitted(fact.terms, owed, periods, Place(first, 0, owed), on))
    check_sum(rows)
    sums_by = {name: getattr(sums, name) for name in COMPONENTS if getattr(sums, name)}
    whole = e.Portion(instalment=first, **{str(name): part for name, part in sums_by.items()})
    settled = tuple(
        e.Settled(instalment=line.number, on=on)
        for line in loan.fallen_due
        if line.settled_on is None
    )
    treated = whole if sums_by else None
    fact = structs.replace(
        fact,
        cleared=cleared,
        kept=treated if fact.treatment is e.Treatment.KEEP else None,
        capitalised=treated if fact.treatment is e.Treatment.CAPITALISE else None,
        forgiven=treated if fact.treatment is e.Treatment.FORGIVE else None,
        settled=settled,
    )
    return _planned(loan, fact, (*paid_only, *rows), first)


def _planned(
    loan: Loan, fact: e.LoanRestructured, rows: tuple[e.Instalment, ...], first: int
) -> e.LoanRestructured:
    """The fact with its rows; instalments beyond them that hold payments stay, asking nothing."""
    rows = with_rest(loan, rows)
    return structs.replace(fact, schedule=rows, instalments=rows[-1].number, first=first)


def _running_rows(loan: Loan, terms: Terms, on: date, principal: int) -> tuple[e.Instalment, ...]:
    """What is not yet due under new terms; the running period goes on."""
    if loan.current >= len(loan.lines):
        raise NotAllowedNow("reschedule", "past its last instalment")
    line = loan.lines[loan.current]
    dues = due_dates(terms, on)
    periods = list(pairwise((line.start_on, *dues)))
    place = Place(line.number, 0, principal)
    rows = fitted(terms, principal, periods, place, on, opening_of(loan, line, on))
    return tuple(
        with_paid(loan, row, on, on_top=True) if row.number <= len(loan.lines) else row
        for row in rows
    )


def _arrears(loan: Loan, *, all_lines: bool) -> list[e.Portion]:
    """Interest and fees that the instalments owe: those due, or the running one's as well."""
    found = []
    lines = loan.lines if all_lines else loan.lines[: loan.current]
    for line in loan.in_order(lines, due=True):
        left = line.owed.less(line.paid)
        left.principal = 0
        if left != Amounts():
            found.append(as_portion(line.number, left))
    return found


def _closed_rows(loan: Loan, on: date) -> tuple[e.Instalment, ...]:
    """The running instalment ends on ``on`` and asks nothing; so do others that hold payments."""
    lines = loan.lines[loan.current :]
    while len(lines) > 1 and not in_use(lines[-1]):
        lines = lines[:-1]
    return tuple(emptied(line, min(line.start_on, on), on) for line in lines)


def _accelerated(loan: Loan, fact: e.LoanRestructured) -> e.LoanRestructured:
    """All that is not yet due falls due on the day, with the interest so far.

    Charges and down payments that were to fall due on a date of their own do so as well.
    """
    on = fact.effective_on
    apart = tuple(
        structs.replace(row_of(loan, line), start_on=on, due_on=on)
        for line in loan.apart
        if not line.due
    )
    if loan.current >= len(loan.lines):
        raise NotAllowedNow("accelerate", "past its last instalment")
    line = loan.lines[loan.current]
    if loan.current and line.start_on == on and not any(map(in_use, loan.lines[loan.current :])):
        return _accelerated_today(loan, fact, apart)
    running, *others = _closed_rows(loan, on)
    running = structs.replace(
        running,
        principal=running.principal + loan.to_come,
        interest=line.owed.interest,
        tax=line.owed.interest_tax,
    )
    rows = (running, *others)
    return structs.replace(
        fact, schedule=(*rows, *apart), instalments=rows[-1].number, first=loan.first_line + 1
    )


def _accelerated_today(
    loan: Loan, fact: e.LoanRestructured, apart: tuple[e.Instalment, ...]
) -> e.LoanRestructured:
    """On a due date after which nothing has begun, the rest falls due with that instalment."""
    line = loan.lines[loan.current - 1]
    row = row_at(loan, line.number - 1)
    opened = e.Settled(instalment=line.number)
    return structs.replace(
        fact,
        schedule=(structs.replace(row, principal=row.principal + loan.to_come), *apart),
        instalments=line.number,
        first=loan.first_line + 1,
        settled=() if line.settled_on is None or not loan.to_come else (opened,),
    )


def marks(
    loan: Loan, portions: Iterable[e.Portion], on: date, sign: int = -1
) -> tuple[e.Settled, ...]:
    """Which due instalments ``portions`` settle, or open again when taken back (``sign`` +1)."""
    found = []
    for portion in portions:
        line = loan.line(portion.instalment)
        settled = line.left + sign * portion.total == 0
        if line.due and settled != (line.settled_on is not None):
            found.append(e.Settled(instalment=line.number, on=on if settled else None))
    return tuple(found)


_DECIDE: dict[type, Callable[[Loan, Any], e.AnyLoanEvent]] = {
    e.LoanDisbursed: _disbursed,
    e.PaymentReceived: payment_event,
    e.DebtForgiven: _forgiven,
    e.FeeWaived: _waived,
    e.ChargesWaived: _waived,
    e.WaiverUndone: _waiver_undone,
    e.FeeCharged: _fee_charged,
    e.ChargedBack: _charged_back,
    e.DepositApplied: _deposit_applied,
    e.OverpaymentRefunded: _refunded,
    e.LoanWrittenOff: _written_off,
    e.LoanSold: _sold,
    e.LoanRestructured: _restructured,
}

"""How each event changes a loan.

Folding is in place and never refuses: every rule stands in the commands.
"""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import structs

from domain import events as e
from domain.loan import (
    NOTHING,
    Amounts,
    Cover,
    Fee,
    Line,
    Loan,
    Payment,
    Promise,
    Status,
    brought_by,
)
from domain.pauses import end_of_pause


def replay(history: Iterable[e.AnyLoanEvent], loan: Loan | None = None) -> Loan | None:
    """Fold ``history`` onto ``loan`` in place, or onto nothing. None if there was no event."""
    for event in history:
        if loan is None:
            if not isinstance(event, e.LoanOpened):
                raise AssertionError(f"a history begins with LoanOpened, not {e.tag(event)}")
            loan = Loan(opened=event, through=event.effective_on, version=1)
            continue
        _FOLDS[type(event)](loan, event)
        loan.version += 1
        loan.through = max(loan.through, event.effective_on)
    return loan


def apply(loan: Loan, event: e.AnyLoanEvent) -> None:
    """Fold one event onto ``loan`` in place."""
    replay((event,), loan)


def _mark(loan: Loan, settled: tuple[e.Settled, ...]) -> None:
    for mark in settled:
        loan.line(mark.instalment).settled_on = mark.on


def _clear(loan: Loan, portions: Iterable[e.Portion], sign: int = 1) -> None:
    """Count ``portions`` as paid (or, with a minus, as not paid after all)."""
    bills = loan.terms.revolving is not None
    for portion in portions:
        loan.line(portion.instalment).paid.add(portion, sign)
        loan.principal -= sign * portion.principal
        loan.statement -= sign * portion.total * bills


def _disbursed(loan: Loan, event: e.LoanDisbursed) -> None:
    loan.status = Status.ACTIVE
    loan.disbursed_on = loan.disbursed_on or event.effective_on
    loan.disbursed += event.principal
    loan.principal += event.principal
    loan.tranches = event.tranche
    if event.tranche == 1:
        loan.first_line = sum(row.start_on == row.due_on for row in event.schedule)
    if event.schedule:
        plan_lines(loan, event.schedule, last_number(event.schedule))
    loan.fitted_level = event.level or loan.fitted_level
    loan.facts.append(event)


def last_number(rows: Iterable[e.Instalment]) -> int:
    """The last of the schedule's own rows; 0 where none is among ``rows``."""
    return max((row.number for row in rows if row.number <= e.CHARGES), default=0)


def plan_lines(loan: Loan, rows: Iterable[e.Instalment], instalments: int) -> None:
    """Put ``rows`` in the place of those with their numbers, and end after ``instalments``."""
    lines = loan.lines
    for row in rows:
        number = row.number
        if number > e.CHARGES:
            _set_apart(loan, row)
            continue
        brought, brought_tax = brought_by(lines, row)
        if number > len(lines):
            owed = Amounts(0, 0, 0, 0, 0, 0, row.principal)
            line = Line(
                number, row.start_on, row.due_on, owed, Amounts(),
                row.interest + row.deferred - brought,
                row.tax + row.deferred_tax - brought_tax,
                row.deferred, row.deferred_tax, row.fee, row.fee_tax,
                row.since, row.before, row.earned,
            )  # fmt: skip
            line.brought = row.brought
            line.brought_tax = row.brought_tax
            lines.append(line)
            continue
        line = lines[number - 1]
        line.start_on = row.start_on
        line.due_on = row.due_on
        line.owed.principal = row.principal
        line.planned_interest = row.interest + row.deferred - brought
        line.planned_tax = row.tax + row.deferred_tax - brought_tax
        line.deferred = row.deferred
        line.deferred_tax = row.deferred_tax
        line.planned_fee = row.fee
        line.planned_fee_tax = row.fee_tax
        line.since = row.since
        line.before = row.before
        line.earned = row.earned
        line.brought = row.brought
        line.brought_tax = row.brought_tax
    del lines[instalments:]


def _set_apart(loan: Loan, row: e.Instalment) -> None:
    if loan.has(row.number):
        line = loan.line(row.number)
        line.start_on, line.due_on = row.start_on, row.due_on
        line.owed.principal = row.principal
        return
    owed = Amounts(principal=row.principal)
    loan.apart.append(Line(row.number, row.start_on, row.due_on, owed, Amounts()))


def _taken_on(loan: Loan, event: e.LoanTakenOn) -> None:
    loan.status = Status.ACTIVE
    loan.disbursed_on = event.disbursed_on
    plan_lines(loan, event.schedule, len(event.schedule))
    opening = {portion.instalment: portion for portion in event.opening}
    for line in loan.lines:
        line.owed.principal = 0
        if portion := opening.get(line.number):
            line.owed.add(portion)
        if line.due_on <= event.effective_on:
            line.due = True
            line.due_interest = line.owed.interest
            loan.current += 1
            if line.owed.total == 0:
                line.settled_on = event.effective_on
    loan.principal = sum(line.owed.principal for line in loan.lines)
    loan.disbursed = loan.principal
    if loan.current < len(loan.lines):
        loan.lines[loan.current].numerator = event.numerator
    for number, numerator in event.late_numerators:
        loan.line(number).late_numerator = numerator
    loan.facts.append(event)


def _accrued(loan: Loan, event: e.InterestAccrued) -> None:
    line = loan.line(event.instalment)
    line.owed.interest += event.interest
    line.owed.interest_tax += event.tax
    line.numerator += event.numerator


def _fell_due(loan: Loan, event: e.InstalmentFellDue) -> None:
    line = loan.line(event.instalment)
    line.due = True
    if line.number > e.CHARGES:
        _mark(loan, event.settled)
        return
    line.due_interest = event.interest
    loan.current = event.instalment
    loan.prepaid = 0
    loan.billed = None
    if not event.judged_later:
        loan.revolves = loan.statement > 0
    if event.carried or event.carried_tax:
        line.owed.interest -= event.carried
        line.owed.interest_tax -= event.carried_tax
        following = loan.lines[event.instalment]
        following.owed.interest += event.carried
        following.owed.interest_tax += event.carried_tax
    if event.capitalised or event.capitalised_tax:
        line.owed.interest -= event.capitalised
        line.owed.interest_tax -= event.capitalised_tax
        line.owed.principal += event.capitalised + event.capitalised_tax
        loan.principal += event.capitalised + event.capitalised_tax
        loan.capitalised += event.capitalised + event.capitalised_tax
    _mark(loan, event.settled)


def _charged(loan: Loan, event: e.InstalmentCharged) -> None:
    line = loan.line(event.instalment)
    line.owed.fee += event.amount
    line.owed.fee_tax += event.tax
    _mark(loan, event.settled)


def _statement(loan: Loan, event: e.StatementCut) -> None:
    loan.statement = event.balance
    owed = loan.lines[loan.current].owed
    loan.billed = (owed.interest, owed.interest_tax)


def _judged_statement(loan: Loan, event: e.StatementJudged) -> None:
    loan.revolves = event.revolves


def _revised(loan: Loan, event: e.ScheduleRevised) -> None:
    plan_lines(loan, event.schedule, event.instalments)
    loan.fitted_level = event.level or loan.fitted_level


def _move(loan: Loan, moved: Iterable[e.Moved]) -> None:
    """What payments cleared changes; what they keep for the borrower as well."""
    moved = tuple(moved)
    for one in moved:
        _clear(loan, one.portions)
        payment = loan.payments[one.payment]
        loan.payments[one.payment] = structs.replace(
            payment,
            allocation=_allocated(payment.allocation, one.portions),
            overpaid=payment.overpaid + one.overpaid,
        )
        loan.overpaid += one.overpaid
    for number in {p.instalment for one in moved for p in one.portions}:
        _repaid_on(loan, number)


def _rate_changed(loan: Loan, event: e.RateChanged) -> None:
    from_on = event.effective_on
    if event.index:  # an index fixes a rate, it does not end a pause
        from_on = end_of_pause(loan, from_on)
    loan.agreed = loan.terms.at_rate(event.annual_rate, from_on, event.until)
    loan.facts.append(event)


def _restructured(loan: Loan, event: e.LoanRestructured) -> None:
    for portion in event.cleared:
        loan.line(portion.instalment).owed.add(portion, -1)
    plan_lines(loan, event.schedule, event.instalments)
    if event.kept is not None:
        loan.line(event.kept.instalment).owed.add(event.kept)
    if event.capitalised is not None:
        loan.principal += event.capitalised.total
        loan.capitalised += event.capitalised.total
    loan.agreed = event.terms
    loan.first_line = event.first - 1
    loan.prepaid = 0
    loan.fitted_level = None
    loan.billed = None
    loan.facts.append(event)
    _mark(loan, event.settled)


def _charged_back(loan: Loan, event: e.ChargedBack) -> None:
    loan.chargebacks = event.chargeback
    loan.principal += event.principal
    _move(loan, event.moved)
    payment = loan.payments[event.payment]
    loan.payments[event.payment] = structs.replace(
        payment,
        charged_back=payment.charged_back + event.amount,
        owed_again=payment.owed_again + event.principal,
    )
    if loan.status is Status.CLOSED and event.owed_again:
        loan.status, loan.closed_for = Status.ACTIVE, ""
    plan_lines(loan, event.schedule, event.instalments)
    if event.restored is not None:
        loan.line(event.restored.instalment).owed.add(event.restored)
    loan.facts.append(event)
    _mark(loan, event.settled)


def _applied(loan: Loan, event: e.OverpaymentApplied) -> None:
    _move(loan, event.moved)
    _mark(loan, event.settled)


def _deposit_applied(loan: Loan, event: e.DepositApplied) -> None:
    _move(loan, event.moved)
    loan.facts.append(event)
    _mark(loan, event.settled)


def _refunded(loan: Loan, event: e.OverpaymentRefunded) -> None:
    _move(loan, event.moved)
    loan.facts.append(event)


def _paused(loan: Loan, event: e.DelinquencyPaused) -> None:
    loan.pauses.append((event.effective_on, event.until))
    loan.facts.append(event)


def _suspension(suspended: bool) -> Callable[[Loan, Any], None]:
    def fold(loan: Loan, event: e.AccrualSuspended | e.AccrualResumed) -> None:
        loan.suspended = suspended
        loan.facts.append(event)

    return fold


def _sold(loan: Loan, event: e.LoanSold) -> None:
    for portion in event.sold:
        loan.line(portion.instalment).owed.add(portion, -1)
    loan.principal = 0
    loan.facts.append(event)


def _late_accrued(loan: Loan, event: e.LateInterestAccrued) -> None:
    for late in event.lines:
        line = loan.line(late.instalment)
        line.owed.late_interest += late.interest
        line.owed.late_interest_tax += late.tax
        line.late_numerator += late.numerator


def _fee_charged(loan: Loan, event: e.FeeCharged) -> None:
    if event.schedule:
        plan_lines(loan, event.schedule, max(len(loan.lines), last_number(event.schedule)))
    owed = loan.line(event.instalment).owed
    owed.fee += event.amount
    owed.fee_tax += event.tax
    if loan.status is Status.CLOSED:  # told again: a backdated payment had closed it before
        loan.status = Status.ACTIVE
    loan.fees[event.fee] = Fee(
        event.fee, event.kind, event.amount, event.tax, event.instalment, event.effective_on
    )
    loan.facts.append(event)
    _mark(loan, event.settled)


def _fee_waived(loan: Loan, event: e.FeeWaived) -> None:
    owed = loan.line(event.instalment).owed
    owed.fee -= event.amount
    owed.fee_tax -= event.tax
    loan.fees[event.fee] = structs.replace(
        loan.fees[event.fee], waived=True, given_up=event.amount, given_up_tax=event.tax
    )
    loan.facts.append(event)
    _mark(loan, event.settled)


def _charges_waived(loan: Loan, event: e.ChargesWaived) -> None:
    line = loan.line(event.instalment)
    line.owed.fee -= event.amount
    line.owed.fee_tax -= event.tax
    line.waived += event.amount
    line.waived_tax += event.tax
    loan.facts.append(event)
    _mark(loan, event.settled)


def _waiver_undone(loan: Loan, event: e.WaiverUndone) -> None:
    owed = loan.line(event.instalment).owed
    owed.fee += event.amount
    owed.fee_tax += event.tax
    if event.fee:
        loan.fees[event.fee] = structs.replace(
            loan.fees[event.fee], waived=False, given_up=0, given_up_tax=0,
            instalment=event.instalment,
        )  # fmt: skip
    else:
        line = loan.line(event.waived_from)
        line.waived = line.waived_tax = 0
    loan.facts.append(event)
    _mark(loan, event.settled)


def _payment(loan: Loan, event: e.PaymentReceived) -> None:
    _clear(loan, event.allocation)
    for portion in event.allocation:
        line = loan.line(portion.instalment)
        if line.paid_on is None or event.effective_on > line.paid_on:
            line.paid_on = event.effective_on
    loan.overpaid += event.overpaid
    loan.prepaid += event.prepaid
    loan.payments[event.payment] = Payment(
        event.payment, event.amount, event.effective_on, _allocated({}, event.allocation),
        event.overpaid, event.prepaid, event.channel, event.reference, kind=event.kind,
        paid_by=event.paid_by,
    )  # fmt: skip
    loan.facts.append(event)
    _mark(loan, event.settled)


def _allocated(before: dict[int, Amounts], portions: Iterable[e.Portion]) -> dict[int, Amounts]:
    """What a payment clears once ``portions`` are added to what it cleared before."""
    after = dict(before)
    for portion in portions:
        cleared = Amounts(
            portion.fee_tax, portion.fee, portion.late_interest_tax, portion.late_interest,
            portion.interest_tax, portion.interest, portion.principal,
        )  # fmt: skip
        if kept := after.pop(portion.instalment, None):
            cleared.add(kept)
        if cleared != NOTHING:
            after[portion.instalment] = cleared
    return after


def _reversed(loan: Loan, event: e.PaymentReversed) -> None:
    _clear(loan, event.allocation, -1)
    loan.overpaid -= event.overpaid
    loan.prepaid -= event.prepaid
    payment = loan.payments[event.payment]
    loan.payments[event.payment] = structs.replace(payment, reversed_on=event.reversed_on)
    loan.facts = [
        fact for fact in loan.facts
        if not (isinstance(fact, e.PaymentReceived) and fact.payment == event.payment)
    ]  # fmt: skip
    if loan.status is Status.CLOSED:
        loan.status = Status.ACTIVE
        loan.closed_for = ""
    for number in {portion.instalment for portion in event.allocation}:
        _repaid_on(loan, number)
    _mark(loan, event.settled)


def _repaid_on(loan: Loan, number: int) -> None:
    """The latest payment that still clears something of the instalment."""
    days = [
        payment.effective_on
        for payment in loan.payments.values()
        if payment.reversed_on is None and number in payment.allocation
    ]
    loan.line(number).paid_on = max(days, default=None)


def _corrected(loan: Loan, event: e.HistoryCorrected) -> None:
    count = len(loan.lines)
    if event.schedule or event.instalments is not None:
        plan_lines(loan, event.schedule, max(count, event.instalments or 0))
    for change in event.charged:
        line = loan.line(change.instalment)
        line.owed.fee += change.fee
        line.owed.fee_tax += change.fee_tax
        line.owed.interest += change.interest
        line.owed.interest_tax += change.interest_tax
        line.owed.late_interest += change.late_interest
        line.owed.late_interest_tax += change.late_interest_tax
        line.numerator += change.numerator
        line.late_numerator += change.late_numerator
        line.due_interest += change.due_interest
        if line.number > e.CHARGES:
            line.due = change.due
    _move(loan, event.moved)
    for again in event.charged_back:
        payment = loan.payments[again.payment]
        loan.payments[again.payment] = structs.replace(
            payment,
            overpaid=payment.overpaid + again.overpaid,
            owed_again=payment.owed_again + again.overpaid,
        )
        loan.overpaid += again.overpaid
        loan.principal += again.overpaid
    if event.instalments is not None:
        del loan.lines[event.instalments :]
    if event.due is not None:
        loan.current = event.due
        for line in loan.lines:
            line.due = line.number <= event.due
    loan.agreed = event.terms or loan.agreed
    loan.first_line = loan.first_line if event.first is None else event.first - 1
    loan.principal += event.capitalised
    loan.capitalised += event.capitalised
    loan.statement += event.statement
    loan.revolves = loan.revolves if event.revolves is None else event.revolves
    moves = event.due is not None or event.terms is not None
    loan.billed = event.billed or (None if moves else loan.billed)
    loan.prepaid += event.prepaid
    if event.level is not None:
        loan.fitted_level = event.level or None
    _mark(loan, event.settled)


def _forgiven(loan: Loan, event: e.DebtForgiven) -> None:
    for portion in event.forgiven:
        loan.line(portion.instalment).owed.add(portion, -1)
        loan.principal -= portion.principal
    loan.facts.append(event)
    _mark(loan, event.settled)


def _cover_given(loan: Loan, event: e.CoverGiven) -> None:
    loan.covers[event.cover] = Cover(event.cover, event.amount, event.for_loan, event.effective_on)
    loan.facts.append(event)


def _cover_returned(loan: Loan, event: e.CoverReturned) -> None:
    cover = loan.covers[event.cover]
    loan.covers[event.cover] = structs.replace(cover, returned=cover.returned + event.amount)
    loan.facts.append(event)


def _promised(loan: Loan, event: e.PromiseMade) -> None:
    loan.promises[event.promise] = Promise(
        event.promise, event.amount, event.promised_for, event.effective_on, event.grace_days
    )
    loan.facts.append(event)


def _judged(state: str) -> Callable[[Loan, Any], None]:
    def fold(loan: Loan, event: e.PromiseKept | e.PromiseBroken | e.PromiseCancelled) -> None:
        promise = loan.promises[event.promise]
        loan.promises[event.promise] = structs.replace(promise, state=state)
        loan.facts.append(event)

    return fold


def _stage_changed(loan: Loan, event: e.StageChanged) -> None:
    loan.stage = event.after
    loan.facts.append(event)


def _written_off(loan: Loan, event: e.LoanWrittenOff) -> None:
    loan.status = Status.WRITTEN_OFF
    loan.written_off = Amounts()
    for portion in event.written_off:
        loan.written_off.add(portion)
        loan.line(portion.instalment).owed.add(portion, -1)
    loan.principal = 0
    loan.facts.append(event)


def _recovered(loan: Loan, event: e.RecoveryReceived) -> None:
    loan.recoveries = event.recovery
    for component, amount in event.by_component.items():
        setattr(loan.recovered, component, getattr(loan.recovered, component) + amount)
    loan.facts.append(event)


def _closed(loan: Loan, event: e.LoanClosed) -> None:
    loan.status = Status.CLOSED
    loan.closed_for = event.reason
    if event.reason == "cancelled":
        loan.facts.append(event)


_FOLDS: dict[type, Callable[[Loan, Any], None]] = {
    e.LoanDisbursed: _disbursed,
    e.LoanTakenOn: _taken_on,
    e.InterestAccrued: _accrued,
    e.InstalmentFellDue: _fell_due,
    e.LateInterestAccrued: _late_accrued,
    e.FeeCharged: _fee_charged,
    e.FeeWaived: _fee_waived,
    e.ChargesWaived: _charges_waived,
    e.WaiverUndone: _waiver_undone,
    e.InstalmentCharged: _charged,
    e.StatementCut: _statement,
    e.StatementJudged: _judged_statement,
    e.ScheduleRevised: _revised,
    e.RateChanged: _rate_changed,
    e.LoanRestructured: _restructured,
    e.ChargedBack: _charged_back,
    e.OverpaymentApplied: _applied,
    e.DepositApplied: _deposit_applied,
    e.OverpaymentRefunded: _refunded,
    e.DelinquencyPaused: _paused,
    e.AccrualSuspended: _suspension(suspended=True),
    e.AccrualResumed: _suspension(suspended=False),
    e.LoanSold: _sold,
    e.PaymentReceived: _payment,
    e.PaymentReversed: _reversed,
    e.CoverGiven: _cover_given,
    e.CoverReturned: _cover_returned,
    e.HistoryCorrected: _corrected,
    e.DebtForgiven: _forgiven,
    e.PromiseMade: _promised,
    e.PromiseKept: _judged("kept"),
    e.PromiseBroken: _judged("broken"),
    e.PromiseCancelled: _judged("cancelled"),
    e.StageChanged: _stage_changed,
    e.LoanWrittenOff: _written_off,
    e.RecoveryReceived: _recovered,
    e.LoanClosed: _closed,
}

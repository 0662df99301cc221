"""A copy of a loan on which a command tries out its events, and the passing of time on it."""

from datetime import date

from msgspec import structs

from domain import events as e
from domain.accrual import carry, interest_accrued, late_lines, spared_interest, tax_of
from domain.allocation import allocate, allocate_held, portions_oldest_first, unearned
from domain.calendar import due_dates
from domain.effects import marks, with_effects
from domain.fees import late_fee_days, period_fees, prepayment_fee
from domain.fold import apply
from domain.loan import Amounts, Line, Loan, Payment, Status, copy
from domain.payoff import closing_amounts, closing_fee, out_of_kept
from domain.refit import row_at
from domain.revisions import level_now, revised, total_raised, totals_kept
from domain.statements import unbilled
from domain.stops import judged_on, stops
from domain.terms import REFITTING, Component, InAdvance, Method, PaymentKind

PREPAYMENT_FEE = "prepayment_fee"


class Draft:
    """What a command would record, and the loan as it would then stand."""

    def __init__(self, loan: Loan) -> None:
        self.loan = copy(loan)
        self.events: list[e.AnyLoanEvent] = []
        self._reached = loan.through  # further than `through` where a stretch left nothing

    def record(self, event: e.AnyLoanEvent) -> None:
        """Add ``event`` to what the command answers and fold it."""
        apply(self.loan, event)
        self.events.append(event)

    def catch_up(self, to: date) -> None:
        """Record what passing time does up to ``to``: accruals and instalments falling due.

        One accrual per stretch in which nothing changes; day by day the sums are the same.
        """
        loan = self.loan
        while loan.status is Status.ACTIVE and (stop := self._next_stop(to)):
            since = self._since
            if stop == judged_on(loan):
                self._judge_statement(stop)
            self._accrue(since, stop)
            self._charge_late_fees(stop)
            if stop == loan.cut_on:
                self._cut_statement(stop)
            while (apart := loan.next_apart) and apart.due_on <= stop:
                self._fall_due_apart(apart)
            if loan.period_ends_on == stop:
                self._fall_due(loan.lines[loan.current])
        if loan.status is Status.ACTIVE:
            self._accrue(self._since, to)

    def count_again(self) -> None:
        """Days that left nothing behind may leave something once the past is another."""
        self._reached = self.loan.through

    def close_if_paid(self, on: date) -> None:
        """Close a loan that owes nothing any more, or whose written-off debt is recovered."""
        loan = self.loan
        if loan.status is Status.WRITTEN_OFF and loan.written_off == loan.recovered:
            self.record(e.LoanClosed(effective_on=on, reason="recovered"))
        if loan.status is not Status.ACTIVE:
            return
        last = loan.facts[-1]
        paid = loan.principal == 0 and loan.balances() == Amounts()
        if isinstance(last, e.LoanSold):
            self.record(e.LoanClosed(effective_on=on, reason="sold"))
        elif paid and loan.terms.method is not Method.REVOLVING:
            self.record(e.LoanClosed(effective_on=on, reason=closing_reason(last)))

    def begin_period(self, on: date) -> None:
        """Charge what the terms ask of the instalment whose period begins."""
        loan = self.loan
        if loan.status is Status.ACTIVE and loan.current < len(loan.lines):
            line = loan.lines[loan.current]
            if line.start_on == line.due_on:
                return
            for kind, amount, tax in period_fees(loan, on):
                self._charge(line, kind, amount, tax, on)

    def tell(self, fact: e.AnyLoanEvent) -> None:
        """Record ``fact`` with the effects it has on the loan as it stands, and what follows."""
        on = fact.effective_on
        self.catch_up(on)
        level = level_now(self.loan)
        if isinstance(fact, e.PaymentReceived) and not (
            fact.kind is PaymentKind.SECURITY_DEPOSIT or self._cleared_out_of_kept(on, fact.amount)
        ):
            self._charge_prepayment(fact)
        if (last := earns_up_to(self.loan, fact)) is not None:
            self._return_unearned(on, last)
        told = with_effects(self.loan, fact)
        self.record(told)
        match told:
            case e.LoanDisbursed(tranche=1) if not self.loan.first_line:
                self.begin_period(on)  # after a down payment it begins as that falls due
            case e.PaymentReceived() if lowers := self._lowers(told):
                kept = level if lowers is InAdvance.REDUCE_TERM else None
                self._revise(revised(self.loan, on, lowers, kept))
            case e.PaymentReceived() if self._pays_ahead(told):
                self._revise(totals_kept(self.loan, on))
            case e.ChargedBack(restored=e.Portion() as restored):
                self._revise(total_raised(self.loan, on, restored))
            case e.RateChanged():
                kept = level if told.keeps_instalment else None
                self._revise(revised(self.loan, on, "rate", kept))
            case e.LoanRestructured(kind=e.Revision.RESTRUCTURE):
                self.begin_period(on)
            case _:
                pass
        if isinstance(told, e.RateChanged | e.LoanRestructured):
            self._return_unearned(on, len(self.loan.lines))
        self.catch_up(on)
        if isinstance(told, e.FeeCharged | e.ChargedBack | e.WaiverUndone):
            self._apply_held(on)
        if gives_up(told):
            self._cleared_out_of_kept(on)
        self.close_if_paid(on)

    def _lowers(self, payment: e.PaymentReceived) -> InAdvance | None:
        """How the payment has what is not yet due fitted anew, if it does."""
        rule = self.loan.terms.allocation_of(payment.kind).in_advance
        line = self.loan.terms.method is Method.REVOLVING
        return rule if self._pays_ahead(payment) and (line or rule in REFITTING) else None

    def _pays_ahead(self, payment: e.PaymentReceived) -> bool:
        """It cleared principal that is not yet due."""
        current = self.loan.current
        return any(
            part.principal and current < part.instalment <= e.CHARGES for part in payment.allocation
        )

    def _charge_prepayment(self, payment: e.PaymentReceived) -> None:
        """Charge the fee on principal paid ahead; the payment covers the fee as well."""
        loan, terms = self.loan, self.loan.terms
        if not terms.prepayment_fee_rate or loan.current >= len(loan.lines):
            return
        held = allocate(loan, payment.amount, payment.effective_on, payment.kind)
        fee, tax = prepayment_fee(loan, held.principal_in_advance, held.left)
        line = loan.lines[loan.current]
        self._charge(line, PREPAYMENT_FEE, fee, tax, payment.effective_on)

    def _return_unearned(self, on: date, last: int) -> None:
        """Interest paid ahead of instalments after ``last`` pays principal: it is not earned."""
        loan = self.loan
        for payment in reversed(loan.payments.values()):
            if payment.reversed_on is None and (back := unearned(loan, payment, last)):
                credit = -sum(portion.total for portion in back)
                pays = portions_oldest_first(loan, {Component.PRINCIPAL: credit})
                moved = e.Moved(
                    payment=payment.number, on=on, portions=(*back, *pays),
                    overpaid=credit - sum(portion.total for portion in pays),
                    deposit=payment.is_deposit,
                )  # fmt: skip
                settled = marks(loan, pays, on)
                self.record(e.OverpaymentApplied(effective_on=on, moved=(moved,), settled=settled))

    def _revise(self, revision: e.ScheduleRevised | None) -> None:
        if revision is not None:
            self.record(revision)

    def _apply_held(self, on: date) -> None:
        """Money kept for the borrower clears what has fallen due, the oldest payment first."""
        loan = self.loan
        if not loan.kept:
            return
        for payment in list(loan.payments.values()):
            if not _is_kept(payment):
                continue
            portions = allocate_held(loan, payment.overpaid, on, payment.kind).portions
            if portions:
                self._apply(payment, portions, on)
                self.close_if_paid(on)

    def _cleared_out_of_kept(self, on: date, more: int = 0) -> bool:
        """Where what is kept pays the loan off, with ``more`` that comes in, it goes first."""
        loan = self.loan
        if loan.kept <= 0 or loan.status is not Status.ACTIVE:
            return False
        if more + loan.kept < closing_amounts(loan).total:
            return False
        if loan.current < len(loan.lines):
            self._charge(loan.lines[loan.current], PREPAYMENT_FEE, *closing_fee(loan), on)
        for earlier in list(loan.payments.values()):
            if not _is_kept(earlier):
                continue
            cleared = out_of_kept(loan.balances(), earlier.overpaid)
            if cleared:
                self._apply(earlier, portions_oldest_first(loan, cleared), on)
        return True

    def _apply(self, payment: Payment, portions: tuple[e.Portion, ...], on: date) -> None:
        """What is kept of the payment clears the portions."""
        used = sum(portion.total for portion in portions)
        moved = e.Moved(payment=payment.number, on=on, portions=portions, overpaid=-used)
        settled = marks(self.loan, portions, on)
        self.record(e.OverpaymentApplied(effective_on=on, moved=(moved,), settled=settled))

    def _next_stop(self, to: date) -> date | None:
        """The first day up to ``to`` on which something happens by itself."""
        loan = self.loan
        since = self._since
        days = [day for day in stops(loan) if since < day <= to] if since < to else []
        if (due_on := loan.next_due_on) and due_on <= to:
            days.append(due_on)
        return min(days, default=None)

    def _judge_statement(self, on: date) -> None:
        """Who has not paid it whole owes the interest that was spared, and more from day to day."""
        loan = self.loan
        revolves = loan.statement > 0
        if revolves == loan.revolves:
            return
        spared = spared_interest(loan, loan.lines[loan.current - 1], on) if revolves else None
        self.record(e.StatementJudged(effective_on=on, revolves=revolves))
        if spared:
            self.record(spared)

    def _cut_statement(self, on: date) -> None:
        loan = self.loan
        line = loan.lines[loan.current]
        asked = sum(other.left for other in loan.lines[: loan.current + 1])
        self.record(
            e.StatementCut(
                effective_on=on, balance=loan.balances().total, minimum=asked, due_on=line.due_on
            )
        )

    def _charge_late_fees(self, on: date) -> None:
        fee = self.loan.terms.late_fee
        for day, line in late_fee_days(self.loan):
            if day == on and line.left > 0:
                self._charge(line, e.LATE_FEE, fee, tax_of(self.loan, fee), on)

    def _charge(self, line: Line, kind: str, amount: int, tax: int, on: date) -> None:
        if not amount and not tax:
            return
        portion = e.Portion(instalment=line.number, fee=amount, fee_tax=tax)
        self.record(
            e.InstalmentCharged(
                effective_on=on,
                instalment=line.number,
                kind=kind,
                amount=amount,
                tax=tax,
                settled=marks(self.loan, (portion,), on, sign=1),
            )
        )

    @property
    def _since(self) -> date:
        """How far time has been followed."""
        return max(self._reached, self.loan.through)

    def _accrue(self, since: date, to: date) -> None:
        if to <= since:
            return
        self._reached = to
        late = tuple(late_lines(self.loan, since, to))
        if accrued := interest_accrued(self.loan, since, to):
            self.record(accrued)
        if late:
            self.record(e.LateInterestAccrued(effective_on=to, lines=late))

    def _fall_due_apart(self, line: Line) -> None:
        on = line.due_on
        settled = () if line.left else (e.Settled(instalment=line.number, on=on),)
        self.record(
            e.InstalmentFellDue(
                effective_on=on, instalment=line.number, principal=line.owed.principal,
                interest=0, settled=settled,
            )
        )  # fmt: skip
        self._apply_held(on)

    def _fall_due(self, line: Line) -> None:
        loan, on = self.loan, line.due_on
        self._revise(totals_kept(loan, on))
        capitalised = capitalised_tax = carried = carried_tax = 0
        capitalises = line.owed.principal < line.paid.principal  # planned to become principal
        if capitalises:
            capitalised = line.owed.interest - line.paid.interest
            capitalised_tax = line.owed.interest_tax - line.paid.interest_tax
        else:
            carried, carried_tax = unbilled(loan, line) if loan.billed else carry(loan, line)
        left = line.left - carried - carried_tax
        if capitalises:
            left = line.left - line.owed.principal + line.paid.principal
            left -= capitalised + capitalised_tax
        self.record(
            e.InstalmentFellDue(
                effective_on=on,
                instalment=line.number,
                principal=line.owed.principal + capitalised + capitalised_tax,
                interest=line.owed.interest - carried - capitalised,
                tax=line.owed.interest_tax - carried_tax - capitalised_tax,
                carried=carried,
                carried_tax=carried_tax,
                capitalised=capitalised,
                capitalised_tax=capitalised_tax,
                judged_later=loan.spares,
                settled=() if left else (e.Settled(instalment=line.number, on=on),),
            )
        )
        if capitalises and line.owed.principal != line.paid.principal:
            self._replan_capitalised(line)
        self.begin_period(on)
        self._apply_held(on)

    def _replan_capitalised(self, line: Line) -> None:
        """More or less became principal than was planned: fit what is to come to it."""
        loan, on = self.loan, line.due_on
        row = structs.replace(row_at(loan, line.number - 1), principal=line.paid.principal)
        self.record(
            e.ScheduleRevised(
                effective_on=on, reason="capitalisation", schedule=(row,),
                instalments=len(loan.lines),
            )
        )  # fmt: skip
        self._revise(revised(loan, on, "capitalisation"))


def _is_kept(payment: Payment) -> bool:
    """Something of it waits to clear what falls due."""
    held = payment.is_deposit or payment.reversed_on is not None
    return payment.overpaid > 0 and not held


def earns_up_to(loan: Loan, fact: e.AnyLoanEvent) -> int | None:
    """The instalment past which the schedule earns nothing any more; None where it earns all."""
    match fact:
        case e.LoanRestructured(kind=e.Revision.RESTRUCTURE | e.Revision.ACCELERATION):
            return 0
        case e.LoanRestructured():
            return loan.current + len(due_dates(fact.terms, fact.effective_on))
        case _:
            return 0 if isinstance(fact, e.LoanSold | e.LoanWrittenOff) else None


def gives_up(fact: e.AnyLoanEvent) -> bool:
    """Part of the debt is not asked for any more: what is left may be less than what is kept."""
    match fact:
        case e.LoanRestructured(forgiven=forgiven):
            return forgiven is not None
        case _:
            return isinstance(fact, e.DebtForgiven | e.FeeWaived | e.ChargesWaived)


def closing_reason(last: e.AnyLoanEvent) -> e.ClosingReason:
    """Why a loan ends that its ``last`` fact paid off."""
    match last:
        case e.DebtForgiven():
            return "forgiven"
        case e.PaymentReceived(kind=PaymentKind.INSURANCE_CLAIM):
            return "insured"
        case e.PaymentReceived(channel=e.REFINANCING):
            return "refinanced"
        case _:
            return "paid"

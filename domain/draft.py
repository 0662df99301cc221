"""A copy of a loan on which a command tries out its events, and the passing of time on it."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from msgspec import structs

from domain import events as e
from domain.accrued import fixed_interest, tax_of
from domain.allocation import allocate, allocate_held
from domain.daycount import elapsed, interest_of, rate_units
from domain.effects import emptied, in_use, marks, with_effects
from domain.fold import apply
from domain.loan import Amounts, Line, Loan, Status, copy
from domain.money import MILLION, share
from domain.refit import refitted, row_of
from domain.terms import REFITTING, InAdvance, LateBase, Level, Method, PaymentKind

DAY = timedelta(days=1)
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
            self._accrue(stop)
            self._charge_late_fees(stop)
            if loan.next_due_on == stop:
                self._fall_due(loan.lines[loan.current])
        if loan.status is Status.ACTIVE:
            self._accrue(to)

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
        if loan.current >= len(loan.lines):
            return
        line = loan.lines[loan.current]
        terms = loan.terms
        just_due = sum(
            other.owed.principal - other.paid.principal
            for other in loan.lines[: loan.current]
            if other.due_on == on
        )
        for charge in terms.period_charges:
            of = loan.principal - just_due if charge.of_balance else loan.financed
            amount = charge.amount + share(of, charge.rate, terms.rounding)
            tax = tax_of(loan, amount) if charge.taxed else 0
            self._charge(line, charge.kind, amount, tax, on)

    def tell(self, fact: e.AnyLoanEvent) -> None:
        """Record ``fact`` with the effects it has on the loan as it stands, and what follows."""
        on = fact.effective_on
        self.catch_up(on)
        level = self.level
        if isinstance(fact, e.PaymentReceived):
            self._charge_prepayment(fact)
        told = with_effects(self.loan, fact)
        self.record(told)
        match told:
            case e.LoanDisbursed(tranche=1):
                self.begin_period(on)
            case e.PaymentReceived() if lowers := self._lowers(told):
                self.revise(on, lowers, level if lowers is InAdvance.REDUCE_TERM else None)
            case e.RateChanged():
                self.revise(on, "rate", level if told.keeps_instalment else None)
            case e.LoanRestructured(kind=e.Revision.RESTRUCTURE):
                self.begin_period(on)
            case _:
                pass
        self.catch_up(on)
        if isinstance(told, e.FeeCharged | e.ChargedBack):
            self._apply_held(on)
        self.close_if_paid(on)

    @property
    def level(self) -> int | None:
        """What the running instalment asks for, where instalments are level; else its principal."""
        loan, terms = self.loan, self.loan.terms
        if loan.current >= len(loan.lines) - 1:
            return None
        line = loan.lines[-2]
        match terms.method:
            case Method.EQUAL_INSTALMENTS | Method.BALLOON:
                taxed = line.planned_tax if terms.level is Level.WITH_TAX else 0
                return line.owed.principal + line.planned_interest + taxed
            case Method.EQUAL_PRINCIPAL | Method.FLAT:
                return line.owed.principal
            case _:
                return None

    def _lowers(self, payment: e.PaymentReceived) -> "InAdvance | None":
        """How the payment has what is not yet due fitted anew, if it does."""
        rule = self.loan.terms.allocation_of(payment.kind).in_advance
        ahead = any(part.principal and part.instalment > self.loan.current
                    for part in payment.allocation)  # fmt: skip
        return rule if ahead and rule in REFITTING else None

    def _charge_prepayment(self, payment: e.PaymentReceived) -> None:
        """Charge the fee on principal paid ahead; the payment covers the fee as well."""
        loan, terms = self.loan, self.loan.terms
        if not terms.prepayment_fee_rate or loan.current >= len(loan.lines):
            return
        held = allocate(loan, payment.amount, payment.effective_on, payment.kind)
        fee, tax = prepayment_fee(loan, held.principal_in_advance, held.left)
        line = loan.lines[loan.current]
        self._charge(line, PREPAYMENT_FEE, fee, tax, payment.effective_on)

    def revise(self, on: date, reason: str, level: int | None = None) -> None:
        """Fit the instalments not yet due to what they now have to repay."""
        loan = self.loan
        if loan.status is not Status.ACTIVE or loan.current >= len(loan.lines):
            return
        rows = refitted(loan, on, level=level)
        end = rows[-1].number
        last = max([end, *(line.number for line in loan.lines[end:] if in_use(line))])
        rows += tuple(emptied(line, line.start_on, line.due_on) for line in loan.lines[end:last])
        self.record(
            e.ScheduleRevised(effective_on=on, reason=reason, schedule=rows, instalments=last)
        )

    def _apply_held(self, on: date) -> None:
        """Money kept for the borrower clears what has fallen due, the oldest payment first."""
        loan = self.loan
        if not loan.overpaid:
            return
        for payment in list(loan.payments.values()):
            if payment.overpaid <= 0 or payment.reversed_on is not None:
                continue
            held = allocate_held(loan, payment.overpaid, on, payment.kind)
            if not (portions := held.portions):
                continue
            moved = e.Moved(
                payment=payment.number, on=on, portions=portions,
                overpaid=held.left - payment.overpaid,
            )  # fmt: skip
            settled = marks(loan, portions, on)
            self.record(e.OverpaymentApplied(effective_on=on, moved=(moved,), settled=settled))
            self.close_if_paid(on)

    def _next_stop(self, to: date) -> date | None:
        """The first day up to ``to`` on which something happens by itself."""
        loan = self.loan
        since = max(self._reached, loan.through)
        stops = [day for day in self._late_fee_days() if since < day <= to]
        for pause in loan.pauses:
            stops += [day for day in pause if since < day <= to]
        if (due_on := loan.next_due_on) and due_on <= to:
            stops.append(due_on)
        return min(stops, default=None)

    def _late_fee_days(self) -> Iterator[date]:
        terms = self.loan.terms
        if not terms.late_fee:
            return
        for line in self.loan.lines[: self.loan.current]:
            if line.settled_on is None:
                yield line.due_on + DAY * (terms.late_grace_days + 1)

    def _charge_late_fees(self, on: date) -> None:
        terms = self.loan.terms
        if not terms.late_fee:
            return
        for line in self.loan.lines[: self.loan.current]:
            late = line.due_on + DAY * (terms.late_grace_days + 1)
            if late == on and line.settled_on is None and line.left > 0:
                tax = tax_of(self.loan, terms.late_fee)
                self._charge(line, e.LATE_FEE, terms.late_fee, tax, on)

    def _charge(self, line: Line, kind: str, amount: int, tax: int, on: date) -> None:
        if not amount:
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

    def _accrue(self, to: date) -> None:
        since = max(self._reached, self.loan.through)
        if to <= since:
            return
        self._reached = to
        late = tuple(self._late_lines(since, to))
        line = accruing_line(self.loan)
        if line is not None:
            before, after, numerator = self._interest(line, since, to)
            if after != before or numerator:
                self.record(
                    e.InterestAccrued(
                        effective_on=to,
                        instalment=line.number,
                        interest=after - before,
                        tax=tax_of(self.loan, after) - tax_of(self.loan, before),
                        numerator=numerator,
                        due=line.due,
                    )
                )
        if late:
            self.record(e.LateInterestAccrued(effective_on=to, lines=late))

    def _interest(self, line: Line, since: date, to: date) -> tuple[int, int, int]:
        """Interest of the line's period, rounded, up to ``since`` and ``to``; and the increment."""
        loan = self.loan
        if not loan.accrues_daily:
            return fixed_interest(line, since, loan), fixed_interest(line, to, loan), 0
        terms = loan.terms
        if loan.bears_no_interest(line):
            return 0, 0, 0
        start_on = line.due_on if line.due else line.start_on
        numerator = loan.principal * rate_units(terms, start_on, since, to)
        return (
            interest_of(terms, line.numerator),
            interest_of(terms, line.numerator + numerator),
            numerator,
        )

    def _late_lines(self, since: date, to: date) -> Iterable[e.LateLine]:
        loan, terms = self.loan, self.loan.terms
        if not terms.late_rate or any(begin <= since < end for begin, end in loan.pauses):
            return
        for line in loan.lines[: loan.current]:
            overdue = line.owed.principal - line.paid.principal
            if terms.late_base is LateBase.INSTALMENT:
                overdue += max(min(line.due_interest, line.owed.interest) - line.paid.interest, 0)
            if not overdue:
                continue
            units = elapsed(terms.day_count, line.due_on, since, to)
            numerator = overdue * terms.late_rate * units
            before = self._late_interest(line, line.late_numerator, since)
            after = self._late_interest(line, line.late_numerator + numerator, to)
            if numerator or after != before:  # grace may end on a night that counts no day
                yield e.LateLine(
                    instalment=line.number,
                    interest=after - before,
                    tax=tax_of(loan, after) - tax_of(loan, before),
                    numerator=numerator,
                )

    def _late_interest(self, line: Line, numerator: int, on: date) -> int:
        """Nothing within the grace days; past them all that ran since the due date."""
        in_grace = (on - line.due_on).days <= self.loan.terms.late_grace_days
        return 0 if in_grace else interest_of(self.loan.terms, numerator)

    def _fall_due(self, line: Line) -> None:
        loan, on = self.loan, line.due_on
        capitalised = capitalised_tax = carried = carried_tax = 0
        capitalises = line.owed.principal < 0
        if capitalises:
            capitalised = line.owed.interest - line.paid.interest
            capitalised_tax = line.owed.interest_tax - line.paid.interest_tax
        else:
            carried, carried_tax = carry(loan, line)
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
        row = row_of(line, loan.lines[line.number - 2] if line.number > 1 else None)
        row = structs.replace(row, principal=line.paid.principal)
        self.record(
            e.ScheduleRevised(
                effective_on=on, reason="capitalisation", schedule=(row,),
                instalments=len(loan.lines),
            )
        )  # fmt: skip
        self.revise(on, "capitalisation")


def prepayment_fee(loan: Loan, principal: int, left: int) -> tuple[int, int]:
    """(fee, tax) on so much ``principal`` paid ahead, paid out of what is ``left`` or of itself."""
    terms = loan.terms
    fee = share(principal, terms.prepayment_fee_rate, terms.rounding)
    if fee + tax_of(loan, fee) > left:
        whole = (MILLION + terms.tax_rate) * terms.prepayment_fee_rate
        principal = (principal + left) * MILLION**2 // (MILLION**2 + whole)
        fee = share(principal, terms.prepayment_fee_rate, terms.rounding)
    return fee, tax_of(loan, fee)


def accruing_line(loan: Loan) -> Line | None:
    """The instalment that interest runs on: the current one, after maturity the last unpaid."""
    if loan.current < len(loan.lines):
        return loan.lines[loan.current]
    if not loan.accrues_daily or loan.terms.interest_after_maturity == "stops":
        return None
    return next((line for line in reversed(loan.lines) if line.settled_on is None), None)


def carry(loan: Loan, line: Line) -> tuple[int, int]:
    """(interest, tax) of the period that falls due with the next instalment instead.

    All of it within the grace of the terms. Else: who paid the whole instalment some days early
    has paid principal ahead, and that principal covers the interest of the last days: he must not
    become past due for it.
    """
    if line.number == len(loan.lines):
        return 0, 0
    interest = line.owed.interest - line.paid.interest
    tax = line.owed.interest_tax - line.paid.interest_tax
    if line.deferred or line.deferred_tax or interest + tax <= loan.prepaid:
        return interest, tax
    if loan.prepaid <= 0:
        return 0, 0
    carried = loan.prepaid * interest // (interest + tax)
    return carried, min(tax, loan.prepaid - carried)


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

"""What one loan comes to for a bureau on a cut-off date: facts of the loan, of no format yet."""

from collections.abc import Iterator
from datetime import date
from typing import Literal

from msgspec import Struct

from domain import events as e
from domain.loan import Loan, Status
from domain.terms import Frequency, Method, PaymentKind
from domain.views import as_of
from projections.bureau.arrears import arrears_of


class Tradeline(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One loan at the end of ``on``; amounts in minor units of ``currency``.

    ``balance`` is all that is owed (of a written-off loan the claim that is left, of a sold or
    forgiven one nothing), ``past_due`` the part of instalments due before ``on`` and not paid.
    ``first_default_on`` is the due date of the first instalment ever missed, ``late_since`` that
    with which the present arrears without a break began, ``past_due_since`` when days past due
    reached those of stage 3. ``instalment`` is one at the loan's own frequency, ``month_paid`` what
    came in in the month of ``on``. Of a loan that left the books unpaid, arrears are those of the
    day before, and days go on being counted.
    """

    loan_no: str
    borrower: str
    on: date
    currency: str
    product: str
    status: Literal["active", "written_off", "closed"]
    method: Method
    frequency: Frequency
    every: int
    instalments: int
    opened_on: date
    maturity_on: date
    approved: int
    disbursed: int
    highest: int
    instalment: int
    balance: int
    principal: int
    guarantors: tuple[str, ...] = ()
    group: str = ""
    closed_on: date | None = None
    closed_for: str = ""
    past_due: int = 0
    past_due_interest: int = 0
    missed: int = 0
    days_past_due: int = 0
    paused: bool = False
    first_default_on: date | None = None
    late_since: date | None = None
    past_due_since: date | None = None
    last_paid_on: date | None = None
    last_paid: int = 0
    month_paid: int = 0
    last_drawn_on: date | None = None
    restructured_on: date | None = None
    refinances: str = ""
    forgiven: int = 0
    forgiven_on: date | None = None
    written_off: int = 0
    written_off_on: date | None = None
    sold: int = 0
    sold_on: date | None = None
    holder: str = ""

    @property
    def revolving(self) -> bool:
        """A line of credit, which has no instalments to count."""
        return self.method is Method.REVOLVING

    @property
    def term_days(self) -> int:
        """From the opening to the last due date."""
        return (self.maturity_on - self.opened_on).days


def tradeline(loan: Loan, on: date, closed_on: date | None = None) -> Tradeline | None:
    """The loan as a bureau is told of it; None where no money was paid out by ``on``.

    ``closed_on`` is when it closed, where that is known: a loan itself only keeps why.
    Errors: ``InvalidDate`` before the loan was opened.
    """
    seen = as_of(loan, on)
    if seen.disbursed_on is None or not seen.lines:
        return None
    arrears = arrears_of(loan, seen, on)
    terms, lines = seen.terms, seen.lines
    owed = seen.balances()
    claim = seen.written_off_left().total if seen.status is Status.WRITTEN_OFF else 0
    written = next((f for f in seen.facts if isinstance(f, e.LoanWrittenOff)), None)
    sold = next((f for f in seen.facts if isinstance(f, e.LoanSold)), None)
    forgiven = list(_forgiven(seen))
    paid = _paid(seen)
    last_on = max((day for day, amount in paid.items() if amount > 0), default=None)
    return Tradeline(
        loan_no=seen.loan_no,
        borrower=seen.opened.borrower,
        guarantors=seen.opened.guarantors,
        group=seen.opened.group,
        on=on,
        currency=terms.currency,
        product=seen.opened.product,
        status=_status(seen),
        method=terms.method,
        frequency=terms.frequency,
        every=terms.every,
        instalments=len(lines),
        opened_on=seen.disbursed_on,
        maturity_on=max(line.due_on for line in lines),
        approved=seen.opened.terms.principal,
        disbursed=seen.disbursed,
        highest=_highest(seen),
        instalment=_instalment(seen),
        balance=claim or max(0, owed.total),
        principal=seen.written_off_left().principal if claim else owed.principal,
        closed_on=_closed_on(seen, closed_on) if seen.status is Status.CLOSED else None,
        closed_for=seen.closed_for,
        past_due=claim or arrears.past_due,
        past_due_interest=arrears.interest,
        missed=arrears.missed,
        days_past_due=arrears.days,
        paused=arrears.paused,
        first_default_on=arrears.first_default_on,
        late_since=arrears.late_since,
        past_due_since=arrears.past_due_since,
        last_paid_on=last_on,
        last_paid=paid[last_on] if last_on else 0,
        month_paid=sum(paid[day] for day in paid if day >= on.replace(day=1)),
        last_drawn_on=max(
            (f.effective_on for f in seen.facts if isinstance(f, e.LoanDisbursed)), default=None
        ),
        restructured_on=max(
            (f.effective_on for f in seen.facts
             if isinstance(f, e.LoanRestructured) and f.kind is e.Revision.RESTRUCTURE),
            default=None,
        ),
        refinances=next((f.refinances for f in seen.facts
                         if isinstance(f, e.LoanDisbursed) and f.refinances), ""),
        forgiven=sum(amount for _, amount in forgiven),
        forgiven_on=max((day for day, _ in forgiven), default=None),
        written_off=seen.written_off.total if seen.written_off else 0,
        written_off_on=written.effective_on if written else None,
        sold=sum(portion.total for portion in sold.sold) if sold else 0,
        sold_on=sold.effective_on if sold else None,
        holder=sold.holder if sold else "",
    )  # fmt: skip


def _status(loan: Loan) -> Literal["active", "written_off", "closed"]:
    match loan.status:
        case Status.CLOSED:
            return "closed"
        case Status.WRITTEN_OFF:
            return "written_off"
        case _:
            return "active"


def _forgiven(loan: Loan) -> Iterator[tuple[date, int]]:
    for fact in loan.facts:
        if isinstance(fact, e.DebtForgiven):
            yield fact.effective_on, sum(portion.total for portion in fact.forgiven)
        elif isinstance(fact, e.LoanRestructured) and fact.forgiven is not None:
            yield fact.effective_on, fact.forgiven.total


PAID = frozenset({PaymentKind.PAYMENT, PaymentKind.RECOVERY, PaymentKind.INSURANCE_CLAIM})
"""The kinds of payment that pay the debt; credits and refunds of the lender or a shop do not."""


def _paid(loan: Loan) -> dict[date, int]:
    """What came in by day, less what was taken back."""
    paid: dict[date, int] = {}
    for payment in loan.payments.values():
        if payment.reversed_on is None and payment.kind in PAID:
            left = payment.amount - payment.charged_back
            paid[payment.effective_on] = paid.get(payment.effective_on, 0) + left
    for fact in loan.facts:
        if isinstance(fact, e.RecoveryReceived):
            paid[fact.effective_on] = paid.get(fact.effective_on, 0) + fact.amount
    return paid


def _highest(loan: Loan) -> int:
    """The largest principal ever owed; of one day, what adds to it comes before what pays it."""
    drawn: dict[date, int] = {}
    paid: dict[date, int] = {}
    for fact in loan.facts:
        if isinstance(fact, e.LoanDisbursed | e.LoanTakenOn | e.ChargedBack):
            drawn[fact.effective_on] = drawn.get(fact.effective_on, 0) + fact.principal
    for payment in loan.payments.values():
        if payment.reversed_on is None:
            cleared = sum(amounts.principal for amounts in payment.allocation.values())
            paid[payment.effective_on] = paid.get(payment.effective_on, 0) + cleared
    highest, owed = loan.principal, 0
    for day in sorted(drawn.keys() | paid.keys()):
        owed += drawn.get(day, 0)
        highest = max(highest, owed)
        owed -= paid.get(day, 0)
    return highest


def _instalment(loan: Loan) -> int:
    """The next instalment as planned, or the last one when none is to come.

    One whose interest becomes principal asks for nothing.
    """
    line = next((line for line in loan.lines if not line.due), None)
    if line is None:
        return loan.lines[-1].owed.total
    planned = line.planned_interest + line.planned_tax + line.planned_fee + line.planned_fee_tax
    return max(0, line.owed.principal + planned)


def _closed_on(loan: Loan, known: date | None) -> date:
    """The day it closed: as its header knows, or that of the last fact that lowered the debt."""
    if known is not None and known <= loan.through:
        return known
    lowering = (e.PaymentReceived, e.DebtForgiven, e.LoanSold, e.RecoveryReceived, e.FeeWaived,
                e.ChargesWaived, e.LoanClosed)  # fmt: skip
    return max(f.effective_on for f in loan.facts if isinstance(f, lowering))

"""The facts of one loan. Each carries its effects: who folds them adds up and never re-decides.

Amounts are minor units of the loan's currency. The tag is the event's name in the store.
"""

from datetime import date
from enum import StrEnum
from typing import Literal, Protocol

import msgspec
from msgspec import Struct

from domain.terms import Component, PaymentKind, Terms


class LoanEvent(Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True, gc=False):
    """What happened, and the value date it happened for."""

    effective_on: date


CHARGES, DOWN_PAYMENTS = 1_000_000, 2_000_000
"""Rows apart from the schedule have numbers beyond these: the fee's, and the tranche's."""


class Portion(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Part of an amount, by component, that belongs to one instalment."""

    instalment: int
    fee_tax: int = 0
    fee: int = 0
    late_interest_tax: int = 0
    late_interest: int = 0
    interest_tax: int = 0
    interest: int = 0
    principal: int = 0

    @property
    def total(self) -> int:
        """The sum over the components."""
        return (
            self.fee_tax + self.fee + self.late_interest_tax + self.late_interest
            + self.interest_tax + self.interest + self.principal
        )  # fmt: skip


class Instalment(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One row of a schedule as agreed: ``start_on`` to ``due_on`` is the interest period.

    ``interest`` and ``tax`` are what falls due with the row. ``deferred`` and ``deferred_tax`` were
    earned in it or before and fall due with the next. A negative ``principal`` is interest that
    becomes principal. ``fee`` and ``fee_tax`` are the charges of its period. ``before`` is the
    exact interest of it before ``since``, the day its terms changed, and ``earned`` what had
    accrued by then (per period only). ``brought`` and ``brought_tax`` are what of ``interest`` and
    ``tax`` was earned before its period, where that is not what the row before it defers.
    """

    number: int
    start_on: date
    due_on: date
    principal: int
    interest: int
    tax: int = 0
    fee: int = 0
    fee_tax: int = 0
    deferred: int = 0
    deferred_tax: int = 0
    since: date | None = None
    before: int = 0
    earned: int = 0
    brought: int | None = None
    brought_tax: int | None = None

    @property
    def total(self) -> int:
        """What the borrower pays on the due date."""
        return self.principal + self.interest + self.tax + self.fee + self.fee_tax


class PlannedRow(Protocol):
    """What readers of a schedule ask of its rows, an ``Instalment`` or another."""

    @property
    def number(self) -> int: ...
    @property
    def start_on(self) -> date: ...
    @property
    def due_on(self) -> date: ...
    @property
    def principal(self) -> int: ...
    @property
    def interest(self) -> int: ...
    @property
    def tax(self) -> int: ...
    @property
    def fee(self) -> int: ...
    @property
    def fee_tax(self) -> int: ...


class Settled(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Since when nothing of a due instalment is owed; ``on`` is None when it owes again."""

    instalment: int
    on: date | None = None


class Moved(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A difference in what one payment cleared; in a correction all sums to zero.

    ``deposit`` tells a security deposit: what is kept of it is no overpayment.
    """

    payment: int
    on: date
    portions: tuple[Portion, ...]
    overpaid: int = 0
    deposit: bool = False


class LoanOpened(LoanEvent, frozen=True, kw_only=True, tag="loan-opened"):
    """A loan was approved on these terms. ``borrower`` is a reference, never personal data.

    ``group`` is the number of the group whose members answer for one another.
    """

    loan_no: str
    terms: Terms
    borrower: str = ""
    product: str = ""
    branch: str = ""
    officer: str = ""
    guarantors: tuple[str, ...] = ()
    group: str = ""


class LoanDisbursed(LoanEvent, frozen=True, kw_only=True, tag="loan-disbursed"):
    """A tranche was paid out, to be repaid by the schedule it fixes.

    ``principal`` is owed; the borrower received it less the withheld fees and interest (of a
    discounted loan) and their tax. ``schedule`` is every instalment from the first not yet due;
    none where new terms came since: then the correction after it has all that changes.
    ``refinances`` is the number of the loan that this one pays off. ``level`` is the instalment
    that was fitted, where that was to all that is approved.
    """

    tranche: int
    principal: int
    schedule: tuple[Instalment, ...]
    withheld_fees: int = 0
    withheld_fees_tax: int = 0
    withheld_interest: int = 0
    withheld_interest_tax: int = 0
    level: int | None = None
    channel: str = ""
    refinances: str = ""


class LoanTakenOn(LoanEvent, frozen=True, kw_only=True, tag="loan-taken-on"):
    """A running loan came from another system, with its balances at the close of ``effective_on``.

    ``schedule`` is the whole original one. ``opening`` is what each instalment still owes: all its
    unpaid principal, and interest, late interest, fees and taxes owed at that date. Instalments
    not named owe nothing. ``numerator`` is the exact interest of the running period, and
    ``late_numerators`` (instalment, numerator) that of late interest, so that daily rounding goes
    on where it stood.
    """

    principal: int
    disbursed_on: date
    schedule: tuple[Instalment, ...]
    opening: tuple[Portion, ...]
    numerator: int = 0
    late_numerators: tuple[tuple[int, int], ...] = ()


class InterestAccrued(LoanEvent, frozen=True, kw_only=True, tag="interest-accrued"):
    """Interest ran on one instalment up to and including the night before ``effective_on``.

    ``numerator`` is the exact increment (principal x rate x day units) behind the rounded
    ``interest``. ``due`` says that the instalment is already due (interest after maturity).
    """

    instalment: int
    interest: int
    tax: int = 0
    numerator: int = 0
    due: bool = False


class InstalmentFellDue(LoanEvent, frozen=True, kw_only=True, tag="instalment-fell-due"):
    """An instalment, or a row apart, became due: these are its final principal, interest and tax.

    ``carried`` and ``carried_tax``: interest of the period that falls due with the next instalment
    instead, because the borrower had paid at least as much in advance, or has grace.
    ``capitalised`` and ``capitalised_tax`` become principal instead. ``judged_later``: whether a
    statement was paid whole by this day is said the morning after (``StatementJudged``).
    """

    instalment: int
    principal: int
    interest: int
    tax: int = 0
    carried: int = 0
    carried_tax: int = 0
    capitalised: int = 0
    capitalised_tax: int = 0
    judged_later: bool = False
    settled: tuple[Settled, ...] = ()


LATE_FEE = "late_fee"
"""The kind of the fee that an instalment late beyond its grace is charged once."""


class InstalmentCharged(LoanEvent, frozen=True, kw_only=True, tag="instalment-charged"):
    """The terms charge a fee to one instalment: of its period, or because it is late."""

    instalment: int
    kind: str
    amount: int
    tax: int = 0
    settled: tuple[Settled, ...] = ()


class StatementCut(LoanEvent, frozen=True, kw_only=True, tag="statement-cut"):
    """A revolving line was billed: all that was owed; the ``minimum`` is asked by ``due_on``."""

    balance: int
    minimum: int
    due_on: date


class StatementJudged(LoanEvent, frozen=True, kw_only=True, tag="statement-judged"):
    """The due date of a line's statement is past: whether the line ``revolves`` from now on, that
    is, the statement was not paid whole by then.
    """

    revolves: bool


class ScheduleRevised(LoanEvent, frozen=True, kw_only=True, tag="schedule-revised"):
    """What is not yet due was planned anew. It follows from the fact before it; no debt changes.

    ``schedule`` are the rows that change, whole: their ``principal`` includes what is paid of it.
    ``instalments`` is how many the loan has now; later ones, of which nothing was paid, are gone.
    ``level`` as in `LoanDisbursed`, where it was fitted anew.
    """

    reason: str
    schedule: tuple[Instalment, ...]
    instalments: int
    level: int | None = None


class LateLine(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Late interest that ran on the overdue principal of one instalment.

    Within the grace days only ``numerator`` grows; what it comes to is charged when they are over.
    """

    instalment: int
    interest: int
    tax: int = 0
    numerator: int = 0


class LateInterestAccrued(LoanEvent, frozen=True, kw_only=True, tag="late-interest-accrued"):
    """Late interest ran on overdue principal up to and including the night before."""

    lines: tuple[LateLine, ...]


class FeeCharged(LoanEvent, frozen=True, kw_only=True, tag="fee-charged"):
    """A fee was charged; it falls due with ``instalment``.

    One that falls due after the last instalment (``due_on``), or ``apart`` on that day, brings a
    row of its own in ``schedule``.
    """

    fee: int
    kind: str
    amount: int
    instalment: int
    tax: int = 0
    due_on: date | None = None
    apart: bool = False
    schedule: tuple[Instalment, ...] = ()
    settled: tuple[Settled, ...] = ()


class FeeWaived(LoanEvent, frozen=True, kw_only=True, tag="fee-waived"):
    """What was unpaid of a fee was given up, with its tax."""

    fee: int
    amount: int
    instalment: int
    tax: int = 0
    reason: str = ""
    settled: tuple[Settled, ...] = ()


class ChargesWaived(LoanEvent, frozen=True, kw_only=True, tag="charges-waived"):
    """What was unpaid of the fees of an instalment was given up, or part of it, with its tax.

    What the terms charge has no number of its own.
    """

    instalment: int
    amount: int
    tax: int = 0
    reason: str = ""
    settled: tuple[Settled, ...] = ()


class WaiverUndone(LoanEvent, frozen=True, kw_only=True, tag="waiver-undone"):
    """What was given up of a fee, or without one of the charges of an instalment (``waived_from``),
    is owed again: it is due with ``instalment``.
    """

    fee: int = 0
    waived_from: int
    instalment: int
    amount: int
    tax: int = 0
    reason: str = ""
    settled: tuple[Settled, ...] = ()


class PaymentReceived(LoanEvent, frozen=True, kw_only=True, tag="payment-received"):
    """Money came in and cleared these portions; ``overpaid`` is kept for the borrower.

    ``channel`` and ``reference`` say how it came. ``prepaid`` is the principal that was paid ahead
    of the current instalment. ``paid_by`` is the loan of another member of the group who paid it.
    """

    payment: int
    amount: int
    allocation: tuple[Portion, ...]
    overpaid: int = 0
    prepaid: int = 0
    kind: PaymentKind = PaymentKind.PAYMENT
    channel: str = ""
    reference: str = ""
    settled: tuple[Settled, ...] = ()
    paid_by: str = ""


class PaymentReversed(LoanEvent, frozen=True, kw_only=True, tag="payment-reversed"):
    """A payment turned out not to be one. Effective on its value date, found out ``reversed_on``.

    ``allocation`` and ``overpaid`` are what the payment had cleared when it was undone; what this
    changes in later days follows as ``HistoryCorrected``.
    """

    payment: int
    amount: int
    allocation: tuple[Portion, ...]
    reversed_on: date
    kind: PaymentKind = PaymentKind.PAYMENT
    overpaid: int = 0
    prepaid: int = 0
    reason: str = ""
    settled: tuple[Settled, ...] = ()


class Charged(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A difference in what one instalment owes, dated ``on``: more, or with a minus less.

    ``due`` says that the instalment had already fallen due. ``fee`` is of `InstalmentCharged`.
    ``due_interest`` is the part of ``interest`` that fell due with the instalment.
    ``final_interest`` and ``final_tax`` are all of it, where it turns out to have fallen due.
    """

    on: date
    instalment: int
    due: bool = False
    fee: int = 0
    fee_tax: int = 0
    interest: int = 0
    interest_tax: int = 0
    late_interest: int = 0
    late_interest_tax: int = 0
    numerator: int = 0
    late_numerator: int = 0
    due_interest: int = 0
    final_interest: int | None = None
    final_tax: int | None = None


class HistoryCorrected(LoanEvent, frozen=True, kw_only=True, tag="history-corrected"):
    """What the fact recorded just before, dated in the past, changes in days already recorded.

    Only differences: the loan now stands as if the fact had been known on its value date.
    ``schedule`` are rows that are planned otherwise, ``instalments`` how many there are if that
    changes, ``due`` how many of them have fallen due if that does. ``capitalised`` is the
    difference in what became principal. ``charged_back``: by so much more a chargeback made
    principal owed again, and took less of what had been kept of its payment. ``terms`` are those
    that hold now, and ``first`` the instalment they begin with, if these change; ``statement`` and
    ``revolves`` the difference in what is left of the last statement, and whether interest runs
    from day to day; ``billed`` the interest and tax that a statement asks for;
    ``level`` the instalment fitted to what was approved, if that changes (0: none is).
    """

    charged: tuple[Charged, ...] = ()
    moved: tuple[Moved, ...] = ()
    schedule: tuple[Instalment, ...] = ()
    instalments: int | None = None
    due: int | None = None
    terms: Terms | None = None
    first: int | None = None
    capitalised: int = 0
    charged_back: tuple[Moved, ...] = ()
    statement: int = 0
    revolves: bool | None = None
    level: int | None = None
    billed: tuple[int, int] | None = None
    prepaid: int = 0
    settled: tuple[Settled, ...] = ()


class RateChanged(LoanEvent, frozen=True, kw_only=True, tag="rate-changed"):
    """From the night of ``effective_on`` the loan bears another rate (millionths a year).

    With ``until`` the rates before come back that night: a pause is a rate of zero. The instalments
    are fitted anew unless ``keeps_instalment``. ``index`` and ``index_value`` say what a floating
    rate was fixed on.
    """

    annual_rate: int
    until: date | None = None
    keeps_instalment: bool = False
    index: str = ""
    index_value: int = 0
    reason: str = ""


class Treatment(StrEnum):
    """What becomes of overdue interest and fees when a debt is put on new terms."""

    KEEP = "keep"
    CAPITALISE = "capitalise"
    FORGIVE = "forgive"


class Revision(StrEnum):
    """Why a loan got new terms or dates."""

    RESTRUCTURE = "restructure"
    RESCHEDULE = "reschedule"
    REAMORTIZATION = "reamortization"
    ACCELERATION = "acceleration"


class LoanRestructured(LoanEvent, frozen=True, kw_only=True, tag="loan-restructured"):
    """The debt goes on otherwise: the whole of it under new terms (restructured, re-aged), what is
    not yet due (rescheduled), with the arrears spread over it (re-amortized), or all due at once.

    ``cleared`` leaves the instalments that it names. Of it ``capitalised`` became principal,
    ``forgiven`` was given up, and ``kept`` falls due with the instalment that it names.
    ``schedule`` are the rows that change, whole; ``instalments`` how many the loan has now, and
    ``first`` the one its terms begin with. ``keeps_rate``: the rate is no part of what was agreed;
    it is the one that the loan bears by then.
    """

    kind: Revision
    terms: Terms
    keeps_rate: bool = False
    schedule: tuple[Instalment, ...]
    instalments: int
    first: int
    treatment: Treatment = Treatment.KEEP
    cleared: tuple[Portion, ...] = ()
    capitalised: Portion | None = None
    forgiven: Portion | None = None
    kept: Portion | None = None
    approval: str = ""
    reason: str = ""
    settled: tuple[Settled, ...] = ()


class ChargedBack(LoanEvent, frozen=True, kw_only=True, tag="charged-back"):
    """A payer took money back through the bank: ``principal`` of it is owed again.

    The payment stays what it was; ``schedule`` is the instalment that asks for the money now, and
    ``moved`` what had been kept for the borrower and went first. ``restored`` is what is owed again
    there of the other components, where the terms put a chargeback on those that were paid.
    """

    chargeback: int
    payment: int
    amount: int
    schedule: tuple[Instalment, ...]
    instalments: int
    principal: int = 0
    restored: Portion | None = None
    moved: tuple[Moved, ...] = ()
    reason: str = ""
    settled: tuple[Settled, ...] = ()

    @property
    def owed_again(self) -> int:
        """What the borrower owes more than before."""
        return self.principal + (self.restored.total if self.restored else 0)


class OverpaymentApplied(LoanEvent, frozen=True, kw_only=True, tag="overpayment-applied"):
    """Money kept for the borrower cleared what had become due; or, as the loan leaves the books,
    what had been paid for interest not earned any more cleared principal.
    """

    moved: tuple[Moved, ...]
    settled: tuple[Settled, ...] = ()


class DepositApplied(LoanEvent, frozen=True, kw_only=True, tag="deposit-applied"):
    """Of the security deposit so much cleared what was due."""

    amount: int
    moved: tuple[Moved, ...]
    settled: tuple[Settled, ...] = ()
    approval: str = ""
    reason: str = ""


class OverpaymentRefunded(LoanEvent, frozen=True, kw_only=True, tag="overpayment-refunded"):
    """Money kept for the borrower was given back; ``moved`` says of which payments."""

    amount: int
    moved: tuple[Moved, ...]
    channel: str = ""
    reference: str = ""


class DelinquencyPaused(LoanEvent, frozen=True, kw_only=True, tag="delinquency-paused"):
    """Days from ``effective_on`` up to ``until`` count as no days past due, and bear no late
    interest.
    """

    until: date
    reason: str = ""


class CoverGiven(LoanEvent, frozen=True, kw_only=True, tag="cover-given"):
    """The borrower paid for another member of the group, who owes it back.

    The money is a payment on that member's loan, ``for_loan``. The claim stands between the two
    borrowers: nothing of this loan, and none of the lender's accounts, changes.
    """

    cover: int
    amount: int
    for_loan: str


class CoverReturned(LoanEvent, frozen=True, kw_only=True, tag="cover-returned"):
    """The member who was covered gave back a cover, or part of it."""

    cover: int
    amount: int


class DebtForgiven(LoanEvent, frozen=True, kw_only=True, tag="debt-forgiven"):
    """Part of the debt was given up (quita, condonación)."""

    forgiven: tuple[Portion, ...]
    approval: str = ""
    reason: str = ""
    settled: tuple[Settled, ...] = ()


class PromiseMade(LoanEvent, frozen=True, kw_only=True, tag="promise-made"):
    """The borrower promised an amount by a date; judged when ``grace_days`` more have passed."""

    promise: int
    amount: int
    promised_for: date
    grace_days: int = 0


class PromiseKept(LoanEvent, frozen=True, kw_only=True, tag="promise-kept"):
    """The promised amount came in time."""

    promise: int
    received: int


class PromiseBroken(LoanEvent, frozen=True, kw_only=True, tag="promise-broken"):
    """The promised amount did not come in time."""

    promise: int
    received: int


class PromiseCancelled(LoanEvent, frozen=True, kw_only=True, tag="promise-cancelled"):
    """A promise no longer binds."""

    promise: int
    reason: str = ""


class StageChanged(LoanEvent, frozen=True, kw_only=True, tag="stage-changed"):
    """Days past due moved the loan to another impairment stage."""

    before: int
    after: int
    days_past_due: int


class AccrualSuspended(LoanEvent, frozen=True, kw_only=True, tag="accrual-suspended"):
    """Interest goes on being owed, but is no income any more until it is collected."""

    days_past_due: int


class AccrualResumed(LoanEvent, frozen=True, kw_only=True, tag="accrual-resumed"):
    """Interest is income again as it runs."""

    days_past_due: int


class LoanSold(LoanEvent, frozen=True, kw_only=True, tag="loan-sold"):
    """The claim was assigned to another holder for ``price``; it leaves the books."""

    sold: tuple[Portion, ...]
    holder: str
    price: int
    reference: str = ""


class LoanWrittenOff(LoanEvent, frozen=True, kw_only=True, tag="loan-written-off"):
    """The whole debt left the books (castigo); the claim goes on outside them."""

    written_off: tuple[Portion, ...]
    approval: str = ""
    reason: str = ""


class RecoveryReceived(LoanEvent, frozen=True, kw_only=True, tag="recovery-received"):
    """Money came in on a written-off debt."""

    recovery: int
    amount: int
    by_component: dict[Component, int]
    channel: str = ""
    reference: str = ""


ClosingReason = Literal[
    "paid", "forgiven", "recovered", "cancelled", "insured", "refinanced", "sold"
]
REFINANCING = "refinancing"
"""The channel of the payment by which another loan pays this one off."""


class LoanClosed(LoanEvent, frozen=True, kw_only=True, tag="loan-closed"):
    """Nothing is owed any more."""

    reason: ClosingReason


AnyLoanEvent = (
    LoanOpened | LoanDisbursed | LoanTakenOn | InterestAccrued | InstalmentFellDue
    | LateInterestAccrued | InstalmentCharged | StatementCut | StatementJudged | FeeCharged
    | FeeWaived | ChargesWaived | WaiverUndone | PaymentReceived | PaymentReversed | ChargedBack
    | OverpaymentApplied | DepositApplied | OverpaymentRefunded | ScheduleRevised
    | HistoryCorrected | RateChanged
    | LoanRestructured | DelinquencyPaused | DebtForgiven | PromiseMade | PromiseKept
    | PromiseBroken | PromiseCancelled | StageChanged | AccrualSuspended | AccrualResumed
    | LoanWrittenOff | RecoveryReceived | LoanSold | LoanClosed | CoverGiven | CoverReturned
)  # fmt: skip

decode: msgspec.json.Decoder[AnyLoanEvent] = msgspec.json.Decoder(AnyLoanEvent)
encode = msgspec.json.Encoder()


def tag(event: LoanEvent | type[LoanEvent]) -> str:
    """The event's name in the store."""
    return str(event.__struct_config__.tag)

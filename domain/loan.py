"""One loan as its events left it."""

from collections.abc import Sequence
from datetime import date, timedelta
from enum import StrEnum

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from domain import events as e
from domain.events import CHARGES
from domain.terms import Component, Method, PaymentKind, Terms


class Status(StrEnum):
    """Where a loan stands in its life."""

    OPENED = "opened"
    ACTIVE = "active"
    CLOSED = "closed"
    WRITTEN_OFF = "written_off"


REPAID = ("paid", "forgiven", "insured", "refinanced")
"""Why a loan closed that had owed until then and owes nothing to anybody."""


class Amounts(Struct, omit_defaults=True, gc=False):
    """Minor units by component."""

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

    def add(self, other: "Amounts | e.Portion", sign: int = 1) -> None:
        """Add every component of ``other``, times ``sign``."""
        self.fee_tax += sign * other.fee_tax
        self.fee += sign * other.fee
        self.late_interest_tax += sign * other.late_interest_tax
        self.late_interest += sign * other.late_interest
        self.interest_tax += sign * other.interest_tax
        self.interest += sign * other.interest
        self.principal += sign * other.principal

    def less(self, other: "Amounts") -> "Amounts":
        """A new ``self - other``."""
        left = msgspec.structs.replace(self)
        left.add(other, -1)
        return left


NOTHING = Amounts()
"""To compare with, and not to change."""


class Line(Struct, omit_defaults=True, gc=False):
    """One instalment as it stands: what was charged to it so far and what was paid.

    ``owed.interest`` is what has accrued (final once ``due``); ``planned_interest`` and
    ``planned_tax`` are what its own period earns by the schedule, of which ``deferred`` falls due
    with the next; ``before`` (exact) and ``earned`` were its interest by ``since``, the day its
    terms changed. ``numerator`` and ``late_numerator`` are exact (principal x rate x day units).
    ``brought`` and ``brought_tax`` are what its row holds of earlier periods, where that is not
    what the line before it defers. ``due_interest`` fell due with the line; what runs after its
    last due date is not in it.
    ``settled_on`` is since when a due instalment owes nothing. ``waived`` and ``waived_tax`` were
    given up of the charges of the terms.
    """

    number: int
    start_on: date
    due_on: date
    owed: Amounts
    paid: Amounts
    planned_interest: int = 0
    planned_tax: int = 0
    deferred: int = 0
    deferred_tax: int = 0
    planned_fee: int = 0
    planned_fee_tax: int = 0
    since: date | None = None
    before: int = 0
    earned: int = 0
    numerator: int = 0
    late_numerator: int = 0
    due: bool = False
    due_interest: int = 0
    settled_on: date | None = None
    paid_on: date | None = None
    waived: int = 0
    waived_tax: int = 0
    brought: int | None = None
    brought_tax: int | None = None

    @property
    def left(self) -> int:
        """What is charged and not paid, over all components."""
        return self.owed.total - self.paid.total


class Payment(Struct, frozen=True, omit_defaults=True, gc=False):
    """A payment and what it clears now (later corrections included).

    Of ``charged_back`` so much is ``owed_again`` as principal; the rest had been kept.
    """

    number: int
    amount: int
    effective_on: date
    allocation: dict[int, Amounts]
    overpaid: int = 0
    prepaid: int = 0
    channel: str = ""
    reference: str = ""
    reversed_on: date | None = None
    kind: PaymentKind = PaymentKind.PAYMENT
    charged_back: int = 0
    owed_again: int = 0
    paid_by: str = ""

    @property
    def is_deposit(self) -> bool:
        """Held until the lender applies it or gives it back."""
        return self.kind is PaymentKind.SECURITY_DEPOSIT


class Fee(Struct, frozen=True, omit_defaults=True, gc=False):
    """A fee and what was waived of it."""

    number: int
    kind: str
    amount: int
    tax: int
    instalment: int
    charged_on: date
    waived: bool = False
    given_up: int = 0
    given_up_tax: int = 0


class Cover(Struct, frozen=True, omit_defaults=True, gc=False):
    """What this borrower paid for the loan of another member of the group, and got back of it."""

    number: int
    amount: int
    for_loan: str
    given_on: date
    returned: int = 0

    @property
    def left(self) -> int:
        """What is still owed back."""
        return self.amount - self.returned


class Promise(Struct, frozen=True, omit_defaults=True, gc=False):
    """A promise to pay."""

    number: int
    amount: int
    promised_for: date
    made_on: date
    grace_days: int = 0
    state: str = "open"


class Loan(Struct, omit_defaults=True):
    """Everything a command must know. ``through`` is the latest value date recorded.

    ``agreed`` are the terms now, once they are other than those of the opening; they plan the
    instalments after the first ``first_line``. ``capitalised`` is what became principal.
    ``pauses`` (from, until) count no days past due. ``statement`` is what is left to pay of the
    last statement of a line, ``revolves`` that one was not paid whole by its due date, ``billed``
    the interest and tax of the running instalment that its statement asks for, once it is cut.
    ``fitted_level`` is the instalment fitted to what was approved, None where it is not.
    ``apart`` are rows that fall due on a day of their own, beside the schedule's: charges and the
    down payments of later tranches; no interest period belongs to them.
    """

    opened: e.LoanOpened
    through: date
    version: int = 0
    status: Status = Status.OPENED
    disbursed_on: date | None = None
    disbursed: int = 0
    tranches: int = 0
    principal: int = 0
    overpaid: int = 0
    prepaid: int = 0
    current: int = 0
    stage: int = 1
    lines: list[Line] = []
    apart: list[Line] = []
    payments: dict[int, Payment] = {}
    fees: dict[int, Fee] = {}
    promises: dict[int, Promise] = {}
    covers: dict[int, Cover] = {}
    written_off: Amounts | None = None
    recovered: Amounts = msgspec.field(default_factory=Amounts)
    recoveries: int = 0
    closed_for: str = ""
    agreed: Terms | None = None
    first_line: int = 0
    suspended: bool = False
    capitalised: int = 0
    statement: int = 0
    revolves: bool = False
    billed: tuple[int, int] | None = None
    chargebacks: int = 0
    fitted_level: int | None = None
    pauses: list[tuple[date, date]] = []
    facts: list[e.AnyLoanEvent] = []
    """The business facts that hold, in the order recorded: what the derived days follow from."""

    @property
    def terms(self) -> Terms:
        """The agreement as it stands."""
        return self.agreed or self.opened.terms

    @property
    def loan_no(self) -> str:
        """The lender's own number of the loan."""
        return self.opened.loan_no

    @property
    def opened_on(self) -> date:
        """The date of approval."""
        return self.opened.effective_on

    @property
    def accrues_daily(self) -> bool:
        """Interest runs day by day on the actual balance (else: fixed per period)."""
        return not self.terms.fixed_per_period

    def line(self, number: int) -> Line:
        """The row of that number, of the schedule or apart."""
        if number <= CHARGES:
            return self.lines[number - 1]
        return next(line for line in self.apart if line.number == number)

    def has(self, number: int) -> bool:
        """There is such a row."""
        if number <= CHARGES:
            return 1 <= number <= len(self.lines)
        return any(line.number == number for line in self.apart)

    @property
    def rows(self) -> list[Line]:
        """Every row, of the schedule and apart, by due date."""
        return self.in_order(self.lines)

    def in_order(self, lines: list[Line], *, due: bool | None = None) -> list[Line]:
        """``lines`` of the schedule and the rows apart, by due date; those ``due`` or not."""
        apart = [line for line in self.apart if due is None or line.due is due]
        return sorted((*lines, *apart), key=lambda line: line.due_on) if apart else lines

    @property
    def fallen_due(self) -> list[Line]:
        """The rows that are due, oldest first."""
        return self.in_order(self.lines[: self.current], due=True)

    @property
    def financed(self) -> int:
        """What the instalments of the terms as they stand repay: base of flat interest."""
        return sum(line.owed.principal for line in self.lines[self.first_line :])

    @property
    def to_come(self) -> int:
        """Principal that is not yet due and not paid in advance."""
        overdue = sum(
            line.owed.principal - line.paid.principal
            for line in (*self.lines[: self.current], *self.apart)
        )
        return self.principal - overdue

    @property
    def deposit(self) -> int:
        """The security deposit that is held: part of what is kept for the borrower."""
        return sum(
            payment.overpaid
            for payment in self.payments.values()
            if payment.is_deposit and payment.reversed_on is None
        )

    @property
    def kept(self) -> int:
        """What is kept for the borrower and clears what falls due by itself."""
        return self.overpaid - self.deposit if self.overpaid else 0

    @property
    def repaid(self) -> bool:
        """Closed because nothing is owed any more: money that still comes is the borrower's."""
        return self.status is Status.CLOSED and self.closed_for in REPAID

    @property
    def spares(self) -> bool:
        """A line on which who pays each statement whole owes no interest."""
        bills = self.terms.revolving
        return bills is not None and bills.interest_free

    def spared(self, line: Line) -> bool:
        """Interest of the line's period is owed only if the statement is not paid whole."""
        return self.spares and not self.revolves and not line.due

    @property
    def cut_on(self) -> date | None:
        """When the running period of a line is billed."""
        bills = self.terms.revolving
        if bills is None or not bills.statement_days or (due_on := self.period_ends_on) is None:
            return None
        return due_on - timedelta(days=bills.statement_days)

    def bears_no_interest(self, line: Line) -> bool:
        """The line's period is free of interest by the terms, or its interest was withheld."""
        if self.terms.method is Method.DISCOUNT and not line.due:
            return True
        free = self.terms.grace.interest_free_periods
        return self.first_line < line.number <= self.first_line + free

    def asks_less(self, line: Line) -> bool:
        """The line lies in the grace of the terms, or before them."""
        grace = self.terms.grace
        unasked = max(grace.principal_periods, grace.interest_payment_periods)
        return line.number <= self.first_line + unasked

    def balances(self) -> Amounts:
        """What is charged so far and not paid, by component.

        Negative interest or interest tax: paid ahead of its accrual (per-period loans).
        """
        asking = [line for line in (*self.lines, *self.apart) if line.owed != line.paid]
        owed = zip(*[astuple(line.owed) for line in asking], strict=True)
        paid = zip(*[astuple(line.paid) for line in asking], strict=True)
        return Amounts(*(sum(o) - sum(p) for o, p in zip(owed, paid, strict=True)))

    @property
    def oldest_unpaid(self) -> Line | None:
        """The first instalment not settled, due or not."""
        for line in self.rows:
            if line.settled_on is None:
                return line
        return None

    @property
    def oldest_unpaid_due_on(self) -> date | None:
        """The due date of the first instalment not settled, even if it lies ahead."""
        line = self.oldest_unpaid if self.status is Status.ACTIVE else None
        return line.due_on if line else None

    @property
    def next_due_on(self) -> date | None:
        """When the next instalment or charge falls due."""
        days = [self.period_ends_on, self.next_apart.due_on if self.next_apart else None]
        return min((day for day in days if day is not None), default=None)

    @property
    def next_apart(self) -> Line | None:
        """The row apart that falls due next."""
        if not self.apart or self.status is not Status.ACTIVE:
            return None
        coming = [line for line in self.apart if not line.due]
        return min(coming, key=lambda line: line.due_on, default=None)

    @property
    def period_ends_on(self) -> date | None:
        """When the running instalment falls due."""
        if self.status is not Status.ACTIVE or self.current >= len(self.lines):
            return None
        return self.lines[self.current].due_on

    def days_past_due(self, on: date) -> int:
        """Days from the oldest unpaid due date to ``on``; 0 where nothing is past due.

        Right for dates from ``through`` up to the next due date; ``domain.views`` gives any date.
        """
        due_on = self.oldest_unpaid_due_on
        if due_on is None or due_on >= on:
            return 0
        return (on - due_on).days - self.paused_days(due_on, on)

    def paused_days(self, since: date, until: date) -> int:
        """How many days between the two count as none past due."""
        return sum(max(0, (min(end, until) - max(begin, since)).days) for begin, end in self.pauses)

    def written_off_left(self) -> Amounts:
        """What was written off and not recovered, by component."""
        return (self.written_off or Amounts()).less(self.recovered)


def brought_by(lines: Sequence[Line], row: Line | e.Instalment) -> tuple[int, int]:
    """(interest, tax) of earlier periods in what the row asks for."""
    before = lines[row.number - 2] if row.number > 1 else None
    deferred, deferred_tax = (before.deferred, before.deferred_tax) if before else (0, 0)
    return (
        deferred if row.brought is None else row.brought,
        deferred_tax if row.brought_tax is None else row.brought_tax,
    )


def _copied(lines: list[Line]) -> list[Line]:
    return [
        msgspec.structs.replace(
            line, owed=msgspec.structs.replace(line.owed), paid=msgspec.structs.replace(line.paid)
        )
        for line in lines
    ]


def copy(loan: Loan) -> Loan:
    """An independent copy; what is frozen is shared."""
    again = msgspec.structs.replace(loan)
    again.lines = _copied(loan.lines)
    again.apart = _copied(loan.apart)
    again.payments = dict(loan.payments)
    again.fees = dict(loan.fees)
    again.promises = dict(loan.promises)
    again.covers = dict(loan.covers)
    again.pauses = list(loan.pauses)
    again.recovered = msgspec.structs.replace(loan.recovered)
    again.facts = list(loan.facts)
    return again


COMPONENTS: tuple[Component, ...] = tuple(Component)

"""What an event moves: each change of a loan's debt that is not a daily accrual, in one shape.

Transactions, balances, the schedule and the journal all read movements, so that a new kind of
event is understood here once.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import Any, NamedTuple, TypeAlias

from domain import events as e
from domain.terms import Component, PaymentKind

COMPONENTS: tuple[str, ...] = tuple(component.value for component in Component)
PRINCIPAL = COMPONENTS.index("principal")
DEPOSIT = PaymentKind.SECURITY_DEPOSIT.value

Amounts: TypeAlias = tuple[int, int, int, int, int, int, int]
NOTHING: Amounts = (0, 0, 0, 0, 0, 0, 0)

OWES_MORE, OWES_LESS, OFF_BOOKS = 1, -1, 0


class Movement(NamedTuple):
    """A change dated ``on``, in its own sense: a payment is positive, its reversal negative.

    ``effect`` says what it does to the debt. ``portions`` (of what clears debt) sum to
    ``amounts``. ``number`` is the payment's, tranche's, fee's or recovery's own. ``source`` says
    what kind of payment it was, ``paid_by`` of which other member's loan.
    """

    kind: str
    on: date
    effect: int
    amount: int
    amounts: Amounts
    portions: tuple[e.Portion, ...] = ()
    number: int | None = None
    overpaid: int = 0
    channel: str = ""
    reference: str = ""
    reason: str = ""
    source: str = ""
    paid_by: str = ""


def movements(event: e.AnyLoanEvent) -> tuple[Movement, ...]:
    """The movements of ``event``, in order; none for accruals, marks and promises."""
    find = _FINDERS.get(type(event))
    return tuple(find(event)) if find else ()


def of_portion(portion: e.Portion) -> Amounts:
    """The components of one portion, in the order of ``COMPONENTS``."""
    return (
        portion.fee_tax, portion.fee, portion.late_interest_tax, portion.late_interest,
        portion.interest_tax, portion.interest, portion.principal,
    )  # fmt: skip


def added(portions: Iterable[e.Portion]) -> Amounts:
    """The components summed over ``portions``."""
    total = NOTHING
    for portion in portions:
        total = _plus(total, of_portion(portion))
    return total


def _plus(one: Amounts, other: Amounts) -> Amounts:
    a, b, c, d, f, g, h = one
    i, j, k, l, m, n, o = other  # noqa: E741
    return (a + i, b + j, c + k, d + l, f + m, g + n, h + o)


def _minus(portion: e.Portion) -> e.Portion:
    negated = {name: -getattr(portion, name) for name in COMPONENTS}
    return e.Portion(instalment=portion.instalment, **negated)


def _principal(amount: int) -> Amounts:
    return (0, 0, 0, 0, 0, 0, amount)


def _disbursed(event: e.LoanDisbursed) -> Iterator[Movement]:
    yield Movement(
        "disbursement", event.effective_on, OWES_MORE, event.principal,
        _principal(event.principal), number=event.tranche, channel=event.channel,
    )  # fmt: skip


def _taken_on(event: e.LoanTakenOn) -> Iterator[Movement]:
    amounts = added(event.opening)
    yield Movement("taken_on", event.effective_on, OWES_MORE, sum(amounts), amounts)


def _fell_due(event: e.InstalmentFellDue) -> Iterator[Movement]:
    """Only what became principal moves."""
    interest, tax = event.capitalised, event.capitalised_tax
    if interest or tax:
        became = e.Portion(instalment=event.instalment, interest=interest, interest_tax=tax)
        yield _capitalisation(event.effective_on, became)


def _capitalisation(on: date, became: e.Portion, reference: str = "", reason: str = "") -> Movement:
    """Other components become principal: the debt as a whole stays."""
    return Movement(
        "capitalisation", on, OWES_MORE, became.total,
        _plus(_principal(became.total), of_portion(_minus(became))),
        reference=reference, reason=reason,
    )  # fmt: skip


def _instalment_charged(event: e.InstalmentCharged) -> Iterator[Movement]:
    yield Movement(
        "fee", event.effective_on, OWES_MORE, event.amount + event.tax,
        (event.tax, event.amount, 0, 0, 0, 0, 0), reference=event.kind,
    )  # fmt: skip


def _fee_charged(event: e.FeeCharged) -> Iterator[Movement]:
    yield Movement(
        "fee", event.effective_on, OWES_MORE, event.amount + event.tax,
        (event.tax, event.amount, 0, 0, 0, 0, 0), number=event.fee, reference=event.kind,
    )  # fmt: skip


def _waiver(event: e.FeeWaived | e.ChargesWaived) -> Iterator[Movement]:
    portion = e.Portion(instalment=event.instalment, fee=event.amount, fee_tax=event.tax)
    yield Movement(
        "waiver", event.effective_on, OWES_LESS, portion.total, of_portion(portion), (portion,),
        number=event.fee if isinstance(event, e.FeeWaived) else None, reason=event.reason,
    )  # fmt: skip


def _waiver_undone(event: e.WaiverUndone) -> Iterator[Movement]:
    """The mirror of a waiver."""
    owed = e.Portion(instalment=event.instalment, fee=event.amount, fee_tax=event.tax)
    portion = _minus(owed)
    yield Movement(
        "waiver_undone", event.effective_on, OWES_LESS, portion.total, of_portion(portion),
        (portion,), number=event.fee or None, reason=event.reason,
    )  # fmt: skip


def _payment(event: e.PaymentReceived) -> Iterator[Movement]:
    yield Movement(
        "payment", event.effective_on, OWES_LESS, event.amount, added(event.allocation),
        event.allocation, event.payment, event.overpaid, event.channel, event.reference,
        source=event.kind.value, paid_by=event.paid_by,
    )  # fmt: skip


def _reversal(event: e.PaymentReversed) -> Iterator[Movement]:
    portions = tuple(map(_minus, event.allocation))
    yield Movement(
        "reversal", event.effective_on, OWES_LESS, -event.amount, added(portions), portions,
        event.payment, -event.overpaid, reason=event.reason,
        source=event.kind.value,
    )  # fmt: skip


def _correction(event: e.HistoryCorrected) -> Iterator[Movement]:
    for charge in event.charged:
        amounts = (
            charge.fee_tax, charge.fee, charge.late_interest_tax, charge.late_interest,
            charge.interest_tax, charge.interest, 0,
        )  # fmt: skip
        if any(amounts):
            yield Movement("charge_correction", charge.on, OWES_MORE, sum(amounts), amounts)
    for moved in event.moved:
        yield Movement(
            "payment_correction", moved.on, OWES_LESS, 0, added(moved.portions), moved.portions,
            moved.payment, moved.overpaid, source=_source(moved),
        )  # fmt: skip
    for again in event.charged_back:
        yield Movement(
            "chargeback", again.on, OWES_MORE, 0, _principal(again.overpaid),
            number=again.payment, overpaid=again.overpaid, source=_source(again),
        )  # fmt: skip
    if event.capitalised:
        yield Movement(
            "charge_correction", event.effective_on, OWES_MORE, event.capitalised,
            _principal(event.capitalised),
        )  # fmt: skip


def _restructuring(event: e.LoanRestructured) -> Iterator[Movement]:
    """What became principal and what was given up; what is kept only changes its instalment."""
    on, approval, reason = event.effective_on, event.approval, event.reason
    if event.capitalised is not None:
        yield _capitalisation(on, event.capitalised, approval, reason)
    if event.forgiven is not None:
        amounts = of_portion(event.forgiven)
        yield Movement(
            "forgiveness", on, OWES_LESS, sum(amounts), amounts, reference=approval, reason=reason
        )


def _chargeback(event: e.ChargedBack) -> Iterator[Movement]:
    """What was kept of the payment goes first, the rest is owed again."""
    assert all(one.payment == event.payment for one in event.moved), "kept of another payment"
    amounts = _principal(event.principal)
    if event.restored is not None:
        amounts = (*of_portion(event.restored)[:-1], event.principal)
    yield Movement(
        "chargeback", event.effective_on, OWES_MORE, event.amount, amounts,
        number=event.payment, overpaid=sum(one.overpaid for one in event.moved),
        reason=event.reason, source=_source(*event.moved),
    )  # fmt: skip


def _application(event: e.OverpaymentApplied | e.DepositApplied) -> Iterator[Movement]:
    for moved in event.moved:
        yield Movement(
            "application", event.effective_on, OWES_LESS, 0, added(moved.portions),
            moved.portions, moved.payment, moved.overpaid, source=_source(moved),
        )  # fmt: skip


def _refund(event: e.OverpaymentRefunded) -> Iterator[Movement]:
    for moved in event.moved:
        yield Movement(
            "refund", event.effective_on, OWES_LESS, -moved.overpaid, NOTHING,
            number=moved.payment, overpaid=moved.overpaid, channel=event.channel,
            reference=event.reference, source=_source(moved),
        )  # fmt: skip


def _source(*moved: e.Moved) -> str:
    """What is told of the payment behind: only whether it is a security deposit."""
    return DEPOSIT if any(one.deposit for one in moved) else ""


def _forgiveness(event: e.DebtForgiven) -> Iterator[Movement]:
    amounts = added(event.forgiven)
    yield Movement(
        "forgiveness", event.effective_on, OWES_LESS, sum(amounts), amounts, event.forgiven,
        reference=event.approval, reason=event.reason,
    )  # fmt: skip


def _write_off(event: e.LoanWrittenOff) -> Iterator[Movement]:
    amounts = added(event.written_off)
    yield Movement(
        "write_off", event.effective_on, OWES_LESS, sum(amounts), amounts, event.written_off,
        reference=event.approval, reason=event.reason,
    )  # fmt: skip


def _sale(event: e.LoanSold) -> Iterator[Movement]:
    """The amount is the price that was paid for the debt."""
    yield Movement(
        "sale", event.effective_on, OWES_LESS, event.price, added(event.sold), event.sold,
        reference=event.reference, reason=event.holder,
    )  # fmt: skip


def _recovery(event: e.RecoveryReceived) -> Iterator[Movement]:
    by_name = {component.value: amount for component, amount in event.by_component.items()}
    a, b, c, d, f, g, h = (by_name.get(name, 0) for name in COMPONENTS)
    yield Movement(
        "recovery", event.effective_on, OFF_BOOKS, event.amount, (a, b, c, d, f, g, h),
        number=event.recovery, channel=event.channel, reference=event.reference,
    )  # fmt: skip


_FINDERS: dict[type, Callable[[Any], Iterator[Movement]]] = {
    e.LoanDisbursed: _disbursed,
    e.LoanTakenOn: _taken_on,
    e.InstalmentFellDue: _fell_due,
    e.InstalmentCharged: _instalment_charged,
    e.FeeCharged: _fee_charged,
    e.FeeWaived: _waiver,
    e.ChargesWaived: _waiver,
    e.WaiverUndone: _waiver_undone,
    e.PaymentReceived: _payment,
    e.PaymentReversed: _reversal,
    e.ChargedBack: _chargeback,
    e.OverpaymentApplied: _application,
    e.DepositApplied: _application,
    e.OverpaymentRefunded: _refund,
    e.HistoryCorrected: _correction,
    e.LoanRestructured: _restructuring,
    e.DebtForgiven: _forgiveness,
    e.LoanWrittenOff: _write_off,
    e.LoanSold: _sale,
    e.RecoveryReceived: _recovery,
}

MOVING: tuple[type[e.LoanEvent], ...] = tuple(_FINDERS)
"""The events that may move something."""

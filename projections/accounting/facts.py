"""What an event means for the books, before any chart: amounts by what happened and of which part.

A fact's amount is in the sense of its kind: a payment is positive, its reversal negative. All
facts are linear in the amounts of the event, so that a day's may be added up before they are
booked.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple

from domain import events as e
from domain.terms import PaymentKind
from projections.movements import COMPONENTS, DEPOSIT, Movement, movements

SUSPENDED = "suspended_"
ASIDE = ("late_interest_tax", "late_interest", "interest_tax", "interest")
"""What is kept off the accounts while accrual is suspended, under ``SUSPENDED``."""
OFF_ACCOUNTS = tuple(f"{SUSPENDED}{name}" for name in ASIDE)
OVERPAID = "overpaid"
KEPT = (OVERPAID, DEPOSIT)
"""What is the borrower's own: overpayments, and security deposits apart from them."""

_ANY = (*COMPONENTS, *OFF_ACCOUNTS)
_CHARGED = tuple(name for name in _ANY if name != "principal")
_PAID = (*_ANY, *KEPT)
_GOODWILL = (*_ANY, OVERPAID)
_FEES = ("fee_tax", "fee")

MEETS: dict[str, tuple[str, ...]] = {
    "disbursement": ("paid_out", "withheld_fee", "withheld_interest", "withheld_tax"),
    "taken_on": COMPONENTS,
    "interest": ("interest_tax", "interest", "suspended_interest_tax", "suspended_interest"),
    "late_interest": (
        "late_interest_tax", "late_interest", "suspended_late_interest_tax",
        "suspended_late_interest",
    ),
    "fee": _FEES,
    "capitalisation": _CHARGED,
    "charge_correction": _ANY,
    "waiver": _FEES,
    "waiver_undone": _FEES,
    "payment": _PAID,
    "reversal": _PAID,
    "goodwill": _GOODWILL,
    "goodwill_reversal": _GOODWILL,
    "payment_correction": _PAID,
    "application": _ANY,
    "deposit_application": _ANY,
    "refund": KEPT,
    "chargeback": ("principal", *KEPT),
    "forgiveness": _ANY,
    "write_off": _ANY,
    "sale": (*_ANY, "price"),
    "recovery": COMPONENTS,
    "to_stage_1": COMPONENTS,
    "to_stage_2": COMPONENTS,
    "to_stage_3": COMPONENTS,
    "resumption": OFF_ACCOUNTS,
    "allowance": ("required",),
    "amortisation": ("withheld_fee", "withheld_interest"),
    "deposit": ("unidentified",),
}  # fmt: skip
"""Every kind of fact and the components it may have: what posting rules must answer for."""

_RAISES = frozenset({"taken_on", "interest", "late_interest", "fee", "charge_correction"})
_CLEARS = frozenset({
    "waiver", "waiver_undone", "payment", "reversal", "goodwill", "goodwill_reversal",
    "payment_correction", "application", "deposit_application", "forgiveness", "write_off", "sale",
})  # fmt: skip
OUT_OF_KEPT = {"application": OVERPAID, "deposit_application": DEPOSIT}
GOODWILL = {"payment": "goodwill", "reversal": "goodwill_reversal"}


class Fact(NamedTuple):
    """An amount in minor units valued ``on``. ``payment`` is the payment's number, if it has one.

    ``stage`` is the loan's when the event was recorded; of a move between stages, the one it left.
    """

    on: date
    stage: int
    kind: str
    component: str
    amount: int
    payment: int | None = None


def effects(kind: str, component: str) -> dict[str, int]:
    """What one unit of such a fact does to what the loan owes, by component.

    ``overpaid`` and ``security_deposit`` are kept for the borrower, ``suspended_...`` is owed off
    the accounts.
    """
    if kind == "disbursement":
        return {"principal": 1}
    if kind == "capitalisation":
        return {component: -1, "principal": 1}
    if kind == "resumption":
        return {component: -1, component.removeprefix(SUSPENDED): 1}
    if component in KEPT:
        return {component: -1 if kind == "refund" else 1}
    if kind in OUT_OF_KEPT:
        return {component: -1, OUT_OF_KEPT[kind]: -1}
    if kind in _RAISES or kind == "chargeback":
        return {component: 1}
    if kind in _CLEARS and component != "price":
        return {component: -1}
    return {}


def facts_of(event: e.AnyLoanEvent, stage: int = 1) -> list[Fact]:
    """What ``event`` means on a loan whose interest is income, in that stage.

    Moves between stages depend on what the loan owes: `Standing.book` tells them.
    """
    on = event.effective_on
    if isinstance(event, e.InterestAccrued):
        parts = (("interest", event.interest), ("interest_tax", event.tax))
        return [Fact(on, stage, "interest", *part) for part in parts if part[1]]
    if isinstance(event, e.LateInterestAccrued):
        interest, tax = (sum(getattr(line, n) for line in event.lines) for n in ("interest", "tax"))
        parts = (("late_interest", interest), ("late_interest_tax", tax))
        return [Fact(on, stage, "late_interest", *part) for part in parts if part[1]]
    if isinstance(event, e.LoanDisbursed):
        return [Fact(on, stage, "disbursement", *part) for part in _disbursed(event) if part[1]]
    return [
        Fact(movement.on, stage, *part, movement.number)
        for movement in movements(event)
        for part in of_movement(movement)
        if part[2]
    ]


def _disbursed(event: e.LoanDisbursed) -> Iterable[tuple[str, int]]:
    """The principal by where it went; withheld tax is collected at once."""
    tax = event.withheld_fees_tax + event.withheld_interest_tax
    withheld = event.withheld_fees + event.withheld_interest + tax
    return (
        ("paid_out", event.principal - withheld),
        ("withheld_fee", event.withheld_fees),
        ("withheld_interest", event.withheld_interest),
        ("withheld_tax", tax),
    )


def kind_of(kind: str, source: str) -> str:
    """The kind of fact of a movement: a goodwill credit is no money that came in, and a deposit
    no overpayment.
    """
    if kind == "application" and source == DEPOSIT:
        return "deposit_application"
    return GOODWILL.get(kind, kind) if source == PaymentKind.GOODWILL_CREDIT else kind


def of_movement(movement: Movement) -> Iterator[tuple[str, str, int]]:
    """(kind, component, amount) of a movement that is no disbursement, zeros among them."""
    kind, amounts = kind_of(movement.kind, movement.source), movement.amounts
    kept = DEPOSIT if movement.source == DEPOSIT else OVERPAID
    if kind == "capitalisation":  # what became principal; that it is principal now, follows
        yield from ((kind, name, -n) for name, n in zip(COMPONENTS, amounts, strict=True)
                    if name != "principal")  # fmt: skip
        return
    if kind == "refund":
        yield kind, kept, -movement.overpaid
        return
    if kind == "chargeback":  # what is restored besides principal mirrors what the payment posted
        yield from (("reversal", name, -n) for name, n in zip(COMPONENTS, amounts, strict=True)
                    if name != "principal")  # fmt: skip
    yield from ((kind, name, n) for name, n in zip(COMPONENTS, amounts, strict=True)
                if name in MEETS[kind])  # fmt: skip
    if OVERPAID in MEETS[kind]:
        yield kind, kept, movement.overpaid
    if kind == "sale":
        yield kind, "price", movement.amount

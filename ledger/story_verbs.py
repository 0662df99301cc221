"""The verbs of a story's timeline: each reads what stands beside it and answers with a decision."""

from collections.abc import Callable
from datetime import date
from functools import partial

from domain import commands
from domain.events import AnyLoanEvent
from domain.loan import Loan
from domain.terms import Component
from ledger.forms import Fields, FormError

Decide = Callable[[Loan], tuple[AnyLoanEvent, ...]]


def _disburse(fields: Fields, day: date, currency: str) -> Decide:
    return partial(
        commands.disburse,
        principal=fields.amount("disburse", currency),
        effective_on=day,
        withheld_fees=fields.amount("withheld_fees", currency, 0),
        channel=fields.text("channel", ""),
    )


def _pay(fields: Fields, day: date, currency: str) -> Decide:
    effective_on = fields.day("effective", day)
    if effective_on > day:
        raise FormError(fields.name("effective"), f"{effective_on} is after {day}, when it came")
    return partial(
        commands.receive_payment,
        amount=fields.amount("pay", currency),
        effective_on=effective_on,
        channel=fields.text("channel", ""),
        reference=fields.text("reference", ""),
    )


def _charge(fields: Fields, day: date, currency: str) -> Decide:
    fee = Fields(fields.take("charge"), fields.name("charge"))
    kind, amount = fee.text("kind"), fee.amount("amount", currency)
    fee.done()
    return partial(commands.charge_fee, kind=kind, amount=amount, effective_on=day)


def _waive(fields: Fields, day: date, currency: str) -> Decide:
    return partial(
        commands.waive_fee,
        fee=fields.whole("waive"),
        effective_on=day,
        reason=fields.text("reason", ""),
    )


def _reverse(fields: Fields, day: date, currency: str) -> Decide:
    return partial(
        commands.reverse_payment,
        payment=fields.whole("reverse"),
        reversed_on=day,
        reason=fields.text("reason", ""),
    )


def _forgive(fields: Fields, day: date, currency: str) -> Decide:
    given = Fields(fields.take("forgive"), fields.name("forgive"))
    amounts = {
        component: given.amount(component, currency)
        for component in Component
        if component in given.form
    }
    given.done()
    return partial(
        commands.forgive,
        amounts=amounts,
        effective_on=day,
        approval=fields.text("approval", ""),
        reason=fields.text("reason", ""),
    )


def _write_off(fields: Fields, day: date, currency: str) -> Decide:
    fields.flag("write_off")
    return partial(
        commands.write_off,
        effective_on=day,
        approval=fields.text("approval", ""),
        reason=fields.text("reason", ""),
    )


def _recover(fields: Fields, day: date, currency: str) -> Decide:
    return partial(
        commands.receive_recovery,
        amount=fields.amount("recover", currency),
        effective_on=day,
        channel=fields.text("channel", ""),
        reference=fields.text("reference", ""),
    )


def _promise(fields: Fields, day: date, currency: str) -> Decide:
    promise = Fields(fields.take("promise"), fields.name("promise"))
    amount, by = promise.amount("amount", currency), promise.day("by")
    grace_days = promise.whole("grace_days") if "grace_days" in promise.form else None
    promise.done()
    return partial(
        commands.make_promise,
        amount=amount,
        promised_for=by,
        effective_on=day,
        grace_days=grace_days,
    )


def _cancel_promise(fields: Fields, day: date, currency: str) -> Decide:
    return partial(
        commands.cancel_promise,
        promise=fields.whole("cancel_promise"),
        effective_on=day,
        reason=fields.text("reason", ""),
    )


def _close_of_day(fields: Fields, day: date, currency: str) -> Decide:
    fields.flag("close_of_day")
    return partial(commands.close_day, on=day)


VERBS: dict[str, Callable[[Fields, date, str], Decide]] = {
    "disburse": _disburse,
    "pay": _pay,
    "charge": _charge,
    "waive": _waive,
    "reverse": _reverse,
    "forgive": _forgive,
    "write_off": _write_off,
    "recover": _recover,
    "promise": _promise,
    "cancel_promise": _cancel_promise,
    "close_of_day": _close_of_day,
}

"""The verbs of a story's timeline: each reads what stands beside it and answers with a decision."""

from collections.abc import Callable
from datetime import date
from functools import partial

from domain import commands
from domain.events import AnyLoanEvent, Revision, Treatment
from domain.loan import Loan
from domain.terms import ChargesDue, Component, PaymentKind
from ledger.forms import Fields, FormError
from ledger.new_terms import new_terms

Decide = Callable[[Loan], tuple[AnyLoanEvent, ...]]
Verb = Callable[[Fields, date, str], Decide]


def _disburse(fields: Fields, day: date, currency: str) -> Decide:
    return partial(
        commands.disburse,
        principal=fields.amount("disburse", currency),
        effective_on=day,
        withheld_fees=_withheld(fields, currency),
        channel=fields.text("channel", ""),
        refinances=fields.text("refinances", ""),
    )


def _withheld(fields: Fields, currency: str) -> int | None:
    """The fee withheld; what the terms say where nothing is said."""
    if fields.take("withheld_fees", None) is None:
        return None
    return fields.amount("withheld_fees", currency)


def _effective(fields: Fields, day: date) -> date:
    """The value date, where something was learned late."""
    effective_on = fields.day("effective", day)
    if effective_on > day:
        raise FormError(fields.name("effective"), f"{effective_on} is after {day}, when it came")
    return effective_on


def _pay(fields: Fields, day: date, currency: str) -> Decide:
    effective_on = _effective(fields, day)
    return partial(
        commands.receive_payment,
        amount=fields.amount("pay", currency),
        effective_on=effective_on,
        kind=fields.choice("type", PaymentKind, PaymentKind.PAYMENT),
        channel=fields.text("channel", ""),
        reference=fields.text("reference", ""),
    )


def _charge(fields: Fields, day: date, currency: str) -> Decide:
    fee = Fields(fields.take("charge"), fields.name("charge"))
    kind, amount = fee.text("kind"), fee.amount("amount", currency)
    due_on = fee.day("due", None)
    falls_due = fee.choice("falls_due", ChargesDue) if "falls_due" in fee.form else None
    fee.done()
    return partial(
        commands.charge_fee,
        kind=kind,
        amount=amount,
        effective_on=_effective(fields, day),
        due_on=due_on,
        falls_due=falls_due,
    )


def _waive(fields: Fields, day: date, currency: str) -> Decide:
    """A fee by its number, or what the terms charged to an instalment."""
    reason = fields.text("reason", "")
    if not isinstance(fields.form["waive"], dict):
        fee = fields.whole("waive")
        return partial(commands.waive_fee, fee=fee, effective_on=day, reason=reason)
    part = Fields(fields.take("waive"), fields.name("waive"))
    instalment = part.whole("instalment")
    amount = part.amount("amount", currency) if "amount" in part.form else None
    part.done()
    return partial(
        commands.waive_charges, instalment=instalment, amount=amount, effective_on=day,
        reason=reason,
    )  # fmt: skip


def _undo_waiver(fields: Fields, day: date, currency: str) -> Decide:
    reason = fields.text("reason", "")
    if not isinstance(fields.form["undo_waiver"], dict):
        fee = fields.whole("undo_waiver")
        return partial(commands.undo_waiver, fee=fee, effective_on=day, reason=reason)
    part = Fields(fields.take("undo_waiver"), fields.name("undo_waiver"))
    instalment = part.whole("instalment")
    part.done()
    return partial(commands.undo_waiver, instalment=instalment, effective_on=day, reason=reason)


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


def _charge_back(fields: Fields, day: date, currency: str) -> Decide:
    """The number of a payment, or ``{payment, amount}`` where only part of it went back."""
    given = fields.take("charge_back")
    payment, amount = given, None
    if isinstance(given, dict):
        part = Fields(given, fields.name("charge_back"))
        payment, amount = part.whole("payment"), part.amount("amount", currency)
        part.done()
    elif type(given) is not int:
        rule = "must be a payment's number, or {payment, amount}"
        raise FormError(fields.name("charge_back"), rule)
    return partial(
        commands.charge_back,
        payment=payment,
        amount=amount,
        effective_on=day,
        reason=fields.text("reason", ""),
    )


def _refund(fields: Fields, day: date, currency: str) -> Decide:
    return partial(
        commands.refund_overpayment,
        amount=fields.amount("refund", currency),
        effective_on=day,
        channel=fields.text("channel", ""),
        reference=fields.text("reference", ""),
    )


def _apply_deposit(fields: Fields, day: date, currency: str) -> Decide:
    """An amount; ``true`` for all that is due."""
    whole = fields.take("apply_deposit") is True
    return partial(
        commands.apply_deposit,
        amount=None if whole else fields.amount("apply_deposit", currency),
        effective_on=_effective(fields, day),
        approval=fields.text("approval", ""),
        reason=fields.text("reason", ""),
    )


def _change_rate(fields: Fields, day: date, currency: str) -> Decide:
    """The new rate; ``{annual_rate, keeps_instalment}`` where the instalment stays as it is."""
    keeps = False
    if isinstance(fields.take("change_rate"), dict):
        given = Fields(fields.take("change_rate"), fields.name("change_rate"))
        rate, keeps = given.rate("annual_rate"), given.either("keeps_instalment")
        given.done()
    else:
        rate = fields.rate("change_rate")
    return partial(
        commands.change_rate,
        annual_rate=rate,
        effective_on=_effective(fields, day),
        keeps_instalment=keeps,
        reason=fields.text("reason", ""),
    )


def _pause(name: str, command: Callable[..., tuple[AnyLoanEvent, ...]]) -> Verb:
    def read(fields: Fields, day: date, currency: str) -> Decide:
        given = Fields(fields.take(name), fields.name(name))
        until = given.day("until")
        given.done()
        return partial(
            command, effective_on=_effective(fields, day), until=until,
            reason=fields.text("reason", ""),
        )  # fmt: skip

    return read


def _revise(name: str, kind: Revision) -> Verb:
    """A mapping of what changes in the terms; ``true`` where nothing does."""

    def read(fields: Fields, day: date, currency: str) -> Decide:
        given = fields.take(name)
        part = Fields({} if given is True else given, fields.name(name))
        treatment = part.choice("arrears", Treatment, Treatment.KEEP)
        new = new_terms(part, currency)
        part.done()
        return partial(
            commands.restructure,
            effective_on=_effective(fields, day),
            kind=kind,
            new=new,
            treatment=treatment,
            approval=fields.text("approval", ""),
            reason=fields.text("reason", ""),
        )

    return read


def _holiday(fields: Fields, day: date, currency: str) -> Decide:
    given = Fields(fields.take("holiday"), fields.name("holiday"))
    periods, runs = given.whole("periods"), given.either("interest_runs", otherwise=True)
    given.done()
    return partial(
        commands.payment_holiday,
        effective_on=day,
        periods=periods,
        interest_runs=runs,
        approval=fields.text("approval", ""),
        reason=fields.text("reason", ""),
    )


def _accelerate(fields: Fields, day: date, currency: str) -> Decide:
    fields.flag("accelerate")
    return partial(
        commands.accelerate,
        effective_on=day,
        approval=fields.text("approval", ""),
        reason=fields.text("reason", ""),
    )


def _sell(fields: Fields, day: date, currency: str) -> Decide:
    given = Fields(fields.take("sell"), fields.name("sell"))
    holder, price = given.text("holder"), given.amount("price", currency)
    given.done()
    return partial(
        commands.sell,
        effective_on=day,
        holder=holder,
        price=price,
        reference=fields.text("reference", ""),
    )


def _close_of_day(fields: Fields, day: date, currency: str) -> Decide:
    fields.flag("close_of_day")
    return partial(commands.close_day, on=day)


VERBS: dict[str, Verb] = {
    "disburse": _disburse,
    "pay": _pay,
    "charge_back": _charge_back,
    "refund": _refund,
    "apply_deposit": _apply_deposit,
    "charge": _charge,
    "waive": _waive,
    "undo_waiver": _undo_waiver,
    "reverse": _reverse,
    "change_rate": _change_rate,
    "pause_interest": _pause("pause_interest", commands.pause_interest),
    "pause_delinquency": _pause("pause_delinquency", commands.pause_delinquency),
    "restructure": _revise("restructure", Revision.RESTRUCTURE),
    "reschedule": _revise("reschedule", Revision.RESCHEDULE),
    "reamortize": _revise("reamortize", Revision.REAMORTIZATION),
    "holiday": _holiday,
    "accelerate": _accelerate,
    "forgive": _forgive,
    "write_off": _write_off,
    "recover": _recover,
    "sell": _sell,
    "promise": _promise,
    "cancel_promise": _cancel_promise,
    "close_of_day": _close_of_day,
}

"""What people write (YAML, JSON, CSV cells) turned into terms; or the field and rule it breaks."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from domain.errors import LoanError
from domain.money import Rounding
from domain.terms import (
    AllocationRule,
    Annuity,
    Component,
    DayCount,
    Frequency,
    InAdvance,
    InterestBasis,
    IrregularInstalment,
    Method,
    Terms,
    Timing,
    Walk,
)
from ledger.fields import REQUIRED, Fields, one_of, percent
from ledger.money import FormError, text

__all__ = ["Fields", "FormError", "percent", "rule_of", "schedule_request", "terms_from"]


def terms_from(form: Mapping[str, Any], *, at: str = "", currency: str | None = None) -> Terms:
    """The terms that a scenario's ``loan`` fields describe; ``currency`` is for a form without.

    What the terms mean together is the domain's to judge (``domain.limits.check_terms``).
    Errors: ``FormError`` naming the field, under ``at`` where the form is part of a larger one.
    """
    fields = Fields(form, at)
    terms = _terms(fields, currency)
    fields.done()
    return terms


def schedule_request(form: Any, *, currency: str | None = None) -> tuple[Terms, date]:
    """Terms and the day of disbursement: what a schedule is computed from."""
    fields = Fields(form)
    terms = _terms(fields, currency)
    disbursed_on = fields.day("disbursed_on")
    fields.done()
    return terms, disbursed_on


def rule_of(error: LoanError | FormError, currency: str) -> tuple[str, str]:
    """Field and rule of a refusal, its figures written as amounts of ``currency``."""
    if isinstance(error, FormError):
        return error.field, error.rule
    return error.field, error.told(lambda amount: text(amount, currency))


def _terms(fields: Fields, currency: str | None) -> Terms:
    money = fields.text("currency", currency if currency is not None else REQUIRED)
    _known(money, fields.name("currency"))
    return Terms(
        currency=money,
        principal=fields.amount("principal", money),
        annual_rate=fields.rate("annual_rate"),
        instalments=fields.whole("instalments"),
        frequency=fields.choice("frequency", Frequency),
        every=fields.whole("every", 1),
        first_due_on=fields.day("first_due", None),
        month_days=_month_days(fields),
        method=fields.choice("method", Method, Method.EQUAL_INSTALMENTS),
        day_count=fields.choice("day_count", DayCount, DayCount.ACTUAL_360),
        interest=fields.choice("interest", InterestBasis, InterestBasis.DAILY),
        interest_after_maturity=_after_maturity(fields),
        rounding=fields.choice("rounding", Rounding, Rounding.HALF_EVEN),
        annuity=fields.choice("annuity", Annuity, Annuity.NOMINAL),
        instalment_multiple=fields.amount("instalment_multiple", money, 1),
        balloon=fields.amount("balloon", money, 0),
        irregular=_irregular(fields, money),
        tax_rate=fields.rate("tax_rate", 0),
        late_rate=fields.rate("late_rate", 0),
        late_grace_days=fields.whole("late_grace_days", 0),
        allocation=_allocation(fields),
        promise_grace_days=fields.whole("promise_grace_days", 0),
        stage_2_from=fields.whole("stage_2_from", 31),
        stage_3_from=fields.whole("stage_3_from", 90),
    )


def _known(currency: str, field: str) -> None:
    """Refuse a currency that has no minor unit we know of."""
    try:
        text(0, currency)
    except FormError as unknown:
        raise FormError(field, unknown.rule) from unknown


def _month_days(fields: Fields) -> tuple[int, int]:
    days = fields.take("month_days", [15, 31])
    whole = isinstance(days, list) and all(type(day) is int for day in days)
    if not whole or len(days) != 2:
        raise FormError(fields.name("month_days"), "must be a list of two days, such as [15, 31]")
    return days[0], days[1]


def _after_maturity(fields: Fields) -> Any:
    value = fields.take("interest_after_maturity", "accrues")
    if value not in ("accrues", "stops"):
        raise FormError(fields.name("interest_after_maturity"), "must be accrues or stops")
    return value


def _irregular(fields: Fields, currency: str) -> tuple[IrregularInstalment, ...]:
    rows = []
    for index, row in enumerate(fields.rows("irregular")):
        given = Fields(row, fields.name(f"irregular[{index}]"))
        rows.append(
            IrregularInstalment(
                due_on=given.day("due"), principal=given.amount("principal", currency)
            )
        )
        given.done()
    return tuple(rows)


def _allocation(fields: Fields) -> AllocationRule:
    """A plain list of components, or ``{walk, order, in_advance}``."""
    given, at = fields.take("allocation", None), fields.name("allocation")
    if given is None:
        return AllocationRule()
    if given == [] or (isinstance(given, dict) and given.get("order") == []):
        raise FormError(at, "names no component: no payment would ever pay anything")
    if isinstance(given, list):
        components = [one_of(name, Component, at) for name in given]
        return AllocationRule(order=tuple((when, what) for when in Timing for what in components))
    rule = Fields(given, at)
    order = rule.rows("order")
    made = AllocationRule(
        walk=rule.choice("walk", Walk, Walk.BY_INSTALMENT),
        in_advance=rule.choice("in_advance", InAdvance, InAdvance.NEXT_INSTALMENT),
        order=tuple(_timed(name, rule.name("order")) for name in order) or AllocationRule().order,
    )
    rule.done()
    return made


_TIMED: dict[Any, tuple[Timing, Component]] = {
    f"{when}_{what}": (when, what) for when in Timing for what in Component
}


def _timed(name: Any, field: str) -> tuple[Timing, Component]:
    """``past_due_fee`` is the fees of instalments past due."""
    if not isinstance(name, str) or name not in _TIMED:
        raise FormError(field, f"{name!r} is no timing and component, such as past_due_interest")
    return _TIMED[name]

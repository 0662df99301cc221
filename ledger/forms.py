"""What people write (YAML, JSON, CSV cells) turned into terms; or the field and rule it breaks."""

from collections.abc import Mapping
from typing import Any

from domain.built_in_calendars import EVERY_DAY, MX_BANKING
from domain.business_days import BusinessDayRule
from domain.errors import LoanError
from domain.limits import MAX_RATE
from domain.money import Rounding
from domain.terms import (
    AllocationRule,
    Annuity,
    ChargebackRule,
    ChargesDue,
    Component,
    DayCount,
    FittedTo,
    Floating,
    Frequency,
    Grace,
    Graduation,
    InAdvance,
    InstalmentRule,
    InterestBasis,
    IrregularInstalment,
    LastInstalment,
    LateBase,
    Level,
    LevelRounding,
    Method,
    OverdueForecast,
    PaymentKind,
    PeriodCharge,
    RateStep,
    Revolving,
    Terms,
    Timing,
    Walk,
)
from ledger.fields import REQUIRED, Fields, one_of, percent
from ledger.money import FormError, text

__all__ = ["Fields", "FormError", "percent", "rule_of", "terms_from", "terms_of"]


def terms_from(form: Mapping[str, Any], *, at: str = "", currency: str | None = None) -> Terms:
    """The terms that a scenario's ``loan`` fields describe; ``currency`` is for a form without.

    What the terms mean together is the domain's to judge (``domain.limits.check_terms``).
    Errors: ``FormError`` naming the field, under ``at`` where the form is part of a larger one.
    """
    fields = Fields(form, at)
    terms = terms_of(fields, currency)
    fields.done()
    return terms


def rule_of(error: LoanError | FormError, currency: str) -> tuple[str, str]:
    """Field and rule of a refusal, its figures written as amounts of ``currency``."""
    if isinstance(error, FormError):
        return error.field, error.rule
    return error.field, error.told(lambda amount: text(amount, currency))


def terms_of(fields: Fields, currency: str | None) -> Terms:
    """The terms among ``fields``, which may hold others beside."""
    money = fields.text("currency", currency if currency is not None else REQUIRED)
    _known(money, fields.name("currency"))
    rule, calendar = _business_days(fields)
    return Terms(
        currency=money,
        principal=fields.amount("principal", money),
        annual_rate=fields.rate("annual_rate"),
        instalments=fields.whole("instalments"),
        frequency=fields.choice("frequency", Frequency),
        every=fields.whole("every", 1),
        first_due_on=fields.day("first_due", None),
        month_days=month_days(fields),
        method=fields.choice("method", Method, Method.EQUAL_INSTALMENTS),
        day_count=fields.choice("day_count", DayCount, DayCount.ACTUAL_360),
        interest=fields.choice("interest", InterestBasis, InterestBasis.DAILY),
        interest_after_maturity=_after_maturity(fields),
        rounding=fields.choice("rounding", Rounding, Rounding.HALF_EVEN),
        annuity=fields.choice("annuity", Annuity, Annuity.NOMINAL),
        level=fields.choice("level", Level, Level.BEFORE_TAX),
        instalment_multiple=fields.amount("instalment_multiple", money, 1),
        level_rounding=fields.choice("level_rounding", LevelRounding, LevelRounding.NEAREST),
        last_instalment=fields.choice("last_instalment", LastInstalment, LastInstalment.ABSORBS),
        instalment=fields.choice("instalment", InstalmentRule, InstalmentRule.KEEPS_PRINCIPAL),
        fitted_to=fields.choice("fitted_to", FittedTo, FittedTo.DISBURSED),
        overdue_forecast=fields.choice(
            "overdue_forecast", OverdueForecast, OverdueForecast.WITH_NEXT
        ),
        balloon=fields.amount("balloon", money, 0),
        irregular=irregular(fields, money),
        graduation=graduation(fields),
        grace=grace(fields) or Grace(),
        down_payment_rate=fields.rate("down_payment_percent", 0),
        rate_steps=_rate_steps(fields),
        floating=floating(fields),
        revolving=_revolving(fields, money),
        calendar=calendar,
        business_day_rule=rule,
        skip_months=_skip_months(fields),
        tax_rate=fields.rate("tax_rate", 0),
        late_rate=fields.rate("late_rate", 0),
        late_base=fields.choice("late_base", LateBase, LateBase.PRINCIPAL),
        late_grace_days=fields.whole("late_grace_days", 0),
        late_fee=fields.amount("late_fee", money, 0),
        opening_fee_rate=fields.rate("opening_fee_percent", 0),
        opening_fee_financed=fields.either("opening_fee_financed"),
        prepayment_fee_rate=fields.rate("prepayment_fee_percent", 0),
        period_charges=_period_charges(fields, money),
        allocation=_allocation(fields),
        chargeback=fields.choice("chargeback", ChargebackRule, ChargebackRule.AS_PRINCIPAL),
        charges_due=fields.choice("charges_due", ChargesDue, ChargesDue.WITH_INSTALMENT),
        allocations=_allocations(fields),
        promise_grace_days=fields.whole("promise_grace_days", 0),
        stage_2_from=fields.whole("stage_2_from", 31),
        stage_3_from=fields.whole("stage_3_from", 90),
        suspend_from=_optional_whole(fields, "suspend_from"),
    )


def _known(currency: str, field: str) -> None:
    """Refuse a currency that has no minor unit we know of."""
    try:
        text(0, currency)
    except FormError as unknown:
        raise FormError(field, unknown.rule) from unknown


def _business_days(fields: Fields) -> tuple[BusinessDayRule, str]:
    """A rule alone goes by the days Mexican banks work, a calendar alone by the following day."""
    named = fields.text("calendar", "").lower()
    otherwise = BusinessDayRule.FOLLOWING if named not in ("", EVERY_DAY) else BusinessDayRule.NONE
    rule = fields.choice("business_day_rule", BusinessDayRule, otherwise)
    if not named:
        named = EVERY_DAY if rule is BusinessDayRule.NONE else MX_BANKING
    return rule, named


def month_days(fields: Fields) -> tuple[int, int]:
    """The two due days of a semi-monthly loan."""
    days = fields.take("month_days", [15, 31])
    whole = isinstance(days, list) and all(type(day) is int for day in days)
    if not whole or len(days) != 2:
        raise FormError(fields.name("month_days"), "must be a list of two days, such as [15, 31]")
    return days[0], days[1]


def _skip_months(fields: Fields) -> tuple[int, ...]:
    months = fields.rows("skip_months")
    if not all(type(month) is int for month in months):
        raise FormError(fields.name("skip_months"), "must be a list of months, such as [6, 7]")
    return tuple(sorted(months))


def _after_maturity(fields: Fields) -> Any:
    value = fields.take("interest_after_maturity", "accrues")
    if value not in ("accrues", "stops"):
        raise FormError(fields.name("interest_after_maturity"), "must be accrues or stops")
    return value


def _optional_whole(fields: Fields, name: str) -> int | None:
    return None if fields.take(name, None) is None else fields.whole(name)


def irregular(fields: Fields, currency: str) -> tuple[IrregularInstalment, ...]:
    """Due dates with their principal."""
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


def graduation(fields: Fields) -> Graduation | None:
    """How instalments grow; nothing where they do not."""
    given = fields.part("graduation")
    if given is None:
        return None
    grows = Graduation(every=given.whole("every"), rate=given.rate("percent"))
    given.done()
    return grows


def grace(fields: Fields) -> Grace | None:
    """What the first instalments do not ask for; nothing where they ask for all."""
    given = fields.part("grace")
    if given is None:
        return None
    made = Grace(
        principal_periods=given.whole("principal_periods", 0),
        interest_payment_periods=given.whole("interest_payment_periods", 0),
        interest_free_periods=given.whole("interest_free_periods", 0),
        capitalise=given.either("capitalise"),
    )
    given.done()
    return made


def _rate_steps(fields: Fields) -> tuple[RateStep, ...]:
    steps = []
    for index, row in enumerate(fields.rows("rate_steps")):
        given = Fields(row, fields.name(f"rate_steps[{index}]"))
        steps.append(RateStep(from_on=given.day("on"), annual_rate=given.rate("annual_rate")))
        given.done()
    return tuple(steps)


def floating(fields: Fields) -> Floating | None:
    """The index a rate follows; nothing where it is fixed."""
    given = fields.part("floating")
    if given is None:
        return None
    follows = Floating(
        index=given.text("index"),
        spread=given.rate("spread", 0, lowest=-MAX_RATE),
        floor=given.rate("floor", 0),
        cap=given.rate("cap") if given.take("cap", None) is not None else None,
        reset_every=given.whole("reset_every", 1),
    )
    given.done()
    return follows


def _revolving(fields: Fields, currency: str) -> Revolving | None:
    given = fields.part("revolving")
    if given is None:
        return None
    bills = Revolving(
        minimum_rate=given.rate("minimum_percent", 0),
        minimum_amount=given.amount("minimum_amount", currency, 0),
        statement_days=given.whole("statement_days", 0),
        interest_free=given.either("interest_free"),
    )
    given.done()
    return bills


def _period_charges(fields: Fields, currency: str) -> tuple[PeriodCharge, ...]:
    charges = []
    for index, row in enumerate(fields.rows("period_charges")):
        given = Fields(row, fields.name(f"period_charges[{index}]"))
        charges.append(
            PeriodCharge(
                kind=given.text("kind"),
                amount=given.amount("amount", currency, 0),
                rate=given.rate("percent", 0),
                of_balance=given.either("of_balance"),
                taxed=given.either("taxed", otherwise=True),
                of_principal=given.either("of_principal"),
                is_tax=given.either("is_tax"),
            )
        )
        given.done()
    return tuple(charges)


def _allocation(fields: Fields) -> AllocationRule:
    """A plain list of components, or ``{walk, order, in_advance}``."""
    given, at = fields.take("allocation", None), fields.name("allocation")
    return AllocationRule() if given is None else _rule(given, at)


def _allocations(fields: Fields) -> tuple[tuple[PaymentKind, AllocationRule], ...]:
    """The rules of other kinds of payment, by kind."""
    given = fields.part("allocations")
    if given is None:
        return ()
    rules = tuple(
        (kind, _rule(given.take(kind), given.name(kind)))
        for kind in PaymentKind
        if kind in given.form
    )
    given.done()
    return rules


def _rule(given: Any, at: str) -> AllocationRule:
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

"""What people write (YAML, JSON, CSV cells) turned into terms; or the field and rule it breaks.

Amounts and rates are text: a number that passed through a float may have lost its cents.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from domain.errors import LoanError
from domain.limits import MAX_RATE
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
from ledger.money import FormError, minor, parse, text

__all__ = ["Fields", "FormError", "percent", "rule_of", "schedule_request", "terms_from"]

MAX_WHOLE = 10**9
MAX_TEXT = 500

_Choice = TypeVar("_Choice", bound=StrEnum)
_PERCENT = re.compile(r"-?\d{1,9}(\.\d{1,9})?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_REQUIRED: Any = object()


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
    rule = str(error)
    for name in ("asked", "available", "owed", "left"):
        figure = getattr(error, name, None)
        if isinstance(figure, int):
            rule = re.sub(rf"(?<!\d){figure}(?!\d)", text(figure, currency), rule)
    return error.field, rule


class Fields:
    """One mapping of a form, read field by field; what nobody asked for is an unknown key."""

    def __init__(self, form: Any, at: str = "") -> None:
        if not isinstance(form, Mapping):
            raise FormError(at or "form", f"must be a mapping of fields, not {_kind(form)}")
        self.form = form
        self.at = at
        self.asked: set[str] = set()

    def name(self, field: str) -> str:
        """The field as the reader of an error finds it: its path from the form's root."""
        return f"{self.at}.{field}" if self.at else field

    def take(self, field: str, default: Any = _REQUIRED) -> Any:
        """The bare value; a field left empty counts as absent."""
        self.asked.add(field)
        value = self.form.get(field)
        if value is not None:
            return value
        if default is _REQUIRED:
            raise FormError(self.name(field), "is missing")
        return default

    def done(self) -> None:
        """Refuse the keys that were never asked for."""
        for key in self.form:
            if key is True or key is False:
                raise FormError(
                    self.name(str(key)),
                    "is an unknown key: YAML reads on, off, yes, no as booleans",
                )
            if key not in self.asked:
                raise FormError(self.name(str(key)), "is an unknown key")

    def amount(self, field: str, currency: str, default: Any = _REQUIRED) -> int:
        """Minor units of an amount written as text."""
        value = self.take(field, default)
        if value is default:
            return int(default)
        if not isinstance(value, str):
            raise FormError(self.name(field), f'must be text such as "1200.00", not {_kind(value)}')
        return minor(parse(value, currency, self.name(field)), self.name(field))

    def rate(self, field: str, default: Any = _REQUIRED) -> int:
        """Millionths of a percentage written as text."""
        value = self.take(field, default)
        if value is default:
            return int(default)
        if not isinstance(value, str):
            raise FormError(self.name(field), f'must be text such as "36.00", not {_kind(value)}')
        return percent(value, self.name(field))

    def whole(self, field: str, default: Any = _REQUIRED) -> int:
        value = self.take(field, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise FormError(self.name(field), f"must be a whole number, not {_kind(value)}")
        if abs(value) > MAX_WHOLE:
            raise FormError(self.name(field), f"must be within {MAX_WHOLE}")
        return value

    def day(self, field: str, default: Any = _REQUIRED) -> date:
        value = self.take(field, default)
        return value if value is default else _day(value, self.name(field))

    def text(self, field: str, default: Any = _REQUIRED, longest: int = MAX_TEXT) -> str:
        value = self.take(field, default)
        if not isinstance(value, str):
            raise FormError(self.name(field), f"must be text, not {_kind(value)}")
        if len(value) > longest or "\x00" in value:
            raise FormError(self.name(field), f"must be at most {longest} plain characters")
        return value

    def flag(self, field: str) -> bool:
        """A verb without arguments, written ``verb: true``."""
        if self.take(field) is not True:
            raise FormError(self.name(field), "must be true")
        return True

    def choice(self, field: str, kind: type[_Choice], default: Any = _REQUIRED) -> _Choice:
        value = self.take(field, default)
        return value if isinstance(value, kind) else _one_of(value, kind, self.name(field))

    def rows(self, field: str) -> list[Any]:
        """A list, absent where there is none."""
        value = self.take(field, [])
        if not isinstance(value, list):
            raise FormError(self.name(field), f"must be a list, not {_kind(value)}")
        return value


def percent(given: str, field: str) -> int:
    """Millionths of a percentage: "36.00" is 360_000."""
    if not _PERCENT.fullmatch(given):
        raise FormError(field, f'must be a percentage such as "36.00", not {given[:40]!r}')
    millionths = Decimal(given) * 10_000
    if millionths != millionths.to_integral_value():
        raise FormError(field, "has more than four decimals")
    if not 0 <= millionths <= MAX_RATE:
        raise FormError(field, f"must be between 0 and {MAX_RATE // 10_000} percent")
    return int(millionths)


def _terms(fields: Fields, currency: str | None) -> Terms:
    money = fields.text("currency", currency if currency is not None else _REQUIRED)
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
    if isinstance(given, list):
        components = [_one_of(name, Component, at) for name in given]
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


def _one_of(value: Any, kind: Callable[[Any], _Choice], field: str) -> _Choice:
    try:
        return kind(value)
    except ValueError:
        allowed: Any = kind
        listed = ", ".join(str(one) for one in allowed)
        raise FormError(field, f"{str(value)[:40]!r} is not one of: {listed}") from None


def _day(value: Any, field: str) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise FormError(field, f"{value} is not a day of the calendar") from None
    raise FormError(field, f"must be a date such as 2026-01-31, not {_kind(value)}")


_KINDS = {bool: "true or false", int: "a number", float: "a number with a point", str: "text",
          list: "a list", dict: "a mapping", type(None): "nothing"}  # fmt: skip


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return f"{value[:40]!r}"
    return _KINDS.get(type(value), type(value).__name__)

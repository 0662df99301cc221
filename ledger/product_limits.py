"""Which fields of a loan a product can limit, and what a loan's terms say for each."""

from datetime import date
from typing import Any

from msgspec import Struct

from domain.calendar import due_dates
from domain.limits import MAX_RATE
from domain.money import MILLION
from domain.terms import Terms
from ledger.errors import ProductLimit
from ledger.fields import Fields, percent
from ledger.forms import FormError, terms_of
from ledger.money import minor, parse, rate_text, text

AMOUNT, PERCENT, WHOLE, CHOICE, DAYS = "amount", "percent", "whole", "choice", "days"

LIMITED: dict[str, str] = {
    **dict.fromkeys(
        ("principal", "instalment_multiple", "balloon", "late_fee", "revolving.minimum_amount"),
        AMOUNT,
    ),
    **dict.fromkeys(
        ("annual_rate", "down_payment_percent", "tax_rate", "late_rate", "opening_fee_percent",
         "prepayment_fee_percent", "balloon_percent", "floating.spread", "floating.floor",
         "floating.cap", "revolving.minimum_percent", "graduation.percent"),
        PERCENT,
    ),
    **dict.fromkeys(
        ("instalments", "every", "late_grace_days", "promise_grace_days", "stage_2_from",
         "stage_3_from", "suspend_from", "floating.reset_every", "graduation.every",
         "grace.principal_periods", "grace.interest_payment_periods",
         "grace.interest_free_periods"),
        WHOLE,
    ),
    **dict.fromkeys(
        ("currency", "frequency", "method", "day_count", "interest", "interest_after_maturity",
         "rounding", "annuity", "level", "level_rounding", "last_instalment", "instalment",
         "fitted_to", "overdue_forecast", "chargeback", "charges_due", "calendar",
         "business_day_rule", "late_base", "floating.index"),
        CHOICE,
    ),
    "term_days": DAYS,
}  # fmt: skip
"""How each is written; ``balloon_percent`` is of principal, ``term_days`` up to the last due date.
"""

_ATTRIBUTES = {
    "down_payment_percent": "down_payment_rate",
    "opening_fee_percent": "opening_fee_rate",
    "prepayment_fee_percent": "prepayment_fee_rate",
    "minimum_percent": "minimum_rate",
    "percent": "rate",
}


_LOWEST = {"floating.spread": -MAX_RATE}
"""The least that a percentage may be limited to, where that is less than nothing."""


class Limit(Struct, frozen=True, kw_only=True):
    """What one field may be: from ``low`` to ``high`` as written, or one of ``allowed``."""

    field: str
    kind: str
    low: str | int | None = None
    high: str | int | None = None
    allowed: tuple[str, ...] = ()

    def range(self, currency: str) -> tuple[int | None, int | None]:
        """Both ends as terms hold them."""
        low, high = (self._value(end, currency) for end in (self.low, self.high))
        return low, high

    def _value(self, end: str | int | None, currency: str) -> int | None:
        if end is None or isinstance(end, int):
            return end
        if self.kind == PERCENT:
            return percent(end, self.field, _LOWEST.get(self.field, 0))
        return minor(parse(end, currency, self.field), self.field)

    def told(self) -> str:
        """The limits as a reader is told them."""
        if self.allowed:
            return ", ".join(self.allowed)
        if self.high is None:
            return f"{self.low} or more"
        if self.low is None:
            return f"{self.high} or less"
        return f"{self.low} to {self.high}"


def found_in(terms: Terms, field: str) -> Any:
    """What the terms say; None where they have no such part."""
    if field == "balloon_percent":
        return -(-terms.balloon * MILLION // terms.principal)
    found: Any = terms
    for part in field.split("."):
        found = getattr(found, _ATTRIBUTES.get(part, part), None)
    return found


def known_fields() -> frozenset[str]:
    """Every field that a loan's form may have."""
    fields = Fields({
        "principal": "1.00", "annual_rate": "1.00", "instalments": 1, "frequency": "monthly",
    })  # fmt: skip
    terms_of(fields, "MXN")
    return frozenset(fields.asked)


def limit_from(given: Fields, field: Any, currencies: list[str]) -> Limit:
    """The limit that a product's form holds for one field. Errors: ``FormError``."""
    kind = LIMITED.get(field)
    if kind is None:
        raise FormError(given.name(str(field)[:80]), "is no field that can be limited")
    at = given.name(field)
    if kind == CHOICE:
        allowed = given.rows(field)
        if not allowed or not all(isinstance(one, str) for one in allowed):
            raise FormError(at, "must be a list of what is allowed")
        return Limit(field=field, kind=kind, allowed=tuple(allowed))
    ends = Fields(given.take(field), at)
    low, high = (_end(ends, name, field, currencies) for name in ("min", "max"))
    ends.done()
    if low is None and high is None:
        raise FormError(at, "needs min, max or both")
    limit = Limit(field=field, kind=kind, low=low, high=high)
    for currency in currencies:
        least, most = limit.range(currency)
        if least is not None and most is not None and least > most:
            raise FormError(at, f"min {low} is more than max {high}")
    return limit


def _end(ends: Fields, name: str, field: str, currencies: list[str]) -> str | int | None:
    """One end as it is written: what it comes to depends on the loan's currency."""
    kind = LIMITED[field]
    if ends.take(name, None) is None:
        return None
    if kind == AMOUNT:
        for currency in currencies:
            ends.amount(name, currency)
    elif kind == PERCENT:
        ends.rate(name, lowest=_LOWEST.get(field, 0))
    else:
        return ends.whole(name)
    return str(ends.take(name))


def check_limit(product: str, limit: Limit, terms: Terms, opened_on: date | None) -> None:
    """Refuse terms beyond the limit: ``ProductLimit``. Without a day no limit in days is held."""
    if limit.kind == DAYS:
        if opened_on is None:
            return
        found: Any = (due_dates(terms, opened_on)[-1] - opened_on).days
    else:
        found = found_in(terms, limit.field)
    if found is None:  # the loan has no such part
        return
    if limit.kind == CHOICE:
        if str(found) not in limit.allowed:
            rule = f"must be one of: {', '.join(limit.allowed)}"
            raise ProductLimit(product, limit.field, str(found), rule)
        return
    low, high = limit.range(terms.currency)
    if (low is None or found >= low) and (high is None or found <= high):
        return
    told = str(found)
    if limit.kind == PERCENT:
        told = f"{rate_text(found)} %"
    elif limit.kind == AMOUNT:
        told = f"{text(found, terms.currency)} {terms.currency}"
    raise ProductLimit(product, limit.field, told, f"must be {limit.told()}")

"""A product tried out: its defaults and the ends of its limits must make terms and schedules."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import product as every_pair
from typing import Any

from domain.errors import LoanError
from domain.limits import MAX_INSTALMENTS, check_terms
from domain.money import MILLION
from domain.schedule import schedule
from domain.terms import Frequency, Method
from ledger.fields import percent
from ledger.forms import FormError, rule_of, terms_from
from ledger.money import minor, parse, text
from ledger.product_limits import CHOICE, DAYS
from ledger.product_terms import Product, changed

_DISBURSED_ON = date(2026, 1, 15)
_LARGE = ("principal", "annual_rate", "instalments")
_AT_ONCE = (Frequency.SINGLE, Method.SINGLE, Method.DISCOUNT)


def try_out(product: Product) -> None:
    """Hold the defaults and the ends of the limits against the rules of terms and schedules.

    Errors: ``FormError`` naming the field.
    """
    for form in _tried(product):
        try:
            terms = terms_from(form, at="terms", currency=product.currencies[0])
            check_terms(terms)
            product.check(terms)
            schedule(terms, terms.principal, _DISBURSED_ON)
        except LoanError as error:
            field, rule = rule_of(error, product.currencies[0])
            held = field.startswith(("terms", "limits"))
            raise FormError(field if held else f"terms.{field}", rule) from None


def _tried(product: Product) -> Iterator[dict[str, Any]]:
    """The product's loan at the ends of its limits, the largest with each choice once."""
    ends = _ends(product)
    for field in (*_LARGE, "frequency"):
        limited = any(limit.field == field for limit in product.limits)
        if product.defaults.get(field) is None and not limited:
            raise FormError(f"terms.{field}", "has neither a default nor limits")
    sizes = [ends.get(field, [None]) for field in _LARGE[:2]]
    others = [field for field in ends if field not in _LARGE and _present(product.defaults, field)]
    for principal, rate in every_pair(*sizes):
        for end in (0, -1):
            form = _large(product, principal, rate, ends.get("instalments", [None])[end])
            for field in others:
                form = changed(form, field, ends[field][end])
            yield _completed(product, form, end)
    for limit in product.limits:
        for one in limit.allowed:
            end = 0 if one in _AT_ONCE else -1
            form = _large(product, *(ends.get(field, [None])[end] for field in _LARGE))
            yield _completed(product, changed(form, limit.field, one), 0)


def _ends(product: Product) -> dict[str, list[Any]]:
    """The ends of each limit that is a range of a field of its own."""
    return {
        limit.field: [end for end in (limit.low, limit.high) if end is not None]
        for limit in product.limits
        if limit.kind not in (CHOICE, DAYS) and limit.field != "balloon_percent"
    }


def _large(product: Product, *sizes: Any) -> dict[str, Any]:
    """The defaults with another principal, rate and number of instalments, where given."""
    form = dict(product.defaults)
    for field, value in zip(_LARGE, sizes, strict=True):
        form = form if value is None else changed(form, field, value)
    return form


def _completed(product: Product, form: dict[str, Any], end: int) -> dict[str, Any]:
    """What only a loan can say, as some loan might: dates, irregular rows, a balloon."""
    form = dict(form)
    currency = product.currencies[0]
    if form.get("frequency") is None:
        limit = next(limit for limit in product.limits if limit.field == "frequency")
        form["frequency"] = limit.allowed[0]
    method, principal = form.get("method"), str(form.get("principal"))
    if form["frequency"] in _AT_ONCE or method in _AT_ONCE:
        form.setdefault("first_due", _DISBURSED_ON + timedelta(days=30))
    if method == "balloon" and form.get("balloon") is None:
        form["balloon"] = _balloon(product, principal, currency, end)
    if method == "irregular" and form.get("irregular") is None and _is_count(form):
        last = form["instalments"] - 1
        form["irregular"] = [
            {"due": _DISBURSED_ON + timedelta(days=30 * (n + 1)),
             "principal": principal if n == last else "0.00"}
            for n in range(last + 1)
        ]  # fmt: skip
    return form


def _is_count(form: Mapping[str, Any]) -> bool:
    return type(form.get("instalments")) is int and 0 < form["instalments"] <= MAX_INSTALMENTS


def _balloon(product: Product, principal: str, currency: str, end: int) -> str:
    """A balloon at an end of its limits, or half the principal."""
    whole = minor(parse(principal, currency, "terms.principal"))
    shares = next(
        ([one for one in (limit.low, limit.high) if one is not None]
         for limit in product.limits if limit.field == "balloon_percent"),
        ["50.00"],
    )  # fmt: skip
    part = whole * percent(str(shares[end]), "limits.balloon_percent") // MILLION
    return text(min(max(part, 1), whole - 1), currency)


def _present(form: Mapping[str, Any], field: str) -> bool:
    """A limit inside a part (``floating.spread``) is tried where the defaults have the part."""
    part, dot, _ = field.partition(".")
    return not dot or isinstance(form.get(part), Mapping)

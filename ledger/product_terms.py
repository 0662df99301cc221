"""A product: defaults for a loan's terms, what a loan may not change, and limits for the rest."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from msgspec import Struct

from domain.money import MILLION
from domain.terms import Terms
from ledger.errors import ProductLimit
from ledger.fields import Fields
from ledger.forms import FormError, terms_from
from ledger.money import text
from ledger.product_limits import LIMITED, Limit, check_limit, known_fields, limit_from

MXN = "MXN"
_NAME = re.compile(r"[a-z][a-z0-9_]{1,39}", re.ASCII)


class Funding(Struct, frozen=True):
    """Whose money it is: a second-floor bank such as FIRA, and its share in millionths."""

    funder: str
    share: int


class Product(Struct, frozen=True, kw_only=True):
    """What a lender offers: defaults, what a loan may not change, and limits for the rest."""

    name: str
    title: str
    title_es: str
    description: str
    defaults: Mapping[str, Any]
    limits: tuple[Limit, ...]
    fixed: tuple[str, ...]
    currencies: tuple[str, ...]
    funding: Funding | None
    notes: tuple[str, ...]

    def terms(
        self, form: Mapping[str, Any], *, at: str = "", opened_on: date | None = None
    ) -> Terms:
        """The terms of a loan that says what differs; mappings are merged key by key.

        ``opened_on`` is what a limit in days is counted from; without it no such limit is held.
        Errors: ``FormError`` naming the field under ``at``, ``ProductLimit``.
        """
        Fields(form, at)
        merged = _merged(self.defaults, form)
        terms = terms_from(merged, at=at, currency=self.currencies[0])
        self._check_fixed(form, merged, terms)
        self.check(terms, opened_on)
        return terms

    def check(self, terms: Terms, opened_on: date | None = None) -> None:
        """Refuse what is beyond the limits: ``ProductLimit`` naming field and limits."""
        if terms.currency not in self.currencies:
            allowed = ", ".join(self.currencies)
            raise ProductLimit(self.name, "currency", terms.currency, f"must be {allowed}")
        for limit in self.limits:
            check_limit(self.name, limit, terms, opened_on)

    def _check_fixed(
        self, form: Mapping[str, Any], merged: Mapping[str, Any], terms: Terms
    ) -> None:
        for field in self.fixed:
            given = _at(form, field)
            if given is None or given == _at(self.defaults, field):
                continue
            kept = terms_from(changed(merged, field, _at(self.defaults, field)),
                              currency=self.currencies[0])  # fmt: skip
            if kept != terms:
                default = _at(self.defaults, field)
                rule = f"is fixed: {default}" if default is not None else "may not be given"
                raise ProductLimit(self.name, field, str(given)[:40], rule)


def product_from(form: Any) -> Product:
    """The product that parsed YAML describes, not yet tried out. Errors: ``FormError``."""
    fields = Fields(form)
    name = fields.text("name")
    if not _NAME.fullmatch(name):
        raise FormError("name", "must be 2 to 40 of a-z, 0-9 and _, a letter first")
    defaults = Fields(fields.take("terms"), "terms").form
    currencies, limits = _limits(fields, defaults)
    product = Product(
        name=name,
        title=_said(fields, "title"),
        title_es=_said(fields, "title_es"),
        description=_said(fields, "description"),
        defaults=defaults,
        limits=limits,
        fixed=_fixed(fields, limits),
        currencies=currencies,
        funding=_funding(fields),
        notes=_notes(fields),
    )
    fields.done()
    return product


def _said(fields: Fields, name: str) -> str:
    said = fields.text(name)
    if not said.strip():
        raise FormError(name, "must say something")
    return said


def _fixed(fields: Fields, limits: tuple[Limit, ...]) -> tuple[str, ...]:
    names = fields.rows("fixed")
    known, limited = known_fields() | set(LIMITED), {limit.field for limit in limits}
    for index, name in enumerate(names):
        at = f"fixed[{index}]"
        if not isinstance(name, str) or name.partition(".")[0] not in known:
            raise FormError(at, f"{str(name)[:40]!r} is no field of a loan")
        if name in limited or name == "currency":
            raise FormError(at, f"{name} is fixed and limited; one of them is enough")
    return tuple(names)


def _funding(fields: Fields) -> Funding | None:
    given = fields.part("funding")
    if given is None:
        return None
    funding = Funding(funder=given.text("funder"), share=given.rate("share_percent"))
    given.done()
    if not 0 < funding.share <= MILLION:
        raise FormError("funding.share_percent", "must be more than 0 and at most 100")
    return funding


def _notes(fields: Fields) -> tuple[str, ...]:
    notes = fields.rows("notes")
    for index, note in enumerate(notes):
        if not isinstance(note, str):
            raise FormError(f"notes[{index}]", "must be text")
    return tuple(notes)


def _limits(
    fields: Fields, defaults: Mapping[str, Any]
) -> tuple[tuple[str, ...], tuple[Limit, ...]]:
    """(currencies, limits); amounts are held in every currency that is allowed."""
    given = fields.part("limits") or Fields({}, "limits")
    own = defaults.get("currency") or MXN
    currencies = [own]
    if given.take("currency", None) is not None:
        currencies = given.rows("currency")
    for currency in currencies:
        if not isinstance(currency, str):
            raise FormError("limits.currency", "must be a list of ISO 4217 codes")
        text(0, currency)
    if own not in currencies:
        raise FormError("limits.currency", f"does not hold the {own} of the terms")
    found = tuple(
        limit_from(given, field, currencies) for field in given.form if field != "currency"
    )
    ordered = [own, *(one for one in currencies if one != own)]
    return tuple(ordered), found


def _merged(defaults: Mapping[str, Any], form: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(defaults)
    for field, given in form.items():
        under = merged.get(field)
        if isinstance(given, Mapping) and isinstance(under, Mapping):
            merged[field] = _merged(under, given)
        elif given is not None or field not in merged:
            merged[field] = given
    return merged


def _at(form: Any, field: str) -> Any:
    for part in field.split("."):
        form = form.get(part) if isinstance(form, Mapping) else None
    return form


def changed(form: Mapping[str, Any], field: str, value: Any) -> dict[str, Any]:
    """The form with another value; ``floating.spread`` is the field of a part."""
    part, _, rest = field.partition(".")
    if not rest:
        return {**form, part: value}
    return {**form, part: changed(form.get(part) or {}, rest, value)}

"""A plan as `cartera schedule` takes it: a scenario's ``loan`` fields and what is agreed beside."""

from typing import Any

import msgspec
from msgspec import structs

from domain.plan import Charge, Pause, Plan, Tranche
from domain.terms import ChargesDue, RateStep, Terms
from ledger.fields import Fields
from ledger.forms import terms_of


def plan_from(form: Any, *, currency: str | None = None) -> Plan:
    """The plan that a form describes; ``currency`` is for a form without.

    Errors: ``FormError`` naming the field. What it means together is ``domain.plan``'s to judge.
    """
    fields = Fields(form)
    terms = _terms(fields, currency)
    tranches = tuple(
        Tranche(row.day("on"), row.amount("amount", terms.currency))
        for row in _rows(fields, "tranches", "on", "amount")
    )
    rate_changes = tuple(
        RateStep(from_on=row.day("on"), annual_rate=row.rate("annual_rate"))
        for row in _rows(fields, "rate_changes", "on", "annual_rate")
    )
    pauses = tuple(
        Pause(row.day("from"), row.day("until")) for row in _rows(fields, "pauses", "from", "until")
    )
    charges = tuple(
        Charge(
            row.day("on"),
            row.text("kind"),
            row.amount("amount", terms.currency),
            row.choice("falls_due", ChargesDue, terms.charges_due),
        )
        for row in _rows(fields, "charges", "on", "kind", "amount", "falls_due")
    )
    begins = min((tranche.on for tranche in tranches), default=None)
    if begins is None:
        disbursed_on = fields.day("disbursed_on")
    else:
        disbursed_on = fields.day("disbursed_on", begins)
    fields.done()
    return Plan(
        terms=terms,
        disbursed_on=disbursed_on,
        tranches=tranches,
        rate_changes=rate_changes,
        pauses=pauses,
        charges=charges,
    )


_OWN = frozenset({"principal", "disbursed_on", "tranches", "rate_changes", "pauses", "charges"})
"""What one request says; the other terms many have in common."""

_MOST = 1_000
_read: dict[tuple[bytes, str | None], tuple[Terms, set[str]]] = {}
"""Terms read before, by what the request says of them, and the keys that they asked for."""


def _terms(fields: Fields, currency: str | None) -> Terms:
    """As ``terms_of``; those that were read before are not read again, but for the principal."""
    shared = {name: value for name, value in fields.form.items() if name not in _OWN}
    try:
        key = msgspec.json.encode(shared), currency
    except (TypeError, OverflowError, UnicodeEncodeError):  # what no JSON holds is refused, or rare
        return terms_of(fields, currency)
    if known := _read.get(key):
        terms, asked = known
        fields.asked |= asked
        return structs.replace(terms, principal=fields.amount("principal", terms.currency))
    terms = terms_of(fields, currency)
    if len(_read) >= _MOST:
        _read.clear()
    _read[key] = terms, set(fields.asked)
    return terms


def _rows(fields: Fields, name: str, *keys: str) -> list[Fields]:
    """The mappings of a list, none of which may hold another key."""
    rows = [Fields(row, fields.name(f"{name}[{n}]")) for n, row in enumerate(fields.rows(name))]
    for row in rows:
        row.asked.update(keys)
        row.done()
    return rows

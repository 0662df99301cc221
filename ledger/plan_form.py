"""A plan as `cartera schedule` takes it: a scenario's ``loan`` fields and what is agreed beside."""

from typing import Any

from domain.plan import Charge, Pause, Plan, Tranche
from domain.terms import ChargesDue, RateStep
from ledger.fields import Fields
from ledger.forms import terms_of


def plan_from(form: Any, *, currency: str | None = None) -> Plan:
    """The plan that a form describes; ``currency`` is for a form without.

    Errors: ``FormError`` naming the field. What it means together is ``domain.plan``'s to judge.
    """
    fields = Fields(form)
    terms = terms_of(fields, currency)
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


def _rows(fields: Fields, name: str, *keys: str) -> list[Fields]:
    """The mappings of a list, none of which may hold another key."""
    rows = [Fields(row, fields.name(f"{name}[{n}]")) for n, row in enumerate(fields.rows(name))]
    for row in rows:
        row.asked.update(keys)
        row.done()
    return rows

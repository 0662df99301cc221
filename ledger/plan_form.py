"""A plan as `cartera schedule` takes it: a scenario's ``loan`` fields and what is agreed beside."""

from typing import Any

from domain.plan import Charge, Plan, Tranche
from domain.terms import RateStep
from ledger.fields import Fields
from ledger.forms import FormError, terms_of


def plan_from(form: Any, *, currency: str | None = None) -> Plan:
    """The plan that a form describes; ``currency`` is for a form without.

    Errors: ``FormError`` naming the field. What it means together is ``domain.plan``'s to judge.
    """
    fields = Fields(form)
    terms = terms_of(fields, currency)
    tranches = tuple(
        Tranche(row.day("on"), row.amount("amount", terms.currency))
        for row in _rows(fields, "tranches")
    )
    rate_changes = tuple(
        RateStep(from_on=row.day("on"), annual_rate=row.rate("annual_rate"))
        for row in _rows(fields, "rate_changes")
    )
    charges = tuple(
        Charge(row.day("on"), row.text("kind"), row.amount("amount", terms.currency))
        for row in _rows(fields, "charges")
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
        charges=charges,
    )


def _rows(fields: Fields, name: str) -> list[Fields]:
    """The mappings of a list, each of which must be read whole."""
    return [
        _Row(row, fields.name(f"{name}[{index}]")) for index, row in enumerate(fields.rows(name))
    ]


class _Row(Fields):
    """One mapping of a list: it knows its keys before they are asked for."""

    KEYS = ("on", "amount", "annual_rate", "kind")

    def __init__(self, form: Any, at: str) -> None:
        super().__init__(form, at)
        strange = next((key for key in self.form if key not in self.KEYS), None)
        if strange is not None:
            raise FormError(self.name(str(strange)[:80]), "is an unknown key")

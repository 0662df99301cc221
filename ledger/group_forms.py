"""What people write of a group: who its members are, on what terms, and how they share payments."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from domain.errors import LoanError
from domain.groups import GroupKind, Returns, Shortfall, SplitRule, Surplus
from domain.terms import Terms
from ledger import products
from ledger.fields import REQUIRED, Fields
from ledger.forms import rule_of, terms_from
from ledger.group_opening import NewGroup, NewMember
from ledger.money import FormError
from ledger.products import Product

MOST_MEMBERS = 200
OF_MEMBER = frozenset({"loan_no", "borrower"})


def group_from(
    form: Any,
    *,
    at: str = "",
    currency: str = "MXN",
    group_no: str = REQUIRED,
    effective_on: date = REQUIRED,
    folder: Path | None = None,
) -> NewGroup:
    """The group that a form describes: ``group_no``, ``kind``, ``effective_on``, ``members``.

    ``loan`` says the terms that all share, each member what is his own; with a ``product`` (of
    ``folder``) its terms hold where neither says otherwise.
    Errors: ``FormError`` naming the field by its path.
    """
    fields = Fields(form, at)
    day = fields.day("effective_on", effective_on)
    name = fields.text("product", "")
    product = products.find(name, folder) if name else None
    shared = Fields(fields.take("loan", {}), fields.name("loan")).form
    rows = fields.rows("members")
    if len(rows) > MOST_MEMBERS:
        raise FormError(fields.name("members"), f"must be at most {MOST_MEMBERS}")
    new = NewGroup(
        group_no=fields.text("group_no", group_no, longest=100),
        kind=fields.choice("kind", GroupKind),
        effective_on=day,
        members=tuple(
            _member(row, fields.name(f"members[{nth}]"), shared, product, day, currency)
            for nth, row in enumerate(rows)
        ),
        rule=rule_from(fields),
        product=name,
        branch=fields.text("branch", ""),
        officer=fields.text("officer", ""),
    )
    fields.done()
    return new


def rule_from(fields: Fields) -> SplitRule:
    """How the group shares its payments, under ``rule``; each choice has a default."""
    given = fields.part("rule")
    if given is None:
        return SplitRule()
    rule = SplitRule(
        shortfall=given.choice("shortfall", Shortfall, Shortfall.IN_PROPORTION),
        surplus=given.choice("surplus", Surplus, Surplus.IN_ADVANCE),
        returns=given.choice("returns", Returns, Returns.FIRST),
    )
    given.done()
    return rule


def _member(
    row: Any,
    at: str,
    shared: Mapping[str, Any],
    product: Product | None,
    day: date,
    currency: str,
) -> NewMember:
    fields = Fields(row, at)
    loan_no, borrower = fields.text("loan_no", longest=100), fields.text("borrower", "")
    own = {key: value for key, value in fields.form.items() if key not in OF_MEMBER}
    terms = _terms(dict(shared) | own, at, product, day, currency)
    return NewMember(loan_no=loan_no, terms=terms, borrower=borrower)


def _terms(
    form: Mapping[str, Any], at: str, product: Product | None, day: date, currency: str
) -> Terms:
    if product is None:
        return terms_from(form, at=at, currency=currency)
    try:
        return product.terms(form, at=at, opened_on=day)
    except LoanError as refused:
        field, rule = rule_of(refused, currency)
        raise FormError(f"{at}.{field}", rule) from None

"""The fields of an agreement as OpenAPI tells them; `ledger/forms.py` reads and judges them."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from pydantic.config import JsonDict

from domain.business_days import BusinessDayRule
from domain.money import Rounding
from domain.terms import (
    Annuity,
    ChargebackRule,
    ChargesDue,
    Component,
    DayCount,
    FittedTo,
    Frequency,
    InAdvance,
    InstalmentRule,
    InterestBasis,
    LastInstalment,
    LateBase,
    Level,
    LevelRounding,
    Method,
    OverdueForecast,
    PaymentKind,
    Timing,
    Walk,
)

AMOUNT: JsonDict = {"type": "string", "examples": ["1200.00"]}
PERCENT: JsonDict = {"type": "string", "examples": ["36.00"]}
DAY: JsonDict = {"type": "string", "format": "date"}
COUNT: JsonDict = {"type": "integer", "minimum": 0}
NUMBER: JsonDict = {"type": "integer", "minimum": 1}
FLAG: JsonDict = {"type": "boolean"}
TEXT: JsonDict = {"type": "string"}


def _one_of(kind: type[StrEnum]) -> JsonDict:
    return {"type": "string", "enum": [str(one) for one in kind]}


def _list(items: JsonDict) -> JsonDict:
    return {"type": "array", "items": items}


def _fields(required: Iterable[str] = (), /, **properties: JsonDict) -> JsonDict:
    return {
        "type": "object",
        "required": list(required),
        "additionalProperties": False,
        "properties": dict(properties),
    }


def _told(schema: JsonDict, description: str) -> JsonDict:
    return {**schema, "description": description}


ALLOCATION: JsonDict = {
    "description": "components in the order they are paid, or {walk, order, in_advance}",
    "oneOf": [
        _list(_one_of(Component)),
        _fields(
            walk=_one_of(Walk),
            order=_list(
                {"type": "string", "enum": [f"{when}_{what}" for when in Timing for what in Component]}  # noqa: E501
            ),
            in_advance=_one_of(InAdvance),
        ),
    ],
}  # fmt: skip

CHANGEABLE: dict[str, JsonDict] = {
    "annual_rate": _told(PERCENT, "percent a year"),
    "floating": _told(
        _fields(
            ["index"],
            index=TEXT,
            spread=_told(PERCENT, "may be negative"),
            floor=PERCENT,
            cap=PERCENT,
            reset_every=NUMBER,
        ),
        "the rate follows an index, fixed anew on every so many due dates",
    ),
    "instalments": NUMBER,
    "frequency": _one_of(Frequency),
    "every": _told(NUMBER, "2 with weekly is every second week"),
    "first_due": DAY,
    "month_days": _told(_list(NUMBER), "the two due days of a semi-monthly loan"),
    "method": _one_of(Method),
    "balloon": AMOUNT,
    "irregular": _list(_fields(["due", "principal"], due=DAY, principal=AMOUNT)),
    "graduation": _fields(
        ["every", "percent"], every=NUMBER, percent=_told(PERCENT, "how much each step grows")
    ),
    "grace": _fields(
        principal_periods=COUNT,
        interest_payment_periods=COUNT,
        interest_free_periods=COUNT,
        capitalise=FLAG,
    ),
    "late_rate": _told(PERCENT, "percent a year of what is overdue"),
}
"""What a restructuring may change."""

AGREED: dict[str, JsonDict] = {
    "currency": _told(TEXT, "ISO 4217; MXV is UDI"),
    "principal": AMOUNT,
    **CHANGEABLE,
    "day_count": _one_of(DayCount),
    "interest": _one_of(InterestBasis),
    "interest_after_maturity": {"type": "string", "enum": ["accrues", "stops"]},
    "rounding": _one_of(Rounding),
    "annuity": _one_of(Annuity),
    "level": _one_of(Level),
    "instalment_multiple": AMOUNT,
    "level_rounding": _one_of(LevelRounding),
    "last_instalment": _one_of(LastInstalment),
    "instalment": _one_of(InstalmentRule),
    "fitted_to": _one_of(FittedTo),
    "overdue_forecast": _one_of(OverdueForecast),
    "down_payment_percent": PERCENT,
    "rate_steps": _list(_fields(["on", "annual_rate"], on=DAY, annual_rate=PERCENT)),
    "revolving": _fields(minimum_percent=PERCENT, minimum_amount=AMOUNT),
    "calendar": _told(TEXT, "mx_banking, mx_statutory, weekends, none, a country, or your own"),
    "business_day_rule": _one_of(BusinessDayRule),
    "skip_months": _list(NUMBER),
    "tax_rate": _told(PERCENT, "of interest, late interest and fees"),
    "late_base": _one_of(LateBase),
    "late_grace_days": COUNT,
    "late_fee": AMOUNT,
    "opening_fee_percent": PERCENT,
    "opening_fee_financed": FLAG,
    "prepayment_fee_percent": PERCENT,
    "period_charges": _list(
        _fields(["kind"], kind=TEXT, amount=AMOUNT, percent=PERCENT, of_balance=FLAG, taxed=FLAG,
                of_principal=FLAG, is_tax=FLAG)
    ),
    "allocation": ALLOCATION,
    "chargeback": _one_of(ChargebackRule),
    "charges_due": _one_of(ChargesDue),
    "allocations": _fields(**{kind.value: ALLOCATION for kind in PaymentKind}),
    "promise_grace_days": COUNT,
    "stage_2_from": NUMBER,
    "stage_3_from": NUMBER,
    "suspend_from": _told(NUMBER, "days past due from which interest is no income"),
}  # fmt: skip
"""What a loan is opened on."""

NEEDED = ("principal", "annual_rate", "instalments", "frequency")


def with_terms(schema: JsonDict) -> None:
    """Tell the fields of an agreement among those of the body that holds them."""
    properties: Any = schema["properties"]
    properties.update(AGREED)
    required: Any = schema.setdefault("required", [])
    required.extend(NEEDED)
    schema["additionalProperties"] = False


def changes() -> JsonDict:
    """The schema of what a restructuring changes in the terms."""
    return _fields(**CHANGEABLE)

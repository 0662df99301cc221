"""The figures a story expects, as the text a view answers: comparing them is plain equality."""

from collections.abc import Callable
from typing import Any

from domain.terms import Component
from ledger.forms import Fields, FormError
from ledger.money import rate_text, text

_BALANCES = (*Component, "total")
_ROW_AMOUNTS = (
    "principal", "interest", "tax", "fees", "late_interest", "total", "balance", "paid",
    "paid_late", "paid_in_advance",
)  # fmt: skip


def _number(fields: Fields, name: str, currency: str) -> int:
    return fields.whole(name)


def _text(fields: Fields, name: str, currency: str) -> str:
    return fields.text(name)


def _flag(fields: Fields, name: str, currency: str) -> bool:
    return fields.either(name)


def _rate(fields: Fields, name: str, currency: str) -> str:
    return rate_text(fields.rate(name))


def _amount(fields: Fields, name: str, currency: str) -> str:
    return text(fields.amount(name, currency), currency)


def _optional_day(fields: Fields, name: str, currency: str) -> str | None:
    """A date, or ``none`` where there must be none."""
    if fields.form.get(name) in (None, "none"):
        fields.asked.add(name)
        return None
    return str(fields.day(name))


def _balances(fields: Fields, name: str, currency: str) -> dict[str, str]:
    return _amounts(fields.take(name), fields.name(name), _BALANCES, currency)


def _schedule(fields: Fields, name: str, currency: str) -> list[dict[str, Any]]:
    rows = []
    for index, row in enumerate(fields.rows(name)):
        given = Fields(row, fields.name(f"{name}[{index}]"))
        figures: dict[str, Any] = {"n": given.whole("n")}
        if "due" in given.form:
            figures["due"] = str(given.day("due"))
        if "paid_on" in given.form:
            figures["paid_on"] = _optional_day(given, "paid_on", currency)
        for amount in _ROW_AMOUNTS:
            if amount in given.form:
                figures[amount] = _amount(given, amount, currency)
        given.done()
        rows.append(figures)
    return rows


def _payments(fields: Fields, name: str, currency: str) -> list[dict[str, Any]]:
    rows = []
    for index, row in enumerate(fields.rows(name)):
        given = Fields(row, fields.name(f"{name}[{index}]"))
        figures: dict[str, Any] = {"n": given.whole("n")}
        if "day" in given.form:
            figures["day"] = str(given.day("day"))
        for amount in ("amount", "overpaid", "charged_back"):
            if amount in given.form:
                figures[amount] = _amount(given, amount, currency)
        if "type" in given.form:
            figures["type"] = given.text("type")
        if "allocated" in given.form:
            where = given.name("allocated")
            figures["allocated"] = _amounts(given.take("allocated"), where, Component, currency)
        given.done()
        rows.append(figures)
    return rows


def _promises(fields: Fields, name: str, currency: str) -> list[dict[str, Any]]:
    rows = []
    for index, row in enumerate(fields.rows(name)):
        given = Fields(row, fields.name(f"{name}[{index}]"))
        figures: dict[str, Any] = {"n": given.whole("n")}
        if "state" in given.form:
            figures["state"] = given.text("state")
        if "by" in given.form:
            figures["by"] = str(given.day("by"))
        if "amount" in given.form:
            figures["amount"] = _amount(given, "amount", currency)
        given.done()
        rows.append(figures)
    return rows


def _journal(fields: Fields, name: str, currency: str) -> str:
    if fields.take(name) != "balanced":
        raise FormError(fields.name(name), "must be balanced")
    return "balanced"


FIGURES: dict[str, Callable[[Fields, str, str], Any]] = {
    "status": _text,
    "stage": _number,
    "days_past_due": _number,
    "next_due": _optional_day,
    "overpaid": _amount,
    "closed_for": _text,
    "annual_rate": _rate,
    "suspended": _flag,
    "capitalised": _amount,
    "balances": _balances,
    "written_off": _balances,
    "schedule": _schedule,
    "payments": _payments,
    "promises": _promises,
    "journal": _journal,
}


def _amounts(given: Any, at: str, names: Any, currency: str) -> dict[str, str]:
    fields = Fields(given, at)
    figures = {str(name): _amount(fields, name, currency) for name in names if name in fields.form}
    fields.done()
    return figures

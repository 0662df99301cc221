"""`cartera schedule`: terms in, their schedule out; or the field and the rule they break."""

import json
import sys
from typing import Annotated, Any

import typer

from cli.console import Exit, answer
from domain.annual_cost import cat, effective_rate
from domain.errors import LoanError
from domain.events import Instalment
from domain.money import share
from domain.plan import Plan, planned
from ledger.fields import LONGEST_KEY
from ledger.forms import FormError, rule_of
from ledger.money import text
from ledger.plan_form import plan_from


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("schedule")(schedule)


def schedule(
    lines: Annotated[
        bool, typer.Option("--lines", help="One request a line in, one answer a line out.")
    ] = False,
) -> None:
    """Read terms as JSON on stdin and print their schedule.

    The terms are a scenario's loan fields, `disbursed_on`, and `tranches`, `rate_changes` and
    `charges` where agreed. Exit code 2 if they are refused; with --lines 1 if any were, each told
    in its place.
    """
    if not lines:
        result = schedule_of(sys.stdin.buffer.read())
        answer(result)
        if "error" in result:
            raise typer.Exit(Exit.BAD_INPUT)
        return
    refused = False
    for line in sys.stdin.buffer:
        if line.strip():
            result = schedule_of(line)
            refused = refused or "error" in result
            answer(result)
    if refused:
        raise typer.Exit(Exit.FINDINGS)


def schedule_of(raw: bytes) -> dict[str, Any]:
    """The answer to one request: the schedule, or ``{"error": {"field", "rule"}}``."""
    try:
        form = json.loads(raw, object_pairs_hook=_once, parse_constant=_no_number)
    except FormError as refused:
        return _error(refused.field, refused.rule)
    except (ValueError, RecursionError) as error:
        return _error("json", f"cannot be read: {error}")
    currency = form.get("currency") if isinstance(form, dict) else None
    try:
        plan = plan_from(form, currency="MXN")
        rows = planned(plan)
    except (FormError, LoanError) as error:
        return _error(*rule_of(error, currency if isinstance(currency, str) else "MXN"))
    return _shown(plan, rows) | _costs(plan, rows)


def _costs(plan: Plan, rows: tuple[Instalment, ...]) -> dict[str, str | None]:
    """CAT to the one decimal that is published, and the effective rate, in percent a year."""
    terms = plan.terms
    received = [(tranche.on, tranche.amount) for tranche in plan.tranches]
    lent = sum(amount for _, amount in received) or terms.principal
    fee = share(lent, terms.opening_fee_rate, terms.rounding)
    found = cat(terms, rows, received=received, withheld_fees=fee)
    return {
        "cat": None if found is None else f"{found:.1f}",
        "effective_rate": f"{effective_rate(terms):.2f}",
    }


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that stands twice in one object: which of the two was meant?"""
    form = dict(pairs)
    if len(form) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise FormError(key[:LONGEST_KEY], "stands twice")
            seen.add(key)
    return form


def _no_number(constant: str) -> None:
    raise FormError("json", f"cannot be read: {constant} is no number")


def _shown(plan: Plan, rows: tuple[Instalment, ...]) -> dict[str, Any]:
    currency = plan.terms.currency
    lent = sum(tranche.amount for tranche in plan.tranches) or plan.terms.principal
    paid_out = sorted((tranche.on, tranche.amount) for tranche in plan.tranches)
    balance = 0 if paid_out else lent
    shown = []
    for row in rows:
        first = row.start_on == row.due_on  # a down payment, of what is paid out that day
        while paid_out and (
            paid_out[0][0] < row.due_on or (first and paid_out[0][0] == row.due_on)
        ):
            balance += paid_out.pop(0)[1]
        balance -= row.principal
        shown.append(
            {
                "n": row.number,
                "due": str(row.due_on),
                "days": (row.due_on - row.start_on).days,
                "principal": text(row.principal, currency),
                "interest": text(row.interest, currency),
                "tax": text(row.tax + row.fee_tax, currency),
                "fees": text(row.fee, currency),
                "total": text(row.total, currency),
                "balance": text(balance, currency),
            }
        )
    totals = {
        "principal": sum(row.principal for row in rows),
        "interest": sum(row.interest for row in rows),
        "tax": sum(row.tax + row.fee_tax for row in rows),
        "fees": sum(row.fee for row in rows),
        "total": sum(row.total for row in rows),
    }
    return {
        "instalments": shown,
        "totals": {name: text(total, currency) for name, total in totals.items()},
    }


def _error(field: str, rule: str) -> dict[str, Any]:
    return {"error": {"field": field, "rule": rule}}

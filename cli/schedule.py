"""`cartera schedule`: terms in, their schedule out; or the field and the rule they break."""

import json
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from functools import lru_cache
from typing import Annotated, Any, BinaryIO

import msgspec
import typer

from cli.console import Exit, answer
from domain.annual_cost import cat, effective_rate
from domain.arrays.plans import planned_together
from domain.errors import LoanError
from domain.events import PlannedRow
from domain.money import share
from domain.plan import Plan
from domain.schedule import withheld_interest
from ledger.fields import LONGEST_KEY
from ledger.forms import FormError, rule_of
from ledger.money import text, texts
from ledger.plan_form import plan_from


class Shown(msgspec.Struct, frozen=True, gc=False):
    """An instalment as it is told; no container for the collector to go through again and again."""

    n: int
    due: str
    days: int
    principal: str
    interest: str
    tax: str
    fees: str
    total: str
    balance: str


BLOCK = 262_144  # bytes read at once: so many requests are worked out together


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("schedule")(schedule)


def schedule(
    lines: Annotated[
        bool, typer.Option("--lines", help="One request a line in, one answer a line out.")
    ] = False,
) -> None:
    """Read terms as JSON on stdin and print their schedule.

    The terms are a scenario's loan fields, `disbursed_on`, and `tranches`, `rate_changes`, `pauses`
    and `charges` where agreed. Exit code 2 if they are refused; with --lines 1 if any were, each
    told in its place.
    """
    if not lines:
        result = schedule_of(sys.stdin.buffer.read())
        answer(result)
        if "error" in result:
            raise typer.Exit(Exit.BAD_INPUT)
        return
    refused = False
    for some in _lines(sys.stdin.buffer):
        for result in schedules_of(some):
            refused = refused or "error" in result
            answer(result)
        sys.stdout.flush()
    if refused:
        raise typer.Exit(Exit.FINDINGS)


def _lines(stream: BinaryIO) -> Iterator[list[bytes]]:
    """The lines there are, without waiting for more; blank ones left out."""
    while block := stream.read1(BLOCK):  # type: ignore[attr-defined]
        if not block.endswith(b"\n"):
            block += stream.readline()
        if some := [line for line in block.split(b"\n") if line.strip()]:
            yield some


def schedule_of(raw: bytes) -> dict[str, Any]:
    """The answer to one request: the schedule, or ``{"error": {"field", "rule"}}``."""
    answered: dict[str, Any] = msgspec.to_builtins(next(schedules_of([raw])))
    return answered


def schedules_of(requests: Sequence[bytes]) -> Iterator[dict[str, Any]]:
    """The answers to requests, in their order; what is alike is worked out together."""
    read = [_read(raw) for raw in requests]
    plans = [plan for plan in read if isinstance(plan, Plan)]
    found = iter(planned_together(plans))
    for plan in read:
        if not isinstance(plan, Plan):
            yield plan
            continue
        rows = next(found)
        if isinstance(rows, LoanError):
            yield _error(*rule_of(rows, plan.terms.currency))
        else:
            yield _shown(plan, rows) | _costs(plan, rows)


def _read(raw: bytes) -> Plan | dict[str, Any]:
    """The plan that is asked for, or what is wrong with the request."""
    try:
        form = json.loads(raw, object_pairs_hook=_once, parse_constant=_no_number)
        return plan_from(form, currency="MXN")
    except FormError as refused:
        return _error(refused.field, refused.rule)
    except (ValueError, RecursionError) as error:
        return _error("json", f"cannot be read: {error}")


def _costs(plan: Plan, rows: Sequence[PlannedRow]) -> dict[str, str | None]:
    """CAT to the one decimal that is published, and the effective rate, in percent a year."""
    terms = plan.terms
    received = [(tranche.on, tranche.amount) for tranche in plan.tranches]
    lent = sum(amount for _, amount in received) or terms.principal
    fee = share(lent, terms.opening_fee_rate, terms.rounding)
    found = cat(terms, rows, received=received, withheld_fees=fee)
    withheld = withheld_interest(terms, rows)
    discount = {"withheld_interest": text(withheld, terms.currency)} if withheld else {}
    return discount | {
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


def _shown(plan: Plan, rows: Sequence[PlannedRow]) -> dict[str, Any]:
    written = texts(plan.terms.currency)
    nothing = written(0)
    paid_out = sorted((tranche.on, tranche.amount) for tranche in plan.tranches)
    balance = 0 if paid_out else plan.terms.principal
    principal = interest = tax = fees = 0
    shown = []
    for row in rows:
        down = row.start_on == row.due_on  # is of what is paid out that same day
        while paid_out and (paid_out[0][0] < row.due_on or (down and paid_out[0][0] == row.due_on)):
            balance += paid_out.pop(0)[1]
        taxes = row.tax + row.fee_tax
        balance -= row.principal
        shown.append(
            Shown(
                row.number,
                _iso(row.due_on),
                (row.due_on - row.start_on).days,
                written(row.principal),
                written(row.interest),
                written(taxes) if taxes else nothing,
                written(row.fee) if row.fee else nothing,
                written(row.principal + row.interest + taxes + row.fee),
                written(balance),
            )
        )
        principal += row.principal
        interest += row.interest
        tax += taxes
        fees += row.fee
    return {
        "instalments": shown,
        "totals": {
            "principal": written(principal),
            "interest": written(interest),
            "tax": written(tax),
            "fees": written(fees),
            "total": written(principal + interest + tax + fees),
        },
    }


_iso = lru_cache(maxsize=10_000)(date.isoformat)
"""Loans of a book fall due on the same days."""


def _error(field: str, rule: str) -> dict[str, Any]:
    return {"error": {"field": field, "rule": rule}}

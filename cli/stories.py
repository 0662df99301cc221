"""`scenario run`: stories played and compared; `schedule`: terms in, their schedule out."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from cli.console import Exit, answer, fail, progress, say
from domain.annual_cost import cat, effective_rate
from domain.errors import LoanError
from domain.events import Instalment
from domain.limits import check_terms
from domain.schedule import schedule as schedule_of
from domain.terms import Terms
from ledger.fields import LONGEST_KEY
from ledger.forms import FormError, rule_of, schedule_request
from ledger.money import text

scenario = typer.Typer(help="Loan stories: timelines and the figures they must end in.")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(scenario, name="scenario", no_args_is_help=True)
    app.command("schedule")(schedule)


@scenario.callback()
def stories() -> None:
    """Loan stories: timelines and the figures they must end in."""


@scenario.command("run")
def run(
    files: Annotated[list[Path], typer.Argument(help="Story files, or folders of them.")],
    store: Annotated[bool, typer.Option(help="Play them through the event store as well.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print each outcome on a line.")] = False,
) -> None:
    """Play stories and compare what they come to with what they expect.

    Exit code 1 if a story failed, 2 if a file holds no story.
    """
    from cli.story_run import outcome

    paths = list(_story_files(files))
    with progress("stories", quiet=as_json) as told:
        outcomes = []
        for number, path in enumerate(paths, start=1):
            outcomes.append(outcome(path))
            told(number, len(paths))
    if store:
        from cli.ready import ready
        from cli.story_store import compare
        from ledger.application import Ledger

        with Ledger(ready()) as ledger:
            compare(ledger, outcomes)
    _tell(outcomes, as_json=as_json)
    if any(one["final"] is None for one in outcomes):
        raise typer.Exit(Exit.BAD_INPUT)
    if not all(one["passed"] for one in outcomes):
        raise typer.Exit(Exit.FINDINGS)


def _tell(outcomes: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        for one in outcomes:
            answer(one)
        return
    for one in outcomes:
        lead, style = ("passed", "green") if one["passed"] else ("failed", "red")
        say(one["file"], lead=lead, style=style)
        for failure in one["failures"]:
            say(f"       {failure}")
    passed = sum(one["passed"] for one in outcomes)
    say(f"{passed} of {len(outcomes)} stories passed")


def _story_files(given: list[Path]) -> Iterator[Path]:
    for path in given:
        if path.is_dir():
            stories = sorted(path.glob("*.yaml"))
            if not stories:
                fail(f"file: {path} holds no stories (*.yaml)")
            yield from stories
        else:
            yield path


def schedule(
    lines: Annotated[
        bool, typer.Option("--lines", help="One JSON object a line in, one a line out.")
    ] = False,
) -> None:
    """Read terms as JSON on stdin and print their schedule.

    The terms are a scenario's loan fields and `disbursed_on`. Exit code 2 if they are refused;
    with --lines 1 if any were, each told in its place.
    """
    if not lines:
        result = _schedule(sys.stdin.buffer.read())
        answer(result)
        if "error" in result:
            raise typer.Exit(Exit.BAD_INPUT)
        return
    refused = False
    for line in sys.stdin.buffer:
        if line.strip():
            result = _schedule(line)
            refused = refused or "error" in result
            answer(result)
    if refused:
        raise typer.Exit(Exit.FINDINGS)


def _schedule(raw: bytes) -> dict[str, Any]:
    try:
        form = msgspec.json.decode(raw)
        json.loads(raw, object_pairs_hook=_once, parse_int=str)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _error("json", f"cannot be read: {error}")
    except FormError as twice:
        return _error(twice.field, twice.rule)
    currency = form.get("currency") if isinstance(form, dict) else None
    try:
        terms, disbursed_on = schedule_request(form, currency="MXN")
        check_terms(terms)
        rows = schedule_of(terms, terms.principal, disbursed_on)
    except (FormError, LoanError) as error:
        return _error(*rule_of(error, currency if isinstance(currency, str) else "MXN"))
    return _shown(rows, terms.principal, terms.currency) | _costs(terms, rows)


def _costs(terms: Terms, rows: tuple[Instalment, ...]) -> dict[str, str | None]:
    """CAT to the one decimal that is published, and the effective rate, in percent a year."""
    found = cat(terms, rows)
    return {
        "cat": None if found is None else f"{found:.1f}",
        "effective_rate": f"{effective_rate(terms):.2f}",
    }


def _once(pairs: list[tuple[str, Any]]) -> None:
    """Refuse a key that stands twice in one object: which of the two was meant?"""
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise FormError(key[:LONGEST_KEY], "stands twice")
        seen.add(key)


def _shown(rows: Any, principal: int, currency: str) -> dict[str, Any]:
    balance, shown = principal, []
    for row in rows:
        balance -= row.principal
        shown.append(
            {
                "n": row.number,
                "due": str(row.due_on),
                "days": (row.due_on - row.start_on).days,
                "principal": text(row.principal, currency),
                "interest": text(row.interest, currency),
                "tax": text(row.tax, currency),
                "fees": text(0, currency),
                "total": text(row.principal + row.interest + row.tax, currency),
                "balance": text(balance, currency),
            }
        )
    sums = {
        name: sum(getattr(row, name) for row in rows) for name in ("principal", "interest", "tax")
    }
    totals = sums | {"fees": 0, "total": sum(sums.values())}
    return {
        "instalments": shown,
        "totals": {name: text(total, currency) for name, total in totals.items()},
    }


def _error(field: str, rule: str) -> dict[str, Any]:
    return {"error": {"field": field, "rule": rule}}

"""A synthetic portfolio: many loans of every product, the same for the same seed."""

from datetime import datetime
from typing import Annotated

import typer

from cli.console import answer, progress, say
from cli.read_side import catch_up
from cli.ready import ready


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("generate")(generate)


def generate(
    loans: Annotated[int, typer.Option("--loans", metavar="N", help="How many.")],
    seed: Annotated[int, typer.Option("--seed", metavar="S", help="Which portfolio.")] = 0,
    until: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], metavar="DATE", help="The last day told; by default yesterday."
        ),
    ] = None,
    history: Annotated[
        str, typer.Option(help="daily (closed each day), events, or none (the last days only).")
    ] = "events",
    days: Annotated[
        int | None, typer.Option(metavar="D", help="How far back the book goes: 365, 730 or 10.")
    ] = None,
    twins: Annotated[
        int, typer.Option(metavar="T", help="How many loans share each life: quicker to make.")
    ] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Fill the ledger with synthetic loans, for trials and benchmarks.

    If it was killed, run it again with the same options: what is there is not made again.
    """
    from ledger.synthetic import fill

    chosen = ready()
    with progress("loans", quiet=as_json) as told:
        summary = fill(
            chosen,
            loans=loans,
            seed=seed,
            until=until.date() if until else None,
            history=history,
            days=days,
            twins=twins,
            progress=told,
        )
    catch_up(chosen, quiet=as_json)
    if as_json:
        answer(summary)
        return
    there = f"; {summary.repeated:,} were there" if summary.repeated else ""
    told_of = ", ".join(f"{count:,} {status}" for status, count in summary.statuses.items())
    say(
        f"{summary.loans:,} loans of {len(summary.products)} products from {summary.since} to"
        f" {summary.until}, {summary.events:,} events{there}"
    )
    if told_of:
        say(f"  {told_of}")

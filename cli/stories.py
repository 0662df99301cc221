"""`scenario run`: stories played, and compared with what they expect."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.console import Exit, answer, fail, progress, say

scenario = typer.Typer(help="Loan stories: timelines and the figures they must end in.")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(scenario, name="scenario", no_args_is_help=True)


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

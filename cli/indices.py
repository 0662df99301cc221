"""Indices: reference rates and units of account, and what they were worth."""

from pathlib import Path
from typing import Annotated

import typer

from cli.console import answer, fail, say, show, table
from cli.ready import ready
from ledger.csv_lines import ENCODINGS

index = typer.Typer(help="Reference rates and units of account.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(index, name="index")


@index.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV: index, day, value.")],
    correct: Annotated[
        bool, typer.Option("--correct", help="Another value for a day that has one is right.")
    ] = False,
    encoding: Annotated[str, typer.Option(help=f"Of the file: {', '.join(ENCODINGS)}.")] = "utf-8",
    actor: Annotated[str, typer.Option(help="Who orders it.")] = "operator",
    as_json: AsJson = False,
) -> None:
    """Take index values in: all lines of the file, or none.

    A rate is a percentage (11.2450), UDI its worth in pesos (8.123456).
    """
    from ledger.index_file import import_index
    from ledger.store import Store

    if not file.is_file():
        fail(f"file: {file} is no file")
    store = Store(ready())
    try:
        report = import_index(store, file, correct=correct, encoding=encoding, actor=actor)
    finally:
        store.close()
    if as_json:
        answer(report)
        return
    say(
        f"{report.added:,} added, {report.corrected:,} corrected, {report.repeated:,} known already"
    )


@index.command("list")
def list_(as_json: AsJson = False) -> None:
    """The indices there are, and the newest value of each."""
    from ledger.index_file import series
    from ledger.store import Store

    store = Store(ready())
    try:
        found = series(store)
    finally:
        store.close()
    if as_json:
        answer([
            {"index": one.index, "days": one.days, "since": one.since, "until": one.until,
             "value": one.shown, "recorded_at": one.recorded_at}
            for one in found
        ])  # fmt: skip
        return
    shown = table("Indices", "index", "days", "since", "until", "value", numbers=("days", "value"))
    for one in found:
        shown.add_row(one.index, f"{one.days:,}", str(one.since), str(one.until), one.shown)
    show(shown)

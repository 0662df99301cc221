"""How the book stands, and a stopped projection set going again."""

from typing import Annotated, Any

import typer

from cli.console import Exit, answer, fail, say, show, table
from cli.read_side import catch_up
from cli.ready import ready

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("status")(status)
    app.command("resume")(resume)


def status(as_json: AsJson = False) -> None:
    """How the book stands: log, projections, loans, and what waits or failed.

    Exit code 1 if a projection stopped or a close set loans aside.
    """
    from ledger.database import connect
    from ledger.migrate import applied
    from ledger.overview import overview
    from projections.engine import lag

    chosen = ready()
    schema = max(applied(chosen))
    with connect(chosen, autocommit=True) as connection:
        book, projections = overview(connection), lag(connection)
    if as_json:
        answer({"schema": schema, "book": book, "projections": projections})
    else:
        say(f"schema {schema}, log position {book.position}")
        _show(book, projections)
    if book.close_failures or any(one.status != "running" for one in projections):
        raise typer.Exit(Exit.FINDINGS)


def resume(
    projection: Annotated[str, typer.Argument(help="Its name, as `status` shows it.")],
    as_json: AsJson = False,
) -> None:
    """Let a stopped projection go on where it stopped, once its cause is mended.

    Exit code 1 if it stops again.
    """
    from ledger.database import connect
    from projections.engine import lag
    from projections.engine import resume as run
    from projections.positions import UnknownProjection

    chosen = ready()
    with connect(chosen, autocommit=True) as connection:
        try:
            run(connection, projection)
        except UnknownProjection:
            names = ", ".join(one.projection for one in lag(connection))
            fail(f"projection: {projection!r} is none; there are {names or 'none yet'}")
    catch_up(chosen, quiet=as_json)
    with connect(chosen, autocommit=True) as connection:
        [stands] = [one for one in lag(connection) if one.projection == projection]
    if as_json:
        answer(stands)
    else:
        say(f"{projection} is {stands.status} at {stands.position}, {stands.behind} events behind")


def _show(book: Any, projections: list[Any]) -> None:
    say(f"loans      {_counted(book.loans)}")
    say(f"jobs       {_counted(book.jobs)}")
    say(f"set aside  {book.close_failures:,} loans by a close of day")
    say(f"suspense   {book.suspense:,} lines")
    numbers = ("position", "behind")
    shown = table("Projections", "name", *numbers, "status", "error", numbers=numbers)
    for one in projections:
        shown.add_row(
            one.projection, str(one.position), f"{one.behind:,}", one.status, one.error or "",
        )  # fmt: skip
    show(shown)


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items()) or "none"

"""The book day by day: close of day, read models made again, and the checks that today hold."""

from datetime import datetime
from typing import Annotated, Any

import typer

from cli.console import Exit, answer, fail, progress, say
from cli.read_side import catch_up
from ledger.settings import settings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Day = Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], metavar="DATE")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("close")(close)
    app.command("rebuild")(rebuild)
    app.command("verify")(verify)
    app.command("bench")(bench)


def close(through: Day, as_json: AsJson = False) -> None:
    """Close every business date up to and including --through.

    A loan that fails is set aside and the rest goes on: exit code 1.
    """
    from ledger.application import Ledger
    from ledger.close_of_day import close_through

    chosen = settings()
    with Ledger(chosen) as ledger, progress("close of day", quiet=as_json) as told:
        report = close_through(ledger, through.date(), told)
    catch_up(chosen, quiet=as_json)
    if as_json:
        answer(report)
    else:
        say(closed(report))
        for loan in report.set_aside:
            say(f"set aside: loan {loan.loan_id} on {loan.business_date}: {loan.reason}")
    if report.set_aside:
        raise typer.Exit(Exit.FINDINGS)


def closed(report: Any) -> str:
    """What a close did, in a line."""
    if not report.loans:
        return f"every loan was closed through {report.on} already"
    return f"closed {report.closed:,} loans through {report.on}: {report.events:,} events recorded"


def rebuild(as_json: AsJson = False) -> None:
    """Drop the read models and make them again from the log."""
    from ledger.database import connect
    from projections.rebuild import rebuild as run

    chosen = settings()
    with connect(chosen) as connection, progress("rebuild", quiet=as_json) as told:
        report = run(connection, progress=told)
    if as_json:
        answer(report)
    else:
        say(f"rebuilt from {report.events:,} events")


def verify(as_json: AsJson = False) -> None:
    """Replay every loan and compare it with the books: exit code 1 if something differs."""
    from ledger.database import connect
    from projections.verify import verify as run

    with connect(settings()) as connection, progress("verify", quiet=as_json) as told:
        findings = run(connection, progress=told)
    if as_json:
        answer(findings)
    else:
        say(f"{findings}")


def bench(
    name: Annotated[str, typer.Argument(help="append, replay or project.")],
    quick: Annotated[bool, typer.Option("--quick", help="A smaller run.")] = False,
    as_json: AsJson = False,
) -> None:
    """Measure against a limit measured in the same run."""
    from bench import run

    result = run(name, quick=quick)
    answer(result) if as_json else say(f"{result}")



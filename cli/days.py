"""The book day by day: close of day, read models made again, and the checks that today hold."""

from datetime import datetime
from typing import Annotated, Any

import typer

from cli.console import Exit, answer, fail, progress, say
from cli.read_side import catch_up
from cli.ready import ready

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Day = Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], metavar="DATE")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("close")(close)
    app.command("rebuild")(rebuild)
    app.command("verify")(verify)


def close(through: Day, as_json: AsJson = False) -> None:
    """Close every business date up to and including --through.

    A loan that fails is set aside and the rest goes on: exit code 1.
    """
    from ledger.application import Ledger
    from ledger.close_of_day import close_through

    chosen = ready()
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
    """Make the read models again from the log, and put them in the place of the old ones."""
    from ledger.database import pool
    from projections.rebuild import RebuildFailed, RebuildRunning
    from projections.rebuild import rebuild as run

    try:
        with (
            pool(ready(), application_name="cartera-rebuild", max_size=2) as connections,
            progress("rebuild", quiet=as_json) as told,
        ):
            report = run(connections, progress=told)
    except RebuildRunning as error:
        fail(f"rebuild: {error}", Exit.ENVIRONMENT)
    except RebuildFailed as error:
        fail(f"rebuild: {error}", Exit.FINDINGS)
    if as_json:
        answer(report)
    else:
        say(f"rebuilt from {report.events:,} events")


def verify(as_json: AsJson = False) -> None:
    """Replay every loan and compare it with the read models and the journal.

    Exit code 1 if something differs.
    """
    from ledger.database import connect
    from projections.verify import verify as run

    with connect(ready()) as connection, progress("verify", quiet=as_json) as told:
        findings = run(connection, told)
    if as_json:
        answer({"findings": findings})
    else:
        for finding in findings:
            say(f"{finding}")
        say(f"{len(findings)} findings" if findings else "replay, read models and journal agree")
    if findings:
        raise typer.Exit(Exit.FINDINGS)

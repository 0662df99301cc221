"""The book day by day: close of day, read models made again, and the checks that today hold."""

from datetime import datetime
from typing import Annotated, Any

import typer

from cli.console import Exit, answer, fail, progress, say
from cli.read_side import following
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
    with (
        following(chosen, quiet=as_json),
        Ledger(chosen) as ledger,
        progress("close of day", quiet=as_json) as told,
    ):
        report = close_through(ledger, through.date(), told)
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


def rebuild(
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="Only what is dated up to DATE."),
    ] = None,
    to_position: Annotated[
        int | None, typer.Option(metavar="N", help="Only what the log said at position N.")
    ] = None,
    into: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="How `query --books` finds it (default: on_ or at_...)."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make the read models again from the log, and put them in the place of the old ones.

    With --as-of or --to-position they are made beside the live ones, as books of a name of their
    own: `cartera query --books NAME`, or the header Cartera-Books of POST /graphql, asks them.
    """
    from ledger.clock import SystemClock
    from ledger.database import pool
    from projections import books
    from projections.rebuild import RebuildFailed, RebuildRunning
    from projections.rebuild import rebuild as run

    chosen, on = ready(), as_of.date() if as_of else None
    name = into or (f"on_{on:%Y%m%d}" if on else f"at_{to_position}")
    beside = on is not None or to_position is not None
    if into and not beside:
        fail("into: needs --as-of or --to-position; a whole rebuild replaces the live read models")
    try:
        with (
            pool(chosen, application_name="cartera-rebuild", max_size=2) as connections,
            progress("rebuild", quiet=as_json) as told,
        ):
            if beside:
                today = SystemClock(chosen.zone).business_date()
                report = books.make(
                    connections, name, today, told, as_of=on, to_position=to_position
                )
            else:
                report = run(connections, progress=told)
    except books.BooksError as error:
        fail(f"{error.field}: {error}")
    except RebuildRunning as error:
        fail(f"rebuild: {error}", Exit.ENVIRONMENT)
    except RebuildFailed as error:
        fail(f"rebuild: {error}", Exit.FINDINGS)
    if as_json:
        answer(report)
    elif beside:
        say(f"made books {name} from {report.events:,} events, up to position {report.position}")
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

"""How the book does: months' ends frozen, and the reports made from them."""

import sys
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.console import Exit, answer, say, show, table
from cli.read_side import catch_up
from cli.ready import ready
from cli.refusals import refusals
from ledger.clock import SystemClock
from ledger.database import connect
from projections.reports.report import ReportName

month_ends = typer.Typer(help="The book at a month's end, frozen.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Form(StrEnum):
    """How it is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"
    SVG = "svg"
    PNG = "png"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(month_ends, name="month-end")
    app.command("report")(report)


@month_ends.command("freeze")
def freeze(
    month: Annotated[str, typer.Argument(metavar="MONTH", help="Such as 2026-03.")],
    actor: Annotated[str, typer.Option(help="Who freezes it.")] = "operator",
    as_json: AsJson = False,
) -> None:
    """Keep the book as it stood at the month's end: one row a loan, under a hash."""
    from projections.reports.month_end import freeze as keep
    from projections.statements.period import month as period

    chosen = ready()
    today = SystemClock(chosen.zone).business_date()
    with refusals():
        asked = period(month)
        catch_up(chosen, quiet=True)
        with connect(chosen, autocommit=True, application_name="cartera-reports") as connection:
            frozen = keep(connection, asked, today, actor)
    if as_json:
        answer(frozen._asdict())
    else:
        say(f"{frozen.loans:,} loans, sha-256 {frozen.digest}", lead=month)


@month_ends.command("list")
def list_frozen(as_json: AsJson = False) -> None:
    """Every month's end on record, and whether its rows still have their hash.

    Exit code 1 if one has not.
    """
    from projections.reports.month_end import check, frozen

    with connect(ready(), autocommit=True) as connection:
        found = [(one, check(connection, one.month)) for one in frozen(connection)]
    if as_json:
        answer([one._asdict() | {"intact": intact} for one, intact in found])
    else:
        shown = table("Months' ends", "month", "loans", "by", "sha-256", "", numbers=("loans",))
        for one, intact in found:
            told = "" if intact else "CHANGED"
            shown.add_row(f"{one.month:%Y-%m}", f"{one.loans:,}", one.actor, one.digest, told)
        show(shown)
    if not all(intact for _, intact in found):
        raise typer.Exit(Exit.FINDINGS)


def report(
    name: ReportName,
    month: Annotated[str, typer.Option(help="The latest month, such as 2026-03.")],
    months: Annotated[
        int, typer.Option(min=1, max=240, help="How many months to look back (risk, vintages).")
    ] = 12,
    by: Annotated[str, typer.Option(help="What to group by: product, branch, ...")] = "product",
    form: Annotated[Form, typer.Option("--format", help="How it is written.")] = Form.TABLE,
    to: Annotated[Path | None, typer.Option("--to", help="A file (default: stdout).")] = None,
) -> None:
    """A report from the frozen ends of months: portfolio at risk, roll rates, vintages, ..."""
    from projections.reports.files import FORMATS
    from projections.reports.made import make, months_of
    from projections.reports.month_end import book, up_to
    from projections.statements.period import month as period

    with refusals():
        last: date = period(month).ends_on
        with connect(ready(), autocommit=True) as connection:
            wanted = up_to(connection, last, months_of(name.value, months))
            books = [book(connection, one) for one in wanted]
        made = make(name.value, books, by)
        if form is not Form.TABLE:
            laid = FORMATS[form.value](made)
            if to is not None:
                to.write_bytes(laid)
            else:
                sys.stdout.buffer.write(laid)
            return
    names = [field.name for field in made.fields]
    shown = table(made.name, *names, numbers=tuple(n.name for n in made.fields if n.kind != "text"))
    for row in made.shown():
        shown.add_row(*("" if row[one] is None else str(row[one]) for one in names))
    show(shown)

"""What comes from outside: tapes, payment files, people, and the money no loan could take."""

from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.console import Exit, answer, fail, progress, say, show, table
from cli.read_side import catch_up, following
from cli.ready import ready
from ledger.csv_lines import ENCODINGS

imports = typer.Typer(help="Take in a loan tape or a bank's payment file.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Source = Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file.")]
Rejects = Annotated[
    Path | None, typer.Option(help="Where bad lines go (default: FILE.rejects.csv).")
]
Encoding = Annotated[str, typer.Option(help=f"Of the file: {', '.join(ENCODINGS)}.")]
Actor = Annotated[str, typer.Option(help="Who orders it, as the log will say.")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DATE")]


class TapeFormat(StrEnum):
    """Whose columns a tape has."""

    CARTERA = "cartera"
    LENDING_CLUB = "lending-club"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(imports, name="import")
    app.command("suspense")(suspense)


@imports.command("loans")
def loans(
    file: Source,
    form: Annotated[TapeFormat, typer.Option("--format")] = TapeFormat.CARTERA,
    as_of: Day = None,
    rejects: Rejects = None,
    encoding: Encoding = "utf-8",
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """Take a loan tape into the ledger; what is there already is left alone.

    --as-of dates the balances of lines that name no date. Exit code 1 if lines were rejected.
    """
    from ledger.application import Ledger
    from ledger.tape import import_loans

    _exists(file)
    chosen = ready()
    with Ledger(chosen) as ledger, progress("loans", quiet=as_json) as told:
        report = import_loans(
            ledger, file, form=form.value, as_of=_date(as_of), rejects=rejects,
            encoding=encoding, actor=actor, progress=told,
        )  # fmt: skip
    catch_up(chosen, quiet=as_json)
    _tell(report, as_json=as_json)


@imports.command("payments")
def payments(
    file: Source,
    rejects: Rejects = None,
    encoding: Encoding = "utf-8",
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """Bring each line of a bank's payment file to its loan, once; see `suspense` for the rest.

    Exit code 1 if lines were rejected.
    """
    from ledger.application import Ledger
    from ledger.payment_file import import_payments

    _exists(file)
    chosen = ready()
    with (
        following(chosen, quiet=as_json),
        Ledger(chosen) as ledger,
        progress("payments", quiet=as_json) as told,
    ):
        report = import_payments(
            ledger, file, rejects=rejects, encoding=encoding, actor=actor, progress=told
        )
    _tell(report, as_json=as_json)


@imports.command("payroll")
def payroll(
    file: Source,
    employer: Annotated[str, typer.Option(help="Whose people they are.")],
    on: Annotated[
        datetime,
        typer.Option(
            formats=["%Y-%m-%d"], metavar="DATE", help="Value date of lines without retained_on."
        ),
    ],
    total: Annotated[
        str | None, typer.Option(help="What the employer paid: other lines are not taken.")
    ] = None,
    file_id: Annotated[
        str, typer.Option(help="Tells an employer's files apart (default: the date).")
    ] = "",
    rejects: Rejects = None,
    encoding: Encoding = "utf-8",
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """Bring each line of an employer's remittance (loan_no, amount, retained_on) to its loan, once.

    Exit code 1 if lines were rejected.
    """
    from ledger.application import Ledger
    from ledger.payroll import import_payroll

    _exists(file)
    chosen = ready()
    with Ledger(chosen) as ledger, progress("payroll", quiet=as_json) as told:
        report = import_payroll(
            ledger, file, employer=employer, on=on.date(), file_id=file_id, total=total,
            rejects=rejects, encoding=encoding, actor=actor, progress=told,
        )  # fmt: skip
    catch_up(chosen, quiet=as_json)
    _tell(report, as_json=as_json)


@imports.command("statement")
def statement(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A bank's statement.")],
    form: Annotated[
        str,
        typer.Option(help="mt940, camt053, a layout's file, or its name in the folder of them."),
    ],
    pattern: Annotated[
        list[str] | None,
        typer.Option(help="Finds a reference in a longer text, by its one group; repeat it."),
    ] = None,
    rejects: Rejects = None,
    encoding: Encoding = "utf-8",
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """Bring each credit of a bank's statement to its loan, once; see `deposit list` for the rest.

    Exit code 1 if movements were rejected.
    """
    from ledger.application import Ledger
    from ledger.rails.statements import import_statement, known_form

    _exists(file)
    chosen = ready()
    named = form if Path(form).is_file() else known_form(chosen, form)
    with Ledger(chosen) as ledger, progress("statement", quiet=as_json) as pace:
        report = import_statement(
            ledger, file, named, rejects=rejects, encoding=encoding, patterns=pattern or (),
            actor=actor, progress=pace,
        )  # fmt: skip
    catch_up(chosen, quiet=as_json)
    if as_json:
        answer(report)
    else:
        for line in told(report.payments):
            say(line)
        say(f"{report.outgoing:,} movements were no money in")
        if report.seen_before:
            say("the same file had come before")
    if report.payments.rejected:
        raise typer.Exit(Exit.FINDINGS)


@imports.command("borrowers")
def borrowers(
    file: Source,
    on: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], metavar="DATE", help="Since when it holds (default: today)."
        ),
    ] = None,
    rejects: Rejects = None,
    encoding: Encoding = "utf-8",
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """Register the people of a file, or change what is otherwise about them.

    Exit code 1 if lines were rejected.
    """
    from ledger.application import Ledger
    from ledger.borrowers.file import import_borrowers

    _exists(file)
    with Ledger(ready()) as ledger, progress("borrowers", quiet=as_json) as told:
        report = import_borrowers(
            ledger, file, on=_date(on), rejects=rejects, encoding=encoding, actor=actor,
            progress=told,
        )  # fmt: skip
    _tell(report, as_json=as_json)


def suspense(as_json: AsJson = False) -> None:
    """Money that came in and that no loan could take."""
    from ledger.store import Store
    from ledger.suspense import waiting

    store = Store(ready())
    try:
        found = [one.shown() for one in waiting(store)]
    finally:
        store.close()
    if as_json:
        answer(found)
        return
    shown = table("Suspense", "date", "amount", "reference", "channel", "transaction", "reason",
                  numbers=("amount",))  # fmt: skip
    for one in found:
        amount = f"{one['amount']} {one['currency']}"
        key = one["line_key"].removeprefix("bank:")
        shown.add_row(one["paid_on"], amount, one["reference"], one["channel"], key, one["reason"])
    show(shown)


def _tell(report: Any, *, as_json: bool) -> None:
    if as_json:
        answer(report)
    else:
        for line in told(report):
            say(line)
    if report.rejected:
        raise typer.Exit(Exit.FINDINGS)


def told(report: Any) -> list[str]:
    """A report for people: its counts, its sums, and where the rejected lines are."""
    lines = []
    for name in report.__struct_fields__:
        value = getattr(report, name)
        if isinstance(value, int):
            lines.append(f"{name.replace('_', ' '):<12}{value:>9,}")
    for name in ("principal", "amounts", "checks"):
        for what, figures in getattr(report, name, {}).items():
            lines.append(f"{name} {what}: {_figures(figures)}")
    if report.ignored_columns:
        lines.append(f"columns not understood and ignored: {', '.join(report.ignored_columns)}")
    if report.rejects:
        lines.append(f"rejected lines, with the reason of each: {report.rejects}")
    return lines


def _figures(figures: Any) -> str:
    if isinstance(figures, dict):
        return ", ".join(f"{name} {figure}" for name, figure in figures.items())
    return str(figures)


def _exists(file: Path) -> None:
    if not file.is_file():
        fail(f"file: {file} is no file")


def _date(given: datetime | None) -> date | None:
    return given.date() if given else None

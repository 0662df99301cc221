"""What borrowers receive: statements of account, schedules, quotes, receipts and letters."""

import getpass
import shutil
import sys
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.console import Exit, answer, fail, progress, say
from cli.ready import ready
from cli.refusals import refusals
from ledger.clock import SystemClock
from ledger.delivery.facts import Means
from projections.statements import sheet as sheets
from projections.statements.sheet import Form, Sheet

if TYPE_CHECKING:
    from ledger.borrowers.recipients import Opened
    from ledger.orders import Cause
    from ledger.settings import Settings

statements = typer.Typer(help="Statements and letters to borrowers.", no_args_is_help=True)

Loan = Annotated[str, typer.Argument(metavar="LOAN", help="The loan's number.")]
Month = Annotated[str, typer.Argument(metavar="MONTH", help="Such as 2026-03.")]
To = Annotated[Path | None, typer.Option("--to", help="Where it goes (default: stdout).")]
LetterDay = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="For which day.")
]
LetterPayment = Annotated[int | None, typer.Option(min=1, help="A receipt's payment.")]
By = Annotated[Means, typer.Option(help="By which means.")]
Again = Annotated[bool, typer.Option("--again", help="Once more, where it ended.")]
Key = Annotated[
    str | None, typer.Option(help="Your own id of this order: with --again, done once.")
]
Actor = Annotated[str, typer.Option(help="Who orders it, as the record will say.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Letter(StrEnum):
    """Which document, in the spelling of a command line."""

    SCHEDULE = "schedule"
    PAYOFF = "payoff"
    RECEIPT = "receipt"
    NO_DEBT = "no-debt"


Written = Annotated[Form, typer.Option("--format", help="How it is written.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(statements, name="statement")


@statements.command("issue")
def issue(
    period: Month,
    into: Annotated[Path, typer.Option(help="The folder for the files.")],
    html: Annotated[bool, typer.Option("--html", help="Pages beside the PDFs.")] = False,
    processes: Annotated[
        int | None, typer.Option(min=1, help="How many at a time (default: one per core).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Issue the month's statement of every loan that has none yet: one file each.

    Run again it does what is left. Exit code 1 if loans were left, with the reason.
    """
    from projections.statements.issue import issue as run
    from projections.statements.period import month

    chosen = ready()
    with refusals(), progress("statements", quiet=as_json) as told:
        report = run(
            chosen, month(period), into, today=_today(chosen), processes=processes, progress=told,
            formats=("pdf", "html") if html else ("pdf",), register=_register(),
        )  # fmt: skip
    if as_json:
        answer(report._asdict())
    else:
        say(f"{report.made} issued, {report.quiet} had nothing to state", lead=period)
        for left in report.left:
            say(left.reason, lead="left", style="red")
    if report.left:
        raise typer.Exit(Exit.FINDINGS)


@statements.command("show")
def show(loan: Loan, period: Month, form: Written = Form.PDF, to: To = None) -> None:
    """A loan's statement: as it was issued, or as it would be. Reading the name is noted."""
    from projections.statements.period import month
    from projections.statements.single import one

    chosen = ready()
    with refusals(), _register()(chosen) as names:
        told = one(chosen, loan, month(period), _today(chosen), names)
        _write(chosen, told.sheet, form, to)


@statements.command("letter")
def letter(
    kind: Letter,
    loan: Loan,
    on: LetterDay = None,
    payment: LetterPayment = None,
    form: Written = Form.PDF,
    to: To = None,
) -> None:
    """A loan's schedule, payoff letter, payment receipt or no-debt letter."""
    from projections.statements.single import letter as written

    chosen = ready()
    with refusals(), _register()(chosen) as names:
        sheet = written(
            chosen, loan, sheets.Letter[kind.name], _today(chosen),
            on=on.date() if on else None, payment=payment, names=names,
        )  # fmt: skip
        _write(chosen, sheet, form, to)


@statements.command("send")
def send(
    period: Month,
    loan: Annotated[str | None, typer.Option(help="One loan's only.")] = None,
    by: By = Means.EMAIL,
    again: Again = False,
    key: Key = None,
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """Send the month's statements that were issued, each once: workers do it, or `delivery run`."""
    from ledger.application import Ledger
    from ledger.delivery.orders import order_month, order_statement
    from projections.statements.period import month

    chosen = ready()
    with refusals(), Ledger(chosen) as ledger:
        ends_on, cause = month(period).ends_on, _cause(actor, key)
        if loan is None:
            made, before = order_month(ledger, ends_on, by, cause, again=again)
        else:
            _, known = order_statement(ledger, ledger.find(loan), ends_on, by, cause, again=again)
            made, before = int(not known), int(known)
    if as_json:
        answer({"ordered": made, "before": before})
    else:
        say(f"{made:,} to be sent by {by.value}, {before:,} had been ordered before", lead=period)


@statements.command("send-letter")
def send_letter(
    kind: Letter,
    loan: Loan,
    on: LetterDay = None,
    payment: LetterPayment = None,
    by: By = Means.EMAIL,
    again: Again = False,
    key: Key = None,
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """Send a loan's schedule, payoff letter, payment receipt or no-debt letter, each once."""
    from ledger.application import Ledger
    from ledger.delivery.orders import order
    from projections.statements.message import letter_name, sheet_of

    chosen = ready()
    document = letter_name(sheets.Letter[kind.name], on.date() if on else None, payment)
    with refusals(), Ledger(chosen) as ledger:
        loan_id = ledger.find(loan)
        sheet_of(chosen, loan, document, _today(chosen))  # what cannot be made is refused now
        made, before = order(ledger, loan_id, document, by, _cause(actor, key), again=again)
    if as_json:
        answer({"delivery_id": made.delivery_id, "before": before})
    else:
        told = "had been ordered before" if before else f"will be sent by {by.value}"
        say(f"{document} {told}", lead=str(made.delivery_id))


@statements.command("templates")
def templates(
    into: Annotated[Path, typer.Option(help="A folder, to be named in CARTERA_TEMPLATES_DIR.")],
) -> None:
    """Copy the shipped templates and the lender's file to edit; what is there stays."""
    from projections.statements.lender import SHIPPED as LENDER
    from projections.statements.render import SHIPPED

    into.mkdir(parents=True, exist_ok=True)
    for source in (*sorted(SHIPPED.iterdir()), LENDER):
        target = into / source.name
        if target.exists():
            say(str(target), lead="kept")
        else:
            shutil.copyfile(source, target)
            say(str(target), lead="copied")


def _register() -> "Opened":
    """The borrowers' register, read by whoever is logged in at this machine."""
    from ledger.borrowers.recipients import reading_as

    return reading_as(getpass.getuser(), "cli")


def _cause(actor: str, key: str | None) -> "Cause":
    from ledger.orders import Cause

    return Cause(actor, "cli", f"cli:{key}" if key else None)


def _today(chosen: "Settings") -> date:
    return SystemClock(chosen.zone).business_date()


def _write(chosen: "Settings", sheet: Sheet, form: Form, to: Path | None) -> None:
    from projections.statements.render import Press

    with Press.of(chosen) as press:
        laid = press.one(sheet, form)
    if to is not None:
        to.write_bytes(laid)
        return
    if form is Form.PDF and sys.stdout.isatty():
        fail("to: a PDF is not for a screen; name a file with --to")
    sys.stdout.buffer.write(laid)

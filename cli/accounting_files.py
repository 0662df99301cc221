"""What goes to an accountant's system, and the fiscal documents: files, batches, stamps."""

from getpass import getuser
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.accounting import accounting
from cli.console import Exit, answer, fail, progress, say, show, table
from cli.read_side import catch_up
from cli.ready import ready

cfdi = typer.Typer(
    help="Fiscal documents (CFDI) for interest, fees and payments.", no_args_is_help=True
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Where = Annotated[
    Path | None,
    typer.Option("--to", metavar="FILE", help="Where the file goes (default: its own name here)."),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module, beside those of `cli.accounting`."""
    accounting.command("export")(export)
    accounting.command("exports")(exports)
    accounting.command("re-export")(re_export)
    accounting.add_typer(cfdi, name="cfdi")


def export(
    name: Annotated[str, typer.Argument(metavar="FORMAT", help="Such as contpaqi, sat-entries.")],
    period: Annotated[str, typer.Option(metavar="MONTH", help="A closed month, as 2026-01.")],
    to: Where = None,
    actor: Annotated[str, typer.Option(help="Who exports it, as the batch will say.")] = (
        "accountant"
    ),
    as_json: AsJson = False,
) -> None:
    """Make the file of a closed month, with what no file of the format has had yet."""
    from projections.accounting.exports.formats import format_named
    from projections.accounting.exports.period import Period
    from projections.accounting.exports.source import kept_batch, make_batch

    format_named(name)
    month = Period.parse(period)
    chosen = ready()
    catch_up(chosen, quiet=as_json)
    with progress("entries", quiet=as_json) as told:
        batch = make_batch(chosen, name, month, actor=actor, told=lambda done: told(done, 0))
    _deliver(kept_batch(chosen, batch.id), to, as_json=as_json)


def exports(
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """The files that were made, the newest first."""
    from projections.accounting.exports.source import batches

    found = batches(ready(), limit)
    if as_json:
        answer(found)
        return
    shown = table("Exports", "batch", "format", "period", "entries", "lines", "file", "SHA-256",
                  "by", "recorded at", numbers=("batch", "entries", "lines"))  # fmt: skip
    for one in found:
        shown.add_row(str(one.id), one.format, one.period, f"{one.entries:,}", f"{one.lines:,}",
                      one.file_name, one.file_sha256[:12], one.actor,
                      f"{one.recorded_at:%Y-%m-%d %H:%M}")  # fmt: skip
    show(shown)


def re_export(
    batch: Annotated[int, typer.Argument(metavar="BATCH", help="Its number, as exports lists.")],
    to: Where = None,
    as_json: AsJson = False,
) -> None:
    """The file of a batch once more, byte for byte as it was."""
    from projections.accounting.exports.source import kept_batch

    _deliver(kept_batch(ready(), batch), to, as_json=as_json)


def _deliver(found: tuple[Any, Path], to: Path | None, *, as_json: bool) -> None:
    from projections.accounting.exports.files import copied

    batch, kept = found
    path = to or Path(batch.file_name)
    copied(kept, path)
    if as_json:
        answer(batch)
        return
    say(f"{path}: batch {batch.id}, {batch.entries:,} entries, {batch.lines:,} lines,"
        f" SHA-256 {batch.file_sha256}")  # fmt: skip


@cfdi.command("issue")
def issue(as_json: AsJson = False) -> None:
    """Seal, have stamped and cancel whatever the log asks for; safe to run again.

    Exit code 1 if documents were refused, 3 if the provider is away.
    """
    from ledger.borrowers.fiscal import taxpayers
    from ledger.borrowers.reading import Reader
    from ledger.database import connect
    from projections.accounting.cfdi.desk import open_desk
    from projections.accounting.cfdi.errors import ProviderAway
    from projections.accounting.cfdi.issue import issue as run

    chosen = ready()
    with (
        taxpayers(chosen, Reader(getuser(), "cli")) as register,
        connect(chosen, autocommit=True) as connection,
        progress("loans", quiet=as_json) as told,
    ):
        try:
            report = run(connection, open_desk(chosen, register), lambda done: told(done, 0))
        except ProviderAway as away:
            fail(f"provider: {away}; what waits for it is kept, run this again", Exit.ENVIRONMENT)
    if as_json:
        answer(report)
    else:
        for name in report.__struct_fields__:
            say(f"{name:<12}{getattr(report, name):>9,}")
    if report.refused:
        raise typer.Exit(Exit.FINDINGS)


@cfdi.command("list")
def list_(
    every: Annotated[bool, typer.Option("--all", help="Those that are done as well.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Documents that wait, were refused, or are being cancelled, and why."""
    from ledger.database import connect
    from ledger.money import text
    from projections.accounting.cfdi import register as kept

    states = kept.STATES if every else kept.OPEN
    with connect(ready()) as connection:
        found = kept.standing(connection, states, limit)
    if as_json:
        answer(found)
        return
    shown = table("Fiscal documents", "document", "loan", "state", "total", "UUID", "reason",
                  numbers=("total",))  # fmt: skip
    for one in found:
        total = f"{text(one.total, one.currency)} {one.currency}"
        reason = "waits for the stamping provider" if one.state == "sealed" else one.reason
        shown.add_row(one.document, one.loan_no, one.state, total, str(one.uuid or ""), reason)
    show(shown)


@cfdi.command("check")
def check(as_json: AsJson = False) -> None:
    """Hold what loans collected against the documents in force, read from their XML.

    Exit code 1 if a loan's totals differ, or documents are not done.
    """
    from ledger.database import connect
    from ledger.money import text
    from projections.accounting.cfdi.reconcile import reconcile
    from projections.accounting.cfdi.settings import read_settings

    chosen = ready()
    with connect(chosen) as connection:
        found = list(reconcile(connection, read_settings(chosen)))
    apart = [one for one in found if not one.agrees]
    if as_json:
        answer({"loans": len(found), "apart": apart})
    else:
        say(f"{len(found):,} loans, {len(apart):,} apart from their documents")
        numbers = ("collected", "documented", "tax", "tax documented", "waiting")
        shown = table("Apart", "loan", *numbers, numbers=numbers)
        for one in apart:
            figures = (one.collected, one.documented, one.tax_collected, one.tax_documented)
            shown.add_row(one.loan_no, *(text(f, one.currency) for f in figures), str(one.waiting))
        if apart:
            show(shown)
    if apart:
        raise typer.Exit(Exit.FINDINGS)

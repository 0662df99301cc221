"""`cartera bureau`: files for credit bureaus, written, checked, marked as sent, and answered."""

import os
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.console import Exit, answer, fail, progress, say, show, table
from cli.read_side import catch_up
from cli.ready import ready

bureau = typer.Typer(help="Files for credit bureaus.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Actor = Annotated[str, typer.Option(help="Who orders it, as the books will say.")]
LISTED = 20


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(bureau, name="bureau")


@bureau.command("write")
def write(
    form: Annotated[
        str, typer.Argument(metavar="FORMAT", help="`cartera bureau formats` has them.")
    ],
    cut_off: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], metavar="DATE")],
    to: Annotated[Path, typer.Option(help="The file to write.")],
    lender: Annotated[Path, typer.Option(help="The lender file (YAML): keys, codes, choices.")],
    consumers: Annotated[
        Path | None,
        typer.Option(help="Who the borrowers are, a JSON object a line (default: the register)."),
    ] = None,
    correction: Annotated[
        bool, typer.Option("--correction", help="Only what was sent otherwise, or rejected.")
    ] = False,
    processes: Annotated[
        int | None, typer.Option(min=1, help="That fold a large book (default: one a processor).")
    ] = None,
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """Write a file of a cut-off date as a draft; `sent` says that it went.

    What cannot be sent is listed beside it, in FILE.unsendable.csv; then the exit code is 1.
    """
    from ledger.clock import SystemClock
    from ledger.database import pool
    from projections.bureau.desk import Hands, Job
    from projections.bureau.errors import BureauError
    from projections.bureau.lender import read_lender
    from projections.bureau.write import write as run
    from workers.bureau_people import people_of

    chosen = ready()
    catch_up(chosen, quiet=as_json)
    processes = processes or len(os.sched_getaffinity(0))
    try:
        job = Job(
            form=form, cut_off=cut_off.date(), today=SystemClock(chosen.zone).business_date(),
            lender=read_lender(lender), lender_bytes=lender.read_bytes(), actor=actor,
            correction=correction,
        )  # fmt: skip
        with (
            pool(chosen, max_size=2) as connections,
            people_of(chosen, consumers) as people,
            progress("loans", quiet=as_json) as told,
        ):
            hands = Hands(
                settings=chosen, people=partial(people_of, chosen, consumers), processes=processes
            )
            written = run(connections, job, people, to, told, hands if processes > 1 else None)
    except BureauError as error:
        fail(f"{error.field}: {error}")
    if as_json:
        answer(written)
    else:
        say(f"file {written.file}: {written.records:,} records, balances {written.balance:,},"
            f" past due {written.past_due:,}; {to}")  # fmt: skip
        if written.unsendable:
            say(f"{written.unsendable:,} tradelines cannot be sent: {written.unsendable_list}")
    if written.unsendable:
        raise typer.Exit(Exit.FINDINGS)


@bureau.command("formats")
def formats(as_json: AsJson = False) -> None:
    """The formats that `write` knows."""
    from projections.bureau.formats.registry import FORMATS

    if as_json:
        answer(list(FORMATS))
    else:
        for name in FORMATS:
            say(name)


@bureau.command("sent")
def sent(
    file: Annotated[Path, typer.Argument(help="The file that went to its bureau.")],
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """Say that a file went to its bureau: from now on what it tells stands."""
    from hashlib import file_digest

    from ledger.database import connect
    from projections.bureau.errors import BureauError
    from projections.bureau.kept import mark_sent

    chosen = ready()
    with file.open("rb") as content:
        digest = file_digest(content, "sha256").digest()
    try:
        with connect(chosen) as connection:
            known = mark_sent(connection, digest, actor)
    except BureauError as error:
        fail(f"{error.field}: {error}")
    if as_json:
        answer(known)
    else:
        say(f"file {known.file} of {known.cut_off} is sent to {known.bureau}")


@bureau.command("files")
def files(as_json: AsJson = False) -> None:
    """Every file written, the latest first."""
    from ledger.database import connect
    from projections.bureau.kept import files as known

    with connect(ready()) as connection:
        found = known(connection)
    if as_json:
        answer(found)
        return
    numbers = ("records", "balances", "past due")
    shown = table("Bureau files", "file", "bureau", "format", "cut-off", "kind", *numbers, "sent",
                  numbers=numbers)  # fmt: skip
    for one in found:
        shown.add_row(str(one.file), one.bureau, one.format, str(one.cut_off), one.kind,
                      f"{one.records:,}", f"{one.balance:,}", f"{one.past_due:,}",
                      "yes" if one.sent else "draft")  # fmt: skip
    show(shown)


@bureau.command("validate")
def validate(
    file: Annotated[Path, typer.Argument(help="A file of any format, ours or not.")],
    form: Annotated[
        str | None, typer.Option("--format", help="Its format, where it does not show.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read a file back by tables of its own: structure, lengths, codes, rules, control figures.

    Exit code 1 if there are findings.
    """
    from projections.bureau.validators.registry import CHECKS, ReaderNotInstalled, kind_of

    if not file.is_file():
        fail(f"file: {file} is no file")
    kind = form or kind_of(file)
    if kind not in CHECKS:
        fail(f"format: {kind or 'the file'!r} is none of {', '.join(CHECKS)}")
    try:
        found = list(CHECKS[kind](file))
    except ReaderNotInstalled as error:
        fail(str(error), Exit.ENVIRONMENT)
    if as_json:
        answer({"format": kind, "findings": found})
    else:
        for one in found[:LISTED]:
            say(f"{one.field}: {one.rule}", lead=_place(one.record))
        if len(found) > LISTED:
            say(f"and {len(found) - LISTED:,} more (--json lists all)")
        say(f"{kind}: {len(found):,} findings")
    if found:
        raise typer.Exit(Exit.FINDINGS)


@bureau.command("report")
def report(
    file: Annotated[int, typer.Argument(help="Its number, as `files` shows it.")],
    as_json: AsJson = False,
) -> None:
    """How a file ties to the ledger, and what moved since the last one.

    Exit code 1 if a difference to the ledger has no reason.
    """
    from ledger.database import connect
    from projections.bureau.errors import BureauError
    from projections.bureau.report import control

    chosen = ready()
    catch_up(chosen, quiet=as_json)
    try:
        with connect(chosen) as connection:
            found = control(connection, file)
    except BureauError as error:
        fail(f"{error.field}: {error}")
    if as_json:
        answer(found)
    else:
        _show(found)
    if not found.explained:
        raise typer.Exit(Exit.FINDINGS)


@bureau.command("rejects")
def take_rejects(
    rejects: Annotated[Path, typer.Argument(help="What the bureau sent back.")],
    file: Annotated[int, typer.Option(help="The number of the file that it answers.")],
    layout: Annotated[Path, typer.Option(help="How it is laid out (YAML).")],
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """Keep a bureau's rejects: they are open until a later file has their records."""
    from ledger.database import connect
    from projections.bureau.errors import BureauError
    from projections.bureau.kept import one
    from projections.bureau.rejects import read_layout, take

    chosen = ready()
    try:
        with connect(chosen) as connection:
            known = one(connection.cursor(), file=file)
            taken = take(connection, rejects, read_layout(layout), known, actor)
    except BureauError as error:
        fail(f"{error.field}: {error}")
    if as_json:
        answer(taken)
    else:
        say(f"{len(taken):,} rejects of file {file} are kept")


def _place(record: int) -> str:
    return {0: "header", -1: "trailer"}.get(record, f"record {record}")


def _show(found: Any) -> None:
    file = found.file
    say(f"file {file.file} ({file.format}, {file.kind}, {'sent' if file.sent else 'draft'}) of"
        f" {file.cut_off}: {file.records:,} records")  # fmt: skip
    from ledger.money import text

    for tie in found.ties:
        say(f"{tie.currency}", lead="balances")
        say(f"  {text(tie.ledger, tie.currency):>20}  owed by the ledger on {file.cut_off}")
        for step in tie.steps:
            say(f"  {text(step.amount, tie.currency):>20}  {step.reason} ({step.tradelines:,})")
        say(f"  {text(tie.file, tie.currency):>20}  in the file")
        if tie.unexplained:
            say(f"  {text(tie.unexplained, tie.currency):>20}  WITHOUT A REASON")
    for one in found.differences:
        say(
            f"  {one.loan_no}: ledger {one.ledger}, told {one.reported} (minor units), {one.reason}"
        )
    if found.unsendable:
        fields = ", ".join(f"{name} {count}" for name, count in found.unsendable_by_field.items())
        say(f"{found.unsendable:,} tradelines could not be sent: {fields}")
    if found.moved is not None:
        moved = {name: getattr(found.moved, name) for name in found.moved.__struct_fields__[1:]}
        told = ", ".join(f"{name} {count:,}" for name, count in moved.items())
        say(f"since {found.moved.since}: {told}")
    for reject in found.rejects:
        say(f"open reject of file {reject.file}: {reject.loan_no} {reject.field} {reject.code}"
            f" {reject.message}")  # fmt: skip

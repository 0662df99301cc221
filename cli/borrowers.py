"""Borrowers: registered from a file, changed, put on loans, read with a trace, forgotten."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.console import Exit, answer, fail, say, show, table
from cli.ready import ready
from domain.borrower.events import Ground, Role

borrowers = typer.Typer(
    help="People who owe: their data is encrypted, and every reading of it is noted.",
    no_args_is_help=True,
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Number = Annotated[str, typer.Argument(metavar="BORROWER", help="The borrower's number.")]
Loan = Annotated[str, typer.Argument(metavar="LOAN", help="The loan's number.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="A YAML or JSON file.")]
Day = Annotated[
    datetime | None,
    typer.Option(
        "--on", formats=["%Y-%m-%d"], metavar="DATE", help="Since when it holds (default: today)."
    ),
]
Key = Annotated[
    str | None,
    typer.Option(help="Your own id of this order: given again, it is carried out once."),
]
Actor = Annotated[str, typer.Option(help="Who orders it, as the log will say.")]
Reason = Annotated[str, typer.Option(help="Why.")]
CHANNEL = "cli"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(borrowers, name="borrower")


@contextmanager
def _registry() -> Iterator[Any]:
    from ledger.application import Ledger
    from ledger.borrowers.registry import Registry

    with Ledger(ready()) as ledger:
        yield Registry(ledger)


@contextmanager
def _archive() -> Iterator[Any]:
    """The archive, and who reads: whoever is logged in at this machine."""
    from ledger.borrowers.reading import Archive, Reader
    from ledger.borrowers.vault import Vault
    from ledger.store import Store

    chosen = ready()
    vault, store = Vault.of(chosen), Store(chosen)
    try:
        yield Archive(store, vault), Reader(getpass.getuser(), CHANNEL)
    finally:
        store.close()


@borrowers.command("register")
def register_(
    number: Number, file: File, on: Day = None, key: Key = None, actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Register a person from a file."""
    from ledger.borrowers.forms import person_from

    form = _form(file)
    with _registry() as registry:
        person = person_from(form, currency=registry.ledger.settings.currency)
        _tell(
            registry.register(number, person, on=_day(on, registry), cause=_cause(actor, key)),
            as_json=as_json,
        )


@borrowers.command("change")
def change(
    number: Number, file: File, on: Day = None, reason: Reason = "", key: Key = None,
    actor: Actor = "operator", as_json: AsJson = False,
) -> None:  # fmt: skip
    """Change what the file says; a field that is null there is not known any more."""
    form = _form(file)
    if not isinstance(form, dict):
        fail("form: must be a mapping of fields")
    with _registry() as registry:
        day = _day(on, registry)
        receipt = registry.change(number, form, on=day, cause=_cause(actor, key), reason=reason)
        _tell(receipt, as_json=as_json)


@borrowers.command("join")
def join(
    number: Number, loan: Loan, role: Annotated[Role, typer.Option()], on: Day = None,
    key: Key = None, actor: Actor = "operator", as_json: AsJson = False,
) -> None:  # fmt: skip
    """Put a person on a loan, as co-borrower or guarantor."""
    with _registry() as registry:
        day = _day(on, registry)
        _tell(registry.join(number, loan, role, on=day, cause=_cause(actor, key)), as_json=as_json)


@borrowers.command("leave")
def leave(
    number: Number, loan: Loan, role: Annotated[Role, typer.Option()], on: Day = None,
    reason: Reason = "", key: Key = None, actor: Actor = "operator", as_json: AsJson = False,
) -> None:  # fmt: skip
    """Take a person off a loan."""
    with _registry() as registry:
        receipt = registry.leave(
            number, loan, role, on=_day(on, registry), cause=_cause(actor, key), reason=reason
        )
        _tell(receipt, as_json=as_json)


@borrowers.command("forget")
def forget(
    number: Number,
    ground: Annotated[Ground, typer.Option(help="Why.")],
    yes: Annotated[bool, typer.Option("--yes", help="It cannot be undone, and you know.")] = False,
    key: Key = None,
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """Destroy a person's key: what was recorded of him can never be read again.

    His loans, and the log's digests, stay as they are.
    """
    if not yes:
        fail("yes: forgetting cannot be undone; say --yes")
    with _registry() as registry:
        _tell(registry.forget(number, ground, cause=_cause(actor, key)), as_json=as_json)


@borrowers.command("show")
def show_(number: Number, as_json: AsJson = False) -> None:
    """A person's data and the loans he joined; the reading is noted."""
    from ledger.borrowers.forms import person_form

    with _archive() as (archive, reader):
        found = archive.read(number, reader)
    roles = [
        {"loan_no": one.loan_no, "role": one.role.value, "since": str(one.since)}
        for one in found.roles
    ]
    person = person_form(found.person)
    if as_json:
        answer({"borrower_no": number, "version": found.version, "person": person, "roles": roles})
        return
    told = table(f"Borrower {number}, version {found.version}", "field", "value")
    for name, value in person.items():
        told.add_row(name.replace("_", " "), _told(value))
    for one in roles:
        told.add_row(one["role"].replace("_", " "), f"{one['loan_no']} since {one['since']}")
    show(told)


@borrowers.command("history")
def history(number: Number, as_json: AsJson = False) -> None:
    """What changed, before and after; the reading is noted."""
    with _archive() as (archive, reader):
        found = archive.history(number, reader)
    if as_json:
        answer(found)
        return
    told = table(f"Borrower {number}", "#", "since", "event", "by", "before", "after")
    for one in found:
        told.add_row(
            str(one.version), str(one.effective_on), one.type, one.actor,
            _told(one.before), _told(one.after),
        )  # fmt: skip
    show(told)


@borrowers.command("readings")
def readings(number: Number, as_json: AsJson = False) -> None:
    """Who read a person's data, the latest first."""
    with _archive() as (archive, _):
        found = archive.readings(number)
    if as_json:
        answer(found)
        return
    told = table(f"Readings of {number}", "when", "who", "through", "what")
    for one in found:
        told.add_row(f"{one.read_at:%Y-%m-%d %H:%M:%S}", one.actor, one.channel, one.what)
    show(told)


@borrowers.command("find")
def find(
    rfc: Annotated[str, typer.Option(help="All 13 characters.")] = "",
    curp: Annotated[str, typer.Option()] = "",
    as_json: AsJson = False,
) -> None:
    """The number of the person with this RFC or CURP. Exit code 1 if there is none."""
    if bool(rfc) is bool(curp):
        fail("rfc: give either --rfc or --curp")
    kind, value = ("rfc", rfc) if rfc else ("curp", curp)
    with _archive() as (archive, reader):
        found = archive.find(kind, value.upper().replace("-", "").replace(" ", ""), reader)
    if as_json:
        answer({"borrower_no": found})
    else:
        say(found or f"nobody with that {kind}")
    if found is None:
        raise typer.Exit(Exit.FINDINGS)


@borrowers.command("verify")
def verify(as_json: AsJson = False) -> None:
    """Recompute every chain, the forgotten ones too. Exit code 1 if something differs."""
    from ledger.borrowers import keeping

    with _archive() as (archive, _):
        found = keeping.verify(archive.store, archive.vault)
    if as_json:
        answer(found)
    else:
        say(f"{found.borrowers:,} borrowers, {found.forgotten:,} forgotten, {found.facts:,} facts")
        for one in found.findings:
            say(f"{one.borrower_no} version {one.version}: {one.what}", lead="differs", style="red")
    if found.findings:
        raise typer.Exit(Exit.FINDINGS)


@borrowers.command("new-key")
def new_key() -> None:
    """Print a master key, to be set as CARTERA_BORROWER_KEY and kept apart from the database."""
    from ledger.borrowers.vault import new_master_key

    say(new_master_key())


@borrowers.command("rewrap")
def rewrap(as_json: AsJson = False) -> None:
    """Put every borrower's key under the current master key.

    Afterwards the old ones in CARTERA_BORROWER_OLD_KEYS can be thrown away.
    """
    from ledger.borrowers import keeping

    with _archive() as (archive, _):
        done = keeping.rewrap(archive.store, archive.vault)
    if as_json:
        answer({"rewrapped": done})
    else:
        say(f"{done:,} keys are under {archive.vault.current} now")


def _form(file: Path) -> Any:
    from ledger.yaml_form import read_form

    if not file.is_file():
        fail(f"file: {file} is no file")
    return read_form(file)


def _day(given: datetime | None, registry: Any) -> date:
    today: date = registry.ledger.clock.business_date()
    return given.date() if given else today


def _cause(actor: str, key: str | None) -> Any:
    from ledger.orders import Cause

    return Cause(actor, CHANNEL, f"{CHANNEL}:{key}" if key else None)


def _told(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_told(one)}" for name, one in value.items())
    if isinstance(value, list):
        return "; ".join(map(_told, value))
    return str(value)


def _tell(receipt: Any, *, as_json: bool) -> None:
    if as_json:
        answer(receipt)
        return
    state = "was recorded before" if receipt.repeated else ", ".join(receipt.events)
    say(f"borrower {receipt.borrower_no}: {state} (version {receipt.version})")
    for warning in receipt.warnings:
        say(warning, lead="warning", style="yellow")

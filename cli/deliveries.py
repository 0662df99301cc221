"""Documents on their way to borrowers: what is where, sent from here, checked."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

import typer

from cli.console import Exit, answer, progress, say, show, table
from cli.ready import ready

deliveries = typer.Typer(help="Documents on their way to borrowers.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class State(StrEnum):
    """How a delivery stands."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    REFUSED = "refused"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(deliveries, name="delivery")


@deliveries.command("list")
def list_deliveries(
    state: Annotated[State | None, typer.Option(help="Only those.")] = None,
    month: Annotated[str | None, typer.Option(help="Statements of a month only.")] = None,
    loan: Annotated[str | None, typer.Option(help="One loan's only.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 50,
    as_json: AsJson = False,
) -> None:
    """The latest deliveries, with the last reason of what waits or was refused."""
    from ledger.database import connect
    from ledger.delivery.register import counts, found

    document = f"statement {month}" if month else None
    with connect(ready(), autocommit=True) as connection:
        rows = found(
            connection, state=state.value if state else None, document=document, loan_no=loan,
            limit=limit,
        )  # fmt: skip
        sums = counts(connection, document)
    if as_json:
        answer({"counts": sums, "deliveries": rows})
        return
    told = table("Deliveries", "id", "loan", "document", "by", "state", "tries", "next try",
                 "reason", numbers=("tries",))  # fmt: skip
    for one in rows:
        waits = f"{one.next_at:%Y-%m-%d %H:%M:%S}" if one.ended_at is None else ""
        told.add_row(str(one.delivery_id), one.loan_no, one.document, one.means.value, one.state,
                     str(one.attempts), waits, one.reason)  # fmt: skip
    show(told)
    say(", ".join(f"{number:,} {name}" for name, number in sums.items()) or "nothing was ordered")


@deliveries.command("show")
def show_delivery(
    delivery: Annotated[UUID, typer.Argument(metavar="DELIVERY")], as_json: AsJson = False
) -> None:
    """Every step of one delivery."""
    from ledger.database import connect
    from ledger.delivery.register import find, steps

    with connect(ready(), autocommit=True) as connection:
        one = find(connection, delivery)
        taken = steps(connection, one)
    if as_json:
        answer({"delivery": one, "steps": taken})
        return
    told = table(f"{one.document} of loan {one.loan_no}", "#", "when", "what", "more")
    for step in taken:
        fields = {name: getattr(step.fact, name) for name in step.fact.__struct_fields__}
        more = ", ".join(f"{name} {value}" for name, value in fields.items())
        told.add_row(str(step.version), f"{step.recorded_at:%Y-%m-%d %H:%M:%S}",
                     str(step.fact.__struct_config__.tag), more)  # fmt: skip
    show(told)


@deliveries.command("run")
def run(as_json: AsJson = False) -> None:
    """Send what is due from here, as workers do. Exit code 1 if something waits or was refused."""
    from ledger.application import Ledger
    from workers.post import send_due

    with Ledger(ready()) as ledger, progress("documents", quiet=as_json) as told:
        sent = send_due(ledger, told)
    if as_json:
        answer(sent._asdict())
    else:
        say(f"{sent.sent:,} sent, {sent.refused:,} refused, {sent.waiting:,} put off")
    if sent.refused or sent.waiting:
        raise typer.Exit(Exit.FINDINGS)


@deliveries.command("verify")
def verify(as_json: AsJson = False) -> None:
    """Recompute every chain of facts. Exit code 1 if something differs."""
    from ledger.delivery.register import verify as recompute
    from ledger.store import Store

    store = Store(ready())
    try:
        facts, broken = recompute(store)
    finally:
        store.close()
    if as_json:
        answer({"facts": facts, "findings": broken})
    else:
        say(f"{facts:,} facts")
        for one in broken:
            told = f"{one.delivery_id} version {one.version}: {one.what}"
            say(told, lead="differs", style="red")
    if broken:
        raise typer.Exit(Exit.FINDINGS)

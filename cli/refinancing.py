"""A new loan that pays off old ones, from the command line."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from cli.console import answer, say
from cli.read_side import catch_up
from cli.ready import ready

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("refinance")(refinance)


def refinance(
    loans: Annotated[list[str], typer.Argument(metavar="LOAN...", help="Those it pays off.")],
    loan_no: Annotated[str, typer.Option("--loan-no", help="Number of the new loan.")],
    terms: Annotated[Path, typer.Option(help="Its terms, YAML or JSON: a story's `loan`.")],
    on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], metavar="DATE")],
    withheld_fees: Annotated[
        str | None, typer.Option(help="Before tax; the opening fee of the terms when left out.")
    ] = None,
    borrower: str = "",
    product: str = "",
    branch: str = "",
    officer: str = "",
    channel: Annotated[str, typer.Option(help="How the rest is paid out.")] = "",
    actor: Annotated[str, typer.Option(help="Who orders it, as the log will say.")] = "operator",
    as_json: AsJson = False,
) -> None:
    """Lend on new terms, pay off old loans for what they owe, and pay out the rest.

    Stopped in the middle, the same command goes on: it is known by the number of the new loan.
    """
    from ledger.application import Ledger
    from ledger.forms import terms_from
    from ledger.money import parse, text
    from ledger.orders import Cause
    from ledger.refinancing import Refinancing
    from ledger.refinancing import refinance as carry_out
    from ledger.yaml_form import read_form

    chosen = ready()
    agreed = terms_from(read_form(terms), currency=chosen.currency)
    fees = None if withheld_fees is None else parse(withheld_fees, agreed.currency, "withheld_fees")
    with Ledger(chosen) as ledger:
        order = Refinancing(
            refinances=[_named(ledger, loan) for loan in loans],
            loan_no=loan_no,
            terms=agreed,
            effective_on=on.date(),
            withheld_fees=fees,
            channel=channel,
            borrower=borrower,
            product=product,
            branch=branch,
            officer=officer,
        )
        done = carry_out(ledger, order, Cause(actor, "cli", f"cli:{loan_no}"))
    catch_up(chosen, quiet=as_json)
    paid = [(one.loan_id, text(one.amount, done.currency)) for one in done.paid_off]
    rest = text(done.paid_out, done.currency)
    if as_json:
        answer({
            "loan_id": done.receipt.loan_id, "loan_no": loan_no, "currency": done.currency,
            "paid_off": [{"loan_id": loan_id, "amount": amount} for loan_id, amount in paid],
            "paid_out": rest, "repeated": done.receipt.repeated,
        })  # fmt: skip
        return
    for (_, amount), loan in zip(paid, loans, strict=True):
        say(f"{loan} paid off with {amount} {done.currency}")
    say(f"{rest} {done.currency} paid out by {loan_no}")


def _named(ledger: Any, loan: str) -> UUID:
    try:
        given = UUID(loan)
    except ValueError:
        found: UUID = ledger.find(loan)
    else:
        found = ledger.find_either(given, loan)
    return found

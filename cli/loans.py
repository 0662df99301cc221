"""One loan's history, and questions in GraphQL."""

import sys
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import typer

from cli.console import Exit, answer, fail, json_object, say, show, table
from cli.ready import ready

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("replay")(replay)
    app.command("query")(query)


def replay(
    loan: Annotated[str, typer.Argument(metavar="LOAN", help="Loan number or id.")],
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], metavar="DATE", help="Facts with a value date up to it."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """A loan's history, event by event, with the balances after each."""
    from cli.history import entries, standing
    from ledger.database import connect
    from ledger.errors import UnknownLoan
    from ledger.log import history

    with connect(ready()) as connection:
        loan_id = loan_named(connection, loan)
        facts = history(connection, loan_id)
    if not facts:
        raise UnknownLoan(loan)
    until = as_of.date() if as_of else None
    first = facts[0][0].event
    if until is not None and until < first.effective_on:
        fail(f"as_of: {until} is before the loan was opened ({first.effective_on})")
    last = max(recorded.event.effective_on for recorded, _ in facts)
    found = list(entries(facts, until))
    stands = standing(facts, until or last)
    if as_json:
        told = {"loan_id": loan_id, "loan_no": getattr(first, "loan_no", loan)}
        answer(told | {"events": found, "standing": stands})
        return
    _show(loan, found, stands)


def _show(loan: str, found: list[dict[str, Any]], stands: dict[str, Any]) -> None:
    amounts = ("principal", "interest", "late", "fees", "tax", "total")
    shown = table(f"Loan {loan}", "#", "value date", "event", "effect", *amounts, numbers=amounts)
    for one in found:
        shown.add_row(
            str(one["version"]), str(one["effective_on"]), one["type"], one["summary"],
            *_columns(one["balances"]),
        )  # fmt: skip
    show(shown)
    owed = stands["balances"]["total"]
    say(
        f"on {stands['on']}: {stands['status']}, {stands['days_past_due']} days past due, "
        f"{owed} owed"
    )


def _columns(balances: dict[str, str]) -> tuple[str, ...]:
    from decimal import Decimal

    tax = sum(Decimal(balances[n]) for n in ("fee_tax", "late_interest_tax", "interest_tax"))
    parts = (balances[n] for n in ("principal", "interest", "late_interest", "fee"))
    return (*parts, str(tax), balances["total"])


def loan_named(connection: Any, loan: str) -> UUID:
    """The loan with this number or id. Errors: ``UnknownLoan``."""
    from ledger.errors import UnknownLoan

    found = connection.execute(
        "SELECT loan_id FROM ledger.loan_state WHERE loan_no = %s OR loan_id::text = %s",
        [loan, loan.lower()],
    ).fetchone()
    if found is None:
        raise UnknownLoan(loan)
    loan_id: UUID = found[0]
    return loan_id


def query(
    graphql: Annotated[str, typer.Argument(help="The question; - reads it from stdin.")],
    variables: Annotated[
        str, typer.Option("--vars", metavar="JSON", help="Its variables, as a JSON object.")
    ] = "{}",
    books: Annotated[
        str | None, typer.Option(help="Ask books made by `rebuild --into` instead of the live one.")
    ] = None,
) -> None:
    """Ask a GraphQL question of the read models, and print the answer as JSON.

    Exit code 2 if the answer holds errors.
    """
    from api.query import run
    from projections.books import BooksError

    given = json_object("vars", variables)
    document = sys.stdin.read() if graphql == "-" else graphql
    try:
        found = run(document, given, ready(), books=books)
    except BooksError as error:
        fail(f"books: {error}")
    answer(found)
    if found.get("errors"):
        raise typer.Exit(Exit.BAD_INPUT)

"""Plays stories through the real ledger and its read models, and holds the two answers equal."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection

from cli.story_run import Outcome, differences, figures_on
from domain import commands
from domain.errors import LoanError
from domain.loan import Loan
from domain.terms import Component
from ledger.application import Ledger
from ledger.database import pool
from ledger.indices import GivenIndices
from ledger.money import text
from ledger.orders import Cause
from ledger.stories import Step, Story, read
from projections.engine import catch_up

CAUSE = Cause("scenario", "cli")


def compare(ledger: Ledger, outcomes: list[Outcome]) -> None:
    """Play each story that could be read again, in the store; what differs becomes a failure.

    The loans stay in the database, under numbers of their own: use one meant for it.
    """
    played = [
        (one, story, _play(ledger, story))
        for one in outcomes
        if one["final"] is not None
        for story in [read(Path(one["file"]))]
    ]
    with pool(ledger.settings, max_size=2) as connections:
        catch_up(connections)
        with connections.connection() as connection:
            for one, story, loan_id in played:
                one["failures"] += list(_differences(connection, ledger, one, story, loan_id))
                one["passed"] = not one["failures"]


def _play(ledger: Ledger, story: Story) -> UUID:
    number = f"story-{uuid4()}"
    ledger.indices = GivenIndices(story.value_of)
    opened = ledger.begin(
        lambda: commands.open_loan(
            loan_no=number, terms=story.terms, product=story.product, effective_on=story.opened_on
        ),
        {"command": "open-loan", "loan_no": number},
        CAUSE,
    )
    for step in story.timeline:
        _take(ledger, opened.loan_id, step)
    body = {"command": "reset-rate", "day": story.last_day}
    ledger.execute(opened.loan_id, lambda loan: (), body, CAUSE, story.last_day)
    return opened.loan_id


def _take(ledger: Ledger, loan_id: UUID, step: Step) -> None:
    body = {"command": step.verb, "day": step.day}
    try:
        ledger.execute(loan_id, step.decide, body, CAUSE, step.day)
    except LoanError:
        return  # refused in memory as well, where it is judged


def _differences(
    connection: Connection[Any], ledger: Ledger, one: Outcome, story: Story, loan_id: UUID
) -> Iterator[str]:
    loan = ledger.load(loan_id)
    stored = figures_on(loan, story.last_day)
    for told in differences("", one["final"], stored):
        yield f"in the store, {told}"
    for told in differences("", _recorded(loan), _projected(connection, loan_id, loan)):
        yield f"in the read models, {told}"


def _recorded(loan: Loan) -> dict[str, str]:
    """What has been recorded so far: read models hold no forecast."""
    owed, currency = loan.balances(), loan.terms.currency
    return {str(name): text(getattr(owed, name), currency) for name in Component}


def _projected(connection: Connection[Any], loan_id: UUID, loan: Loan) -> dict[str, str]:
    columns = ", ".join(Component)
    row = connection.execute(
        f"SELECT {columns} FROM read.balances WHERE loan_id = %s", [loan_id]
    ).fetchone()
    found = row or (0,) * len(Component)
    currency = loan.terms.currency
    return {
        str(name): text(amount, currency) for name, amount in zip(Component, found, strict=True)
    }

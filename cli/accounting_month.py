"""The end of an accountant's month: periods closed, the loss allowance posted, roll rates."""

from datetime import date, datetime
from typing import Annotated, Any

import typer

from cli.accounting import AsJson, First, Last, accounting, books, span
from cli.console import answer, fail, say, show, table
from cli.ready import ready

Month = Annotated[
    datetime, typer.Argument(formats=["%Y-%m"], metavar="MONTH", help="Such as 2026-01.")
]


def register(_: typer.Typer) -> None:
    """Add the commands of this module to those of `cartera accounting`."""
    accounting.command("close-period")(close_period)
    accounting.command("periods")(periods)
    accounting.command("allowance")(allowance)
    accounting.command("roll-rates")(roll_rates)


def close_period(
    month: Month,
    actor: Annotated[
        str, typer.Option(help="Who closes it, as the books will say.")
    ] = "accountant",
    as_json: AsJson = False,
) -> None:
    """Close a month for good: what is found out later posts to the first open day."""
    from ledger.clock import SystemClock
    from ledger.orders import Cause
    from ledger.periods import close_period as run
    from ledger.store import Store

    chosen = ready()
    store = Store(chosen)
    try:
        today = SystemClock(chosen.zone).business_date()
        done = run(store, month.date(), today, Cause(actor, "cli"))
    finally:
        store.close()
    if as_json:
        answer(done)
    else:
        say(f"closed {done.month:%Y-%m} at position {done.position}")


def periods(as_json: AsJson = False) -> None:
    """The closed months, who closed them and where in the log."""
    from ledger.database import connect
    from ledger.periods import periods as run

    with connect(ready()) as connection:
        found = run(connection)
    if as_json:
        answer(found)
        return
    for one in found:
        say(f"{one.month:%Y-%m} closed by {one.actor} at position {one.position}")


def allowance(
    on: Annotated[
        datetime, typer.Option("--on", formats=["%Y-%m-%d"], metavar="DATE", help="As of its end.")
    ],
    posts: Annotated[bool, typer.Option("--post", help="Post the movement, not only show it.")] = (
        False
    ),
    named: Annotated[
        str | None,
        typer.Option("--books", metavar="NAME", help="Loans as in these books of an earlier day."),
    ] = None,
    actor: Annotated[str, typer.Option(help="Who posts it, as the books will say.")] = "accountant",
    as_json: AsJson = False,
) -> None:
    """What the loss allowance must come to by the lender's tables, and what it lacks.

    The tables are those of the setting CARTERA_ACCOUNTING_ALLOWANCE.
    """
    from ledger.money import text
    from projections.accounting import allowance as tables
    from projections.books import BooksError, schema_of

    chosen, day = ready(), on.date()
    if chosen.accounting_allowance is None:
        fail("accounting_allowance: no tables are set (CARTERA_ACCOUNTING_ALLOWANCE)")
    rates = tables.load_tables(chosen.accounting_allowance)
    try:
        with books() as (connection, rules):
            schema = schema_of(named) if named else "read"
            loans = tables.standing_loans(connection, day, schema)
            found = tables.movements(connection, rules, rates, loans, day)
    except (tables.BalancesBeyond, BooksError) as error:
        fail(f"{error.field}: {error}")
    key = _posted(chosen, day, found, actor) if posts else None
    if as_json:
        answer({"on": day, "key": key, "movements": [
            {"currency": one.currency, "branch": one.branch, "product": one.product,
             "stage": one.stage,
             **{name: text(getattr(one, name), one.currency)
                for name in ("required", "standing", "amount")}}
            for one in found]})  # fmt: skip
        return
    amounts = ("required", "standing", "movement")
    shown = table(f"Loss allowance on {day}", "branch", "product", "stage", *amounts,
                  numbers=amounts)  # fmt: skip
    for one in found:
        figures = (text(n, one.currency) for n in (one.required, one.standing, one.amount))
        shown.add_row(one.branch, one.product, str(one.stage), *figures)
    show(shown)
    if posts:
        say(f"posted {key}" if key else "nothing to post: the allowance stands at what is required")


def _posted(chosen: Any, on: date, found: list[Any], actor: str) -> str | None:
    from ledger.orders import Cause
    from ledger.postings import Posting, post
    from ledger.store import Store

    lines = [
        Posting(
            currency=one.currency, branch=one.branch, product=one.product, stage=one.stage,
            kind="allowance", component="required", amount=one.amount, reason=f"allowance on {on}",
        )
        for one in found
        if one.amount
    ]  # fmt: skip
    if not lines:
        return None
    store = Store(chosen)
    try:
        return post(store, "allowance", on, lines, Cause(actor, "cli"))
    finally:
        store.close()


def roll_rates(last: Last, first: First = None, as_json: AsJson = False) -> None:
    """How loans moved between buckets of days past due, from one day's end to another's."""
    from projections.accounting.roll_rates import roll_rates as run

    begin, end = span(first, last)
    with books() as (connection, _):
        found = run(connection, begin, end)
    if as_json:
        answer(found)
        return
    shown = table(f"{begin} to {end}, % of loans", "from", *found.end, numbers=found.end)
    for bucket, row in zip(found.start, found.rates, strict=True):
        shown.add_row(bucket, *(f"{n // 10_000}.{n // 100 % 100:02d}" for n in row))
    show(shown)

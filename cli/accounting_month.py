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

On = Annotated[
    datetime, typer.Option("--on", formats=["%Y-%m-%d"], metavar="DATE", help="As of its end.")
]
Posts = Annotated[bool, typer.Option("--post", help="Post the movement, not only show it.")]
Actor = Annotated[str, typer.Option(help="Who does it, as the books will say.")]
NOTHING = "nothing to post: the accounts stand at what is required"


def register(_: typer.Typer) -> None:
    """Add the commands of this module to those of `cartera accounting`."""
    accounting.command("close-period")(close_period)
    accounting.command("periods")(periods)
    accounting.command("allowance")(allowance)
    accounting.command("amortise")(amortise)
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
    on: On,
    posts: Posts = False,
    named: Annotated[
        str | None,
        typer.Option("--books", metavar="NAME", help="Loans as in these books of an earlier day."),
    ] = None,
    actor: Actor = "accountant",
    as_json: AsJson = False,
) -> None:
    """What the loss allowance must come to by the lender's tables, and what it lacks.

    The tables are those of the setting CARTERA_ACCOUNTING_ALLOWANCE.
    """
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
    lines = _lines(found, "allowance", "required", day)
    key = _posted(chosen, "allowance", day, lines, actor) if posts else None
    if as_json:
        answer({"on": day, "key": key, "movements": [_told(one) for one in found]})
        return
    _show(f"Loss allowance on {day}", found)
    if posts:
        say(f"posted {key}" if key else NOTHING)


def amortise(
    on: On, posts: Posts = False, actor: Actor = "accountant", as_json: AsJson = False
) -> None:  # fmt: skip
    """What is earned of fees and interest withheld at disbursement, and what of it is not posted.

    By the effective rate of each loan's schedule as it was disbursed; a loan that left the books
    has earned the whole.
    """
    from projections.accounting.amortisation import movements

    chosen, day = ready(), on.date()
    with books() as (connection, _):
        found = movements(connection, day)
    lines = [
        line for name, some in found.items() for line in _lines(some, "amortisation", name, day)
    ]
    key = _posted(chosen, "amortisation", day, lines, actor) if posts else None
    if as_json:
        parts = {name: [_told(one) for one in some] for name, some in found.items()}
        answer({"on": day, "key": key, "movements": parts})
        return
    for name, some in found.items():
        _show(f"{name.replace('_', ' ')} earned by {day}", some)
    if posts:
        say(f"posted {key}" if key else NOTHING)


def _lines(found: list[Any], kind: str, component: str, on: date) -> list[Any]:
    """The postings of movements; none for what stands where it should."""
    from ledger.postings import Posting

    return [
        Posting(
            currency=one.currency, branch=one.branch, product=one.product, stage=one.stage,
            kind=kind, component=component, amount=one.amount, reason=f"{kind} on {on}",
        )
        for one in found
        if one.amount
    ]  # fmt: skip


def _posted(chosen: Any, name: str, on: date, lines: list[Any], actor: str) -> str | None:
    from ledger.orders import Cause
    from ledger.postings import post
    from ledger.store import Store

    if not lines:
        return None
    store = Store(chosen)
    try:
        return post(store, name, on, lines, Cause(actor, "cli"))
    finally:
        store.close()


def _told(one: Any) -> dict[str, Any]:
    """A movement with its amounts as text."""
    from ledger.money import text

    same = {name: getattr(one, name) for name in ("currency", "branch", "product", "stage")}
    amounts = ("required", "standing", "amount")
    return same | {name: text(getattr(one, name), one.currency) for name in amounts}


def _show(title: str, found: list[Any]) -> None:
    amounts = ("required", "standing", "amount")
    shown = table(title, "currency", "branch", "product", "stage", *amounts, numbers=amounts)
    for one in found:
        shown.add_row(*(str(value) for value in _told(one).values()))
    show(shown)


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

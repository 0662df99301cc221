"""A lender with its loans: a tape, the bank's payments, months of close of day, then the API."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer

from cli.books import told as figures
from cli.console import Exit, fail, progress, say
from cli.portfolio import show_portfolio
from cli.read_side import catch_up
from cli.servers import development_token, free_port, prepare, serve
from ledger.application import Ledger
from ledger.close_of_day import close_through
from ledger.payment_file import PaymentReport, import_payments
from ledger.servers import postgres_url
from ledger.settings import Settings, settings
from ledger.suspense import waiting
from ledger.tape import import_loans

SCENARIOS = Path(__file__).resolve().parent.parent / "scenarios"
LOANS = SCENARIOS / "demo_loans.csv"
PAYMENTS = SCENARIOS / "demo_payments.csv"
FIRST_DAY = date(2026, 2, 1)
LAST_DAY = date(2026, 6, 30)
TAKEN = ("applied", "recovered", "suspended")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("demo")(demo)


def demo(
    no_serve: Annotated[bool, typer.Option("--no-serve", help="End after the summary.")] = False,
) -> None:
    """A lender's book from a loan tape to a portfolio summary, then served on loopback.

    Run again, it goes on with the same data and repeats nothing.
    """
    chosen = settings()
    if not no_serve:
        free_port(chosen)
    for path in (LOANS, PAYMENTS):
        if not path.exists():
            fail(f"demo: {path} is missing; run the demo from a checkout", Exit.ENVIRONMENT)
    prepare(chosen)
    token = development_token(chosen)
    found = chosen.model_copy(update={"database_url": postgres_url(chosen)})  # looked for once
    with Ledger(found) as ledger:
        _tape(ledger)
        _live(ledger)
    catch_up(chosen, quiet=False)
    show_portfolio(chosen, LAST_DAY)
    if no_serve:
        say(f"token    {token}")
    else:
        say(f"closed   through {LAST_DAY}: ask GraphQL with asOf, or see what arrears are by today")
        serve(chosen)


def _tape(ledger: Ledger) -> None:
    say(LOANS.name, lead="Loan tape")
    with progress("loans") as told:
        report = import_loans(
            ledger, LOANS, rejects=_rejects(ledger.settings, LOANS), actor="demo", progress=told
        )
    say("\n".join(f"  {line}" for line in figures(report)))


def _live(ledger: Ledger) -> None:
    """Day by day as a lender works: what the bank brings, then the close."""
    days = list(_open_days(ledger))
    say(f"{len(days)} days through {LAST_DAY}, with {PAYMENTS.name}", lead="Close of day")
    taken: Counter[str] = Counter()
    with progress("days") as told:
        for done, day in enumerate(days, start=1):
            taken += _counts(_bank(ledger, since=day, through=day))
            report = close_through(ledger, day)
            for loan in report.set_aside:
                fail(f"loan: {loan.loan_id} on {day}: {loan.reason}", Exit.FINDINGS)
            taken["events recorded"] += report.events
            told(done, len(days))
    whole = _bank(
        ledger, through=LAST_DAY
    )  # every line is there already; what was rejected is told at once
    taken["repeated"] = whole.repeated - sum(taken[name] for name in TAKEN)
    for name, count in taken.items():
        say(f"  {name:<17}{count:>9,}")
    say(f"  {'rejected':<17}{whole.rejected:>9,}  {whole.rejects}")
    say(f"  {'in suspense':<17}{len(waiting(ledger.store)):>9,}  listed by cartera suspense")


def _bank(
    ledger: Ledger, *, since: date | None = None, through: date | None = None
) -> PaymentReport:
    rejects = _rejects(ledger.settings, PAYMENTS)
    return import_payments(
        ledger, PAYMENTS, rejects=rejects, since=since, through=through, actor="demo"
    )


def _counts(report: PaymentReport) -> Counter[str]:
    return Counter({name: getattr(report, name) for name in TAKEN})


def _open_days(ledger: Ledger) -> Iterator[date]:
    """The business dates that some loan is not closed through yet."""
    [[closed]] = ledger.store.run(
        lambda connection: connection.execute(
            "SELECT min(coalesce(closed_through, '0001-01-01')) FILTER"
            " (WHERE status <> 'closed') FROM ledger.loan_state"
        ).fetchall()
    )
    day = FIRST_DAY if closed is None or closed < FIRST_DAY else closed + timedelta(days=1)
    while day <= LAST_DAY:
        yield day
        day += timedelta(days=1)


def _rejects(chosen: Settings, path: Path) -> Path:
    """In our own data directory: the demo changes no file of the checkout."""
    return chosen.var_dir / f"{path.name}.rejects.csv"

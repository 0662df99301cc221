"""The `cartera` command: each subcommand parses, calls the house and shapes the answer."""

import logging
import sys

import structlog
import typer

from cli import (
    accounting,
    accounting_files,
    accounting_month,
    bench,
    books,
    borrowers,
    bureau,
    days,
    deliveries,
    demo,
    documents,
    exports,
    generate,
    groups,
    indices,
    loans,
    products,
    rails,
    refinancing,
    reports,
    schedule,
    servers,
    statements,
    status,
    stories,
)
from cli.console import Commands
from ledger.settings import settings

SERVERS = ("up", "demo", "worker")
WITHOUT_TERMS = ("stop", "migrate", "key", "status")  # these work whatever the calendars say

app = typer.Typer(
    cls=Commands,
    help="Cartera, an event-sourced loan ledger.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for part in (
    servers, books, borrowers, days, status, loans, stories, products, schedule, indices,
    refinancing, groups, rails, documents, exports, bureau, demo, generate, bench, statements,
    deliveries, reports, accounting, accounting_month, accounting_files,
):  # fmt: skip
    part.register(app)


@app.callback()
def start(context: typer.Context) -> None:
    """Cartera, an event-sourced loan ledger."""
    level = logging.WARNING
    if context.invoked_subcommand not in SERVERS:  # a command says itself, once, what failed
        level = logging.CRITICAL
        logging.getLogger("psycopg.pool").setLevel(level)
    structlog.configure(  # stdout belongs to answers
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # as it is by then
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    if context.invoked_subcommand not in WITHOUT_TERMS:
        _know_calendars()


def _know_calendars() -> None:
    """The lender's own calendars, for the commands that have no ledger."""
    chosen = settings()
    if chosen.calendars_dir is not None:
        from ledger.calendars import load_calendars

        load_calendars(chosen)


if __name__ == "__main__":
    app()

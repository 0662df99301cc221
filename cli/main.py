"""The `cartera` command: each subcommand parses, calls the house and shapes the answer."""

import sys

import structlog
import typer

from cli import books, days, demo, loans, servers, stories
from cli.console import Commands

app = typer.Typer(
    cls=Commands,
    help="Cartera, an event-sourced loan ledger.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for part in (servers, books, days, loans, stories, demo):
    part.register(app)


@app.callback()
def start() -> None:
    """Cartera, an event-sourced loan ledger."""
    structlog.configure(  # stdout belongs to answers
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(30),
    )


if __name__ == "__main__":
    app()

"""The settings of a command that needs the book, once the book is there to be used."""

from cli.console import Exit, fail
from ledger.migrate import pending
from ledger.settings import Settings, settings


def ready() -> Settings:
    """The settings of this process; ends with one line if the database is away or behind."""
    chosen = settings()
    if missing := pending(chosen):
        fail(
            f"database: {len(missing)} migrations have not been applied; run cartera migrate",
            Exit.ENVIRONMENT,
        )
    return chosen

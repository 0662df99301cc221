"""Brings the read models up after a command wrote, so that the next question sees it."""

from cli.console import Exit, fail, progress
from ledger.database import pool
from ledger.settings import Settings


def catch_up(chosen: Settings, *, quiet: bool) -> None:
    """Feed the log to every projection; end with one line if one of them has stopped."""
    from projections.engine import catch_up as run

    with (
        pool(chosen, application_name="cartera-projections", max_size=2) as connections,
        progress("read models", quiet=quiet) as told,
    ):
        report = run(connections, progress=told)
    for stopped in report.stopped:
        fail(
            f"projection: {stopped.projection} stopped at {stopped.position}: {stopped.error}",
            Exit.FINDINGS,
        )

"""Brings the read models up after a command wrote, so that the next question sees it."""

from collections.abc import Iterator
from contextlib import contextmanager

from cli.console import Exit, fail, progress
from ledger.database import Pool, pool
from ledger.settings import Settings


def catch_up(chosen: Settings, *, quiet: bool) -> None:
    """Feed the log to every projection; end with one line if one of them has stopped."""
    with _connections(chosen) as connections:
        _to_the_end(connections, quiet=quiet)


@contextmanager
def following(chosen: Settings, *, quiet: bool) -> Iterator[None]:
    """As ``catch_up``, begun while a long command is writing."""
    from projections.following import following as beside

    with _connections(chosen) as connections:
        with beside(connections):
            yield
        _to_the_end(connections, quiet=quiet)


def _connections(chosen: Settings) -> Pool:
    return pool(chosen, application_name="cartera-projections", max_size=2)


def _to_the_end(connections: Pool, *, quiet: bool) -> None:
    from projections.engine import catch_up as run

    with progress("read models", quiet=quiet) as told:
        report = run(connections, progress=told)
    for stopped in report.stopped:
        fail(
            f"projection: {stopped.projection} stopped at {stopped.position}: {stopped.error}",
            Exit.FINDINGS,
        )

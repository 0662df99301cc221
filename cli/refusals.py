"""Refusals of documents and reports, as one line and an exit code."""

from collections.abc import Iterator
from contextlib import contextmanager

from cli.console import fail


@contextmanager
def refusals() -> Iterator[None]:
    """End the command with the field at fault and the rule."""
    from projections.reports.month_end import MonthEndError
    from projections.statements.period import StatementError

    try:
        yield
    except (MonthEndError, StatementError) as error:
        fail(f"{error.field}: {error}")

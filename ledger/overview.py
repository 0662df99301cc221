"""How does the book stand: its log, its loans, and what waits or failed?"""

from typing import Any

from msgspec import Struct
from psycopg import Connection

from ledger.log import horizon


class Overview(Struct, frozen=True, kw_only=True):
    """The write side at one moment.

    ``jobs`` counts by state what is not done; ``suspense`` counts lines that wait.
    ``close_failures`` counts loans set aside, each until a close takes it again.
    """

    position: int
    loans: dict[str, int]
    jobs: dict[str, int]
    close_failures: int
    suspense: int


def overview(connection: Connection[Any]) -> Overview:
    """The book as it stands now."""
    position = horizon(connection)
    [(failures, suspense)] = connection.execute(
        "SELECT (SELECT count(DISTINCT loan_id) FROM ledger.close_failures),"
        " (SELECT count(*) FROM ledger.suspense WHERE settled_at IS NULL)"
    ).fetchall()
    return Overview(
        position=position,
        loans=_counts(connection, "SELECT status, count(*) FROM ledger.loan_state GROUP BY status"),
        jobs=_counts(
            connection,
            "SELECT state, count(*) FROM ledger.jobs WHERE state <> 'done' GROUP BY state",
        ),
        close_failures=failures,
        suspense=suspense,
    )


def _counts(connection: Connection[Any], query: str) -> dict[str, int]:
    return dict(sorted(connection.execute(query).fetchall()))

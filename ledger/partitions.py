"""Room in the log: its partitions by position, made before the first row needs them."""

from typing import Any

import psycopg
from psycopg import Connection, errors


def make(connection: Connection[Any], size: int, ahead: int) -> int:
    """Partitions of ``size`` positions until ``ahead`` more find room; answers how many were made.

    Nobody waits meanwhile, neither writer nor reader.
    """
    values = [size, ahead]
    [[made]] = connection.execute("SELECT ledger.make_partitions(%s, %s)", values).fetchall()
    return int(made)


def missing(error: psycopg.Error) -> bool:
    """Whether a row was refused only because no partition takes its position."""
    refused = isinstance(error, errors.CheckViolation) and error.diag.constraint_name is None
    return refused and error.diag.table_name == "events"

"""How far has each projection read, how much is left, and which one stopped on what?"""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct
from psycopg import Connection, Cursor

from ledger.log import horizon

LOCKS = {"read": 8_400_000_005, "read_shadow": 8_400_000_003}
"""By schema, held to the end of each step: two engines take turns, and a rebuild swaps between.
Not ..._002, which an import of payments holds from its first line to its last.
"""


class UnknownProjection(LookupError):
    """No projection has that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no projection named {name!r}")
        self.name = name


class Lag(Struct, frozen=True):
    """One projection against the log: ``behind`` counts events up to ``horizon``."""

    projection: str
    position: int
    horizon: int
    behind: int
    status: str
    error: str | None


class Place(Struct, frozen=True):
    """Where one projection stands."""

    position: int
    status: str

    @property
    def running(self) -> bool:
        return self.status == "running"


def lag(connection: Connection[Any]) -> list[Lag]:
    """Every projection against the log at this moment."""
    reached = horizon(connection)
    rows = connection.execute(
        "SELECT projection, position, status, error,"
        " (SELECT count(*) FROM ledger.events"
        "  WHERE events.position > positions.position AND events.position <= %s)"
        " FROM read.positions AS positions ORDER BY projection",
        [reached],
    )
    return [
        Lag(name, position, max(reached, position), behind, status, error)
        for name, position, status, error, behind in rows
    ]


def resume(connection: Connection[Any], name: str) -> None:
    """Let a stopped projection go on where it stopped, once its cause is mended.

    Errors: ``UnknownProjection``.
    """
    done = connection.execute(
        "UPDATE read.positions SET status = 'running', error = NULL WHERE projection = %s", [name]
    )
    if not done.rowcount:
        raise UnknownProjection(name)


def hold(cursor: Cursor[Any], schema: str, *, shared: bool = False) -> None:
    """Wait for this engine's turn at ``schema``; it lasts until the transaction ends.

    ``shared``: others that share take their turn at the same time, for other projections.
    """
    way = "_shared" if shared else ""
    cursor.execute(f"SELECT pg_advisory_xact_lock{way}(%s)", [LOCKS[schema]])


def places(cursor: Cursor[Any], names: Iterable[str]) -> dict[str, Place]:
    """Where the named projections stand; a new one begins at the beginning."""
    wanted = list(names)
    cursor.execute(
        "INSERT INTO positions SELECT name, 0, 'running' FROM unnest(%s::text[]) AS name"
        " ON CONFLICT DO NOTHING",
        [wanted],
    )
    cursor.execute(
        "SELECT projection, position, status FROM positions WHERE projection = ANY(%s)", [wanted]
    )
    return {name: Place(position, status) for name, position, status in cursor.fetchall()}


def advance(cursor: Cursor[Any], names: Iterable[str], position: int) -> None:
    """Say that the named projections have read up to ``position``."""
    cursor.execute(
        "UPDATE positions SET position = %s WHERE projection = ANY(%s)", [position, list(names)]
    )


def stop(cursor: Cursor[Any], name: str, error: str) -> None:
    """Say that a projection stopped; it keeps its position."""
    cursor.execute(
        "UPDATE positions SET status = 'stopped', error = %s WHERE projection = %s", [error, name]
    )

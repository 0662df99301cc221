"""The log's end: a question may wait for what is written, not for what is not there yet."""

from api.graphql.errors import Refused
from api.graphql.snapshot import ReadPool

END = "SELECT coalesce(max(position), 0) AS position FROM ledger.events"


async def written(log: ReadPool, position: int) -> None:
    """Errors: ``Refused`` for a position that the log does not have yet."""
    if not position:
        return
    async with log.connection() as connection:
        ran = await connection.execute(END.encode())
        row = await ran.fetchone()
    assert row is not None, END
    there(position, row["position"])


def there(position: int, end: int) -> None:
    """Errors: ``Refused`` for a position beyond the log's end."""
    if position > end:
        raise Refused(
            "unknown-position",
            f"the log ends at position {end}: there is no position {position} yet",
            position=end,
        )

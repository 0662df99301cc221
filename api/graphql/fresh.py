"""Reading one's own writes: a question may wait until the read models have come far enough."""

import asyncio
import time

from api.graphql.errors import Refused
from api.graphql.snapshot import ReadPool

FIRST_PAUSE = 0.005
LONGEST_PAUSE = 0.1


async def caught_up(pool: ReadPool, position: int, patience: float) -> None:
    """Wait until every read model has read up to ``position``.

    Errors: ``Refused`` for a position the log does not have yet, or once ``patience`` (seconds)
    has run out.
    """
    if not position:
        return
    until = time.monotonic() + patience
    pause = FIRST_PAUSE
    while (reached := await _one(pool, REACHED)) < position:
        end = await _one(pool, END)
        if position > end:
            raise Refused(
                "unknown-position",
                f"the log ends at position {end}: there is no position {position} yet",
                position=end,
            )
        if time.monotonic() > until:
            raise Refused(
                "reads-behind",
                f"the read models have read up to position {reached}, not to {position}: ask again",
                position=reached,
            )
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


REACHED = "SELECT coalesce(min(position), 0) AS position FROM read.positions"
END = "SELECT coalesce(max(position), 0) AS position FROM ledger.events"


async def _one(pool: ReadPool, sql: str) -> int:
    async with pool.connection() as connection:
        ran = await connection.execute(sql.encode())
        row = await ran.fetchone()
    assert row is not None, sql
    return int(row["position"])

"""Whether this process lives, and whether it can answer."""

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from api.running import running

router = APIRouter(tags=["health"])


class Ready(BaseModel):
    """The database answers; how far the read models are behind the log."""

    status: str = Field(examples=["ready"])
    position: int
    lag: int
    stopped: list[str] = Field(description="read models that an error stopped")


@router.get("/healthz", summary="The process lives")
async def live() -> dict[str, str]:
    return {"status": "live"}


@router.get("/readyz", summary="The database is reachable; the lag of the read models")
async def ready(request: Request) -> Ready:
    """503 while the database does not answer."""
    return await run_in_threadpool(_ready, request)


def _ready(request: Request) -> Ready:
    with running(request).pool.connection(timeout=2.0) as connection:
        head, position = connection.execute(
            "SELECT (SELECT coalesce(max(position), 0) FROM ledger.events),"
            " (SELECT coalesce(min(position), 0) FROM read.positions)"
        ).fetchall()[0]
        stopped = connection.execute(
            "SELECT projection FROM read.positions WHERE status = 'stopped' ORDER BY projection"
        ).fetchall()
    return Ready(
        status="ready",
        position=position,
        lag=max(0, head - position),
        stopped=[name for (name,) in stopped],
    )

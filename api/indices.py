"""REST: reference rates and units of account, and what they were worth."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from api.auth import requires
from api.policy import Action
from api.problems import DOCUMENTED
from api.running import Running, running
from api.uploads import CSV_BODY, FileName, stored
from ledger.api_keys import Key
from ledger.index_file import import_index, series

router = APIRouter(prefix="/v1", tags=["indices"], responses=DOCUMENTED)

Here = Annotated[Running, Depends(running)]


class IndexImport(BaseModel):
    """What a file of index values came to."""

    lines: int
    added: int
    corrected: int
    repeated: int = Field(description="the value was known already")


class Index(BaseModel):
    """An index: how many days it has a value for, and the newest of them."""

    index: str
    days: int
    since: date
    until: date
    value: str = Field(description="a rate in percent, or a unit's worth")
    recorded_at: datetime


@router.put(
    "/index-values",
    summary="Import index values: all lines of a file, or none",
    openapi_extra=CSV_BODY,
)
async def index_values(
    request: Request,
    here: Here,
    actor: Annotated[Key, Depends(requires(Action.IMPORT_INDEX))],
    correct: Annotated[
        bool, Query(description="another value for a day that has one is right")
    ] = False,
    name: FileName = "index.csv",
) -> IndexImport:
    """The body is the file itself (index, day, value), as `text/csv`. The same file again adds
    nothing, so it needs no `Idempotency-Key`.
    """
    path, _ = await stored(request, here.settings, name)
    report = await run_in_threadpool(
        import_index, here.ledger.store, path, correct=correct, actor=actor.name
    )
    return IndexImport(
        lines=report.lines, added=report.added, corrected=report.corrected,
        repeated=report.repeated,
    )  # fmt: skip


@router.get(
    "/indices",
    summary="The indices there are",
    dependencies=[Depends(requires(Action.READ))],
)
def indices(here: Here) -> list[Index]:
    return [
        Index(
            index=one.index, days=one.days, since=one.since, until=one.until, value=one.shown,
            recorded_at=one.recorded_at,
        )
        for one in series(here.ledger.store)
    ]  # fmt: skip

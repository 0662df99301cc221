"""REST: files for an accountant's system, made by workers and fetched from here."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from psycopg import Connection
from psycopg.rows import TupleRow
from pydantic import BaseModel, Field
from starlette.responses import FileResponse

from api.auth import requires
from api.fields import Body
from api.policy import Action
from api.problems import DOCUMENTED
from api.running import Running, running
from api.work import GivenKey, Queued, once
from ledger import jobs
from ledger.api_keys import Key
from projections.accounting.exports.batches import Batch
from projections.accounting.exports.formats import format_named
from projections.accounting.exports.period import Period
from projections.accounting.exports.source import batches, kept_batch

router = APIRouter(prefix="/v1/accounting", tags=["accounting"], responses=DOCUMENTED)

Here = Annotated[Running, Depends(running)]
Accountant = Annotated[Key, Depends(requires(Action.EXPORT_ACCOUNTING))]
Reader = Annotated[Key, Depends(requires(Action.READ_EXPORTS))]


class Export(Body):
    """Which file is wanted, of which closed month."""

    format: str = Field(max_length=40, examples=["contpaqi"])
    period: str = Field(max_length=7, examples=["2026-01"])


class Exported(BaseModel):
    """One file that was made: a batch."""

    id: int
    format: str
    period: str
    entries: int
    lines: int
    file_name: str
    file_bytes: int
    file_sha256: str
    actor: str
    recorded_at: str


@router.post("/exports", status_code=202, summary="Make a closed month's file")
def export(body: Export, here: Here, actor: Accountant, key: GivenKey) -> Queued:
    """The job's result names the batch."""
    name, period = format_named(body.format).name, str(Period.parse(body.period))

    def queue(connection: Connection[TupleRow], origin: dict[str, Any]) -> list[jobs.Job]:
        arguments = {"format": name, "period": period, **origin}
        return [jobs.enqueue(connection, jobs.EXPORT_ACCOUNTING, arguments, here.settings)]

    return once(here, actor, key, f"accounting-export {name} {period}", queue)


@router.get("/exports", summary="The files that were made, the newest first")
def exports(
    here: Here, actor: Reader, limit: Annotated[int, Query(ge=1, le=500)] = 50
) -> list[Exported]:
    return [_shown(one) for one in batches(here.settings, limit)]


@router.get("/exports/{batch}/file", summary="A batch's file, byte for byte as it was")
def file(batch: int, here: Here, actor: Reader) -> FileResponse:
    found, path = kept_batch(here.settings, batch)
    return FileResponse(
        path,
        media_type="application/octet-stream",
        filename=found.file_name,
        headers={"ETag": f'"{found.file_sha256}"'},
    )


@router.post("/cfdi", status_code=202, summary="Issue the fiscal documents that are due")
def issue_cfdi(
    here: Here, actor: Annotated[Key, Depends(requires(Action.ISSUE_CFDI))], key: GivenKey
) -> Queued:
    def queue(connection: Connection[TupleRow], origin: dict[str, Any]) -> list[jobs.Job]:
        return [jobs.enqueue(connection, jobs.ISSUE_CFDI, origin, here.settings)]

    return once(here, actor, key, "issue-cfdi", queue)


def _shown(batch: Batch) -> Exported:
    fields = {name: getattr(batch, name) for name in Exported.model_fields}
    return Exported(**fields | {"recorded_at": batch.recorded_at.isoformat()})

"""REST: work that is queued rather than waited for. Without Redis it waits in the database."""

import os
import re
import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from psycopg import Connection
from psycopg.rows import TupleRow
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from api.answers import Job
from api.auth import requires
from api.fields import Body, Day
from api.orders import idempotency_key, own_key
from api.policy import Action
from api.problems import DOCUMENTED, Problem
from api.running import Running, running
from ledger import jobs
from ledger.api_keys import Key
from ledger.errors import KeyReused
from ledger.settings import Settings

router = APIRouter(prefix="/v1", tags=["work"], responses=DOCUMENTED)

Here = Annotated[Running, Depends(running)]
GivenKey = Annotated[str, Depends(idempotency_key)]
CSV = {"text/csv", "application/csv", "text/plain", "application/octet-stream"}


class CloseOfDay(Body):
    """Which days to close: all up to and including this one."""

    through: Day = Field(examples=["2026-03-31"])
    shards: Annotated[int, Field(ge=1, le=256)] | None = Field(
        default=None, description="in how many parts workers share the loans"
    )


class Queued(BaseModel):
    """The work was accepted: look at each job by its id."""

    jobs: list[Job]
    repeated: bool = Field(description="it had been queued before under this key")


@router.post("/close-of-day", status_code=202, summary="Close the book through a date")
def close_of_day(
    body: CloseOfDay,
    here: Here,
    actor: Annotated[Key, Depends(requires(Action.CLOSE_DAY))],
    key: GivenKey,
) -> Queued:
    here.ledger.check_date(body.through, "through")
    shards = body.shards or here.settings.close_of_day_shards

    def queue(connection: Connection[TupleRow], origin: dict[str, Any]) -> list[jobs.Job]:
        return jobs.enqueue_close(connection, body.through, shards, here.settings, **origin)

    asked = f"close-of-day {body.through} {body.shards}"
    return once(here, actor, key, asked, queue)


@router.post(
    "/payment-files",
    status_code=202,
    summary="Import a bank's payment file",
    openapi_extra={
        "requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}}
    },
)
async def payment_file(
    request: Request,
    here: Here,
    actor: Annotated[Key, Depends(requires(Action.IMPORT_PAYMENTS))],
    key: GivenKey,
    name: Annotated[
        str, Query(max_length=100, description="the file's name, kept for the record")
    ] = "payments.csv",
) -> Queued:
    """The body is the file itself: `curl --data-binary @payments.csv`, as `text/csv`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in CSV:
        raise Problem(
            415, "unsupported-media-type", "send the CSV file itself as the body, as text/csv"
        )
    path, digest = await _stored(request, here.settings, name)

    def queue(connection: Connection[TupleRow], origin: dict[str, Any]) -> list[jobs.Job]:
        arguments = {"path": str(path), **origin}
        return [jobs.enqueue(connection, jobs.IMPORT_PAYMENTS, arguments, here.settings)]

    return await run_in_threadpool(once, here, actor, key, f"payment-file {digest}", queue)


@router.get(
    "/jobs/{job}",
    summary="How a job stands",
    dependencies=[Depends(requires(Action.READ_JOBS))],
)
def job(job: UUID, here: Here) -> Job:
    with here.pool.connection() as connection:
        return _shown(jobs.find(connection, job))


def once(
    here: Running,
    actor: Key,
    key: str,
    asked: str,
    queue: Callable[[Connection[TupleRow], dict[str, Any]], list[jobs.Job]],
) -> Queued:
    """Queue under an idempotency key: the jobs of the first time, or those that are made now."""
    mine = own_key(actor, key)
    origin = {"actor": actor.name, "key": mine, "asked": asked}
    with here.pool.connection() as connection:
        lock = "SELECT {}(hashtextextended(%s, 8401))"
        connection.execute(lock.format("pg_advisory_lock").encode(), [mine])
        try:
            known = connection.execute(
                "SELECT id, arguments ->> 'asked' FROM ledger.jobs WHERE arguments ->> 'key' = %s"
                " ORDER BY id",
                [mine],
            ).fetchall()
            if any(before != asked for _, before in known):
                raise KeyReused(key)
            made = [jobs.find(connection, one) for one, _ in known] or queue(connection, origin)
        finally:
            if not connection.closed:
                connection.execute(lock.format("pg_advisory_unlock").encode(), [mine])
    return Queued(jobs=[_shown(one) for one in made], repeated=bool(known))


def _shown(job: jobs.Job) -> Job:
    return Job(**{name: getattr(job, name) for name in Job.model_fields})


async def _stored(request: Request, settings: Settings, name: str) -> tuple[Path, str]:
    """The body as a file under its own digest: the same file is kept once."""
    digest = sha256()
    try:
        folder = settings.var_dir.absolute() / "uploads"
        folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder, prefix="arriving-")
    except OSError as error:
        raise not_writable() from error
    try:
        with os.fdopen(handle, "wb") as arriving:
            async for chunk in request.stream():
                digest.update(chunk)
                arriving.write(chunk)
            if arriving.tell() == 0:
                raise Problem(
                    422, "invalid-field", "the body is empty: send the file", field="body"
                )
        safe = re.sub(r"[^A-Za-z0-9._-]", "_", Path(name).name).strip("._") or "payments.csv"
        path = folder / f"{digest.hexdigest()[:32]}-{safe}"
        Path(temporary).replace(path)
    except OSError as error:
        raise not_writable() from error
    finally:
        Path(temporary).unlink(missing_ok=True)
    return path, digest.hexdigest()


def not_writable() -> Problem:
    return Problem(507, "storage-not-writable", "the file cannot be stored; nothing was queued")

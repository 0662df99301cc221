"""REST: work that is queued rather than waited for. Without Redis it waits in the database."""

from collections.abc import Callable
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
from api.problems import DOCUMENTED
from api.running import Running, running
from api.uploads import CSV_BODY, FileName, stored
from ledger import jobs
from ledger.api_keys import Key
from ledger.errors import KeyReused
from ledger.money import parse
from ledger.rails.statements import known_form

router = APIRouter(prefix="/v1", tags=["work"], responses=DOCUMENTED)

Here = Annotated[Running, Depends(running)]
GivenKey = Annotated[str, Depends(idempotency_key)]


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
    return _once(here, actor, key, asked, queue)


@router.post(
    "/payment-files",
    status_code=202,
    summary="Import a bank's payment file",
    openapi_extra=CSV_BODY,
)
async def payment_file(
    request: Request,
    here: Here,
    actor: Annotated[Key, Depends(requires(Action.IMPORT_PAYMENTS))],
    key: GivenKey,
    name: FileName = "payments.csv",
) -> Queued:
    """The body is the file itself: `curl --data-binary @payments.csv`, as `text/csv`."""
    path, digest = await stored(request, here.settings, name)

    def queue(connection: Connection[TupleRow], origin: dict[str, Any]) -> list[jobs.Job]:
        arguments = {"path": str(path), **origin}
        return [jobs.enqueue(connection, jobs.IMPORT_PAYMENTS, arguments, here.settings)]

    return await run_in_threadpool(_once, here, actor, key, f"payment-file {digest}", queue)


@router.post(
    "/remittances",
    status_code=202,
    summary="Import what an employer kept of his people's wages",
    openapi_extra=CSV_BODY,
)
async def remittance(
    request: Request,
    here: Here,
    actor: Annotated[Key, Depends(requires(Action.IMPORT_PAYMENTS))],
    key: GivenKey,
    employer: Annotated[str, Query(min_length=1, max_length=60, description="whose people")],
    on: Annotated[Day, Query(description="value date of lines that say no retained_on")],
    total: Annotated[
        str | None,
        Query(max_length=30, description="what the employer paid: other lines are not taken"),
    ] = None,
    file_id: Annotated[
        str, Query(max_length=60, description="tells an employer's files apart; else the date")
    ] = "",
    name: FileName = "remittance.csv",
) -> Queued:
    """The body is the file itself (loan_no, amount, retained_on), as `text/csv`."""
    here.ledger.check_date(on, "on")
    if total is not None:
        parse(total, here.settings.currency, "total")
    path, digest = await stored(request, here.settings, name)
    said = {"employer": employer, "on": str(on), "total": total, "file_id": file_id}

    def queue(connection: Connection[TupleRow], origin: dict[str, Any]) -> list[jobs.Job]:
        arguments = {"path": str(path), **said, **origin}
        return [jobs.enqueue(connection, jobs.IMPORT_PAYROLL, arguments, here.settings)]

    return await run_in_threadpool(_once, here, actor, key, f"remittance {digest} {said}", queue)


@router.post(
    "/bank-statements",
    status_code=202,
    summary="Import a bank's statement",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string"}}},
        }
    },
)
async def bank_statement(
    request: Request,
    here: Here,
    actor: Annotated[Key, Depends(requires(Action.IMPORT_PAYMENTS))],
    key: GivenKey,
    form: Annotated[
        str, Query(max_length=60, description="mt940, camt053, or a layout of the lender's folder")
    ],
    name: FileName = "statement",
) -> Queued:
    """The body is the file itself. Credits land as those of a payment file do."""
    chosen = known_form(here.settings, form)
    path, digest = await stored(request, here.settings, name)

    def queue(connection: Connection[TupleRow], origin: dict[str, Any]) -> list[jobs.Job]:
        arguments = {"path": str(path), "form": chosen, **origin}
        return [jobs.enqueue(connection, jobs.IMPORT_STATEMENT, arguments, here.settings)]

    return await run_in_threadpool(_once, here, actor, key, f"statement {form} {digest}", queue)


@router.get(
    "/jobs/{job}",
    summary="How a job stands",
    dependencies=[Depends(requires(Action.READ_JOBS))],
)
def job(job: UUID, here: Here) -> Job:
    with here.pool.connection() as connection:
        return _shown(jobs.find(connection, job))


def _once(
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

"""Work to be done later, kept in the database: a message only says where to look.

A worker holds an advisory lock on the job while it runs it. The lock dies with its connection, so
two workers never run one job at once, and the job of a killed worker is free at once.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

import dramatiq
import msgspec
import psycopg
import redis
import structlog
from psycopg import Connection
from psycopg.rows import TupleRow
from uuid_utils.compat import uuid7

from domain.errors import LoanError
from ledger.broker import broker_url, sending
from ledger.errors import LedgerError, StoreUnavailable, UnknownJob
from ledger.money import FormError
from ledger.servers import ServerError
from ledger.settings import Settings
from ledger.settings import settings as current_settings

logger = structlog.get_logger(__name__)

CLOSE_DAY = "close-day"
CATCH_UP = "catch-up-projections"
IMPORT_PAYMENTS = "import-payments"
IMPORT_PAYROLL = "import-payroll"
IMPORT_STATEMENT = "import-statement"
EXPORT_ACCOUNTING = "export-accounting"
ISSUE_CFDI = "issue-cfdi"
DELIVER = "deliver-documents"
WRITE_BUREAU_FILE = "write-bureau-file"
KINDS = {CLOSE_DAY: "close_day", CATCH_UP: "catch_up_projections",
         IMPORT_PAYMENTS: "import_payments", IMPORT_PAYROLL: "import_payroll",
         IMPORT_STATEMENT: "import_statement", EXPORT_ACCOUNTING: "export_accounting",
         ISSUE_CFDI: "issue_cfdi", DELIVER: "deliver_documents",
         WRITE_BUREAU_FILE: "write_bureau_file"}  # fmt: skip
"""Each kind has a queue of its name and an actor."""

ATTEMPTS = 5
DEATHS = 20  # a job that was begun more often than this ends its workers: it is not begun again
REFUSALS = (LoanError, LedgerError, FormError, FileNotFoundError)
"""Trying again would be refused again."""

State = Literal["waiting", "running", "done", "failed"]


class Job(msgspec.Struct, frozen=True):
    """A row of `ledger.jobs`."""

    id: UUID
    kind: str
    arguments: dict[str, Any]
    state: State
    attempts: int
    result: Any
    error: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    progress: Any = None


FIELDS = ", ".join(Job.__struct_fields__)
KEY = "hashtextextended(id::text, 8400)"


def enqueue(
    connection: Connection[TupleRow],
    kind: str,
    arguments: Mapping[str, Any],
    settings: Settings | None = None,
) -> Job:
    """Keep the job, then tell the workers; if that fails they find it by themselves."""
    [job] = _enqueue(connection, kind, [arguments], settings)
    return job


def enqueue_close(
    connection: Connection[TupleRow],
    on: date,
    shards: int,
    settings: Settings | None = None,
    **origin: Any,
) -> list[Job]:
    """One job per shard of the loans: all of them, or none. ``origin`` says who asked."""
    parts = [{"on": on, "shard": [nth, shards], **origin} for nth in range(shards)]
    return _enqueue(connection, CLOSE_DAY, parts, settings)


def _enqueue(
    connection: Connection[TupleRow],
    kind: str,
    orders: Sequence[Mapping[str, Any]],
    settings: Settings | None,
) -> list[Job]:
    assert kind in KINDS, kind
    with connection.transaction():
        rows = [
            connection.execute(
                "INSERT INTO ledger.jobs (id, kind, arguments) VALUES (%s, %s, %s)"
                f" RETURNING {FIELDS}",
                [uuid7(), kind, msgspec.json.encode(arguments).decode()],
            ).fetchall()[0]
            for arguments in orders
        ]
    made = [Job(*row) for row in rows]
    all(tell(job.id, kind, settings) for job in made)  # up to the first that is not heard
    return made


def find(connection: Connection[TupleRow], job_id: UUID) -> Job:
    """The job as it stands. Errors: ``UnknownJob``."""
    rows = connection.execute(f"SELECT {FIELDS} FROM ledger.jobs WHERE id = %s", [job_id])
    for row in rows:
        return Job(*row)
    raise UnknownJob(job_id)


def recent(connection: Connection[TupleRow], limit: int = 50) -> list[Job]:
    """The newest jobs first."""
    rows = connection.execute(
        f"SELECT {FIELDS} FROM ledger.jobs ORDER BY id DESC LIMIT %s", [limit]
    )
    return [Job(*row) for row in rows]


def forgotten(connection: Connection[TupleRow], after_seconds: float) -> list[tuple[UUID, str]]:
    """Jobs that no worker runs though they are open: never heard of, or their worker was killed."""
    return connection.execute(
        f"SELECT id, kind FROM ledger.jobs WHERE state IN ('waiting', 'running')"
        " AND (greatest(created_at, started_at) < clock_timestamp() - make_interval(secs => %s)"
        "      OR greatest(created_at, started_at) > clock_timestamp())"  # the clock was set back
        " AND NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted"
        "   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        f"  AND (classid::bigint << 32) | objid::bigint = {KEY} AND objsubid = 1)"
        " ORDER BY id",
        [after_seconds],
    ).fetchall()


def run(connection: Connection[TupleRow], job_id: UUID, work: Callable[[Job], Any]) -> Job | None:
    """Do the job on this autocommitting connection, unless it is done or another worker is at it.

    A refusal fails the job. Anything else is raised after the job was put back, up to ATTEMPTS.
    """
    with _held(connection, job_id) as held:
        job = _start(connection, job_id) if held else None
        if job is None:
            return None
        try:
            result = work(job)
        except Exception as broken:
            _put_back(connection, job, broken)
            if isinstance(broken, REFUSALS) and not isinstance(broken, StoreUnavailable):
                return find(connection, job_id)
            raise
        _end(connection, job_id, "done", result=result)
        return find(connection, job_id)


def note_progress(connection: Connection[TupleRow], job_id: UUID, done: int, whole: int) -> None:
    """How far the job has come, for who waits; on a connection of its own."""
    told = msgspec.json.encode({"done": done, "whole": whole}).decode()
    connection.execute("UPDATE ledger.jobs SET progress = %s WHERE id = %s", [told, job_id])


@contextmanager
def _held(connection: Connection[TupleRow], job_id: UUID) -> Iterator[bool]:
    key = f"SELECT {{}}({KEY}) FROM (SELECT %s::uuid AS id) AS job"
    [[held]] = connection.execute(key.format("pg_try_advisory_lock"), [job_id]).fetchall()
    try:
        yield held
    finally:
        if held and not connection.closed:
            connection.execute(key.format("pg_advisory_unlock"), [job_id])


def _start(connection: Connection[TupleRow], job_id: UUID) -> Job | None:
    rows = connection.execute(
        "UPDATE ledger.jobs SET state = 'running', attempts = attempts + 1,"
        " started_at = clock_timestamp(), ended_at = NULL"
        f" WHERE id = %s AND state IN ('waiting', 'running') RETURNING {FIELDS}",
        [job_id],
    ).fetchall()
    if rows and Job(*rows[0]).attempts > DEATHS:
        _end(connection, job_id, "failed", error=f"its worker ended {DEATHS} times in the middle")
        return None
    return Job(*rows[0]) if rows else None


def _put_back(connection: Connection[TupleRow], job: Job, broken: Exception) -> None:
    """A lost database cannot be told: the job stays `running` without a lock, and is found."""
    refused = isinstance(broken, REFUSALS) and not isinstance(broken, StoreUnavailable)
    final = refused or job.attempts >= ATTEMPTS
    said = str(broken) if refused else f"{type(broken).__name__}; see the worker's log"
    logger.warning("job_not_done", job_id=str(job.id), kind=job.kind, exc_info=broken)
    try:
        _end(connection, job.id, "failed" if final else "waiting", error=said)
    except psycopg.OperationalError as lost:
        logger.warning("job_left_open", job_id=str(job.id), error=type(lost).__name__)


def _end(
    connection: Connection[TupleRow],
    job_id: UUID,
    state: State,
    *,
    result: Any = None,
    error: str | None = None,
) -> None:
    connection.execute(
        "UPDATE ledger.jobs SET state = %s, result = %s, error = %s, ended_at = clock_timestamp()"
        " WHERE id = %s",
        [state, msgspec.json.encode(result).decode(), error, job_id],
    )


# The message


def tell(job_id: UUID, kind: str, settings: Settings | None = None) -> bool:
    """Send the workers a message about the job; False if the queue does not answer."""
    try:
        queue = sending(broker_url(settings or current_settings()))
        queue.enqueue(dramatiq.Message(kind, KINDS[kind], (str(job_id),), {}, {}))
    except (redis.RedisError, dramatiq.errors.BrokerConnectionError, ServerError, OSError) as error:
        logger.warning("workers_not_told", job_id=str(job_id), error=str(error))
        return False
    return True

"""What workers do: each actor looks its job up and calls the ledger or the projections.

Run twice or killed half-way, an actor repeats nothing: closing is idempotent, a payment line has
its key, projections keep their position.
"""

from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

import dramatiq

from ledger import jobs, payment_file
from ledger.application import Ledger
from ledger.borrowers.fiscal import taxpayers
from ledger.borrowers.reading import Reader
from ledger.close_of_day import BATCH, close_through
from ledger.database import connect
from ledger.jobs import Job
from ledger.money import FormError
from ledger.orders import Cause
from ledger.payment_file import import_payments
from ledger.payroll import import_payroll
from ledger.rails.statements import import_statement
from projections.accounting.cfdi.desk import open_desk
from projections.accounting.cfdi.issue import issue
from projections.accounting.exports.period import Period
from projections.accounting.exports.source import make_batch
from projections.bureau.desk import Job as Wanted
from projections.bureau.errors import BureauError
from projections.bureau.filed import lender_of, write_kept
from projections.engine import catch_up
from workers.bureau_people import registered
from workers.post import send_due

Work: TypeAlias = Callable[[Ledger, Job], Any]

SIX_HOURS_MS = 6 * 3_600_000


def close_day(ledger: Ledger, job: Job) -> Any:
    """Close the loans of one shard through a business date."""
    nth, of = job.arguments.get("shard", (0, 1))
    on = date.fromisoformat(job.arguments["on"])
    size = int(job.arguments.get("batch", BATCH))
    cause = _cause(job, "close-of-day")
    return close_through(ledger, on, shard=(nth, of), cause=cause, batch=size)


def catch_up_projections(ledger: Ledger, job: Job) -> Any:
    """Bring the read side up to the log's horizon."""
    with connect(ledger.settings, application_name="cartera-projections") as connection:
        return catch_up(connection)


def import_payment_file(ledger: Ledger, job: Job) -> Any:
    """Take a bank's payment file in."""
    size = int(job.arguments.get("batch", payment_file.BATCH))
    return import_payments(ledger, Path(job.arguments["path"]), batch=size)


def take_statement(ledger: Ledger, job: Job) -> Any:
    """Take a bank's statement in."""
    told = job.arguments
    actor = _cause(job, "bank-statement").actor
    return import_statement(ledger, Path(told["path"]), told["form"], actor=actor)


def export_accounting(ledger: Ledger, job: Job) -> Any:
    """Make a closed month's file for an accountant's system."""
    catch_up_projections(ledger, job)
    name, period = job.arguments["format"], Period.parse(job.arguments["period"])
    batch = make_batch(ledger.settings, name, period, actor=job.arguments.get("actor", "worker"))
    return {"batch": batch.id, "file_name": batch.file_name, "entries": batch.entries}


def issue_cfdi(ledger: Ledger, job: Job) -> Any:
    """Issue the fiscal documents that the log asks for."""
    settings, actor = ledger.settings, _cause(job, "cfdi").actor
    with (
        taxpayers(settings, Reader(actor, "worker")) as register,
        connect(settings, autocommit=True, application_name="cartera-cfdi") as connection,
    ):
        return issue(connection, open_desk(settings, register))


def write_bureau_file(ledger: Ledger, job: Job) -> Any:
    """Write a credit bureau's file as a draft; its progress counts loans."""
    catch_up_projections(ledger, job)
    told, actor, settings = job.arguments, _cause(job, "bureau-file").actor, ledger.settings
    with (
        connect(settings, autocommit=True, application_name="cartera-job") as beside,
        registered(settings, actor, "worker") as people,
    ):
        try:
            lender, content = lender_of(settings)
            order = Wanted(
                form=told["format"], cut_off=date.fromisoformat(told["cut_off"]),
                today=ledger.clock.business_date(), lender=lender, lender_bytes=content,
                actor=actor, correction=told["correction"],
            )  # fmt: skip
            made = write_kept(settings, order, people, partial(jobs.note_progress, beside, job.id))
        except BureauError as error:  # trying again would be refused again
            raise FormError(error.field, str(error)) from error
    return {name: getattr(made, name) for name in ("file", "records", "unsendable", "sha256")}


def import_remittance(ledger: Ledger, job: Job) -> Any:
    """Take an employer's remittance in."""
    said = job.arguments
    return import_payroll(
        ledger,
        Path(said["path"]),
        employer=said["employer"],
        on=date.fromisoformat(said["on"]),
        total=said["total"],
        file_id=said["file_id"],
        actor=_cause(job, "payroll-file").actor,
    )


def deliver_documents(ledger: Ledger, job: Job) -> Any:
    """Send the documents that are due to their borrowers."""
    return send_due(ledger)._asdict()


WORK: dict[str, Work] = {
    jobs.CLOSE_DAY: close_day,
    jobs.CATCH_UP: catch_up_projections,
    jobs.IMPORT_PAYMENTS: import_payment_file,
    jobs.EXPORT_ACCOUNTING: export_accounting,
    jobs.ISSUE_CFDI: issue_cfdi,
    jobs.WRITE_BUREAU_FILE: write_bureau_file,
    jobs.IMPORT_PAYROLL: import_remittance,
    jobs.IMPORT_STATEMENT: take_statement,
    jobs.DELIVER: deliver_documents,
}


def declare(broker: dramatiq.Broker, ledger: Ledger) -> None:
    """Register one actor per kind of job, each on its own queue."""
    for kind, work in WORK.items():
        dramatiq.actor(
            actor_name=jobs.KINDS[kind],
            queue_name=kind,
            broker=broker,
            max_retries=jobs.ATTEMPTS,
            min_backoff=1_000,
            time_limit=SIX_HOURS_MS,
        )(_actor(ledger, work))


def _actor(ledger: Ledger, work: Work) -> Callable[[str], None]:
    def run(job_id: str) -> None:
        with connect(ledger.settings, autocommit=True, application_name="cartera-job") as held:
            jobs.run(held, UUID(job_id), lambda job: work(ledger, job))

    return run


def _cause(job: Job, actor: str) -> Cause:
    return Cause(job.arguments.get("actor", actor), "worker", correlation_id=job.id)

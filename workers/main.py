"""The worker process: dramatiq threads for the messages, and a sweep for those that were lost."""

import signal
import threading

import dramatiq
import psycopg
import structlog
from dramatiq.middleware import AgeLimit, Retries, ShutdownNotifications, TimeLimit

from ledger import jobs
from ledger.application import Ledger
from ledger.broker import listening
from ledger.database import connect
from ledger.delivery.orders import wake
from ledger.servers import ServerError
from ledger.settings import Settings
from ledger.settings import settings as current_settings
from workers.actors import declare

logger = structlog.get_logger(__name__)

SWEEP_SECONDS = 2.0


def work(
    settings: Settings | None = None,
    *,
    threads: int = 2,
    sweep_seconds: float = SWEEP_SECONDS,
    stop: threading.Event | None = None,
) -> None:
    """Work until ``stop`` is set, or a SIGTERM or SIGINT comes; running jobs are finished first."""
    chosen = settings or current_settings()
    ended = stop or _on_signals()
    broker = listening(chosen, [AgeLimit(), TimeLimit(), ShutdownNotifications(), Retries()])
    with Ledger(chosen) as ledger:
        declare(broker, ledger)
        worker = dramatiq.Worker(broker, worker_threads=threads)
        worker.start()
        logger.info("worker_started", threads=threads)
        try:
            while not ended.wait(sweep_seconds):
                sweep(chosen, sweep_seconds)
        finally:
            worker.stop()
            broker.close()
            logger.info("worker_stopped")


def sweep(settings: Settings, after_seconds: float) -> int:
    """Send word again of jobs that nobody runs, and of documents whose time has come.

    Answers how many jobs.
    """
    try:
        with connect(settings, autocommit=True, application_name="cartera-sweep") as connection:
            wake(connection, settings)
            found = jobs.forgotten(connection, after_seconds)
    except (psycopg.OperationalError, ServerError) as error:
        logger.warning("sweep_skipped", error=type(error).__name__)
        return 0
    return sum(jobs.tell(job_id, kind, settings) for job_id, kind in found)


def _on_signals() -> threading.Event:
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    return ended

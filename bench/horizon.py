"""What a tailing reader costs the writers: ours against an exclusive lock and against none.

Run by hand (`python -m bench.horizon`): the figures in docs/decisions/0003 come from here.
"""

import threading
import time
from collections.abc import Callable
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import psycopg
from psycopg import Connection

from bench.report import machine, scratch
from ledger.log import horizon
from ledger.settings import Settings

SECONDS = 5.0
WRITERS = 8
BATCH_SECONDS = 1.0  # a close of day's COPY, holding the writers' lock all the while

Reader: TypeAlias = Callable[[Connection[Any]], object]

INSERT = (
    "INSERT INTO ledger.events (loan_id, version, type, revision, more, effective_on, command_id,"
    " state) VALUES (%s, %s, 'loan-closed', 1, 0, '2026-01-15', gen_random_uuid(), '{}')"
)


def exclusive(connection: Connection[Any]) -> object:
    """The obvious way: hold the writers' lock alone for an instant."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(ledger.writers())")
        return connection.execute("SELECT max(position) FROM ledger.events").fetchone()


def none(connection: Connection[Any]) -> object:
    """No reader at all."""
    time.sleep(0.01)
    return None


def measure(settings: Settings, reader: Reader, *, batches: bool) -> tuple[int, float]:
    """Commits of all writers, and the longest that one of them took, in seconds."""
    stop = threading.Event()
    counts = [0] * WRITERS
    longest = [0.0] * WRITERS

    def write(nth: int) -> None:
        loan, version = uuid4(), 0
        with _connect(settings) as connection:
            while not stop.is_set():
                version += 1
                start = time.perf_counter()
                connection.execute(INSERT, [loan, version])
                longest[nth] = max(longest[nth], time.perf_counter() - start)
                counts[nth] += 1

    def read() -> None:
        with _connect(settings) as connection:
            while not stop.is_set():
                reader(connection)
                time.sleep(0.005)

    def batch() -> None:
        with _connect(settings) as connection:
            while batches and not stop.is_set():
                with connection.transaction():
                    connection.execute(INSERT, [UUID(int=time.time_ns()), 1])
                    time.sleep(BATCH_SECONDS)
                time.sleep(0.2)

    threads = [threading.Thread(target=write, args=[n]) for n in range(WRITERS)]
    threads += [threading.Thread(target=read), threading.Thread(target=batch)]
    for thread in threads:
        thread.start()
    time.sleep(SECONDS)
    stop.set()
    for thread in threads:
        thread.join()
    return sum(counts), max(longest)


def _connect(settings: Settings) -> Connection[Any]:
    return psycopg.connect(settings.database_url or "", autocommit=True)


def main() -> None:
    """Print a line per reader and load."""
    print(machine())
    with scratch() as settings:
        for batches in (False, True):
            readers: dict[str, Reader] = {
                "none": none,
                "exclusive lock": exclusive,
                "ours": horizon,
            }
            for name, reader in readers.items():
                commits, longest = measure(settings, reader, batches=batches)
                load = "single commits beside 1 s batches" if batches else "single commits"
                print(
                    f"{load}; reader: {name}: {commits / SECONDS:,.0f} commits/s,"
                    f" longest {longest * 1000:,.0f} ms"
                )


if __name__ == "__main__":
    main()

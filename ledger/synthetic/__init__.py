"""A synthetic portfolio: every product, borrowers good and bad, the same for the same seed.

For benchmarks, demonstrations and tests. Each history is made by the domain's own commands.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import date, timedelta
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import TypeAlias

from msgspec import Struct

from ledger.application import Ledger
from ledger.clock import Clock
from ledger.money import FormError
from ledger.servers import postgres_url
from ledger.settings import Settings
from ledger.synthetic.batches import Outcome, record
from ledger.synthetic.lives import Span
from ledger.synthetic.series import publish
from ledger.synthetic.twins import Batch

__all__ = ["HISTORIES", "Summary", "fill", "publish"]

HISTORIES = ("none", "events", "daily")

DAYS = {"none": 10, "events": 730, "daily": 365}
"""How far back the book goes, unless that is said."""

BATCH = {"none": 4_000, "events": 800, "daily": 200}
"""Loans of one transaction: about as many events in each."""

RUNNING = {"none": 1.0, "events": 0.6, "daily": 0.6}
"""How many of the loans that can be taken over had been running elsewhere."""

MOST_LOANS = 10_000_000
MOST_DAYS = 3_650
AHEAD = timedelta(days=400)

Progress: TypeAlias = Callable[[int, int], None]


class Summary(Struct, kw_only=True):
    """What one run came to. ``repeated`` loans were there from an earlier run."""

    seed: int
    since: date
    until: date
    history: str
    loans: int = 0
    repeated: int = 0
    events: int = 0
    statuses: dict[str, int] = {}
    products: dict[str, int] = {}

    def add(self, outcome: Outcome) -> None:
        """Count a batch."""
        self.loans += outcome.loans
        self.repeated += outcome.repeated
        self.events += outcome.events
        for total, more in (
            (self.statuses, outcome.statuses),
            (self.products, outcome.products),
        ):
            for name, count in more.items():
                total[name] = total.get(name, 0) + count


def fill(
    settings: Settings,
    *,
    loans: int,
    seed: int = 0,
    until: date | None = None,
    history: str = "events",
    days: int | None = None,
    twins: int = 1,
    processes: int | None = None,
    clock: Clock | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Add ``loans`` synthetic loans, closed through ``until`` (default: the day before today).

    ``history``: ``daily`` closes every day, ``events`` records what people do and what that
    catches up, ``none`` only the last days of loans taken over. ``days`` is how far back the book
    goes. Loans in ``twins`` share a life under their own numbers, which is quicker to make. Killed
    and run again with the same options, it goes on where it stopped.
    Errors: ``FormError`` or ``InvalidDate`` naming the option, ``DuplicateLoanNumber``.
    """
    found = settings.model_copy(update={"database_url": postgres_url(settings)})  # looked for once
    with Ledger(found, clock=clock) as ledger:
        last = until or ledger.clock.business_date() - timedelta(days=1)
        _check(loans, seed, history, days, twins)
        ledger.check_date(last, "until")
        ledger.store.make_room()
        far = DAYS[history] if days is None else days
        span = Span(last - timedelta(days=far), last, history == "daily", RUNNING[history])
        publish(ledger.store, seed, span.since - timedelta(days=21), last + AHEAD)
        summary = Summary(seed=seed, since=span.since, until=last, history=history)
        batches = list(_batches(loans, seed, twins, span, BATCH[history]))
        for outcome in _recorded(ledger, batches, processes or os.cpu_count() or 1):
            summary.add(outcome)
            if progress is not None:
                progress(summary.loans + summary.repeated, loans)
        ledger.facts.wake.call()
    return summary


def _check(loans: int, seed: int, history: str, days: int | None, twins: int) -> None:
    if history not in HISTORIES:
        raise FormError("history", f"must be one of: {', '.join(HISTORIES)}")
    for field, given, least, most in (
        ("loans", loans, 1, MOST_LOANS),
        ("seed", seed, 0, 2**31 - 1),
        ("days", DAYS[history] if days is None else days, 1, MOST_DAYS),
        ("twins", twins, 1, BATCH[history]),
    ):
        if not least <= given <= most:
            raise FormError(field, f"must be between {least} and {most}, not {given}")


def _batches(loans: int, seed: int, twins: int, span: Span, size: int) -> Iterator[Batch]:
    size = size // twins * twins
    for first in range(0, loans, size):
        yield Batch(seed, first, min(first + size, loans) - 1, twins, span)


def _recorded(ledger: Ledger, batches: Sequence[Batch], processes: int) -> Iterator[Outcome]:
    """Each batch's outcome as it is done; a few go without processes of their own."""
    workers = min(processes, len(batches))
    if workers == 1:
        for batch in batches:
            yield record(ledger, batch)
        return
    with ProcessPoolExecutor(
        workers, get_context("spawn"), initializer=_begin, initargs=(ledger.settings,)
    ) as pool:
        running = [pool.submit(_record, batch) for batch in batches]
        try:
            for done in as_completed(running):
                yield done.result()
        finally:
            pool.shutdown(cancel_futures=True)


_ledger: Ledger | None = None


def _begin(settings: Settings) -> None:
    """In a process of its own: a ledger, and an end as soon as its parent is gone."""
    global _ledger
    _ledger = Ledger(settings)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None, "the pool began this process"
    parent.join()
    os._exit(1)


def _record(batch: Batch) -> Outcome:
    assert _ledger is not None, "the pool began this process"
    return record(_ledger, batch)

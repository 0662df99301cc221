"""Loading one loan, cold: with thousands of events behind it, beside one with thirty."""

import statistics
import time
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from uuid import UUID

import psycopg
from msgspec import structs

from bench.report import BenchResult, result, scratch
from bench.story import CAUSE, TERMS, history
from domain.events import AnyLoanEvent
from domain.loan import Loan
from ledger import log
from ledger.application import Ledger
from ledger.clock import FixedClock
from ledger.settings import Settings

LONG, SHORT = 3_000, 30
LOANS = 30  # of each age; each is loaded once cold
STEP = 25  # events of one append: as many days as lie between two instalments

LONG_TERMS = structs.replace(TERMS, annual_rate=180_000, instalments=120)
PAYMENT = 210_00


def run(*, quick: bool = False) -> BenchResult:
    """Cold loads of long and short loans in turn; then the same again warm, and by full replay."""
    loans = 10 if quick else LOANS
    story = history(LONG, LONG_TERMS, PAYMENT)[:LONG]
    with scratch() as settings, _ledger(settings) as ledger:
        ages = {
            size: [_told(ledger, f"{size}-{n}", story[:size]) for n in range(loans)]
            for size in (LONG, SHORT)
        }
        cold: dict[int, list[float]] = {LONG: [], SHORT: []}
        for pair in zip(*ages.values(), strict=True):
            for size, loan_id in zip(ages, pair, strict=True):
                cold[size].append(_cold(settings, loan_id))
        warm = {size: _warm(ledger.load, ids) for size, ids in ages.items()}
        replayed = _warm(lambda loan_id: _replay(ledger, loan_id), ages[LONG])
    ours, limit = (statistics.median(cold[size]) * 1000 for size in (LONG, SHORT))
    return result(
        "load",
        "ms",
        ours=ours,
        limit=limit,
        others={
            f"warm, {LONG:,} events": warm[LONG] * 1000,
            f"warm, {SHORT} events": warm[SHORT] * 1000,
            "warm ratio": warm[LONG] / warm[SHORT],
            f"warm, {LONG:,} events replayed from the first": replayed * 1000,
        },
        work=(
            f"load one loan of {LONG:,} events on a connection already open but new, its pages put"
            f" out of the server's memory; the limit is one of {SHORT} events"
        ),
    )


def _ledger(settings: Settings) -> Ledger:
    return Ledger(settings, clock=FixedClock(date(2040, 1, 1)))


def _told(ledger: Ledger, loan_no: str, story: Sequence[AnyLoanEvent]) -> UUID:
    """The loan, appended as closes and payments would: a few events at a time."""
    opened = ledger.open_loan(
        loan_no=loan_no, terms=LONG_TERMS, effective_on=story[0].effective_on, cause=CAUSE
    )
    for at in range(1, len(story), STEP):
        piece = partial(_piece, story[at : at + STEP])
        ledger.execute(opened.loan_id, piece, {"command": "story"}, CAUSE)
    return opened.loan_id


def _piece(events: Sequence[AnyLoanEvent], _: Loan) -> Sequence[AnyLoanEvent]:
    return events


def _cold(settings: Settings, loan_id: UUID) -> float:
    """Seconds of one load by a ledger that has run nothing, from pages that nobody holds."""
    _evict(settings)
    with _ledger(settings) as ledger:
        ledger.store.run(lambda connection: connection.execute("SELECT 1"))
        start = time.perf_counter()
        ledger.load(loan_id)
        return time.perf_counter() - start


def _evict(settings: Settings) -> None:
    """Put the write side out of the server's memory, where it knows how (PostgreSQL 18)."""
    with psycopg.connect(settings.database_url or "", autocommit=True) as owner:
        if owner.info.server_version < 180_000:
            return
        owner.execute("CREATE EXTENSION IF NOT EXISTS pg_buffercache")
        owner.execute("CHECKPOINT")
        owner.execute(
            "SELECT pg_buffercache_evict_relation(oid) FROM pg_class"
            " WHERE relnamespace = 'ledger'::regnamespace AND relkind IN ('r', 'i')"
        )


def _warm(load: Callable[[UUID], object], loan_ids: Sequence[UUID]) -> float:
    spent = []
    for loan_id in [*loan_ids, *loan_ids]:
        start = time.perf_counter()
        load(loan_id)
        spent.append(time.perf_counter() - start)
    return statistics.median(spent[len(loan_ids) :])


def _replay(ledger: Ledger, loan_id: UUID) -> object:
    return ledger.store.run(lambda connection: log.load_many(connection, [loan_id]))

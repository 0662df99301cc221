"""How fast are ten million events made into every read model, beside reading and decoding them?"""

import resource
from collections.abc import Iterator
from uuid import UUID

from bench.processor import worked
from bench.project import Row, book, parts, plain, store
from bench.report import BenchResult, result, scratch
from ledger import database
from projections.rebuild import rebuild


def run(quick: bool = False) -> BenchResult:
    """A book of loans told once and stored many times over, rebuilt while its log is at rest."""
    loans, days, copies = (1_000, 45, 9) if quick else (8_000, 60, 17)
    with scratch() as settings:
        mix = store(settings, _again(list(book(loans, days)), copies))
        events = mix.total()
        reads = [worked(settings, lambda: plain(settings))[0]]
        with database.pool(settings, min_size=3, max_size=4) as pool:
            ours, report = worked(settings, lambda: rebuild(pool))
        assert report.events == events, f"{report.events} of {events} events"
        reads.append(worked(settings, lambda: plain(settings))[0])
    limit = min(reads, key=lambda one: one.passed)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return result(
        "rebuild",
        "events/s",
        ours=events / ours.passed,
        limit=events / limit.passed,
        others={
            "peak memory, MiB, with the making of the book": peak,
            "processor seconds, Python and PostgreSQL": ours.processors,
            "the same of SELECT and decode": limit.processors,
        },
        work=f"{events:,} events of {copies * loans:,} loans over {days} days ({parts(mix)}) into"
        " every read model; limit: SELECT and decode of the same",
    )


def _again(rows: list[Row], copies: int) -> Iterator[Row]:
    """The same histories as loans of their own, ``copies`` times."""
    for copy in range(copies):
        for loan_id, version, tag, revision, more, on, command, state in rows:
            named = state.replace('"L-', f'"L{copy}-', 1) if version == 1 else state
            ids = (UUID(int=one.int ^ copy << 64) for one in (loan_id, command))
            yield next(ids), version, tag, revision, more, on, next(ids), named

"""How many events a second become a loan: stored bytes in memory, decoded and folded."""

import time
from collections.abc import Callable
from typing import Any

from eventsourcing.application import project_aggregate

from bench import stock
from bench.report import BenchResult, result
from bench.story import history
from domain import events as e
from domain.fold import replay
from ledger.log import decode_list

ROUNDS = 10


def run(*, quick: bool = False) -> BenchResult:
    """Ours as the repository does it in bulk; the limit is decoding alone; stock with its JSON."""
    seconds = 2.0 if quick else 10.0
    events = history()
    states = b"[" + b",".join(e.encode.encode(event) for event in events) + b"]"

    app = stock.StockLedger()
    loan = stock.told(events)
    stored = [app.mapper.to_stored_event(event) for event in loan.collect_events()]
    assert len(stored) == len(events)

    def ours() -> None:
        assert replay(decode_list(states)) is not None

    def limit() -> None:
        decode_list(states)

    def library() -> None:
        again: stock.StockLoan | None = project_aggregate(
            None, map(app.mapper.to_domain_event, stored)
        )
        assert again is not None
        assert again.version == len(events)

    def mutated() -> None:
        again: stock.StockLoan | None = None
        for kept in stored:
            event: Any = app.mapper.to_domain_event(kept)
            again = event.mutate(again)
        assert again is not None

    works = {"ours": ours, "limit": limit, "stock": library, "mutate": mutated}
    found = _rates(works, len(events), seconds)
    return result(
        "replay",
        "events/s",
        ours=found["ours"],
        limit=found["limit"],
        others={
            "stock eventsourcing": found["stock"],
            "times stock": found["ours"] / found["stock"],
            "stock, its events' mutate() called directly": found["mutate"],
        },
        work=f"{len(events)} events of one loan, bytes in memory to the folded loan, one thread",
    )


def _rates(works: dict[str, Callable[[], None]], events: int, seconds: float) -> dict[str, float]:
    """Events a second of each, its best round: they take turns, so that noise falls on all."""
    best = dict.fromkeys(works, 0.0)
    for _ in range(ROUNDS):
        for name, work in works.items():
            done, start = 0, time.perf_counter()
            while (spent := time.perf_counter() - start) < seconds / ROUNDS:
                work()
                done += events
            best[name] = max(best[name], done / spent)
    return best

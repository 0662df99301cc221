"""From the order of a payment years back to its corrections in the figures that readers ask for."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from statistics import median
from typing import Any

import httpx
from moneyed import Money
from msgspec.structs import replace

from api.app import create_app
from api.settings import ApiSettings
from bench.report import BenchResult, result, scratch
from bench.story import CAUSE, START, TERMS, history
from ledger import database
from ledger.api_keys import issue_key
from ledger.application import Ledger
from ledger.clock import FixedClock
from ledger.settings import Settings
from projections import engine

DAYS = 2_400
YEARS = replace(TERMS, principal=100_000_00, instalments=120, annual_rate=240_000)
INSTALMENT = 2_300_00
TODAY = START + timedelta(days=DAYS)
LONG_AGO = START
DOCUMENT = """query ($no: String!) { loan(loanNo: $no) {
    recordedBalances { version owed { total { amount } } }
    balances { owed { total { amount } } }
    transactions(first: 100) { edges { node { position } } }
    schedule { number dueOn paid { total { amount } } } } }"""


def run(*, quick: bool = False) -> BenchResult:
    """Milliseconds, the median over loans that each get one payment of years ago."""
    loans = 3 if quick else 15
    with scratch() as settings:
        told, numbers = history(DAYS + 1, YEARS, INSTALMENT), [f"B-{n}" for n in range(2 * loans)]
        with Ledger(settings, clock=FixedClock(TODAY)) as ledger:
            for number in numbers:
                events = [replace(told[0], loan_no=number), *told[1:]]
                ledger.begin(events.copy, {"command": "story"}, CAUSE)
        with database.pool(settings, min_size=2, max_size=4) as pool, asked(settings) as ask:
            engine.catch_up(pool)
            with Ledger(settings, clock=FixedClock(TODAY)) as ledger:
                ask(numbers[0])
                parts = [_paid(ledger, pool, ask, n, LONG_AGO) for n in numbers[:loans]]
                today = [_paid(ledger, pool, ask, n, TODAY) for n in numbers[loans:]]
    recorded, projected, shown = (median(part) for part in zip(*parts, strict=True))
    return result(
        "backdate",
        "ms",
        ours=median(map(sum, parts)),
        limit=median(map(sum, today)),
        others={
            "recorded": recorded,
            "then in the read models": projected,
            "then answered by GraphQL": shown,
            "recorded, a payment of today": median(part[0] for part in today),
        },
        work=f"one payment effective {DAYS:,} daily accruals ago, until GraphQL answers with its"
        f" corrections; {len(told):,} events a loan; limit: the same with a payment of today",
    )


def _paid(
    ledger: Ledger, pool: database.Pool, ask: Any, number: str, on: date
) -> tuple[float, float, float]:
    """Milliseconds to the commit, to the read models and to the answer."""
    started = time.perf_counter()
    loan_id = ledger.find(number)
    receipt = ledger.receive_payment(
        loan_id, amount=Money("500.00", "MXN"), effective_on=on, cause=CAUSE, channel="spei"
    )
    recorded = time.perf_counter()
    engine.catch_up(pool)
    projected = time.perf_counter()
    seen = ask(number)
    shown = time.perf_counter()
    figures = seen["recordedBalances"]
    assert figures["version"] == receipt.version, "the read models are behind"
    assert figures["owed"] == seen["balances"]["owed"], "what is recorded is not what is owed"
    assert len(receipt.events) > 1 or on == TODAY, "a payment of the past corrects nothing"
    return tuple(
        1_000 * span for span in (recorded - started, projected - recorded, shown - projected)
    )  # type: ignore[return-value]


@contextmanager
def asked(settings: Settings) -> Iterator[Any]:
    """What answers for a loan over the API's own door, in this process."""
    app = create_app(settings, ApiSettings(api_catch_up=False), clock=FixedClock(TODAY))
    with database.connect(settings) as connection:
        token = issue_key(connection, "bench", ["auditor"])
    with asyncio.Runner() as runner:
        lifespan = app.router.lifespan_context(app)
        runner.run(_entered(lifespan))
        http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bench")

        def ask(number: str) -> dict[str, Any]:
            answer = runner.run(
                http.post(
                    "/graphql",
                    json={"query": DOCUMENT, "variables": {"no": number}},
                    headers={"Authorization": f"Bearer {token}"},
                )
            ).json()
            assert "errors" not in answer, answer
            found: dict[str, Any] = answer["data"]["loan"]
            return found

        try:
            yield ask
        finally:
            runner.run(lifespan.__aexit__(None, None, None))
            runner.run(http.aclose())


async def _entered(lifespan: Any) -> None:
    await lifespan.__aenter__()

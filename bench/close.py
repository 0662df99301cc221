"""The close of one day for a whole portfolio, read models and all, beside the COPY of its rows."""

import re
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any, LiteralString

from psycopg import Connection
from psycopg.sql import SQL

from bench.processor import Worked, worked
from bench.report import BenchResult, result, scratch
from ledger import database
from ledger.application import Ledger
from ledger.clock import FixedClock
from ledger.close_of_day import CloseReport, close_through
from ledger.settings import Settings
from ledger.synthetic import fill
from projections.engine import Report, catch_up
from projections.following import following

UNTIL = date(2026, 3, 11)
LOANS = 250_000
ROUNDS = 3
TWINS = 25


def run(quick: bool = False) -> BenchResult:
    """Several days in turn, and each day's COPY; the best of each counts."""
    loans, rounds = (2_000, 2) if quick else (LOANS, ROUNDS)
    with scratch() as settings:
        made = fill(settings, loans=loans, until=UNTIL, history="none", twins=TWINS,
                    processes=1 if quick else None, clock=FixedClock(UNTIL))  # fmt: skip
        bring_up(settings)
        vacuum(settings)
        forget_peak()
        days = [_day(settings, UNTIL + timedelta(days=n)) for n in range(1, rounds + 1)]
        held = peak()
        best = min(days, key=lambda day: day["close and read models"])
        limit = min(day["copy"] for day in days)
    whole = best["close and read models"]
    others = {
        "close alone, read models brought up beside": best["close"],
        "loans closed per second": best["loans"] / whole,
        "events": best["events"],
        "instalments falling due": best["due"],
        "processor seconds, Python and PostgreSQL": best["processors"],
        "the same to those of the COPY": best["processors"] / best["copying processors"],
        "the same of the day with most due dates": max(days, key=lambda day: day["due"])["to copy"],
        "peak memory, MB": held,
    }
    active = made.statuses.get("active", 0)
    return result(
        "close",
        "s",
        ours=whole,
        limit=limit,
        others=others,
        work=f"one day of {loans:,} loans ({active:,} active), all read models current at the end;"
        " limit: raw COPY of the same rows into a table like the log",
    )


def _day(settings: Settings, on: date) -> dict[str, float]:
    with (
        Ledger(settings, clock=FixedClock(on)) as ledger,
        database.pool(settings, min_size=2, max_size=2) as pool,
    ):
        [[before, due]] = ledger.store.run(
            lambda connection: connection.execute(BEFORE, [on]).fetchall()
        )

        def close() -> tuple[float, CloseReport, Report]:
            with following(pool):
                closing, report = timed(lambda: close_through(ledger, on))
            return closing, report, catch_up(pool)

        whole, (closing, report, read) = worked(settings, close)
    assert not read.stopped, read
    assert not report.set_aside, report.set_aside[0]
    copied = copied_again(settings, before)
    return {
        "close": closing,
        "close and read models": whole.passed,
        "processors": whole.processors,
        "copy": copied.passed,
        "copying processors": copied.processors,
        "to copy": whole.processors / copied.processors,
        "due": due,
        "events": report.events,
        "loans": report.loans,
    }


BEFORE = """
    SELECT ledger.horizon(),
           (SELECT count(*) FROM ledger.loan_state WHERE next_due_on = %s AND status = 'active')
"""


def bring_up(settings: Settings) -> int:
    """Every read model, up to the end of the log."""
    with database.pool(settings, min_size=2, max_size=4) as pool:
        return catch_up(pool).events


def vacuum(settings: Settings) -> None:
    """What autovacuum does in its time, done before the clock runs."""
    with database.connect(settings, owner=True, autocommit=True) as owner:
        owner.execute("VACUUM ANALYZE")
        owner.execute("CHECKPOINT")


def copied_again(settings: Settings, after: int) -> Worked:
    """What it takes to COPY the log's rows above a position into an empty table like it."""
    columns = "loan_id, version, type, revision, more, effective_on, command_id, state"
    with database.connect(settings, owner=True, autocommit=True) as owner:
        [[newest]] = owner.execute(
            "SELECT tableoid::regclass::text FROM ledger.events ORDER BY position DESC LIMIT 1"
        ).fetchall()
        owner.execute("DROP TABLE IF EXISTS ledger.bench_events")
        owner.execute(_sql(f"CREATE TABLE ledger.bench_events (LIKE {newest} INCLUDING ALL)"))
        rows = _copy_out(owner, f"SELECT {columns} FROM ledger.events WHERE position > {after}")
        took, _ = worked(
            settings, lambda: _copy_in(owner, f"ledger.bench_events ({columns})", rows)
        )
        owner.execute("DROP TABLE ledger.bench_events")
    return took


def _copy_out(owner: Connection[Any], query: str) -> list[bytes]:
    with owner.cursor() as cursor, cursor.copy(_sql(f"COPY ({query}) TO STDOUT")) as copy:
        whole = b"".join(bytes(row) for row in copy)
    return [whole[at : at + 2**18] for at in range(0, len(whole), 2**18)]


def _copy_in(owner: Connection[Any], table: str, parts: list[bytes]) -> None:
    with owner.cursor() as cursor, cursor.copy(_sql(f"COPY {table} FROM STDIN")) as copy:
        for part in parts:
            copy.write(part)


def _sql(text: LiteralString) -> SQL:
    return SQL(text)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what came of it."""
    started = time.perf_counter()
    found = work()
    return time.perf_counter() - started, found


def forget_peak() -> None:
    """Count the peak of this process from now on."""
    Path("/proc/self/clear_refs").write_text("5")


def peak() -> float:
    """Megabytes this process held at most since then."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found, "no VmHWM in /proc/self/status"
    return int(found.group(1)) / 1024

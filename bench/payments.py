"""How fast is a bank's payment file posted, until every read model shows it?"""

import random
import time
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.report import BenchResult, result, scratch
from ledger import database
from ledger.application import Ledger
from ledger.clock import FixedClock
from ledger.money import text
from ledger.payment_file import PaymentReport, import_payments
from ledger.settings import Settings
from ledger.synthetic import fill
from projections import engine
from projections.following import following

SEED = 20_260_101
CLOSED = date(2026, 6, 30)
PAID_ON = CLOSED + timedelta(days=1)
TWINS = 25
NOBODYS = 0.005  # of the lines name no loan


def run(*, quick: bool = False) -> BenchResult:
    """Lines a second of one file, the engine running beside; and of the write side alone."""
    loans, lines = (10_000, 5_000) if quick else (250_000, 100_000)
    with scratch() as settings, TemporaryDirectory() as folder:
        fill(settings, loans=loans, seed=SEED, until=CLOSED, history="none", twins=TWINS,
             clock=FixedClock(PAID_ON))  # fmt: skip
        with (
            database.pool(settings, min_size=2, max_size=4) as pool,
            Ledger(settings, clock=FixedClock(PAID_ON)) as ledger,
        ):
            engine.catch_up(pool)
            _settle(settings)
            files = [_file(ledger, Path(folder) / f"{n}.csv", lines, n) for n in range(2)]
            alone, _ = _timed(ledger, files[0])
            engine.catch_up(pool)
            started = time.perf_counter()
            with following(pool):
                _, report = _timed(ledger, files[1])
            ended = engine.catch_up(pool)
            ours = time.perf_counter() - started
            assert not ended.stopped, ended
        limit = _copied(settings)
    return result(
        "payments",
        "lines/s",
        ours=lines / ours,
        limit=lines / limit,
        others={
            "write side alone": lines / alone,
            "seconds": ours,
            "payments among the lines": report.applied,
        },
        work=f"a file of {lines:,} lines onto {loans:,} loans, all projections current at the end;"
        " limit: COPY of the same command and event rows",
    )


def _timed(ledger: Ledger, path: Path) -> tuple[float, PaymentReport]:
    started = time.perf_counter()
    report = import_payments(ledger, path)
    assert report.applied > report.lines * 0.9, report
    assert not report.rejected + report.repeated, report
    return time.perf_counter() - started, report


def _file(ledger: Ledger, path: Path, lines: int, nth: int) -> Path:
    """A payment of each of so many running loans: what is owed, some of it, or a little more."""
    chance = random.Random(SEED + nth)
    rows = ledger.store.run(
        lambda connection: connection.execute(
            "SELECT loan_no, currency, principal + interest + interest_tax FROM ledger.loan_state"
            " WHERE status = 'active' AND currency = 'MXN' ORDER BY loan_no"
        ).fetchall()
    )
    with path.open("w", encoding="utf-8") as file:
        file.write("date,reference,amount,channel,transaction_id\n")
        for n in range(lines):
            loan_no, currency, owed = chance.choice(rows)
            if chance.random() < NOBODYS:
                loan_no = f"NOBODY-{n}"
            amount = text(max(1, owed * chance.randrange(5, 90) // 1_000), currency)
            file.write(f"{PAID_ON},{loan_no},{amount},spei,{nth}-{n:07}\n")
    return path


def _settle(settings: Settings) -> None:
    with database.connect(settings, owner=True, autocommit=True) as owner:
        owner.execute("VACUUM ANALYZE")
        owner.execute("CHECKPOINT")


def _copied(settings: Settings) -> float:
    """Seconds to COPY the rows of the last file into empty tables of the same make."""
    theirs = "SELECT id FROM ledger.commands WHERE idempotency_key LIKE 'bank:1-%'"
    with database.connect(settings, owner=True) as owner:
        sources = {
            "commands": f"SELECT * FROM ledger.commands WHERE id IN ({theirs})",
            "events": f"SELECT * FROM ledger.events WHERE command_id IN ({theirs})"
            " ORDER BY position",
        }
        seconds = 0.0
        for table, source in sources.items():
            owner.execute(f"CREATE TABLE ledger.bench_{table} (LIKE ledger.{table} INCLUDING ALL)")
            owner.commit()
            with owner.cursor().copy(f"COPY ({source}) TO STDOUT (FORMAT binary)") as rows:
                kept = [bytes(row) for row in rows]
            started = time.perf_counter()
            into = f"COPY ledger.bench_{table} FROM STDIN (FORMAT binary)"
            with owner.cursor().copy(into) as copy:
                for row in kept:
                    copy.write(row)
            owner.commit()
            seconds += time.perf_counter() - started
        return seconds

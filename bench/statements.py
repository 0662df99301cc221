"""A month's statements of a book as PDFs, beside laying out the same sheets and nothing else."""

import os
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage

from bench.report import BenchResult, result, scratch
from ledger.borrowers.recipients import reading_as
from ledger.database import connect
from ledger.synthetic import fill
from projections.engine import catch_up
from projections.statements.issue import issue
from projections.statements.period import month
from projections.statements.render import Setter
from projections.statements.sheet import Sheet
from projections.statements.single import one

LOANS, QUICK = 2_000, 200
SAMPLE = 100
_REGISTER = reading_as("bench", "bench")
UNTIL = date(2026, 6, 30)


def run(*, quick: bool = False) -> BenchResult:
    """Statements a second of one run over the book; the limit is typst alone, on every core."""
    period, today = month("2026-06"), date(2026, 7, 1)
    with scratch() as settings, tempfile.TemporaryDirectory() as folder:
        fill(settings, loans=QUICK if quick else LOANS, seed=8, until=UNTIL, days=60)
        with connect(settings) as connection:
            catch_up(connection)
            rows = connection.execute(
                "SELECT loan_no FROM read.loans WHERE status = 'active' ORDER BY 1 LIMIT %s",
                [SAMPLE],
            )
            numbers = [number for (number,) in rows]
        sheets = [one(settings, number, period, today).sheet for number in numbers]
        begun, worked = time.perf_counter(), _processor()
        report = issue(settings, period, Path(folder), today=today, register=_REGISTER)
        ours = report.made / (time.perf_counter() - begun)
        each = 1_000 * (_processor() - worked) / report.made
        size = sum(path.stat().st_size for path in Path(folder).iterdir()) / report.made
    limit = _typst(sheets)
    return result(
        "statements",
        "PDFs/s",
        ours=ours,
        limit=limit,
        others={"statements": report.made, "bytes of one": size, "ms of a processor for one": each},
        work=(
            f"{report.made:,} statements of a month: read, told, written to a folder, remembered;"
            f" the limit is typst laying out {len(sheets)} of the sheets, on as many processes"
        ),
    )


def _processor() -> float:
    """Seconds of a processor that this process and those it ended took."""
    used = (getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def _typst(sheets: Sequence[Sheet]) -> float:
    cores = os.cpu_count() or 1
    parts = [sheets[nth::cores] for nth in range(cores)]
    with ProcessPoolExecutor(cores, get_context("spawn")) as pool:
        list(pool.map(_lay_out, [part[:2] for part in parts]))
        begun = time.perf_counter()
        list(pool.map(_lay_out, parts))
        return len(sheets) / (time.perf_counter() - begun)


def _lay_out(sheets: Sequence[Sheet]) -> int:
    setter = Setter()
    laid = [setter.lay_out(sheet) for sheet in sheets]
    setter.close()
    return len(laid)

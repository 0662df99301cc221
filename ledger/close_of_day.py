"""The close of a business date: records, loan by loan, what the day did.

Idempotent and resumable: each batch commits its events with how far its loans are closed, so a
run that was killed goes on with the others, and a second run for the date records nothing.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, TypeAlias
from uuid import UUID

from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import TupleRow

from ledger.application import Ledger
from ledger.closing.by_loan import Open, close_by_loan
from ledger.closing.columns import OPEN, Shard, Span, date_of, read_open, split
from ledger.closing.report import CloseReport, Run, SetAside
from ledger.closing.together import Counted, close_together
from ledger.orders import Cause
from ledger.packed_rows import NEVER

__all__ = ["BATCH", "CloseReport", "Progress", "SetAside", "Shard", "close_through"]

BATCH = 10_000
BY_LOAN = 500
"""Loans that are asked themselves, in one transaction."""

CAUSE = Cause(actor="close-of-day", channel="batch")
NO_ID, LAST_ID = UUID(int=0), UUID(int=2**128 - 1)

Progress: TypeAlias = Callable[[int, int], None]
"""Called after each batch with how many loans are done, of how many."""


def close_through(
    ledger: Ledger,
    on: date,
    progress: Progress | None = None,
    shard: Shard | None = None,
    *,
    daily: bool = True,
    cause: Cause = CAUSE,
    batch: int = BATCH,
) -> CloseReport:
    """Close every loan that is not yet, up to and including business date ``on``.

    Each day leaves its own record; ``daily=False`` goes straight to ``on`` (same balances, fewer
    records). A loan that fails is set aside with its reason and tried again by the next run.
    Errors: ``InvalidDate`` if ``on`` is after the business date.
    """
    ledger.check_date(on, "on")
    ledger.store.make_room()
    run = Run(ledger, on, cause, daily, CloseReport(on), ledger.indices.lookup())
    total = ledger.store.run(lambda connection: _count(connection, run, shard)) if progress else 0
    with ThreadPoolExecutor(2) as threads:  # the server writes while others are being decided
        pages = _pages(run, shard or (0, 1), batch)
        coming = threads.submit(next, pages, None)
        while (page := coming.result()) is not None:
            coming = threads.submit(next, pages, None)
            _close(run, page, threads)
            run.report.loans += page.size
            if progress:
                progress(run.report.loans, max(total, run.report.loans))
    return run.report


@dataclass(frozen=True)
class Page:
    """Open loans in a row of ids: those already counted, and the others by their state rows."""

    span: Span
    rows: NDArray[Any]
    counted: Counted | None
    others: NDArray[Any]

    @property
    def size(self) -> int:
        """How many loans."""
        return len(self.rows)


def _pages(run: Run, shard: Shard, batch: int) -> Iterator[Page]:
    after = NO_ID
    while (page := _page(run, Span(run.on, after, LAST_ID, shard), batch)).size:
        last = UUID(bytes=page.rows["loan_id"][-1].tobytes())
        yield replace(page, span=Span(run.on, after, last, shard))
        after = last


def _page(run: Run, span: Span, limit: int | None = None, before: Page | None = None) -> Page:
    """Loans that are still open, the quiet ones counted; none that got no further since before."""

    def look(connection: Connection[TupleRow]) -> Page:
        rows = read_open(connection, span, limit)
        if before is not None:
            rows = rows[_got_on(run, before, rows)]
        quiet, others = split(connection, rows, run.on, daily=run.daily)
        counted = Counted(quiet, run.command()) if len(quiet.rows) else None
        return Page(span, rows, counted, others)

    return run.ledger.store.run(look)


def _got_on(run: Run, before: Page, rows: NDArray[Any]) -> list[bool]:
    was = dict(_open(before.rows))
    failed = {aside.loan_id for aside in run.report.set_aside}
    return [
        loan_id not in failed and was.get(loan_id, closed) != closed
        for loan_id, closed in _open(rows)
    ]


def _close(run: Run, page: Page, threads: ThreadPoolExecutor) -> None:
    """Close the loans of a page: a stretch of quiet days, a day that is not, and so on."""
    now = page
    while now.size:
        before = run.report.closed
        others = threads.submit(_ask_each, run, now.others)
        if now.counted is not None:
            close_together(run, now.counted)
        others.result()
        if run.report.closed - before == now.size:
            break
        now = _page(run, page.span, before=now)
    _keep_failures(run, page)


def _ask_each(run: Run, rows: NDArray[Any]) -> None:
    for at in range(0, len(rows), BY_LOAN):
        close_by_loan(run, _open(rows[at : at + BY_LOAN]))


def _open(rows: NDArray[Any]) -> Open:
    return [
        (UUID(bytes=loan_id), None if closed == NEVER else date_of(closed))
        for loan_id, closed in zip(
            rows["loan_id"].tolist(), rows["closed_through"].tolist(), strict=True
        )
    ]


def _count(connection: Connection[TupleRow], run: Run, shard: Shard | None) -> int:
    span = Span(run.on, NO_ID, LAST_ID, shard or (0, 1))
    [[count]] = connection.execute(f"SELECT count(*) {OPEN}", span.values).fetchall()
    return int(count)


def _keep_failures(run: Run, page: Page) -> None:
    """The table holds what failed in the latest run that looked at a loan."""
    looked = set(page.rows["loan_id"].tolist())
    failed = [aside for aside in run.report.set_aside if aside.loan_id.bytes in looked]

    def keep(connection: Connection[TupleRow]) -> None:
        kept = connection.execute(
            "SELECT loan_id FROM ledger.close_failures"
            " WHERE loan_id > %(after)s AND loan_id <= %(last)s",
            page.span.values,
        )
        over = [loan_id for (loan_id,) in kept if loan_id.bytes in looked]
        with connection.transaction():
            connection.execute("DELETE FROM ledger.close_failures WHERE loan_id = ANY(%s)", [over])
            connection.cursor().executemany(
                "INSERT INTO ledger.close_failures (loan_id, business_date, code, reason)"
                " VALUES (%s, %s, %s, %s)",
                [(one.loan_id, one.business_date, one.code, one.reason) for one in failed],
            )

    run.ledger.store.run(keep)

"""What does an event take, on disk, in the server's log and of a processor? And a loan?"""

from datetime import date, timedelta
from typing import Any

from psycopg import Connection

from bench.close import bring_up, vacuum
from bench.processor import worked
from bench.report import BenchResult, result, scratch
from ledger import database
from ledger.application import Ledger
from ledger.clock import FixedClock
from ledger.close_of_day import close_through
from ledger.settings import Settings
from ledger.synthetic import fill

SEED = 5
DAYS = 120
UNTIL = date(2026, 3, 11)
TWINS = 20
OF_A_LOAN = {"state row": "ledger.loan_state", "snapshot": "ledger.snapshots"}


def run(quick: bool = False) -> BenchResult:
    """A book with every day's events: its tables weighed, then closed twice."""
    loans = 300 if quick else 4_000
    with scratch() as settings:
        fill(settings, loans=loans, seed=SEED, until=UNTIL, history="daily", days=DAYS,
             twins=TWINS, clock=FixedClock(UNTIL), processes=1 if quick else None)  # fmt: skip
        bring_up(settings)
        vacuum(settings)
        found = _weighed(settings)
        for nth, when in enumerate(("after a checkpoint", "the day after"), start=1):
            found |= _closed(settings, UNTIL + timedelta(days=nth), when)
    events = found["events"]
    return result(
        "footprint",
        "bytes",
        ours=found.pop("on disk"),
        limit=found.pop("as JSON"),
        others=found,
        work=f"an event on disk with its keys, of {loans:,} synthetic loans with {events:,.0f}"
        f" events in {DAYS} days; limit: the event itself, as JSON",
    )


def _weighed(settings: Settings) -> dict[str, float]:
    """Bytes by event and by loan; indexes and what a page leaves free are in them."""
    with database.connect(settings, owner=True, autocommit=True) as owner:
        [[events, states]] = _rows(
            owner, "SELECT count(*), avg(octet_length(state::text)) FROM ledger.events"
        )
        [[log]] = _rows(
            owner,
            "SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits"
            " WHERE inhparent = 'ledger.events'::regclass",
        )
        [[keys]] = _rows(
            owner,
            "SELECT sum(pg_indexes_size(inhrelid)) FROM pg_inherits"
            " WHERE inhparent = 'ledger.events'::regclass",
        )
        [[reads]] = _rows(
            owner,
            "SELECT sum(pg_total_relation_size(oid)) FROM pg_class"
            " WHERE relnamespace = 'read'::regnamespace AND relkind = 'r'",
        )
        [[loans]] = _rows(owner, "SELECT count(*) FROM ledger.loan_state")
        found = {
            "events": events,
            "on disk": float(log) / events,
            "as JSON": float(states),
            "of that its keys": float(keys) / events,
            "events of a loan": events / loans,
            "read models, bytes of a loan": float(reads) / loans,
        }
        for name, table in OF_A_LOAN.items():
            query = f"SELECT pg_total_relation_size('{table}'), count(*) FROM {table}"
            [[size, rows]] = _rows(owner, query)
            found[f"{name}, bytes of one with its page's room"] = size / max(1, rows)
        return found


def _closed(settings: Settings, on: date, when: str) -> dict[str, float]:
    """What closing a day writes to the server's log and takes of a processor, by event."""
    before = _written(settings)
    with Ledger(settings, clock=FixedClock(on)) as ledger:
        closing, report = worked(settings, lambda: close_through(ledger, on))
    after = _written(settings)
    reading, _ = worked(settings, lambda: bring_up(settings))
    return {
        f"server's log of a close, bytes of an event, {when}": (after - before) / report.events,
        f"server's log of the read models, {when}": (_written(settings) - after) / report.events,
        f"processor of a close, microseconds of an event, {when}": 1e6
        * closing.processors
        / report.events,
        f"processor of the read models, {when}": 1e6 * reading.processors / report.events,
    }


def _written(settings: Settings) -> int:
    with database.connect(settings, owner=True, autocommit=True) as owner:
        [[written]] = _rows(owner, "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
    return int(written)


def _rows(owner: Connection[Any], query: str) -> list[tuple[Any, ...]]:
    return owner.execute(query.encode()).fetchall()

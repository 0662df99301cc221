"""How fast do facts become read models? Ours against only reading and decoding the same facts."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import TypeAlias
from uuid import UUID

from bench.report import BenchResult, result, scratch
from domain import commands
from domain import events as e
from domain.draft import Draft
from domain.fold import replay
from domain.loan import Status
from domain.terms import Frequency, Terms
from ledger import database, partitions, upcasters
from ledger.settings import Settings
from projections import engine
from projections.rebuild import rebuild

SEED = 20_260_101
FIRST_DAY = date(2026, 1, 5)
LATE_PAYERS = 0.15
BATCH = 20_000
MOST = 30_000_000
COLUMNS = "loan_id, version, type, revision, more, effective_on, command_id, state"
COPY = f"COPY ledger.events ({COLUMNS}) FROM STDIN"
SELECT = (
    "SELECT position, loan_id, version, type, revision, recorded_at, command_id, more, state::text"
    " FROM ledger.events WHERE position > %s ORDER BY position LIMIT %s"
)
LAST = """
    SELECT loan_id, version + 1, accrued_through FROM read.balances
    WHERE principal > 0 ORDER BY position LIMIT 1
"""
Row: TypeAlias = tuple[UUID, int, str, int, int, date, UUID, str]


class Borrower:
    """One loan and the events it has not yet stored, each group an append."""

    def __init__(self, number: int, chance: random.Random) -> None:
        self.loan_id = UUID(int=chance.getrandbits(128), version=4)
        self.late = chance.random() < LATE_PAYERS
        self._chance = chance
        terms = Terms(
            currency="MXN",
            principal=chance.randrange(5_000_00, 50_000_00, 100_00),
            annual_rate=360_000,
            instalments=12,
            frequency=chance.choice((Frequency.WEEKLY, Frequency.FORTNIGHTLY, Frequency.MONTHLY)),
            tax_rate=160_000,
            late_rate=720_000,
        )
        opened = commands.open_loan(
            loan_no=f"L-{number}", terms=terms, effective_on=FIRST_DAY, product="personal",
            branch=f"branch {number % 40}", officer=f"officer {number % 200}",
        )  # fmt: skip
        loan = replay(opened)
        assert loan is not None, number
        self.draft = Draft(loan)
        self.draft.events += opened
        self._stored = 0
        (paid_out,) = commands.disburse(loan, principal=terms.principal, effective_on=FIRST_DAY)
        self.draft.record(paid_out)

    def close(self, on: date) -> None:
        """A day: what time does, and a payment of what is due."""
        loan = self.draft.loan
        if loan.status is not Status.ACTIVE:
            return
        fell_due = loan.next_due_on == on
        self.draft.catch_up(on)
        pays = self._chance.random() < 0.02 if self.late else fell_due
        if pays:
            owed = sum(line.left for line in loan.lines if line.due)
            if owed > 0:
                number = len(loan.payments) + 1
                self.draft.tell(
                    e.PaymentReceived(
                        effective_on=on, payment=number, amount=owed, allocation=(),
                        channel="spei", reference=f"R{number}",
                    )
                )  # fmt: skip

    def append(self) -> Iterator[Row]:
        """The rows of one append; nothing is left to store."""
        command = UUID(int=self._chance.getrandbits(128), version=4)
        recorded, self.draft.events = self.draft.events, []
        for more, event in zip(range(len(recorded) - 1, -1, -1), recorded, strict=True):
            self._stored += 1
            tag = e.tag(event)
            yield (self.loan_id, self._stored, tag, upcasters.revision(tag), more,
                   event.effective_on, command, e.encode.encode(event).decode())  # fmt: skip


def book(loans: int, days: int) -> Iterator[Row]:
    """A lender's log: every loan closed every day, most paying when due, some late."""
    chance = random.Random(SEED)
    borrowers = [Borrower(number, chance) for number in range(loans)]
    for day in range(days + 1):
        for borrower in borrowers:
            borrower.close(FIRST_DAY + timedelta(days=day))
            yield from borrower.append()


def run(quick: bool = False) -> BenchResult:
    """Events per second through all projections, by one engine with its read-ahead thread."""
    loans, days = (1_000, 45) if quick else (8_000, 60)
    with scratch() as settings:
        mix = store(settings, book(loans, days))
        events = mix.total()
        limit = timed(lambda: plain(settings), events)
        with database.pool(settings, min_size=2, max_size=4) as pool:
            ours = timed(lambda: engine.catch_up(pool, batch_size=BATCH).events, events)
            again = timed(lambda: rebuild(pool).events, events)
            limit = max(limit, timed(lambda: plain(settings), events))
            waits = _latencies(pool, 50 if quick else 300)
    return result(
        "project",
        "events/s",
        ours=ours,
        limit=limit,
        others={
            "rebuild": again,
            "commit to visible at rest, ms, median": 1_000 * waits[len(waits) // 2],
            "99 of 100 within, ms": 1_000 * waits[len(waits) * 99 // 100],
        },
        work=f"{events:,} events of {loans:,} loans over {days} days ({parts(mix)}) through every"
        " projection; limit: SELECT and decode of the same",
    )


def parts(mix: Counter[str]) -> str:
    """The kinds of events and their shares."""
    return ", ".join(f"{count / mix.total():.1%} {tag}" for tag, count in mix.most_common())


def store(settings: Settings, rows: Iterator[Row]) -> Counter[str]:
    """Put ``rows`` into the log; how many there were of each kind."""
    mix: Counter[str] = Counter()
    with database.connect(settings) as connection:
        partitions.make(connection, settings.partition_size, MOST)
        with connection.cursor() as cursor, cursor.copy(COPY) as copy:
            for row in rows:
                mix[row[2]] += 1
                copy.write_row(row)
        connection.commit()
    with database.connect(settings, owner=True, autocommit=True) as owner:
        owner.execute("VACUUM ANALYZE")
    return mix


def plain(settings: Settings) -> int:
    """The least a reader does that knows nothing of columns: SELECT every fact, decode each."""
    after = seen = 0
    with database.connect(settings) as connection:
        cursor = connection.cursor(binary=True)
        while rows := cursor.execute(SELECT, [after, BATCH]).fetchall():
            for row in rows:
                e.decode.decode(row[-1])
            after, seen = rows[-1][0], seen + len(rows)
    return seen


def timed(work: Callable[[], int], events: int) -> float:
    """Events a second, all of them done."""
    started = time.perf_counter()
    done = work()
    assert done == events, f"{done} of {events} events"
    return events / (time.perf_counter() - started)


def _latencies(pool: database.Pool, number: int) -> list[float]:
    """From the commit of one event until every read model shows it, the shortest first."""
    waits = []
    with pool.connection() as connection:
        for nth in range(number):
            loan_id, version, on = connection.execute(LAST).fetchall()[0]
            accrued = e.InterestAccrued(effective_on=on, instalment=1, interest=nth + 1)
            state = e.encode.encode(accrued).decode()
            with connection.cursor() as cursor, cursor.copy(COPY) as copy:
                command = UUID(int=nth, version=4)
                copy.write_row((loan_id, version, e.tag(accrued), 1, 0, on, command, state))
            connection.commit()
            committed = time.perf_counter()
            assert engine.catch_up(pool).events == 1
            waits.append(time.perf_counter() - committed)
    return sorted(waits)

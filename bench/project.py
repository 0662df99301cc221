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
from ledger import database, log, upcasters
from ledger.settings import Settings
from projections import engine
from projections.rebuild import rebuild

SEED = 20_260_101
FIRST_DAY = date(2026, 1, 5)
LATE_PAYERS = 0.15
BATCH = 20_000
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
        limit = _timed(lambda: _read_all(settings), events)
        with database.pool(settings, min_size=2, max_size=4) as pool:
            ours = _timed(lambda: engine.catch_up(pool, batch_size=BATCH).events, events)
            again = _timed(lambda: rebuild(pool).events, events)
        limit = max(limit, _timed(lambda: _read_all(settings), events))
    parts = ", ".join(f"{count / events:.1%} {tag}" for tag, count in mix.most_common())
    return result(
        "project",
        "events/s",
        ours=ours,
        limit=limit,
        others={"rebuild": again},
        work=f"{events:,} events of {loans:,} loans over {days} days ({parts}) through every"
        " projection; limit: SELECT and decode of the same",
    )


def store(settings: Settings, rows: Iterator[Row]) -> Counter[str]:
    mix: Counter[str] = Counter()
    columns = "loan_id, version, type, revision, more, effective_on, command_id, state"
    with database.connect(settings) as connection:
        copying = f"COPY ledger.events ({columns}) FROM STDIN"
        with connection.cursor() as cursor, cursor.copy(copying) as copy:
            for row in rows:
                mix[row[2]] += 1
                copy.write_row(row)
        connection.commit()
    with database.connect(settings, owner=True, autocommit=True) as owner:
        owner.execute("VACUUM ANALYZE ledger.events")
    return mix


def _read_all(settings: Settings) -> int:
    """The least any projection must do: SELECT and decode every fact, in the same batches."""
    after = seen = 0
    with database.connect(settings) as connection:
        while batch := log.read(connection, after, BATCH).events:
            after, seen = batch[-1].position, seen + len(batch)
    return seen


def _timed(work: Callable[[], int], events: int) -> float:
    started = time.perf_counter()
    done = work()
    assert done == events, f"{done} of {events} events"
    return events / (time.perf_counter() - started)

"""A portfolio closed every day of a year: does the last day cost what the second did?"""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial
from statistics import median
from uuid import UUID

from msgspec import structs
from psycopg import Connection
from psycopg.rows import TupleRow

from bench.close import bring_up, timed, vacuum
from bench.report import BenchResult, result, scratch
from domain import commands
from domain import events as e
from domain.fold import replay
from domain.terms import Frequency, Terms
from ledger import database, state, upcasters
from ledger.application import Ledger
from ledger.clock import FixedClock
from ledger.close_of_day import close_through

FIRST_DAY = date(2026, 1, 5)
STARTS = 30
BATCH = 2_000
TERMS = Terms(
    currency="MXN", principal=50_000_00, annual_rate=360_000, instalments=36,
    frequency=Frequency.MONTHLY, tax_rate=160_000, stage_2_from=31, stage_3_from=90,
)  # fmt: skip


def run(quick: bool = False) -> BenchResult:
    """Every loan bears interest every day; one in thirty falls due. Median of five days each."""
    loans, days = (500, 40) if quick else (50_000, 365)
    with scratch() as settings:
        with database.connect(settings) as connection:
            for first in range(0, loans, BATCH):
                _lend(connection, first, min(BATCH, loans - first))
                connection.commit()
        begin = FIRST_DAY + timedelta(days=STARTS)
        with Ledger(settings, clock=FixedClock(begin + timedelta(days=days))) as ledger:
            close_through(ledger, begin)
            bring_up(settings)
            vacuum(settings)
            spent = []
            for nth in range(1, days + 1):
                closing, _ = timed(partial(close_through, ledger, begin + timedelta(days=nth)))
                reading, _ = timed(lambda: bring_up(settings))
                spent.append((closing, closing + reading))
    early, late = spent[1:6], spent[-5:]
    return result(
        "close-year",
        "s per day",
        ours=median(whole for _, whole in late),
        limit=median(whole for _, whole in early),
        others={
            "close alone, first days": median(alone for alone, _ in early),
            "close alone, last days": median(alone for alone, _ in late),
            "all days": sum(whole for _, whole in spent),
        },
        work=f"{loans:,} loans closed {days} times, read models current after each; the last five"
        " days against days 2 to 6",
    )


def _lend(connection: Connection[TupleRow], first: int, count: int) -> None:
    """Loans paid out over a month, so that each day as many fall due; nobody pays."""
    twins = [_paid_out(FIRST_DAY + timedelta(days=n)) for n in range(STARTS)]
    rows: list[tuple[object, ...]] = []
    states = []
    for number in range(first, first + count):
        (opened, *rest), made = twins[number % STARTS]
        loan_id, loan_no = UUID(int=number + 1), f"Y-{number}"
        rows += _rows(loan_id, [structs.replace(opened, loan_no=loan_no), *rest])
        states.append(structs.replace(made, loan_id=loan_id, loan_no=loan_no))
    state.insert(connection, states)
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "COPY ledger.events (loan_id, version, type, revision, more, effective_on, command_id,"
            " state) FROM STDIN"
        ) as copy,
    ):
        for row in rows:
            copy.write_row(row)


def _paid_out(on: date) -> tuple[tuple[e.AnyLoanEvent, ...], state.StateRow]:
    opened = commands.open_loan(loan_no="Y", terms=TERMS, effective_on=on)
    loan = replay(opened)
    assert loan is not None, on
    paid_out = commands.disburse(loan, principal=TERMS.principal, effective_on=on)
    loan = replay(paid_out, loan)
    assert loan is not None, on
    return (*opened, *paid_out), state.row(UUID(int=0), loan)


def _rows(loan_id: UUID, events: list[e.AnyLoanEvent]) -> Iterator[tuple[object, ...]]:
    for version, event in enumerate(events, start=1):
        tag = e.tag(event)
        yield (loan_id, version, tag, upcasters.revision(tag), 0, event.effective_on, UUID(int=0),
               e.encode.encode(event).decode())  # fmt: skip

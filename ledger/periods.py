"""Months of the books, closed one after the other and for good."""

from datetime import date, timedelta

from msgspec import Struct
from psycopg import Connection
from psycopg.rows import TupleRow

from domain.calendar import add_months
from ledger.errors import LedgerError
from ledger.orders import Cause
from ledger.store import Store

ONE_AT_A_TIME = 8_400_000_007  # advisory lock


class Period(Struct, frozen=True):
    """A closed month: events after ``position`` post to later days."""

    month: date
    position: int
    actor: str
    channel: str


class PeriodClosed(LedgerError):
    """The month is closed; what is found out later posts to the first open day."""

    field = "period"

    def __init__(self, month: date) -> None:
        super().__init__(f"{month:%Y-%m} is closed and is not opened again")
        self.month = month


class PeriodOutOfOrder(LedgerError):
    """Months close one after the other."""

    field = "period"

    def __init__(self, asked: date, expected: date) -> None:
        super().__init__(f"{asked:%Y-%m} cannot be closed before {expected:%Y-%m}")
        self.asked, self.expected = asked, expected


class PeriodNotOver(LedgerError):
    """The month still has days to come."""

    field = "period"

    def __init__(self, month: date, today: date) -> None:
        super().__init__(f"{month:%Y-%m} is not over on the business date {today}")
        self.month, self.today = month, today


class LoansNotClosed(LedgerError):
    """Interest of the month is still to be recorded: it would be posted after the month."""

    field = "period"

    def __init__(self, last: date, loans: int) -> None:
        told = f"{loans} loans are not closed through {last}: cartera close --through {last}"
        super().__init__(told)
        self.last, self.loans = last, loans


def periods(connection: Connection[TupleRow]) -> list[Period]:
    """The closed months, oldest first."""
    rows = connection.execute(
        "SELECT month, position, actor, channel FROM ledger.periods ORDER BY month"
    )
    return [Period(*row) for row in rows]


def close_period(store: Store, month: date, today: date, cause: Cause) -> Period:
    """Close the month that ``month`` begins; it is recorded once, with who did it.

    Errors: ``PeriodClosed``, ``PeriodOutOfOrder``, ``PeriodNotOver``, ``LoansNotClosed``.
    """
    assert month.day == 1, month

    def work(connection: Connection[TupleRow]) -> Period:
        with connection.transaction():
            hold(connection)
            _check(periods(connection), month, today)
            _check_loans(connection, add_months(month, 1) - timedelta(days=1))
            [row] = connection.execute(
                "INSERT INTO ledger.periods (month, actor, channel) VALUES (%s, %s, %s)"
                " RETURNING month, position, actor, channel",
                [month, cause.actor, cause.channel],
            ).fetchall()
        return Period(*row)

    return store.run(work)


def _check_loans(connection: Connection[TupleRow], last: date) -> None:
    """Every running loan has its days recorded; one taken up later has none in the month."""
    [[behind]] = connection.execute(
        "SELECT count(*) FROM ledger.loan_state WHERE status = 'active'"
        " AND greatest(accrued_through, closed_through) < %s",
        [last],
    ).fetchall()
    if behind:
        raise LoansNotClosed(last, behind)


def hold(connection: Connection[TupleRow]) -> None:
    """Whoever closes a month or posts to one goes alone, until the transaction ends."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [ONE_AT_A_TIME])


def _check(known: list[Period], month: date, today: date) -> None:
    if any(one.month == month for one in known):
        raise PeriodClosed(month)
    if known and month != (expected := add_months(known[-1].month, 1)):
        raise PeriodClosed(month) if month < expected else PeriodOutOfOrder(month, expected)
    if add_months(month, 1) > today:
        raise PeriodNotOver(month, today)

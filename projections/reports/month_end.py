"""The book at a month's end, frozen: one row a loan, and a hash that proves the rows."""

import hashlib
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from domain.errors import code_of
from projections.statements.period import Period

Column: TypeAlias = NDArray[Any]


class MonthEndError(ValueError):
    """A month's end cannot be frozen or read; ``field`` is at fault.

    MonthEndError
        MonthNotOver      its last day is not before the business date
        MonthNotClosed    loans whose days are not closed up to it
        AlreadyFrozen     it is frozen already, and stays as it is
        NotFrozen         nobody has frozen it
        ReportError       there is no such report, or not of so few months
    """

    field = "month"

    @property
    def code(self) -> str:
        """A stable name for clients: the class in kebab-case."""
        return code_of(self)


class MonthNotOver(MonthEndError):
    """A month's end is known the day after."""

    def __init__(self, ends_on: date, today: date) -> None:
        super().__init__(f"the month ends on {ends_on}, and the business date is {today}")


class MonthNotClosed(MonthEndError):
    """The days of the book must be closed first."""

    def __init__(self, ends_on: date, loans: int) -> None:
        super().__init__(
            f"{loans} loans are not closed through {ends_on}: run `cartera close --through"
            f" {ends_on}`"
        )


class NotFrozen(MonthEndError):
    """Reports are of frozen months."""

    def __init__(self, ends_on: date) -> None:
        super().__init__(
            f"the month to {ends_on} is not frozen: run `cartera month-end freeze {ends_on:%Y-%m}`"
        )


class ReportError(MonthEndError):
    """There is no such report."""

    field = "report"


class Frozen(NamedTuple):
    """A month's end on record."""

    month: date
    position: int
    loans: int
    digest: str
    actor: str
    frozen_at: datetime


class AlreadyFrozen(MonthEndError):
    """What is frozen stays: ``kept``."""

    def __init__(self, kept: Frozen) -> None:
        super().__init__(f"the month to {kept.month} is frozen with the hash {kept.digest}")
        self.kept = kept


class Book(NamedTuple):
    """The loans of a month's end, a column a field, in the order of their numbers.

    ``days``: days past due. Amounts in minor units; ``written_off`` is principal.
    """

    frozen: Frozen
    loan_no: Column
    borrower: Column
    product: Column
    branch: Column
    officer: Column
    currency: Column
    status: Column
    stage: Column
    days: Column
    bucket: Column
    restructured: Column
    booked_on: Column
    disbursed: Column
    principal: Column
    written_off: Column

    def where(self, chosen: NDArray[np.bool_]) -> "Book":
        """Some of the loans."""
        return Book(self.frozen, *(column[chosen] for column in self[1:]))


def freeze(connection: Connection[Any], period: Period, today: date, actor: str) -> Frozen:
    """Keep the book as it stood at the end of ``period``, with all that is known now.

    Errors: ``MonthNotOver``, ``MonthNotClosed``, ``AlreadyFrozen``.
    """
    on = period.ends_on
    if today <= on:
        raise MonthNotOver(on, today)
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('month-ends', 8400))")
        if before := _found(connection, on):
            raise AlreadyFrozen(before)
        [[open_loans]] = connection.execute(_OPEN, {"on": on}).fetchall()
        if open_loans:
            raise MonthNotClosed(on, open_loans)
        [[position]] = connection.execute(_READ_TO).fetchall()
        connection.execute(_FREEZE, {"on": on})
        digest, loans = _digest(connection, on)
        connection.execute(
            "INSERT INTO ledger.month_ends (month, position, loans, digest, actor)"
            " VALUES (%s, %s, %s, %s, %s)",
            [on, position, loans, digest, actor],
        )
    found = _found(connection, on)
    assert found is not None, "just frozen"
    return found


def frozen(connection: Connection[Any]) -> list[Frozen]:
    """Every month's end on record, the oldest first."""
    rows = connection.execute(f"SELECT {_FIELDS} FROM ledger.month_ends ORDER BY month")
    return [Frozen(*row) for row in rows]


def up_to(connection: Connection[Any], last: date, months: int) -> list[date]:
    """The latest months' ends on record up to ``last``, the oldest first.

    Errors: ``NotFrozen`` where ``last`` is not there.
    """
    if _found(connection, last) is None:
        raise NotFrozen(last)
    rows = connection.execute(
        "SELECT month FROM ledger.month_ends WHERE month <= %s ORDER BY month DESC LIMIT %s",
        [last, months],
    )
    return sorted(month for (month,) in rows)


def check(connection: Connection[Any], month: date) -> bool:
    """Whether the rows of a month's end still have its hash. Errors: ``NotFrozen``."""
    found = _found(connection, month)
    if found is None:
        raise NotFrozen(month)
    return _digest(connection, month) == (found.digest, found.loans)


def book(connection: Connection[Any], month: date) -> Book:
    """The loans of a month's end. Errors: ``NotFrozen``."""
    found = _found(connection, month)
    if found is None:
        raise NotFrozen(month)
    rows: Sequence[tuple[Any, ...]] = connection.execute(
        f"SELECT {_COLUMNS} FROM ledger.month_end_loans WHERE month = %s ORDER BY loan_no, loan_id",
        [month],
    ).fetchall()
    columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(15)]
    kinds = [object] * 7 + [np.int64, np.int64, object, np.bool_, object] + [np.int64] * 3
    return Book(
        found,
        *(np.array(column, dtype=kind) for column, kind in zip(columns, kinds, strict=True)),
    )


def _found(connection: Connection[Any], month: date) -> Frozen | None:
    rows = connection.execute(f"SELECT {_FIELDS} FROM ledger.month_ends WHERE month = %s", [month])
    for row in rows:
        return Frozen(*row)
    return None


def _digest(connection: Connection[Any], month: date) -> tuple[str, int]:
    """The sha-256 of the month's rows as PostgreSQL writes them, in the order of their ids."""
    hashed, loans = hashlib.sha256(), 0
    query = f"COPY (SELECT {_COLUMNS} FROM ledger.month_end_loans"
    with connection.cursor().copy(
        f"{query} WHERE month = '{month:%Y-%m-%d}' ORDER BY loan_id) TO STDOUT".encode()
    ) as rows:
        for row in rows:
            hashed.update(row)
            loans += bytes(row).count(b"\n")
    return hashed.hexdigest(), loans


_FIELDS = ", ".join(Frozen._fields)
_COLUMNS = (
    "loan_no, borrower, product, branch, officer, currency, status, stage, days_past_due, bucket,"
    " restructured, booked_on, disbursed, principal, written_off"
)

_READ_TO = """
    SELECT min(position) FROM read.positions
    WHERE projection IN ('loans', 'balances', 'transactions')
"""

_OPEN = """
    SELECT count(*) FROM ledger.loan_state
    WHERE status = 'active' AND coalesce(closed_through, '-infinity') < %(on)s
"""

_FREEZE = """
    WITH later AS (
        SELECT loan_id, sum(principal_change) AS change, sum(disbursed) AS disbursed
        FROM (
            SELECT loan_id, principal_change,
                   CASE WHEN kind = 'disbursement' THEN principal_change ELSE 0 END AS disbursed
            FROM read.transactions WHERE effective_on > %(on)s
        ) AS moved GROUP BY loan_id
    ), staged AS (  -- by the index of changes of stage: the log is not read
        SELECT DISTINCT ON (loan_id) loan_id, (state ->> 'before')::smallint AS before
        FROM ledger.events WHERE type = 'stage-changed' AND effective_on > %(on)s
        ORDER BY loan_id, effective_on, version
    )
    INSERT INTO ledger.month_end_loans
        (month, loan_id, loan_no, borrower, product, branch, officer, currency, status, stage,
         days_past_due, bucket, restructured, booked_on, disbursed, principal, written_off)
    SELECT %(on)s, loans.loan_id, loans.loan_no, loans.borrower, loans.product, loans.branch,
           loans.officer, loans.currency,
           CASE WHEN loans.written_off_on <= %(on)s THEN 'written_off' ELSE 'active' END,
           coalesce(staged.before, loans.stage),
           coalesce(aging.days_past_due, 0), coalesce(aging.bucket, read.bucket(0)),
           coalesce(loans.restructured_on <= %(on)s, false), loans.booked_on,
           loans.disbursed - coalesce(later.disbursed, 0),
           CASE WHEN loans.written_off_on <= %(on)s THEN 0
                ELSE loans.principal - coalesce(later.change, 0) END,
           CASE WHEN loans.written_off_on <= %(on)s THEN balances.written_off ELSE 0 END
    FROM read.loans AS loans
    JOIN read.balances AS balances USING (loan_id)
    LEFT JOIN read.aging_at(%(on)s) AS aging USING (loan_id)
    LEFT JOIN later USING (loan_id)
    LEFT JOIN staged USING (loan_id)
    WHERE aging.loan_id IS NOT NULL OR loans.written_off_on <= %(on)s
"""

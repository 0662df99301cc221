"""Lists of the whole book: loans, promises and journal entries by filter, order and page."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Any, TypeVar
from uuid import UUID

import strawberry
from psycopg.rows import DictRow

from api.graphql import journal, parts
from api.graphql.arguments import on_or, word
from api.graphql.connections import Connection, Keyset, Slice, connection
from api.graphql.errors import Refused
from api.graphql.loan_rows import COLUMNS
from api.graphql.loans import Loan, loan
from api.graphql.nodes import loan_named
from api.graphql.snapshot import Snapshot
from domain.loan import Status

T = TypeVar("T")
LAST_DAY = "DATE '9999-12-31'"
DISBURSED, MATURITY, LATE_SINCE = (
    f"coalesce(loans.{name}, {LAST_DAY})"
    for name in ("disbursed_on", "maturity_on", "oldest_unpaid_due_on")
)
"""As they are indexed."""
MOST_CHOICES = 100
MOST_DAYS = 99_999
COUNTED = ("status", "product", "branch", "currency")


@strawberry.enum(description="Which way a list runs.")
class Direction(Enum):
    ASC = "asc"
    DESC = "desc"


@strawberry.enum(description="What loans can be ordered by.")
class LoanOrderField(Enum):
    LOAN_NO = "loan_no"
    PRINCIPAL = "principal"
    DISBURSED_ON = "disbursed_on"
    MATURITY_ON = "maturity_on"
    DAYS_PAST_DUE = "days_past_due"


@strawberry.input(description="Loans without the date come last when ascending.")
class LoanOrder:
    field: LoanOrderField = LoanOrderField.LOAN_NO
    direction: Direction = Direction.ASC


@strawberry.input(description="Only loans for which all of this holds.")
class LoanFilter:
    status: list[Status] | None = None
    branch: list[str] | None = None
    product: list[str] | None = None
    officer: list[str] | None = None
    currency: list[str] | None = None
    borrower: list[str] | None = None
    loan_no: list[str] | None = None
    dpd_from: int | None = strawberry.field(default=None, description="Days past due, at least.")
    dpd_to: int | None = strawberry.field(default=None, description="Days past due, at most.")
    as_of: date | None = strawberry.field(
        default=None,
        description="Only loans on the books that day; days past due, balances and the rest are "
        "told for it.",
    )
    disbursed_from: date | None = None
    disbursed_to: date | None = None


@strawberry.input(description="Only promises for which all of this holds.")
class PromiseFilter:
    status: list[str] | None = strawberry.field(
        default=None, description="open, kept, broken, cancelled."
    )
    due_on: date | None = None
    due_from: date | None = None
    due_before: date | None = None
    loan: strawberry.ID | None = None


@strawberry.input(description="Only entries for which all of this holds.")
class JournalFilter:
    loan: strawberry.ID | None = None
    account: str | None = strawberry.field(default=None, description="Account code.")
    event: list[str] | None = None
    effective_from: date | None = None
    effective_to: date | None = None
    currency: str | None = None


@dataclass
class Where:
    """Conditions joined by AND, with what is bound to their marks."""

    conditions: list[str] = field(default_factory=lambda: ["true"])
    values: list[Any] = field(default_factory=list)

    def add(self, condition: str, *values: Any) -> None:
        self.conditions.append(condition)
        self.values.extend(values)

    def among(self, column: str, given: list[Any] | None) -> None:
        """One of the choices, where choices are given."""
        if given is None:
            return
        if len(given) > MOST_CHOICES:
            raise Refused("bad-argument", f"a filter takes {MOST_CHOICES} choices at most")
        choices = [one.value if isinstance(one, Enum) else word(one) for one in given]
        self.add(f"{column} = ANY(%s)", choices)

    def day(self, condition: str, given: date | None) -> None:
        if given is not None:
            self.add(condition, on_or(given, given))

    @property
    def sql(self) -> str:
        return " AND ".join(self.conditions)


def loan_keyset(order: LoanOrder, *, aged: bool) -> Keyset:
    """The order of loans; days past due run against the oldest unpaid due date."""
    descending = order.direction is Direction.DESC
    name = f"loans:{order.field.value}:{order.direction.value}"
    kinds: dict[LoanOrderField, tuple[str, type]] = {
        LoanOrderField.LOAN_NO: ("loans.loan_no", str),
        LoanOrderField.PRINCIPAL: ("loans.principal", int),
        LoanOrderField.DISBURSED_ON: (DISBURSED, date),
        LoanOrderField.MATURITY_ON: (MATURITY, date),
        LoanOrderField.DAYS_PAST_DUE: (
            f"coalesce(aged.late_since, {LAST_DAY})" if aged else LATE_SINCE,
            date,
        ),
    }  # fmt: skip
    if order.field is LoanOrderField.DAYS_PAST_DUE:
        descending = not descending
        name += ":aged" if aged else ""
    return Keyset(name, (kinds[order.field], ("loans.loan_id", UUID)), descending)


async def loans(
    snapshot: Snapshot, given: LoanFilter, asked: Slice, as_of: date | None
) -> Connection[Loan]:
    """A page of loans; with ``as_of`` those on the books that day, seen on it."""
    where = loans_where(given, snapshot.today)
    source, bound = "read.loans AS loans", []
    if as_of is not None:
        source, bound = f"{source} JOIN read.aging_at(%s) AS aged USING (loan_id)", [as_of]
    return await _listed(
        snapshot,
        COLUMNS,
        source,
        bound,
        where,
        asked,
        lambda row: loan(row, as_of),
        KEPT if is_kept(given) else None,
    )


def loans_where(given: LoanFilter, today: date) -> Where:
    """What the filter asks of a loan, and of ``aged`` where it names a day."""
    where = Where()
    for column in (*COUNTED, "officer", "borrower", "loan_no"):
        where.among(f"loans.{column}", getattr(given, column))
    if given.disbursed_from or given.disbursed_to:
        where.add("loans.disbursed_on IS NOT NULL")
    where.day(f"{DISBURSED} >= %s", given.disbursed_from)
    where.day(f"{DISBURSED} <= %s", given.disbursed_to)
    if given.as_of is not None:
        _between(where, "aged.days_past_due", given.dpd_from, given.dpd_to)
    else:
        _late(where, today, given.dpd_from, given.dpd_to)
    return where


KEPT = "SELECT coalesce(sum(loans.loans), 0) FROM read.portfolio_totals AS loans"


def is_kept(given: LoanFilter) -> bool:
    """Whether the number of loans is kept by a counter: no filter but those it is kept by."""
    others = {name: value for name, value in vars(given).items() if name not in COUNTED}
    return all(value is None for value in others.values())


def _between(where: Where, column: str, low: int | None, high: int | None) -> None:
    if low is not None:
        where.add(f"{column} >= %s", low)
    if high is not None:
        where.add(f"{column} <= %s", high)


PAUSED = "read.days_past_due(%s, loans.oldest_unpaid_due_on, loans.pauses)"


def _late(where: Where, today: date, low: int | None, high: int | None) -> None:
    """Days past due today, put as bounds of the indexed date they follow from.

    Where days are paused they are fewer than that date says.
    """
    if low is not None and low > 0:
        low = min(low, MOST_DAYS)
        where.add(f"{LATE_SINCE} <= %s::date - %s::integer", today, low)
        where.add(f"(isempty(loans.pauses) OR {PAUSED} >= %s)", today, low)
    if high is not None:
        if high < 0:
            where.add("false")
        where.add(
            f"({LATE_SINCE} >= %s::date - %s::integer"
            f" OR (NOT isempty(loans.pauses) AND {PAUSED} <= %s))",
            today, min(max(high, 0), MOST_DAYS), today, high,
        )  # fmt: skip


PROMISED = Keyset(
    "promises:promised_for",
    (("of.promised_for", date), ("of.loan_id", UUID), ("of.promise", int)),
)


async def promises(
    snapshot: Snapshot, given: PromiseFilter, asked: Slice
) -> Connection[parts.PromiseNode]:
    columns, source = PROMISES_LISTED
    return await _listed(snapshot, columns, source, [], promises_where(given), asked, parts.promise)


PROMISES_LISTED = (
    "of.*, loans.currency, loans.loan_no",
    "read.promises AS of JOIN read.loans USING (loan_id)",
)


def promises_where(given: PromiseFilter) -> Where:
    """What the filter asks of a promise."""
    where = Where()
    where.among("of.status", given.status)
    where.day("of.promised_for = %s", given.due_on)
    where.day("of.promised_for >= %s", given.due_from)
    where.day("of.promised_for < %s", given.due_before)
    if given.loan is not None:
        where.add("of.loan_id = %s", loan_named(given.loan))
    return where


async def journal_entries(
    snapshot: Snapshot, given: JournalFilter, asked: Slice
) -> Connection[journal.JournalEntry]:
    chart = await journal.accounts(snapshot)
    columns, source = journal.ENTRIES
    return await _listed(
        snapshot,
        columns,
        source,
        [],
        journal_where(given),
        asked,
        lambda row: journal.entry(row, chart),
    )


def journal_where(given: JournalFilter) -> Where:
    """What the filter asks of an entry."""
    where = Where()
    where.among("of.event", given.event)
    where.among("of.currency", None if given.currency is None else [given.currency])
    where.day("of.effective_on >= %s", given.effective_from)
    where.day("of.effective_on <= %s", given.effective_to)
    if given.loan is not None:
        where.add("of.loan_id = %s", loan_named(given.loan))
    if given.account is not None:
        where.add(
            "(SELECT account FROM read.accounts WHERE code = %s) = ANY (of.accounts)",
            word(given.account),
        )
    return where


async def _listed(
    snapshot: Snapshot,
    columns: str,
    source: str,
    bound: list[Any],
    where: Where,
    asked: Slice,
    build: Callable[[DictRow], T],
    counted: str | None = None,
) -> Connection[T]:
    """A page; ``counted`` is where its total is kept, if it need not be counted."""
    rows = await snapshot.rows(
        f"SELECT {columns}, {asked.keyset.columns} FROM {source}"
        f" WHERE {where.sql} AND {asked.where} {asked.tail}",
        [*bound, *where.values, *asked.values],
    )

    async def count() -> int:
        number = counted or f"SELECT count(*) FROM {source}"
        return await snapshot.count(f"{number} WHERE {where.sql}", [*bound, *where.values])

    return connection(rows, asked, build, count)

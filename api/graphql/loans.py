"""A loan as clients see it: its header from the read model, everything else by batched loaders."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

import strawberry
from psycopg.rows import DictRow
from strawberry import Info
from strawberry.scalars import JSON

from api.graphql import bureau, journal, parts, people
from api.graphql.arguments import ALL, Known, on_or, word
from api.graphql.connections import Connection, Slice, connection, sliced
from api.graphql.fresh import END, there
from api.graphql.history import Told, quote, told
from api.graphql.loaders import many_each, one_each, page
from api.graphql.loan_rows import (
    COLUMNS,
    COVERS,
    EVENTS,
    IN_ORDER,
    LATEST_MOVEMENTS,
    LATEST_PAYMENTS,
    PAYMENTS,
    PROMISES,
    RECORDED,
    SCHEDULE,
    TRANSACTIONS,
    aging,
    buckets,
)
from api.graphql.nodes import Node, global_id
from api.graphql.scalars import Components, Money, components, money
from api.graphql.snapshot import Snapshot, snapshot_of
from domain.events import LoanRestructured, Revision
from domain.loan import Status
from domain.views import schedule_rows
from ledger.borrowers.parties import Opened

strawberry.enum(Status, name="LoanStatus", description="Where a loan stands.")

AsOf = Annotated[
    date | None, strawberry.argument(description="Value date; the business date if not given.")
]


@strawberry.type(description="One loan.")
class Loan(Node):
    loan_id: UUID
    loan_no: str
    borrower: str = strawberry.field(description="A reference, never personal data.")
    guarantors: list[str]
    product: str
    branch: str
    officer: str
    group_no: str = strawberry.field(description="The group whose members answer for it, if any.")
    currency: str
    approved: Money
    instalments: int = strawberry.field(
        description="How many its schedule has; before it is paid out, how many were agreed."
    )
    terms: JSON = strawberry.field(description="The agreement; amounts in minor units.")
    opened_on: date
    booked_on: date | None
    first_due_on: date | None
    maturity_on: date | None
    row: strawberry.Private[DictRow]
    at: strawberry.Private[date | None]
    known: strawberry.Private[Known | None]

    async def told(self, info: Info[Any, Any], as_of: date | None) -> Told | None:
        """The loan on a date, as known when the question says."""
        snapshot = snapshot_of(info)
        on = on_or(as_of, self.at or snapshot.today)
        return await told(snapshot, self.loan_id, on, self.known)

    async def past(self, info: Info[Any, Any]) -> Told | None:
        """The loan as the question's root asked for it; None when it asked for the present."""
        return await self.told(info, None) if self.at or self.known else None

    @strawberry.field
    async def status(self, info: Info[Any, Any]) -> Status:
        past = await self.past(info)
        return past.loan.status if past else Status(self.row["status"])

    @strawberry.field(description="Impairment stage, 1 to 3.")
    async def stage(self, info: Info[Any, Any]) -> int:
        past = await self.past(info)
        return past.loan.stage if past else int(self.row["stage"])

    @strawberry.field(description="Paid out so far, in all tranches.")
    async def disbursed(self, info: Info[Any, Any]) -> Money:
        past = await self.past(info)
        return money(past.loan.disbursed if past else self.row["disbursed"], self.currency)

    @strawberry.field
    async def disbursed_on(self, info: Info[Any, Any]) -> date | None:
        past = await self.past(info)
        on: date | None = self.row["disbursed_on"]
        return past.loan.disbursed_on if past else on

    @strawberry.field
    async def closed_on(self, info: Info[Any, Any]) -> date | None:
        past = await self.past(info)
        on: date | None = self.row["closed_on"]
        return on if past is None or past.loan.status is Status.CLOSED else None

    @strawberry.field
    async def written_off_on(self, info: Info[Any, Any]) -> date | None:
        past = await self.past(info)
        on: date | None = self.row["written_off_on"]
        return on if past is None or past.loan.written_off is not None else None

    @strawberry.field(description="Interest goes on being owed, but is no income any more.")
    async def suspended(self, info: Info[Any, Any]) -> bool:
        past = await self.past(info)
        return past.loan.suspended if past else bool(self.row["suspended"])

    @strawberry.field(description="How often the whole debt was put on new terms.")
    async def restructures(self, info: Info[Any, Any]) -> int:
        past = await self.past(info)
        return len(_restructured(past)) if past else int(self.row["restructures"])

    @strawberry.field(description="When the whole debt was last put on new terms.")
    async def restructured_on(self, info: Info[Any, Any]) -> date | None:
        past = await self.past(info)
        on: date | None = self.row["restructured_on"]
        return max(_restructured(past), default=None) if past else on

    @strawberry.field
    async def sold_on(self, info: Info[Any, Any]) -> date | None:
        past = await self.past(info)
        on: date | None = self.row["sold_on"]
        return on if past is None or past.loan.closed_for == "sold" else None

    @strawberry.field(description="Who bought the loan, once it is sold.")
    async def holder(self, info: Info[Any, Any]) -> str | None:
        past = await self.past(info)
        name: str | None = self.row["holder"]
        return name if past is None or past.loan.closed_for == "sold" else None

    @strawberry.field(description="The first due date still to come, closed up to today or not.")
    async def next_due_on(self, info: Info[Any, Any]) -> date | None:
        if self.known:
            past = await self.past(info)
            return past.loan.next_due_on if past else None
        aged = await self._aged(info, None)
        return aged["next_due_on"] if aged else None

    @strawberry.field(description="Due date of the first instalment not settled, even if ahead.")
    async def oldest_unpaid_due_on(self, info: Info[Any, Any]) -> date | None:
        past = await self.past(info)
        on: date | None = self.row["oldest_unpaid_due_on"]
        return past.loan.oldest_unpaid_due_on if past else on

    @strawberry.field(
        description="Who answers for the loan: its borrower, co-borrowers and guarantors."
    )
    async def parties(self, info: Info[Any, Any]) -> list[people.LoanParty]:
        snapshot = snapshot_of(info)
        told = Opened(self.loan_no, self.opened_on, self.borrower, tuple(self.guarantors))
        return await people.parties(snapshot, told, self.at or snapshot.today)

    @strawberry.field(description="What credit bureaus were told of the loan, the latest first.")
    async def bureau_reports(self, info: Info[Any, Any]) -> list[bureau.BureauReport]:
        return await bureau.reports(snapshot_of(info), self.loan_id)

    @strawberry.field(
        description="What is owed at the end of a day: recorded figures plus what accrues up to it."
    )
    async def balances(self, info: Info[Any, Any], as_of: AsOf = None) -> parts.Balances | None:
        seen = await self.told(info, as_of)
        if seen is None:
            return None
        return parts.Balances(
            as_of=seen.on,
            owed=components(seen.loan.balances(), self.currency),
            overpaid=money(seen.loan.overpaid, self.currency),
        )

    @strawberry.field(description="What the events recorded so far say, without further accrual.")
    async def recorded_balances(self, info: Info[Any, Any]) -> parts.RecordedBalances | None:
        row = await snapshot_of(info).load("recorded", one_each(RECORDED), self.loan_id)
        return parts.recorded_balances(row) if row else None

    @strawberry.field(
        description="Every instalment. With `asOf` told for that date, interest to come forecast."
    )
    async def schedule(
        self, info: Info[Any, Any], as_of: date | None = None
    ) -> list[parts.Instalment]:
        if as_of or self.at or self.known:
            seen = await self.told(info, as_of)
            return _schedule_told(seen, self.currency) if seen else []
        rows = await snapshot_of(info).load("schedule", many_each(SCHEDULE), self.loan_id)
        return [parts.instalment(row) for row in rows]

    @strawberry.field(description="Payments, the latest first.")
    async def payments(
        self,
        info: Info[Any, Any],
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> Connection[parts.PaymentNode]:
        snapshot = snapshot_of(info)
        asked = sliced(snapshot.settings, LATEST_PAYMENTS, first, after, last, before)
        if past := await self.past(info):
            return _payments_told(self.loan_id, past, asked)
        return await page(snapshot, self.loan_id, PAYMENTS, "true", (), asked, parts.payment)

    @strawberry.field(description="Every movement, the latest value date first.")
    async def transactions(
        self,
        info: Info[Any, Any],
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> Connection[parts.Transaction]:
        snapshot = snapshot_of(info)
        asked = sliced(snapshot.settings, LATEST_MOVEMENTS, first, after, last, before)
        where, values = self._then()
        return await page(
            snapshot, self.loan_id, TRANSACTIONS, where, values, asked, parts.transaction
        )

    @strawberry.field(description="The raw history in the order recorded.")
    async def events(
        self,
        info: Info[Any, Any],
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> Connection[parts.LoanEvent]:
        snapshot = snapshot_of(info)
        asked = sliced(snapshot.settings, IN_ORDER, first, after, last, before)
        where, values = self._then()
        return await page(snapshot, self.loan_id, EVENTS, where, values, asked, parts.event)

    @strawberry.field(description="Accounting entries in the order booked.")
    async def journal_entries(
        self,
        info: Info[Any, Any],
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> Connection[journal.JournalEntry]:
        snapshot = snapshot_of(info)
        asked = sliced(snapshot.settings, journal.BOOKED, first, after, last, before)
        where, values = self._then()
        names = await journal.accounts(snapshot)
        return await page(
            snapshot, self.loan_id, journal.ENTRIES, where, values, asked,
            lambda row: journal.entry(row, names),
        )  # fmt: skip

    @strawberry.field(description="Promises to pay, the first one first.")
    async def promises(self, info: Info[Any, Any]) -> list[parts.PromiseNode]:
        rows = await snapshot_of(info).load("promises", many_each(PROMISES), self.loan_id)
        if past := await self.past(info):
            given = past.loan.promises
            rows = [
                parts.promise_row(row, given[row["promise"]])
                for row in rows
                if row["promise"] in given
            ]
        return [parts.promise(row) for row in rows]

    @strawberry.field(description="What its borrower paid for other members of the group.")
    async def covers(self, info: Info[Any, Any]) -> list[parts.Cover]:
        if past := await self.past(info):
            told = past.loan.covers.values()
            return [parts.cover(parts.cover_row(past.loan, one)) for one in told]
        rows = await snapshot_of(info).load("covers", many_each(COVERS), self.loan_id)
        return [parts.cover(row) for row in rows]

    @strawberry.field(description="Days since the oldest unpaid due date; 0 if none is past.")
    async def days_past_due(self, info: Info[Any, Any], as_of: AsOf = None) -> int:
        row = await self._aged(info, as_of)
        return int(row["days_past_due"]) if row else 0

    @strawberry.field(description="The aging bucket; null for a loan not on the books that day.")
    async def bucket(self, info: Info[Any, Any], as_of: AsOf = None) -> str | None:
        row = await self._aged(info, as_of)
        return str(row["bucket"]) if row else None

    @strawberry.field(
        description="What closes the loan if paid on a day; null for a loan that is not running."
    )
    async def payoff(self, info: Info[Any, Any], on: date | None = None) -> Components | None:
        snapshot = snapshot_of(info)
        day = on_or(on, self.at or snapshot.today)
        owed = await quote(snapshot, self.loan_id, day, self.known)
        return components(owed, self.currency) if owed else None

    async def _aged(self, info: Info[Any, Any], as_of: date | None) -> DictRow | None:
        snapshot = snapshot_of(info)
        on = on_or(as_of, self.at or snapshot.today)
        if self.known is None:
            found: DictRow | None = await snapshot.load(("aging", on), aging(on), self.loan_id)
            return found
        seen = await self.told(info, on)
        if seen is None or seen.loan.status is not Status.ACTIVE:
            return None
        days = seen.loan.days_past_due(on)
        return {"days_past_due": days, "bucket": await snapshot.load("bucket", buckets, days)}

    def _then(self) -> tuple[str, list[Any]]:
        """Only what was effective and known, where the question's root names a moment."""
        where, values = ["true"], list[Any]()
        if self.at is not None:
            where.append("of.effective_on <= %s")
            values.append(self.at)
        if self.known is not None:
            where.append("of.recorded_at <= %s AND of.position <= %s")
            values += self.known
        return " AND ".join(where), values


def _restructured(past: Told) -> list[date]:
    return [
        fact.effective_on
        for fact in past.loan.facts
        if isinstance(fact, LoanRestructured) and fact.kind is Revision.RESTRUCTURE
    ]


def loan(row: DictRow, at: date | None = None, known: Known | None = None) -> Loan:
    """The loan of a row with ``COLUMNS``, seen at a moment if one is given."""
    same = ("loan_id", "loan_no", "borrower", "guarantors", "product", "branch", "officer",
            "group_no", "currency", "instalments", "terms", "opened_on", "booked_on",
            "first_due_on", "maturity_on")  # fmt: skip
    return Loan(
        id=global_id("Loan", row["loan_id"]),
        approved=money(row["approved"], row["currency"]),
        row=row,
        at=at,
        known=known,
        **{name: row[name] for name in same},
    )


async def find(
    snapshot: Snapshot,
    loan_id: UUID | None,
    loan_no: str | None,
    as_of: date | None = None,
    known: Known | None = None,
) -> Loan | None:
    """The loan of that id or number; None if there was none at that moment.

    Errors: ``Refused`` for a position beyond the log's end.
    """
    if known and known.position != ALL.position:
        [end] = await snapshot.rows(END)
        there(known.position, end["position"])
    column, value = ("loan_id", loan_id) if loan_no is None else ("loan_no", word(loan_no))
    rows = await snapshot.rows(f"SELECT {COLUMNS} FROM read.loans WHERE {column} = %s", [value])
    if not rows:
        return None
    at = on_or(as_of, snapshot.today) if as_of or known else None
    found = loan(rows[0], at, known)
    if at and await told(snapshot, found.loan_id, at, known) is None:
        return None
    return found


def _schedule_told(seen: Told, currency: str) -> list[parts.Instalment]:
    rows = schedule_rows(seen.loan, seen.on)
    return [
        parts.instalment_told(line, row, currency)
        for line, row in zip(seen.loan.rows, rows, strict=True)
    ]


def _payments_told(loan_id: UUID, past: Told, asked: Slice) -> Connection[parts.PaymentNode]:
    newest_first = sorted(past.loan.payments.values(), key=lambda paid: -paid.number)
    rows = [
        parts.payment_row(loan_id, past.loan, paid, past.booked[paid.number])
        for paid in (reversed(newest_first) if asked.backwards else newest_first)
        if (asked.after is None or paid.number < asked.after[0])
        and (asked.before is None or paid.number > asked.before[0])
    ]

    async def count() -> int:
        return len(newest_first)

    return connection(rows[: asked.size + 1], asked, parts.payment, count)

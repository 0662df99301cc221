"""The schema: every root that can be asked."""

from datetime import date, datetime
from typing import Annotated, Any

import strawberry
from graphql import GraphQLError
from strawberry import Info
from strawberry.schema.config import StrawberryConfig
from strawberry.types.execution import ExecutionContext

from api.graphql import accounting, groups, journal, listing, parts, reports
from api.graphql import portfolio as book
from api.graphql.arguments import known, on_or
from api.graphql.connections import Connection, sliced
from api.graphql.errors import Refused
from api.graphql.limits import Limits
from api.graphql.loaders import one_each
from api.graphql.loan_rows import PAYMENTS, PROMISES
from api.graphql.loans import Loan, find
from api.graphql.nodes import Node, loan_named, named
from api.graphql.scalars import SCALARS, BigInt
from api.graphql.snapshot import Snapshot, snapshot_of
from api.graphql.stream import Subscription
from ledger.settings import Settings
from projections.reports.report import ReportName

AsOf = Annotated[
    date | None, strawberry.argument(description="Value date; the business date if not given.")
]
KnownAt = Annotated[
    datetime | None,
    strawberry.argument(description="Only what had been recorded by then (UTC without a zone)."),
]
AtPosition = Annotated[
    BigInt | None,
    strawberry.argument(description="Only what the log held up to this position."),
]

AtLeast = Annotated[
    BigInt | None,
    strawberry.argument(
        description="Wait until this position of the log has been read, such as that of one's own "
        "order."
    ),
]
"""Resolvers do not look at it: the endpoint waits before it takes their snapshot."""


_FIRST = strawberry.argument(
    name="from", description="First posting day; the first of the month if not given."
)
_LAST = strawberry.argument(
    name="to", description="Last posting day; the business date if not given."
)


def _span(snapshot: Snapshot, first: date | None, last: date | None) -> tuple[date, date]:
    end = on_or(last, snapshot.today)
    return on_or(first, end.replace(day=1)), end


@strawberry.type(description="Everything that can be asked. Amounts are exact; nothing is changed.")
class Query:
    @strawberry.field(description="One loan, on any value date and as known at any time.")
    async def loan(
        self,
        info: Info[Any, Any],
        id: strawberry.ID | None = None,  # noqa: A002 - GraphQL's own word
        loan_no: str | None = None,
        as_of: AsOf = None,
        known_at: KnownAt = None,
        at_position: AtPosition = None,
        at_least: AtLeast = None,
    ) -> Loan | None:
        if (id is None) is (loan_no is None):
            raise Refused("bad-argument", "name the loan by id or by loanNo")
        loan_id = loan_named(id) if id is not None else None
        return await find(snapshot_of(info), loan_id, loan_no, as_of, known(known_at, at_position))

    @strawberry.field(description="Loans by filter, order and page.")
    async def loans(
        self,
        info: Info[Any, Any],
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        filter: listing.LoanFilter | None = None,  # noqa: A002 - GraphQL's own word
        order_by: listing.LoanOrder | None = None,
        at_least: AtLeast = None,
    ) -> Connection[Loan]:
        snapshot, given = snapshot_of(info), filter or listing.LoanFilter()
        as_of = on_or(given.as_of, snapshot.today) if given.as_of else None
        keyset = listing.loan_keyset(order_by or listing.LoanOrder(), aged=as_of is not None)
        asked = sliced(snapshot.settings, keyset, first, after, last, before)
        return await listing.loans(snapshot, given, asked, as_of)

    @strawberry.field(description="One group, by its number.")
    async def group(
        self, info: Info[Any, Any], group_no: str, at_least: AtLeast = None
    ) -> groups.LoanGroup | None:
        return await groups.find(snapshot_of(info), group_no)

    @strawberry.field(description="Groups whose members answer for one another, by number.")
    async def groups(
        self,
        info: Info[Any, Any],
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        at_least: AtLeast = None,
    ) -> Connection[groups.LoanGroup]:
        snapshot = snapshot_of(info)
        asked = sliced(snapshot.settings, groups.BY_NUMBER, first, after, last, before)
        return await groups.listed(snapshot, asked)

    @strawberry.field(description="The object of a global id; null if there is none.")
    async def node(
        self,
        info: Info[Any, Any],
        id: strawberry.ID,  # noqa: A002 - GraphQL's own word
        at_least: AtLeast = None,
    ) -> Node | None:
        snapshot = snapshot_of(info)
        kind, loan_id, number = named(id)
        if kind == "Loan":
            return await find(snapshot, loan_id, None)
        if kind == "Payment":
            columns, source = PAYMENTS
            sql = f"SELECT {columns} FROM {source} WHERE of.loan_id = ANY(%s) AND of.payment = %s"
            row = await snapshot.load(id, one_each(sql, number), loan_id)
            return parts.payment(row) if row else None
        if kind == "Promise":
            rows = await snapshot.rows(PROMISES, [[loan_id]])
            return next((parts.promise(row) for row in rows if row["promise"] == number), None)
        return None

    @strawberry.field(description="A report from months' ends that were frozen.")
    async def report(
        self,
        info: Info[Any, Any],
        name: ReportName,
        month: Annotated[str, strawberry.argument(description="The latest, such as 2026-03.")],
        months: Annotated[int, strawberry.argument(description="How many to look back.")] = 12,
        by: Annotated[str, strawberry.argument(description="What to group by.")] = "product",
        at_least: AtLeast = None,
    ) -> reports.Report:
        return await reports.report(snapshot_of(info).settings, name, month, months, by)

    @strawberry.field(description="Promises to pay, by the day they are promised for.")
    async def promises(
        self,
        info: Info[Any, Any],
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        filter: listing.PromiseFilter | None = None,  # noqa: A002 - GraphQL's own word
        at_least: AtLeast = None,
    ) -> Connection[parts.PromiseNode]:
        snapshot = snapshot_of(info)
        asked = sliced(snapshot.settings, listing.PROMISED, first, after, last, before)
        return await listing.promises(snapshot, filter or listing.PromiseFilter(), asked)

    @strawberry.field(description="Accounting entries in the order booked.")
    async def journal_entries(
        self,
        info: Info[Any, Any],
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        filter: listing.JournalFilter | None = None,  # noqa: A002 - GraphQL's own word
        at_least: AtLeast = None,
    ) -> Connection[journal.JournalEntry]:
        snapshot = snapshot_of(info)
        asked = sliced(snapshot.settings, journal.BOOKED, first, after, last, before)
        return await listing.journal_entries(snapshot, filter or listing.JournalFilter(), asked)

    @strawberry.field(description="All accounts at the end of a day, one list per currency.")
    async def trial_balance(
        self,
        info: Info[Any, Any],
        on: AsOf = None,
        at_least: AtLeast = None,
    ) -> list[journal.TrialBalance]:
        snapshot = snapshot_of(info)
        return await journal.trial_balances(snapshot, on_or(on, snapshot.today))

    @strawberry.field(description="A trial balance in the company's own accounts.")
    async def account_balances(
        self,
        info: Info[Any, Any],
        first: Annotated[date | None, _FIRST] = None,
        last: Annotated[date | None, _LAST] = None,
        by_branch: bool = False,
        by_product: bool = False,
        at_least: AtLeast = None,
    ) -> list[accounting.AccountBalances]:
        snapshot = snapshot_of(info)
        asked = (("branch", by_branch), ("product", by_product))
        by = [name for name, wanted in asked if wanted]
        return await accounting.account_balances(snapshot, *_span(snapshot, first, last), by)

    @strawberry.field(description="The lines of one of the company's accounts.")
    async def account_ledger(
        self,
        info: Info[Any, Any],
        account: str,
        first: Annotated[date | None, _FIRST] = None,
        last: Annotated[date | None, _LAST] = None,
        at_least: AtLeast = None,
    ) -> list[accounting.LedgerLine]:
        snapshot = snapshot_of(info)
        return await accounting.account_ledger(snapshot, account, *_span(snapshot, first, last))

    @strawberry.field(description="The loans' events behind the lines of an account, as logged.")
    async def account_events(
        self,
        info: Info[Any, Any],
        account: str,
        since: Annotated[date | None, _FIRST] = None,
        last: Annotated[date | None, _LAST] = None,
        kind: str | None = None,
        first: int = 50,
        after: Annotated[
            BigInt | None, strawberry.argument(description="Position of the last one seen.")
        ] = None,
        at_least: AtLeast = None,
    ) -> list[accounting.AccountEvent]:
        snapshot = snapshot_of(info)
        begin, end = _span(snapshot, since, last)
        return await accounting.account_events(
            snapshot, account, begin, end, kind, first, int(after or 0)
        )

    @strawberry.field(description="The entries of a loan's events in the company's accounts.")
    async def company_entries(
        self,
        info: Info[Any, Any],
        loan_id: strawberry.ID,
        position: BigInt | None = None,
        at_least: AtLeast = None,
    ) -> list[accounting.CompanyEntry]:
        found = loan_named(loan_id)
        if found is None:
            return []
        return await accounting.company_entries(snapshot_of(info), found, position)

    @strawberry.field(description="The size and health of the book, one per currency.")
    async def portfolio(
        self,
        info: Info[Any, Any],
        as_of: AsOf = None,
        at_least: AtLeast = None,
    ) -> list[book.Portfolio]:
        snapshot = snapshot_of(info)
        return await book.portfolios(snapshot, on_or(as_of, snapshot.today))

    @strawberry.field(description="Arrears by bucket, grouped.")
    async def aging(
        self,
        info: Info[Any, Any],
        as_of: AsOf = None,
        by: book.AgingBy = book.AgingBy.BRANCH,
        at_least: AtLeast = None,
    ) -> list[book.AgingGroup]:
        snapshot = snapshot_of(info)
        return await book.aging(snapshot, on_or(as_of, snapshot.today), by)

    @strawberry.field(description="How far each read model is.")
    async def projections(self, info: Info[Any, Any]) -> list[book.ProjectionStatus]:
        return await book.projections(snapshot_of(info))

    @strawberry.field(description="The position of the log up to which this answer is true.")
    async def position(self, info: Info[Any, Any]) -> BigInt:
        return await book.position(snapshot_of(info))

    @strawberry.field(description="The lender's date, which dates not given stand for.")
    def business_date(self, info: Info[Any, Any]) -> date:
        return snapshot_of(info).today


class Schema(strawberry.Schema):
    """Errors are logged where they are shown, not twice."""

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Nothing: `api.graphql.errors.shown` has the log's line and the client's id."""


def schema(settings: Settings, *, introspection: bool = True) -> Schema:
    """The schema under the limits of ``settings``."""

    class Limited(Limits):
        pass

    Limited.settings = settings
    Limited.introspection = introspection
    return Schema(
        query=Query,
        subscription=Subscription,
        types=[Loan, parts.PaymentNode, parts.PromiseNode],
        extensions=[Limited],
        config=StrawberryConfig(scalar_map=dict(SCALARS)),
    )

"""The whole book on any day: size, arrears by bucket, portfolio at risk."""

from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from enum import Enum

import strawberry
from psycopg.rows import DictRow

from api.graphql.scalars import BigInt, Money, money
from api.graphql.snapshot import Snapshot

BOOK = """
    WITH later AS (
        SELECT loan_id, sum(principal_change) AS change
        FROM read.transactions WHERE effective_on > %s GROUP BY loan_id
    ), standing AS (
        SELECT loans.currency, {group} AS name, aged.bucket, aged.days_past_due,
               loans.principal - coalesce(later.change, 0) AS principal
        FROM read.aging_at(%s) AS aged
        JOIN read.loans USING (loan_id)
        LEFT JOIN later USING (loan_id)
    )
    SELECT currency, name, bucket, count(*) AS loans, sum(principal)::bigint AS principal,
           coalesce(sum(principal) FILTER (WHERE days_past_due > 30), 0)::bigint AS principal_30,
           coalesce(sum(principal) FILTER (WHERE days_past_due > 90), 0)::bigint AS principal_90,
           min(days_past_due) AS least_days
    FROM standing GROUP BY currency, name, bucket ORDER BY currency, name, least_days"""


@strawberry.enum(description="What arrears are grouped by.")
class AgingBy(Enum):
    BRANCH = "loans.branch"
    PRODUCT = "loans.product"
    OFFICER = "loans.officer"
    STAGE = "loans.stage::text"
    ALL = "''::text"


@strawberry.type(description="The loans of one aging bucket.")
class Bucket:
    bucket: str
    loans: int
    principal: Money


@strawberry.type(description="The aging of one group of loans, in one currency.")
class AgingGroup:
    name: str = strawberry.field(description="The branch, product or officer; empty for all.")
    currency: str
    loans: int
    principal: Money
    buckets: list[Bucket]


@strawberry.type(description="The book in one currency: loans disbursed and not yet ended.")
class Portfolio:
    as_of: date
    currency: str
    loans: int
    principal: Money = strawberry.field(description="Outstanding principal.")
    past_due_loans: int
    past_due_principal: Money = strawberry.field(description="Principal of loans past due.")
    par_30: Money = strawberry.field(description="Principal of loans over 30 days past due.")
    par_30_ratio: str = strawberry.field(description="Of all principal: plain decimal text.")
    par_90: Money = strawberry.field(description="Principal of loans over 90 days past due.")
    par_90_ratio: str
    buckets: list[Bucket]


@strawberry.type(description="How far one read model is.")
class ProjectionStatus:
    name: str
    position: BigInt
    lag: BigInt = strawberry.field(description="Positions of the log not read yet.")
    status: str = strawberry.field(description="running, or stopped by an error.")
    stopped_by: str | None = strawberry.field(description="The kind of error that stopped it.")


async def aging(snapshot: Snapshot, on: date, by: AgingBy) -> list[AgingGroup]:
    """One group per currency and name, each with its buckets from least to most days."""
    groups: dict[tuple[str, str], list[DictRow]] = {}
    for row in await _book(snapshot, on, by):
        groups.setdefault((row["currency"], row["name"]), []).append(row)
    return [
        AgingGroup(
            name=name,
            currency=currency,
            loans=sum(row["loans"] for row in rows),
            principal=money(sum(row["principal"] for row in rows), currency),
            buckets=_buckets(rows, currency),
        )
        for (currency, name), rows in groups.items()
    ]


async def portfolios(snapshot: Snapshot, on: date) -> list[Portfolio]:
    """One per currency."""
    by_currency: dict[str, list[DictRow]] = {}
    for row in await _book(snapshot, on, AgingBy.ALL):
        by_currency.setdefault(row["currency"], []).append(row)
    return [_portfolio(on, currency, rows) for currency, rows in by_currency.items()]


def _portfolio(on: date, currency: str, rows: list[DictRow]) -> Portfolio:
    principal = sum(row["principal"] for row in rows)
    late = [row for row in rows if row["least_days"] > 0]
    at_risk_30 = sum(row["principal_30"] for row in rows)
    at_risk_90 = sum(row["principal_90"] for row in rows)
    return Portfolio(
        as_of=on,
        currency=currency,
        loans=sum(row["loans"] for row in rows),
        principal=money(principal, currency),
        past_due_loans=sum(row["loans"] for row in late),
        past_due_principal=money(sum(row["principal"] for row in late), currency),
        par_30=money(at_risk_30, currency),
        par_30_ratio=ratio(at_risk_30, principal),
        par_90=money(at_risk_90, currency),
        par_90_ratio=ratio(at_risk_90, principal),
        buckets=_buckets(rows, currency),
    )


def ratio(part: int, whole: int) -> str:
    """Four decimals, half-even; zero of an empty book."""
    share = Decimal(part) / whole if whole else Decimal(0)
    return str(share.quantize(Decimal("0.0001"), ROUND_HALF_EVEN))


def _buckets(rows: list[DictRow], currency: str) -> list[Bucket]:
    return [
        Bucket(
            bucket=row["bucket"], loans=row["loans"], principal=money(row["principal"], currency)
        )
        for row in rows
    ]


async def _book(snapshot: Snapshot, on: date, by: AgingBy) -> list[DictRow]:
    return await snapshot.rows(BOOK.format(group=by.value), [on, on])


async def projections(snapshot: Snapshot) -> list[ProjectionStatus]:
    rows = await snapshot.rows(
        "SELECT projection, position, status, split_part(error, ':', 1) AS stopped_by,"
        " (SELECT coalesce(max(position), 0) FROM ledger.events) AS head"
        " FROM read.positions ORDER BY projection"
    )
    return [
        ProjectionStatus(
            name=row["projection"],
            position=row["position"],
            lag=BigInt(max(0, row["head"] - row["position"])),
            status=row["status"],
            stopped_by=row["stopped_by"],
        )
        for row in rows
    ]


async def position(snapshot: Snapshot) -> BigInt:
    """Up to where in the log every read model has read."""
    return BigInt(snapshot.position)

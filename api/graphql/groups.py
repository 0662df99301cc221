"""Groups as clients see them: their members' loans, who paid for whom, what came in together.

A group is a fact of the ledger and has no read model of its own; what its members owe is of theirs.
"""

from datetime import date
from typing import Any

import strawberry
from psycopg.rows import DictRow
from strawberry import Info

from api.graphql import parts
from api.graphql.arguments import word
from api.graphql.connections import Connection, Keyset, Slice, connection
from api.graphql.loan_rows import COLUMNS
from api.graphql.loans import Loan, loan
from api.graphql.scalars import Money, money
from api.graphql.snapshot import Snapshot, snapshot_of
from domain.groups import GroupKind, Returns, Shortfall, Surplus

for kind in (GroupKind, Shortfall, Surplus, Returns):
    strawberry.enum(kind)

GROUPS = (
    """of.group_no, of.kind, of.currency, of.opened_on, of.members,
    coalesce(of.rule ->> 'shortfall', 'in_proportion') AS shortfall,
    coalesce(of.rule ->> 'surplus', 'in_advance') AS surplus,
    coalesce(of.rule ->> 'returns', 'first') AS returns""",
    "ledger.groups AS of",
)
"""Columns and source. What a rule leaves out is the domain's default."""

BY_NUMBER = Keyset("groups:group_no", (("of.group_no", str),))

COVERED = """SELECT of.*, loans.currency, loans.loan_no
    FROM read.covers AS of JOIN read.loans USING (loan_id) WHERE loans.group_no = {group}"""

PAID = """SELECT of.number, of.effective_on, of.amount, of.posted_at IS NOT NULL AS posted,
        coalesce((of.split -> 'split' ->> 'kept')::bigint, 0) AS kept
    FROM ledger.group_payments AS of WHERE of.group_no = {group}"""


@strawberry.type(description="A payment of a group, shared among its members.")
class GroupPayment:
    number: int
    effective_on: date
    amount: Money
    kept: Money = strawberry.field(description="Kept for the group, for nobody's loan.")
    posted: bool = strawberry.field(description="All of it is on the members' loans.")


@strawberry.type(description="A place in a group, and the loan of who has it.")
class GroupMember:
    place: int
    loan_no: str
    loan: Loan | None = strawberry.field(description="Null until it is opened.")


@strawberry.type(description="Borrowers who answer for one another's loans.")
class LoanGroup:
    group_no: str
    kind: GroupKind
    currency: str
    opened_on: date
    shortfall: Shortfall
    surplus: Surplus
    returns: Returns
    numbers: strawberry.Private[list[str]]

    @strawberry.field(description="In the order of the group's list.")
    async def members(self, info: Info[Any, Any]) -> list[GroupMember]:
        rows = await snapshot_of(info).rows(
            f"SELECT {COLUMNS} FROM read.loans WHERE loan_no = ANY(%s)", [self.numbers]
        )
        found = {row["loan_no"]: loan(row) for row in rows}
        return [
            GroupMember(place=place, loan_no=name, loan=found.get(name))
            for place, name in enumerate(self.numbers, start=1)
        ]

    @strawberry.field(description="Who paid for whom, and what is owed back; the oldest first.")
    async def covers(self, info: Info[Any, Any]) -> list[parts.Cover]:
        order = "given_on, loan_no, cover"
        rows = await snapshot_of(info).rows(
            f"{COVERED.format(group='%s')} ORDER BY {order}", [self.group_no]
        )
        return [parts.cover(row) for row in rows]

    @strawberry.field(description="What came in for the group, the first one first.")
    async def payments(self, info: Info[Any, Any]) -> list[GroupPayment]:
        rows = await snapshot_of(info).rows(
            f"{PAID.format(group='%s')} ORDER BY number", [self.group_no]
        )
        return [
            GroupPayment(
                number=row["number"],
                effective_on=row["effective_on"],
                amount=money(row["amount"], self.currency),
                kept=money(row["kept"], self.currency),
                posted=row["posted"],
            )
            for row in rows
        ]


def group(row: DictRow) -> LoanGroup:
    return LoanGroup(
        group_no=row["group_no"],
        kind=GroupKind(row["kind"]),
        currency=row["currency"],
        opened_on=row["opened_on"],
        shortfall=Shortfall(row["shortfall"]),
        surplus=Surplus(row["surplus"]),
        returns=Returns(row["returns"]),
        numbers=row["members"],
    )


async def find(snapshot: Snapshot, group_no: str) -> LoanGroup | None:
    columns, source = GROUPS
    rows = await snapshot.rows(
        f"SELECT {columns} FROM {source} WHERE of.group_no = %s", [word(group_no)]
    )
    return group(rows[0]) if rows else None


async def listed(snapshot: Snapshot, asked: Slice) -> Connection[LoanGroup]:
    columns, source = GROUPS
    rows = await snapshot.rows(
        f"SELECT {columns}, {asked.keyset.columns} FROM {source} WHERE {asked.where} {asked.tail}",
        [*asked.values],
    )

    async def count() -> int:
        return await snapshot.count(f"SELECT count(*) FROM {source}", [])

    return connection(rows, asked, group, count)

"""Batches over one snapshot: each function is one statement for all loans of a page."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from psycopg.rows import DictRow

from api.graphql.connections import Connection, Slice, connection
from api.graphql.snapshot import Load, Snapshot

T = TypeVar("T")


def one_each(sql: str, *values: Any) -> Load:
    """A loader of one row (or None) per loan; the first mark of ``sql`` takes the loans."""

    async def load(snapshot: Snapshot, loan_ids: list[UUID]) -> Sequence[DictRow | None]:
        rows = await snapshot.rows(sql, [loan_ids, *values])
        by_loan = {row["loan_id"]: row for row in rows}
        return [by_loan.get(loan_id) for loan_id in loan_ids]

    return load


def many_each(sql: str, *values: Any) -> Load:
    """A loader of a list of rows per loan, in the order that ``sql`` gives."""

    async def load(snapshot: Snapshot, loan_ids: list[UUID]) -> Sequence[list[DictRow]]:
        by_loan: dict[UUID, list[DictRow]] = {loan_id: [] for loan_id in loan_ids}
        for row in await snapshot.rows(sql, [loan_ids, *values]):
            by_loan[row["loan_id"]].append(row)
        return [by_loan[loan_id] for loan_id in loan_ids]

    return load


def page_each(columns: str, source: str, where: str, values: Sequence[Any], asked: Slice) -> Load:
    """A loader of one page per loan. ``source`` names its rows ``of``, which ``where`` filters."""
    sql = (
        "SELECT page.* FROM unnest(%s::uuid[]) AS asked (loan_id) CROSS JOIN LATERAL ("
        f" SELECT {columns}, {asked.keyset.columns} FROM {source}"
        f" WHERE of.loan_id = asked.loan_id AND {where} AND {asked.where} {asked.tail}) AS page"
    )
    downwards = asked.keyset.descending is not asked.backwards
    keys = [f"key_{n}" for n in range(len(asked.keyset.keys))]
    pages = many_each(sql, *values, *asked.values)

    async def load(snapshot: Snapshot, loan_ids: list[UUID]) -> Sequence[list[DictRow]]:
        found: Sequence[list[DictRow]] = await pages(snapshot, loan_ids)
        for rows in found:  # a join promises no order
            rows.sort(key=lambda row: [row[key] for key in keys], reverse=downwards)
        return found

    return load


async def page(
    snapshot: Snapshot,
    loan_id: UUID,
    listing: tuple[str, str],
    where: str,
    values: Sequence[Any],
    asked: Slice,
    build: Callable[[DictRow], T],
) -> Connection[T]:
    """One loan's page of ``listing`` (columns, source), and its total when that is asked for."""
    columns, source = listing
    name = (source, where, tuple(values))

    async def count() -> int:
        counted = await snapshot.load(
            ("count", *name),
            one_each(
                f"SELECT of.loan_id, count(*) AS number FROM {source}"
                f" WHERE of.loan_id = ANY(%s) AND {where} GROUP BY of.loan_id",
                *values,
            ),
            loan_id,
        )
        return int(counted["number"]) if counted else 0

    load = page_each(columns, source, where, values, asked)
    rows = await snapshot.load(("page", *name, asked), load, loan_id)
    return connection(rows, asked, build, count)

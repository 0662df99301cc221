"""What credit bureaus were told of a loan: months, ratings and files; never a person's data."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import strawberry

from api.graphql.snapshot import Snapshot

TOLD = """
    SELECT records.loan_id, file, bureau, format, cut_off, kind, role, person AS borrower_no,
           records.balance, records.past_due, days_past_due, closed,
           told ->> 'rating' AS rating, sent_at
    FROM bureau.records JOIN bureau.files USING (file)
    WHERE records.loan_id = ANY(%s) AND sha256 IS NOT NULL
    ORDER BY cut_off DESC, file DESC, role, person
"""


@strawberry.type(description="What a file for a bureau says of a loan and one who answers for it.")
class BureauReport:
    file: int
    bureau: str
    format: str
    cut_off: date
    kind: str = strawberry.field(description="full or correction.")
    role: str
    borrower_no: str = strawberry.field(description="A reference, never personal data.")
    balance: int = strawberry.field(description="As written, in whole units.")
    past_due: int = strawberry.field(description="As written, in whole units.")
    days_past_due: int
    closed: bool
    rating: str = strawberry.field(description="In the bureau's own code, such as Buró's MOP.")
    sent_at: datetime | None = strawberry.field(description="Null of a draft.")


async def reports(snapshot: Snapshot, loan_id: UUID) -> list[BureauReport]:
    """All that was told of the loan, the latest first: loans of a page are read together."""

    async def load(view: Snapshot, loans: list[UUID]) -> Sequence[list[dict[str, Any]]]:
        found: dict[UUID, list[dict[str, Any]]] = {one: [] for one in loans}
        for row in await view.rows(TOLD, [loans]):
            found[row["loan_id"]].append(row)
        return [found[one] for one in loans]

    rows: list[dict[str, Any]] = await snapshot.load("bureau reports", load, loan_id)
    return [BureauReport(**{name: row[name] for name in row if name != "loan_id"}) for row in rows]

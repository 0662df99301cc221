"""Global ids: one opaque text names any object that GraphQL can give again."""

import base64
from uuid import UUID

import strawberry

from api.graphql.errors import Refused


@strawberry.interface(description="An object that `node(id)` gives again.")
class Node:
    id: strawberry.ID


def global_id(kind: str, *parts: object) -> strawberry.ID:
    plain = ":".join((kind, *map(str, parts)))
    return strawberry.ID(base64.urlsafe_b64encode(plain.encode()).decode().rstrip("="))


def named(given: str) -> tuple[str, UUID, int]:
    """Kind, loan and number (0 where the kind has none) that a global id stands for.

    Errors: ``Refused`` when it is no id of ours.
    """
    try:
        plain = base64.b64decode(given + "=" * (-len(given) % 4), altchars=b"-_", validate=True)
        kind, loan_id, *rest = plain.decode().split(":")
        number = int(rest[0]) if rest else 0
        if number not in range(2**31):
            raise ValueError("no number of ours")
        return kind, UUID(loan_id), number
    except ValueError as unknown:
        raise Refused("bad-id", "this is no id of ours") from unknown


def loan_named(given: str) -> UUID | None:
    """The loan that a global id or a bare uuid names; None if it names something else."""
    try:
        return UUID(given)
    except ValueError:
        kind, loan_id, _ = named(given)
        return loan_id if kind == "Loan" else None

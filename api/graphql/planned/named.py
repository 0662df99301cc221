"""`node(id)`, planned: whichever of our kinds of object the id names."""

from typing import Any

from api.graphql.listing import PROMISES_LISTED
from api.graphql.loan_rows import PAYMENTS
from api.graphql.nodes import named
from api.graphql.planned.asked import Asked
from api.graphql.planned.kinds import LOAN, PAYMENT, PROMISE
from api.graphql.planned.rows import Kind, found, row_of, told, with_unit
from api.graphql.planned.written import Written

KINDS: dict[str, tuple[Kind, str, str, tuple[str, ...]]] = {
    "Loan": (LOAN, "loans.*", "read.loans AS loans", ("loans.loan_id",)),
    "Payment": (PAYMENT, *PAYMENTS, ("of.loan_id", "of.payment")),
    "Promise": (PROMISE, *PROMISES_LISTED, ("of.loan_id", "of.promise")),
}
"""Of each kind its fields, its columns and source, and what names one of them."""


def node(asked: Asked) -> Written:
    """The object of a global id, or null. Errors: ``Refused`` for what is no id of ours."""
    written = ", ".join(_one(asked, name) for name in KINDS)
    return [f"coalesce({written}, 'null')"]


def _one(asked: Asked, name: str) -> str:
    kind, columns, source, keys = KINDS[name]
    marks = [_part(asked, name, at) for at in range(len(keys))]
    where = " AND ".join(f"{key} = %s" for key in keys)
    row = row_of(asked.reading)
    chosen = asked.reading.bound(
        f"SELECT {with_unit(columns, 'loans.currency')} FROM {source} WHERE {where}", marks
    )
    return found(row, chosen, told(kind, row, asked.being(name)))


def _part(asked: Asked, kind: str, at: int) -> Any:
    """A part of the id if it names that ``kind``; else null, which is equal to nothing."""

    def made(given: str) -> Any:
        of, *parts = named(given)
        return parts[at] if of == kind else None

    return asked.value("id", "id", made)

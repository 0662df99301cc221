"""What the database knows for a statement: a loan's history, and which statements went out."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.types.json import Jsonb

from projections.statements.account import Cut, Statement
from projections.statements.period import Period, StatementError


class UnknownLoan(StatementError):
    """No loan has that number."""

    def __init__(self, loan_no: str) -> None:
        super().__init__(f"there is no loan {loan_no[:100]}")


class Cuts(NamedTuple):
    """Of a loan and period: where the statement issued ends, and the one before it.

    ``closed_through`` is the last day of the loan that was closed. ``paid_with`` are the references
    to pay with, by kind: those that the statement issued told, else the latest given out.
    """

    issued: Cut | None = None
    before: Cut | None = None
    closed_through: date | None = None
    paid_with: Mapping[str, str] = {}


def loan_id(connection: Connection[Any], loan_no: str) -> UUID:
    """The id of a loan's number. Errors: ``UnknownLoan``."""
    found = connection.execute(
        "SELECT loan_id FROM ledger.loan_state WHERE loan_no = %s", [loan_no.replace("\0", "")]
    )
    for (one,) in found:
        return UUID(str(one))
    raise UnknownLoan(loan_no)


def cuts(connection: Connection[Any], loan_ids: Sequence[UUID], period: Period) -> dict[UUID, Cuts]:
    """The cuts of issued statements that matter for a period."""
    rows = connection.execute(
        "SELECT DISTINCT ON (loan_id, ends_on = %(on)s) loan_id, ends_on, position,"
        " paid_with FROM ledger.statements WHERE loan_id = ANY(%(ids)s) AND ends_on <= %(on)s"
        " ORDER BY loan_id, ends_on = %(on)s, ends_on DESC",
        {"on": period.ends_on, "ids": list(loan_ids)},
    )
    closed = connection.execute(
        "SELECT loan_id, closed_through FROM ledger.loan_state WHERE loan_id = ANY(%s)",
        [list(loan_ids)],
    )
    given = references(connection, loan_ids)
    found = {one: Cuts(closed_through=day, paid_with=given.get(one, {})) for one, day in closed}
    for one, ends_on, position, paid_with in rows:
        cut = Cut(ends_on, position)
        if ends_on == period.ends_on:
            found[one] = found[one]._replace(issued=cut, paid_with=paid_with)
        else:
            found[one] = found[one]._replace(before=cut)
    return found


def references(connection: Connection[Any], loan_ids: Sequence[UUID]) -> dict[UUID, dict[str, str]]:
    """By loan and kind the latest reference that was given out for it."""
    found: dict[UUID, dict[str, str]] = {}
    for one, kind, reference in connection.execute(
        "SELECT loan_id, kind, reference FROM ledger.payment_references"
        " WHERE loan_id = ANY(%s) ORDER BY issued_at, reference_key",
        [list(loan_ids)],
    ):
        found.setdefault(one, {})[kind] = reference
    return found


def to_state(connection: Connection[Any], period: Period) -> list[UUID]:
    """The loans on the books in a period of which no statement went out yet, by number."""
    rows = connection.execute(
        "SELECT loan_id FROM read.loans AS loan"
        " WHERE disbursed_on <= %(ends_on)s AND coalesce(closed_on, 'infinity') >= %(begins_on)s"
        " AND NOT EXISTS (SELECT FROM ledger.statements AS sent"
        "                 WHERE sent.loan_id = loan.loan_id AND sent.ends_on = %(ends_on)s)"
        " ORDER BY loan_no",
        period._asdict(),
    )
    return [one for (one,) in rows]


class Issue(NamedTuple):
    """A statement as it went out; hashes of its template and of its sheet without a name."""

    loan_id: UUID
    told: Statement
    template: str
    sheet: str
    paid_with: Mapping[str, str]


def keep(connection: Connection[Any], issues: Sequence[Issue]) -> None:
    """Remember that these went out, unless another run was first."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO ledger.statements"
            " (loan_id, ends_on, begins_on, position, opening, closing, template, sheet,"
            "  paid_with) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (loan_id, ends_on) DO NOTHING",
            [
                (
                    one.loan_id, one.told.period.ends_on, one.told.period.begins_on,
                    one.told.cut.position, one.told.opening.balance, one.told.closing.balance,
                    one.template, one.sheet, Jsonb(dict(one.paid_with)),
                )
                for one in issues
            ],
        )  # fmt: skip

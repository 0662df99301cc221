"""The life of each fiscal document, step by step: rows that are only added."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Literal, TypeAlias, get_args
from uuid import UUID

from msgspec import Struct
from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from projections.accounting.exports.period import FiscalDocument

State: TypeAlias = Literal[
    "waiting", "sealed", "stamped", "refused", "cancelling", "cancelled", "dropped"
]
STATES: tuple[State, ...] = get_args(State)
OPEN: tuple[State, ...] = ("waiting", "sealed", "refused", "cancelling")
"""What the next run goes on with."""

FIELDS = (
    "document", "step", "state", "position", "kind", "loan_id", "uuid", "issued_on", "issuer_rfc",
    "receiver_rfc", "total", "currency", "reason", "xml",
)  # fmt: skip
LATEST = """
    SELECT DISTINCT ON (document) {fields}, recorded_at FROM ledger.fiscal_documents
    WHERE {condition} ORDER BY document, step DESC
"""
ONE_RUN = 8400000013  # advisory lock: two runs would stamp one document twice


class Step(Struct, frozen=True, kw_only=True):
    """A document as it stands after a step. ``total`` is in minor units; lists tell ``loan_no``."""

    document: str
    step: int
    state: State
    position: int
    kind: Literal["income", "payment", "credit"]
    loan_id: UUID
    total: int
    currency: str
    uuid: UUID | None = None
    issued_on: date | None = None
    issuer_rfc: str = ""
    receiver_rfc: str = ""
    reason: str = ""
    xml: str | None = None
    recorded_at: datetime | None = None
    loan_no: str = ""


def add(connection: Connection[TupleRow], step: Step) -> None:
    """Record a step. A document has each step once: who comes second is refused by the key."""
    connection.execute(
        f"INSERT INTO ledger.fiscal_documents ({', '.join(FIELDS)})"
        f" VALUES ({', '.join(['%s'] * len(FIELDS))})",
        [getattr(step, name) for name in FIELDS],
    )


def of_loan(connection: Connection[TupleRow], loan_id: UUID) -> dict[str, Step]:
    """Every document of a loan as it stands, by its name."""
    return {one.document: one for one in _latest(connection, "loan_id = %s", [loan_id])}


def stamped(connection: Connection[TupleRow], document: str) -> Step:
    """The document as it came from the provider."""
    condition = "document = %s AND state = 'stamped'"
    [found] = _latest(connection, condition, [document])
    return found


def standing(
    connection: Connection[TupleRow], states: Sequence[State] = OPEN, limit: int = 1_000
) -> list[Step]:
    """Documents that stand in one of ``states``, oldest event first, without their XML."""
    fields = ", ".join(name for name in FIELDS if name != "xml")
    found = LATEST.format(fields=fields, condition="true")
    with connection.cursor(row_factory=class_row(Step)) as cursor:
        return cursor.execute(
            f"SELECT latest.*, loan_no FROM ({found}) AS latest"
            " JOIN ledger.loan_state USING (loan_id)"
            " WHERE state = ANY(%s) ORDER BY position LIMIT %s",
            [list(states), limit],
        ).fetchall()


def open_loans(connection: Connection[TupleRow]) -> list[UUID]:
    """Loans that have documents to go on with."""
    found = LATEST.format(fields="loan_id, document, step, state", condition="true")
    rows = connection.execute(
        f"SELECT DISTINCT loan_id FROM ({found}) AS latest WHERE state = ANY(%s) ORDER BY loan_id",
        [list(OPEN)],
    )
    return [loan_id for (loan_id,) in rows]


def issued(connection: Connection[TupleRow], uuids: Sequence[str]) -> Mapping[str, FiscalDocument]:
    """Documents by their UUIDs, as accounting exports ask for them."""
    rows = connection.execute(
        "SELECT uuid::text, issued_on, issuer_rfc, receiver_rfc, total, currency"
        " FROM ledger.fiscal_documents WHERE state = 'stamped' AND uuid = ANY(%s::uuid[])",
        [list(uuids)],
    )
    return {
        uuid: FiscalDocument(uuid=uuid, issued_on=on, issuer_rfc=issuer, receiver_rfc=receiver,
                             total=total, currency=currency)
        for uuid, on, issuer, receiver, total, currency in rows
    }  # fmt: skip


def by_position(
    connection: Connection[TupleRow], positions: Sequence[int], known_at: datetime
) -> dict[int, tuple[str, ...]]:
    """The UUIDs of the documents that stood, by the position of the event behind them."""
    condition = "position = ANY(%s) AND recorded_at <= %s"
    latest = LATEST.format(fields="document, step, state, position, uuid", condition=condition)
    rows = connection.execute(
        f"SELECT position, array_agg(uuid::text ORDER BY document) FROM ({latest}) AS latest"
        " WHERE state IN ('stamped', 'cancelling') GROUP BY position",
        [list(positions), known_at],
    )
    return {position: tuple(uuids) for position, uuids in rows}


def read_upto(connection: Connection[TupleRow]) -> int:
    """How far whole runs have read the log."""
    [(position,)] = connection.execute(
        "SELECT coalesce(max(position), 0) FROM ledger.fiscal_runs"
    ).fetchall()
    return int(position)


def basis(connection: Connection[TupleRow]) -> str | None:
    """By which settings documents are issued; None before the first run."""
    rows = connection.execute("SELECT basis FROM ledger.fiscal_runs LIMIT 1").fetchall()
    return rows[0][0] if rows else None


def has_read(connection: Connection[TupleRow], upto: int, by: str) -> None:
    """A run by these settings recorded every document that events up to ``upto`` ask for."""
    connection.execute(
        "INSERT INTO ledger.fiscal_runs (position, basis) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        [upto, by],
    )


def _latest(
    connection: Connection[TupleRow], condition: str, values: Sequence[UUID | str]
) -> list[Step]:
    query = LATEST.format(fields=", ".join(FIELDS), condition=condition)
    with connection.cursor(row_factory=class_row(Step)) as cursor:
        return cursor.execute(query.encode(), values).fetchall()

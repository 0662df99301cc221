"""Deliveries as rows: `ledger.deliveries` says what is next, `ledger.delivery_events` what was."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias
from uuid import UUID

from msgspec import Struct, convert
from psycopg import Connection
from psycopg.rows import TupleRow

from ledger.delivery import facts as f
from ledger.delivery.errors import UnknownDelivery
from ledger.store import Store

State: TypeAlias = Literal["waiting", "sending", "sent", "refused"]
LOCK = "hashtextextended(%s, 8402)"


class Delivery(Struct, frozen=True):
    """One document on its way by one means."""

    delivery_id: UUID
    loan_id: UUID
    loan_no: str
    document: str
    means: f.Means
    nth: int
    actor: str
    state: State
    version: int
    attempts: int
    reason: str
    ordered_at: datetime
    next_at: datetime
    ended_at: datetime | None


FIELDS = ", ".join(Delivery.__struct_fields__)


class Step(Struct, frozen=True):
    """A fact as it is kept."""

    version: int
    recorded_at: datetime
    fact: f.AnyFact


def find(connection: Connection[TupleRow], delivery_id: UUID) -> Delivery:
    """One delivery. Errors: ``UnknownDelivery``."""
    rows = connection.execute(
        f"SELECT {FIELDS} FROM ledger.deliveries WHERE delivery_id = %s", [delivery_id]
    )
    for row in rows:
        return delivery(row)
    raise UnknownDelivery(delivery_id)


def found(
    connection: Connection[TupleRow],
    *,
    state: State | None = None,
    document: str | None = None,
    loan_no: str | None = None,
    limit: int = 100,
) -> list[Delivery]:
    """The latest deliveries first, only those that are as asked."""
    rows = connection.execute(
        f"SELECT {FIELDS} FROM ledger.deliveries"
        " WHERE (%(state)s::text IS NULL OR state = %(state)s)"
        " AND (%(document)s::text IS NULL OR document = %(document)s)"
        " AND (%(loan_no)s::text IS NULL OR loan_no = %(loan_no)s)"
        " ORDER BY delivery_id DESC LIMIT %(limit)s",
        {"state": state, "document": document, "loan_no": loan_no, "limit": limit},
    )
    return [delivery(row) for row in rows]


def counts(connection: Connection[TupleRow], document: str | None = None) -> dict[str, int]:
    """How many are in each state."""
    rows = connection.execute(
        "SELECT state, count(*) FROM ledger.deliveries"
        " WHERE %(document)s::text IS NULL OR document = %(document)s"
        " GROUP BY state ORDER BY state",
        {"document": document},
    )
    return dict(rows.fetchall())


def due(connection: Connection[TupleRow], limit: int) -> list[UUID]:
    """Those whose time has come, the longest waiting first."""
    rows = connection.execute(
        "SELECT delivery_id FROM ledger.deliveries WHERE state IN ('waiting', 'sending')"
        " AND next_at <= clock_timestamp() ORDER BY next_at LIMIT %s",
        [limit],
    )
    return [one for (one,) in rows]


def steps(connection: Connection[TupleRow], one: Delivery) -> list[Step]:
    """What happened to a delivery, in order."""
    rows = connection.execute(
        "SELECT version, recorded_at, body FROM ledger.delivery_events"
        " WHERE loan_id = %s AND delivery_id = %s ORDER BY version",
        [one.loan_id, one.delivery_id],
    )
    return [Step(version, at, f.decode(body)) for version, at, body in rows]


def begin(
    connection: Connection[TupleRow], ordered: Sequence[tuple[Delivery, f.AnyFact, str | None]]
) -> None:
    """New deliveries with the order that each began with, and that order's own key."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO ledger.deliveries (loan_id, delivery_id, loan_no, document, means, nth,"
            " order_key, actor, state, version, ordered_at, next_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 1, %s, %s)",
            [
                (one.loan_id, one.delivery_id, one.loan_no, one.document, one.means.value, one.nth,
                 key, one.actor, one.state, one.ordered_at, one.next_at)
                for one, _, key in ordered
            ],
        )  # fmt: skip
        cursor.executemany(_FACT, [_fact_row(one, 1, fact, b"", f.NO_CHAIN)
                                   for one, fact, _ in ordered])  # fmt: skip


def record(
    connection: Connection[TupleRow],
    one: Delivery,
    fact: f.AnyFact,
    *,
    state: State,
    reason: str = "",
    wait: float = 0,
    sealed: bytes = b"",
) -> Delivery:
    """The delivery's next fact, and what is to be done next (in ``wait`` seconds)."""
    with connection.transaction():
        [(before,)] = connection.execute(
            "SELECT chain FROM ledger.delivery_events"
            " WHERE loan_id = %s AND delivery_id = %s AND version = %s",
            [one.loan_id, one.delivery_id, one.version],
        ).fetchall()
        connection.execute(_FACT, _fact_row(one, one.version + 1, fact, sealed, before))
        rows = connection.execute(
            "UPDATE ledger.deliveries SET state = %s, version = %s, reason = %s,"
            " attempts = attempts + %s, next_at = clock_timestamp() + %s,"
            " ended_at = CASE WHEN %s THEN clock_timestamp() END"
            f" WHERE loan_id = %s AND delivery_id = %s AND version = %s RETURNING {FIELDS}",
            [state, one.version + 1, reason, int(state == "sending"), timedelta(seconds=wait),
             state in ("sent", "refused"), one.loan_id, one.delivery_id, one.version],
        ).fetchall()  # fmt: skip
        assert len(rows) == 1, f"somebody else was at delivery {one.delivery_id}"
    return delivery(rows[0])


def hold_back(connection: Connection[TupleRow], means: f.Means, reason: str, wait: float) -> None:
    """All that waits by these means waits longer: nobody is there to take it."""
    connection.execute(
        "UPDATE ledger.deliveries SET next_at = clock_timestamp() + %s, reason = %s"
        " WHERE state = 'waiting' AND means = %s AND next_at <= clock_timestamp()",
        [timedelta(seconds=wait), reason, means.value],
    )


class Broken(Struct, frozen=True):
    """A delivery that is not as it was recorded."""

    delivery_id: UUID
    version: int
    what: str


def verify(store: Store) -> tuple[int, list[Broken]]:
    """Recompute every chain; answers how many facts there are, and what differs."""
    facts, broken = 0, []
    query = (
        "SELECT d.delivery_id, d.version, e.version, e.type, e.body, e.sealed, e.chain"
        " FROM ledger.deliveries AS d LEFT JOIN ledger.delivery_events AS e"
        " ON e.loan_id = d.loan_id AND e.delivery_id = d.delivery_id"
        " WHERE d.delivery_id > %s ORDER BY d.delivery_id, e.version LIMIT %s"
    )
    for delivery_id, rows in _by_delivery(store, query):
        facts += len(rows)
        before = f.NO_CHAIN
        for nth, (_, version, tagged, body, sealed, chain) in enumerate(rows, start=1):
            if version != nth or chain != f.link(before, delivery_id, nth, tagged, body, sealed):
                broken.append(Broken(delivery_id, nth, "is not what was recorded"))
                break
            before = chain
        else:
            if len(rows) != (kept := rows[0][0]):
                what = f"is missing: {kept} were recorded"
                broken.append(Broken(delivery_id, len(rows) + 1, what))
    return facts, broken


def _by_delivery(store: Store, query: str) -> Iterator[tuple[UUID, list[tuple[Any, ...]]]]:
    """Whole deliveries; a batch that cuts one in two reads it again."""
    after, size = UUID(int=0), 10_000
    while True:
        batch = store.run(lambda c, after=after: c.execute(query, [after, size]).fetchall())  # type: ignore[misc]
        grouped: dict[UUID, list[tuple[Any, ...]]] = {}
        for one, *row in batch:
            grouped.setdefault(one, []).append(tuple(row))
        whole = list(grouped.items())
        if len(batch) == size and len(whole) > 1:
            whole.pop()
        yield from whole
        if len(batch) < size:
            return
        after = whole[-1][0]


_FACT = (
    "INSERT INTO ledger.delivery_events (loan_id, delivery_id, version, type, body, sealed, chain)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s)"
)


def _fact_row(
    one: Delivery, version: int, fact: f.AnyFact, sealed: bytes, before: bytes
) -> tuple[Any, ...]:
    tagged, body = f.tag(fact), f.encode(fact)
    chain = f.link(before, one.delivery_id, version, tagged, body, sealed)
    return one.loan_id, one.delivery_id, version, tagged, body, sealed, chain


def delivery(row: Sequence[Any]) -> Delivery:
    """A row of ``FIELDS``."""
    return convert(dict(zip(Delivery.__struct_fields__, row, strict=True)), Delivery)

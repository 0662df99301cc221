"""Orders to send a document: each once by the same means, unless it is asked for again."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection, errors
from psycopg.rows import TupleRow
from uuid_utils.compat import uuid7

from ledger import jobs
from ledger.application import Ledger
from ledger.delivery import register
from ledger.delivery.errors import StatementNotIssued
from ledger.delivery.facts import DeliveryOrdered, Means
from ledger.delivery.register import Delivery
from ledger.delivery.transports import check
from ledger.errors import KeyReused
from ledger.orders import Cause
from ledger.settings import Settings

AT_ONCE = 1_000
ENDED = ("sent", "refused")


class Ordered(NamedTuple):
    """How many deliveries an order made, and how many there had been already."""

    ordered: int
    before: int


def order(
    ledger: Ledger, loan_id: UUID, document: str, means: Means, cause: Cause, *, again: bool = False
) -> tuple[Delivery, bool]:
    """Send one document of a loan; answers the delivery, and whether there had been one.

    Errors: ``NoTransport``, ``UnknownLoan``.
    """
    check(ledger.settings, means)
    loan_no = ledger.load(loan_id).loan_no
    order = _Order(document, means, cause, again)
    [(made, before)] = ledger.store.run(lambda c: _ordered(c, order, [(loan_id, loan_no)]))
    return made, before


def order_statement(
    ledger: Ledger, loan_id: UUID, ends_on: date, means: Means, cause: Cause, *, again: bool = False
) -> tuple[Delivery, bool]:
    """Send a statement that was issued. Errors: as ``order``, and ``StatementNotIssued``."""
    issued = ledger.store.run(lambda c: _issued(c, ends_on, loan_id))
    if not issued:
        raise StatementNotIssued(f"{ends_on:%Y-%m}", ledger.load(loan_id).loan_no)
    return order(ledger, loan_id, statement(ends_on), means, cause, again=again)


def order_month(
    ledger: Ledger, ends_on: date, means: Means, cause: Cause, *, again: bool = False
) -> Ordered:
    """Send every statement issued for a month. Errors: ``NoTransport``, ``StatementNotIssued``."""
    check(ledger.settings, means)
    loans = ledger.store.run(lambda c: _issued(c, ends_on))
    if not loans:
        raise StatementNotIssued(f"{ends_on:%Y-%m}")
    wanted, before = _Order(statement(ends_on), means, cause, again), 0
    for at in range(0, len(loans), AT_ONCE):
        part = loans[at : at + AT_ONCE]
        made = ledger.store.run(lambda c, part=part: _ordered(c, wanted, part))  # type: ignore[misc]
        before += sum(known for _, known in made)
    return Ordered(len(loans) - before, before)


def statement(ends_on: date) -> str:
    """What a month's statement is called."""
    return f"statement {ends_on:%Y-%m}"


def wake(connection: Connection[TupleRow], settings: Settings) -> bool:
    """Have the workers send what is due, unless they were told already."""
    rows = connection.execute(
        "SELECT FROM ledger.deliveries WHERE state IN ('waiting', 'sending')"
        " AND next_at <= clock_timestamp() AND NOT EXISTS (SELECT FROM ledger.jobs"
        " WHERE kind = %s AND state IN ('waiting', 'running')) LIMIT 1",
        [jobs.DELIVER],
    ).fetchall()
    if rows:
        jobs.enqueue(connection, jobs.DELIVER, {}, settings)
    return bool(rows)


class _Order(NamedTuple):
    document: str
    means: Means
    cause: Cause
    again: bool


def _issued(
    connection: Connection[TupleRow], ends_on: date, loan_id: UUID | None = None
) -> list[tuple[UUID, str]]:
    return connection.execute(
        "SELECT loan_id, loan_no FROM ledger.statements AS issued"
        " JOIN ledger.loan_state USING (loan_id) WHERE issued.ends_on = %s"
        " AND (%s::uuid IS NULL OR loan_id = %s) ORDER BY loan_no",
        [ends_on, loan_id, loan_id],
    ).fetchall()


def _ordered(
    connection: Connection[TupleRow], order: _Order, loans: Sequence[tuple[UUID, str]]
) -> list[tuple[Delivery, bool]]:
    """One delivery a loan: the one there is, or a new one."""
    try:
        return _ordered_together(connection, order, loans)
    except errors.UniqueViolation:  # the key came with another document
        raise KeyReused(order.cause.idempotency_key or "") from None


def _ordered_together(
    connection: Connection[TupleRow], order: _Order, loans: Sequence[tuple[UUID, str]]
) -> list[tuple[Delivery, bool]]:
    key = order.cause.idempotency_key
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('deliveries', 8400))")
        [(now,)] = connection.execute("SELECT clock_timestamp()").fetchall()
        known = _latest(connection, order, [loan_id for loan_id, _ in loans])
        found: list[tuple[Delivery, bool]] = []
        fresh = []
        for loan_id, loan_no in loans:
            last, last_key = known.get(loan_id, (None, None))
            ended = last is not None and last.state in ENDED
            if last is not None and not (order.again and ended and (not key or last_key != key)):
                found.append((last, True))
                continue
            made = _new(order, loan_id, loan_no, last.nth + 1 if last else 1, now)
            fact = DeliveryOrdered(
                document=order.document, means=order.means, nth=made.nth,
                actor=order.cause.actor, channel=order.cause.channel,
            )  # fmt: skip
            fresh.append((made, fact, key))
            found.append((made, False))
        register.begin(connection, fresh)
    return found


def _latest(
    connection: Connection[TupleRow], order: _Order, loans: Sequence[UUID]
) -> dict[UUID, tuple[Delivery, str | None]]:
    rows: list[Any] = connection.execute(
        f"SELECT DISTINCT ON (loan_id) order_key, {register.FIELDS} FROM ledger.deliveries"
        " WHERE loan_id = ANY (%s) AND document = %s AND means = %s ORDER BY loan_id, nth DESC",
        [list(loans), order.document, order.means.value],
    ).fetchall()
    made = [(key, register.delivery(row)) for key, *row in rows]
    return {one.loan_id: (one, key) for key, one in made}


def _new(order: _Order, loan_id: UUID, loan_no: str, nth: int, now: datetime) -> Delivery:
    return Delivery(
        uuid7(), loan_id, loan_no, order.document, order.means, nth, order.cause.actor,
        "waiting", 1, 0, "", now, now, None,
    )  # fmt: skip

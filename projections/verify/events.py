"""Event by event: does the journal say what the event means, and do the transactions?"""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias
from uuid import UUID

from psycopg import Connection

from domain import events as e
from ledger import log
from ledger.log import Recorded
from projections.journal.postings import postings
from projections.movements import movements
from projections.verify.finding import Finding

Key: TypeAlias = tuple[UUID, int]
Seen: TypeAlias = dict[Key, list[tuple[Any, ...]]]

BATCH = 20_000


def check(connection: Connection[Any], progress: Callable[[int], None]) -> Iterator[Finding]:
    """Every event up to where both projections have read; the first that differs comes first."""
    places = dict(
        connection.execute(
            "SELECT projection, position FROM read.positions"
            " WHERE projection IN ('accounting', 'transactions')"
        ).fetchall()
    )
    places["journal"] = min(places.values(), default=0)
    upto = max(places.values())
    currencies: dict[UUID, str] = {}
    after = done = 0
    while after < upto:
        try:
            batch = log.read(connection, after, BATCH, upto)
        except log.UNREADABLE:
            for loan_id, position, told in log.unreadable(connection, after, upto):
                yield Finding("log", told, loan_id, position)
            return  # what these events mean, nobody can say
        span = (after, batch.upto)
        yield from _compare("journal", places, batch.events, _journal(connection, span),
                            lambda record: _entry(record, currencies))  # fmt: skip
        yield from _compare("transactions", places, batch.events, _moved(connection, span), _moves)
        if batch.upto <= after:
            return
        after, done = batch.upto, done + len(batch.events)
        progress(done)


def _compare(
    projection: str,
    places: dict[str, int],
    records: list[Recorded],
    kept: Seen,
    meant: Callable[[Recorded], list[tuple[Any, ...]]],
) -> Iterator[Finding]:
    reached = places.get(projection, 0)
    for record in records:
        if record.position > reached:
            break
        expected, found = meant(record), kept.pop((record.loan_id, record.position), [])
        if expected != found:
            message = f"{e.tag(record.event)} means {expected}, kept is {found}"
            yield Finding(projection, message, record.loan_id, record.position)
    for (loan_id, position), rows in kept.items():
        yield Finding(projection, f"no such event, yet kept is {rows}", loan_id, position)


def _entry(record: Recorded, currencies: dict[UUID, str]) -> list[tuple[Any, ...]]:
    if isinstance(record.event, e.LoanOpened):
        currencies[record.loan_id] = record.event.terms.currency
    currency = currencies.get(record.loan_id, "")  # its first event may be missing
    return [(p.on, currency, int(p.account), p.amount) for p in postings(record.event)]


def _moves(record: Recorded) -> list[tuple[Any, ...]]:
    return [(one.kind, one.on, one.effect, one.amount, *one.amounts, one.overpaid)
            for one in movements(record.event)]  # fmt: skip


def _journal(connection: Connection[Any], span: tuple[int, int]) -> Seen:
    return _by_event(
        connection,
        "SELECT loan_id, position, effective_on, currency, account, amount"
        " FROM read.journal, unnest(accounts, amounts) WITH ORDINALITY"
        " AS side (account, amount, line)"
        " WHERE position > %s AND position <= %s ORDER BY position, part, line",
        span,
    )


def _moved(connection: Connection[Any], span: tuple[int, int]) -> Seen:
    return _by_event(
        connection,
        "SELECT loan_id, position, kind, effective_on, effect, amount, fee_tax, fee,"
        " late_interest_tax, late_interest, interest_tax, interest, principal, overpaid"
        " FROM read.transactions WHERE position > %s AND position <= %s ORDER BY position, line",
        span,
    )


def _by_event(connection: Connection[Any], query: str, span: tuple[int, int]) -> Seen:
    found: Seen = {}
    for loan_id, position, *row in connection.execute(query, span):
        found.setdefault((loan_id, position), []).append(tuple(row))
    return found

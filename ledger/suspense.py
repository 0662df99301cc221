"""Money that came in and that no loan could take: kept apart until someone settles it."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from msgspec import Struct
from psycopg import Connection
from psycopg.rows import TupleRow, class_row
from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7

from ledger.money import text
from ledger.store import Store


class Suspended(Struct, frozen=True, kw_only=True):
    """Money that waits. ``line_key`` is unique: a line waits once.

    ``payer`` and ``remark`` are what the bank says of who paid and what for: they may be personal
    data, and are gone once the money is settled.
    """

    line_key: str
    source: str
    line: int
    paid_on: date
    amount: int
    currency: str
    reference: str
    channel: str
    code: str
    reason: str
    received_at: datetime | None = None
    payer: str = ""
    remark: str = ""
    settled_as: str | None = None

    def shown(self) -> dict[str, Any]:
        """As a reader sees it: the amount as text."""
        return msgspec.to_builtins(self) | {"amount": text(self.amount, self.currency)}  # type: ignore[no-any-return]


def suspend(store: Store, waiting: Suspended, raw: dict[str, str]) -> None:
    """Put a line aside, unless it waits (or waited) already."""
    store.run(lambda connection: suspend_many(connection, [(waiting, raw)]))


def suspend_many(
    connection: Connection[TupleRow], lines: Iterable[tuple[Suspended, dict[str, str]]]
) -> None:
    """As ``suspend``, in the caller's transaction."""
    connection.cursor().executemany(
        "INSERT INTO ledger.suspense (id, line_key, source, line, paid_on, amount, currency,"
        " reference, channel, code, reason, raw, payer, remark)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (line_key) DO NOTHING",
        [
            (uuid7(), one.line_key, one.source, one.line, one.paid_on, one.amount, one.currency,
             one.reference, one.channel, one.code, one.reason, Jsonb(raw), one.payer, one.remark)
            for one, raw in lines
        ],
    )  # fmt: skip


def suspended(store: Store, line_keys: Sequence[str]) -> dict[str, Suspended]:
    """The lines with these keys, settled or not."""
    found = _read(store, "line_key = ANY (%s)", list(line_keys))
    return {one.line_key: one for one in found}


def waiting(store: Store) -> list[Suspended]:
    """All lines not settled yet, oldest first."""
    return list(_read(store, "settled_at IS NULL AND %s", True))


def _read(store: Store, condition: str, value: Any) -> Iterator[Suspended]:
    def rows(connection: Any) -> list[Suspended]:
        with connection.cursor(row_factory=class_row(Suspended)) as cursor:
            found: list[Suspended] = cursor.execute(
                "SELECT line_key, source, line, paid_on, amount, currency, reference, channel,"
                " code, reason, received_at, payer, remark, settled_as"
                f" FROM ledger.suspense WHERE {condition} ORDER BY paid_on, line_key",
                [value],
            ).fetchall()
            return found

    yield from store.run(rows)

"""Money that came in and that no loan could take: kept apart until someone settles it."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import msgspec
from msgspec import Struct
from psycopg.rows import class_row
from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7

from ledger.money import text
from ledger.store import Store


class Suspended(Struct, frozen=True, kw_only=True):
    """A line of a payment file that waits. ``line_key`` is unique: a line waits once."""

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

    def shown(self) -> dict[str, Any]:
        """As a reader sees it: the amount as text."""
        return msgspec.to_builtins(self) | {"amount": text(self.amount, self.currency)}  # type: ignore[no-any-return]


def suspend(store: Store, waiting: Suspended, raw: dict[str, str]) -> bool:
    """Put a line aside; False if it waits (or waited) already."""
    found = store.run(
        lambda connection: connection.execute(
            "INSERT INTO ledger.suspense (id, line_key, source, line, paid_on, amount, currency,"
            " reference, channel, code, reason, raw)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (line_key) DO NOTHING RETURNING id",
            [uuid7(), waiting.line_key, waiting.source, waiting.line, waiting.paid_on,
             waiting.amount, waiting.currency, waiting.reference, waiting.channel, waiting.code,
             waiting.reason, Jsonb(raw)],
        ).fetchone()
    )  # fmt: skip
    return found is not None


def suspended(store: Store, line_key: str) -> Suspended | None:
    """The line with this key, settled or not."""
    return next(_read(store, "line_key = %s", line_key), None)


def waiting(store: Store) -> list[Suspended]:
    """All lines not settled yet, oldest first."""
    return list(_read(store, "settled_at IS NULL AND %s", True))


def _read(store: Store, condition: str, value: Any) -> Iterator[Suspended]:
    def rows(connection: Any) -> list[Suspended]:
        with connection.cursor(row_factory=class_row(Suspended)) as cursor:
            found: list[Suspended] = cursor.execute(
                "SELECT line_key, source, line, paid_on, amount, currency, reference, channel,"
                f" code, reason, received_at FROM ledger.suspense WHERE {condition}"
                " ORDER BY paid_on, line_key",
                [value],
            ).fetchall()
            return found

    yield from store.run(rows)

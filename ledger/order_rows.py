"""Orders that are none of a loan's own, kept in `ledger.commands` beside those that are."""

import msgspec
from psycopg import Connection
from psycopg.rows import TupleRow

from ledger.recorder import Command

_KEEP = (
    "INSERT INTO ledger.commands (id, name, idempotency_key, fingerprint, actor, channel,"
    " correlation_id, causation_id, appended) VALUES (%(id)s, %(name)s, %(idempotency_key)s,"
    " %(fingerprint)s::bytea, %(actor)s, %(channel)s, %(correlation_id)s, %(causation_id)s, 0)"
    " ON CONFLICT DO NOTHING RETURNING id"
)


def keep_order(connection: Connection[TupleRow], command: Command) -> bool:
    """Keep the order; False where it, or one with its key, is kept already."""
    return bool(connection.execute(_KEEP, msgspec.structs.asdict(command)).fetchall())

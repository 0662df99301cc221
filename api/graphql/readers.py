"""Whether a key may read, as a condition of SQL: looked at by the statement that reads."""

from typing import Any

from api.graphql.snapshot import ReadPool
from api.policy import ALLOWED, Action, allows

MAY_READ = (
    "EXISTS (SELECT FROM ledger.api_keys"
    " WHERE digest = %(key)s AND revoked_at IS NULL AND roles && %(readers)s)"
)
READERS = [role for role in ALLOWED if allows([role], Action.READ)]


def values(key: bytes) -> dict[str, Any]:
    """What ``MAY_READ`` binds, for the digest of a key."""
    return {"key": key, "readers": READERS}


async def allowed(pool: ReadPool, key: bytes) -> bool:
    """Whether the key may read, as this pool's database knows it."""
    async with pool.connection() as connection:
        ran = await connection.execute(f"SELECT {MAY_READ} AS allowed".encode(), values(key))
        row = await ran.fetchone()
    assert row is not None, key
    return bool(row["allowed"])

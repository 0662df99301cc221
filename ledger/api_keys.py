"""Keys to the API: only a digest is kept, so that a stolen table opens nothing.

A token is 32 random bytes: too many to guess, so a plain SHA-256 without salt is enough.
"""

import secrets
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from uuid import UUID

import msgspec
from psycopg import Connection
from psycopg.rows import TupleRow
from uuid_utils.compat import uuid7

ROLES = frozenset({"auditor", "operator", "accountant", "collector", "supervisor", "administrator"})
PREFIX = "cartera_"


class Key(msgspec.Struct, frozen=True):
    """A key as it is known: never its token."""

    id: UUID
    name: str
    roles: frozenset[str]
    created_at: datetime
    revoked_at: datetime | None = None


class UnknownRole(ValueError):
    """A key was asked for with a role that does not exist."""

    def __init__(self, role: str) -> None:
        super().__init__(f"{role!r} is no role; there are {', '.join(sorted(ROLES))}")
        self.field = "roles"
        self.role = role


def issue_key(connection: Connection[TupleRow], name: str, roles: Iterable[str]) -> str:
    """A new token, shown this once. Errors: ``UnknownRole``."""
    given = sorted(set(roles))
    for role in given:
        if role not in ROLES:
            raise UnknownRole(role)
    token = PREFIX + secrets.token_urlsafe(32)
    with connection.transaction():
        connection.execute(
            "INSERT INTO ledger.api_keys (id, digest, name, roles) VALUES (%s, %s, %s, %s)",
            [uuid7(), digest(token), name, given],
        )
    return token


def check_key(connection: Connection[TupleRow], token: str) -> Key | None:
    """The key that ``token`` opens, unless it was revoked."""
    found = _select(connection, "digest = %s AND revoked_at IS NULL", [digest(token)])
    return found[0] if found else None


def revoke_key(connection: Connection[TupleRow], key_id: UUID) -> bool:
    """Close a key for good; False if it was not open."""
    with connection.transaction():
        done = connection.execute(
            "UPDATE ledger.api_keys SET revoked_at = now() WHERE id = %s AND revoked_at IS NULL",
            [key_id],
        )
        return done.rowcount == 1


def keys(connection: Connection[TupleRow]) -> list[Key]:
    """Every key ever issued, oldest first."""
    return _select(connection, "true", [])


def _select(connection: Connection[TupleRow], condition: str, values: list[object]) -> list[Key]:
    rows = connection.execute(
        "SELECT id, name, roles, created_at, revoked_at FROM ledger.api_keys"
        f" WHERE {condition} ORDER BY id",
        values,
    )
    return [Key(key_id, name, frozenset(roles), *times) for key_id, name, roles, *times in rows]


def digest(token: str) -> bytes:
    """What is kept of a token."""
    return sha256(token.encode("utf-8", "surrogatepass")).digest()

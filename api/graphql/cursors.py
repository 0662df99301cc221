"""Cursors: opaque to clients, bound to the connection and order they were made for."""

import base64
from collections.abc import Sequence
from datetime import date
from hashlib import md5
from typing import Any
from uuid import UUID

import orjson

from api.fields import storable
from api.graphql.errors import Refused

DIGEST_BYTES = 6
LONGEST = 1_000


def cursor(order: str, values: Sequence[Any]) -> str:
    """Where a row stands in ``order``: the values it is sorted by."""
    body = orjson.dumps([order, *values])
    return base64.urlsafe_b64encode(_digest(body) + body).decode().rstrip("=")


def place(given: str, order: str, kinds: Sequence[type]) -> list[Any]:
    """The values behind a cursor of ``order``, each of its kind.

    Errors: ``Refused`` when it was altered, or made for another connection or order. The digest
    guards against accidents; a forged cursor only starts a page elsewhere.
    """
    try:
        raw = base64.b64decode(given + "=" * (-len(given) % 4), altchars=b"-_", validate=True)
        digest, body = raw[:DIGEST_BYTES], raw[DIGEST_BYTES:]
        if len(given) > LONGEST or digest != _digest(body):
            raise ValueError("altered")
        made_for, *values = orjson.loads(body)
    except (ValueError, TypeError) as altered:
        raise Refused(
            "bad-cursor", "this is no cursor of ours, or it was altered on the way"
        ) from altered
    if made_for != order:
        raise Refused("bad-cursor", f"this cursor belongs to the order {made_for}, not to {order}")
    try:
        return [_read(kind, value) for kind, value in zip(kinds, values, strict=True)]
    except (ValueError, TypeError, AttributeError) as odd:
        raise Refused("bad-cursor", "this cursor holds what no row of ours is sorted by") from odd


def _read(kind: type, value: Any) -> Any:
    if kind is int:
        if type(value) is not int or abs(value) >= 2**63:
            raise ValueError("not a number of ours")
        return value
    if kind is str:
        if not storable(value):
            raise ValueError("not a text of ours")
        return value
    return date.fromisoformat(value) if kind is date else UUID(value)


def _digest(body: bytes) -> bytes:
    return md5(b"cursor" + body, usedforsecurity=False).digest()[:DIGEST_BYTES]

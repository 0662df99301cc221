"""Answers about the whole book, shared by all servers through Redis.

They take long to tell, and change only when a read model moves. One is asked for by its question,
and given only if the statement that looks at the key finds every read model where it was: the test
that those kept in the process pass too.
"""

from typing import Any

from api.graphql.redis_store import RedisStore

KEPT_SECONDS = 3_600
LARGEST = 1_000_000
"""In bytes: beyond it, bringing an answer takes as long as telling it."""


class Shared:
    """The latest answer to each question that any server was asked."""

    def __init__(self, store: RedisStore) -> None:
        self._store = store

    async def get(self, question: str) -> tuple[bytes, str] | None:
        """The last answer to what has that name, and the positions it was true at; None if there
        is none, or no Redis.
        """
        redis = self._store.redis
        found: Any = await self._store.attempt(lambda: redis.get(_name(question)))
        if found is None:
            return None
        positions, _, body = found.partition(b"\n")
        return body, positions.decode()

    async def keep(self, question: str, body: bytes, positions: str) -> None:
        """Let the others have it."""
        if len(body) > LARGEST:
            return
        redis, value = self._store.redis, b"%b\n%b" % (positions.encode(), body)
        await self._store.attempt(lambda: redis.set(_name(question), value, ex=KEPT_SECONDS))


def _name(question: str) -> str:
    return f"cartera:answer:{question}"

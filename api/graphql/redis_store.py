"""Redis as what may be away: what is asked of it then is not there, and no question fails."""

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

log = structlog.get_logger("cartera.api")

T = TypeVar("T")
ANSWER_SECONDS = 0.5
AWAY_SECONDS = 5.0  # then it is tried again: meanwhile no question waits for it


class RedisStore:
    """A connection pool of one event loop, left alone for a while once it did not answer."""

    def __init__(self, url: str) -> None:
        self.redis: Redis = Redis.from_url(
            url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS
        )
        self._away_until = 0.0

    async def attempt(self, ask: Callable[[], Awaitable[T]]) -> T | None:
        """What Redis answers; None while it is away."""
        if time.monotonic() < self._away_until:
            return None
        try:
            return await ask()
        except (RedisError, OSError) as error:
            self._away_until = time.monotonic() + AWAY_SECONDS
            log.warning("Redis is away: no budgets, no shared answers", reason=type(error).__name__)
            return None

    async def close(self) -> None:
        """Give its connections back."""
        await self.redis.aclose()

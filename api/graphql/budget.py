"""So many nodes a key may ask for in a minute, counted in Redis for all servers together.

A key's minute begins with its first question. While Redis is away nothing is counted, and
questions are answered: a budget keeps one client from crowding out others, it guards no secret.
"""

import time

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from api.graphql.said import Spent

log = structlog.get_logger("cartera.api")

WINDOW_SECONDS = 60
ANSWER_SECONDS = 0.5
AWAY_SECONDS = 5.0  # then it is tried again: meanwhile no question waits for it

SPEND = f"""
local spent = tonumber(redis.call('GET', KEYS[1]) or '0')
local cost, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
local enough = 0
if spent + cost <= limit then
    enough = 1
    spent = redis.call('INCRBY', KEYS[1], cost)
    if spent == cost then redis.call('EXPIRE', KEYS[1], {WINDOW_SECONDS}) end
end
return {{enough, limit - spent, redis.call('TTL', KEYS[1])}}
"""
"""One step for Redis, so that two questions at once never spend the same nodes."""


class Budget:
    """The budget of every key: ``limit`` nodes a minute."""

    def __init__(self, url: str, limit: int) -> None:
        self.limit = limit
        self._redis: Redis = Redis.from_url(
            url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS
        )
        self._spend = self._redis.register_script(SPEND)
        self._away_until = 0.0

    async def spend(self, key: bytes, cost: int) -> Spent | None:
        """Spend ``cost`` for the digest of a key if so much is left; None while Redis is away."""
        if time.monotonic() < self._away_until:
            return None
        name = f"cartera:graphql:{key.hex()[:32]}"
        try:
            enough, left, seconds = await self._spend(keys=[name], args=[max(cost, 1), self.limit])
        except (RedisError, OSError) as error:
            self._away_until = time.monotonic() + AWAY_SECONDS
            log.warning("budgets are not kept: no Redis", reason=type(error).__name__)
            return None
        return Spent(bool(enough), self.limit, left, seconds if seconds > 0 else WINDOW_SECONDS)

    async def close(self) -> None:
        """Give its connections back."""
        await self._redis.aclose()

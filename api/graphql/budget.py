"""So many nodes a key may ask for in a minute, counted in Redis for all servers together.

A key's minute begins with its first question. While Redis is away nothing is counted, and
questions are answered: a budget keeps one client from crowding out others, it guards no secret.
"""

from api.graphql.redis_store import RedisStore
from api.graphql.said import Spent

WINDOW_SECONDS = 60

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

    def __init__(self, store: RedisStore, limit: int) -> None:
        self.limit = limit
        self._store = store
        self._spend = store.redis.register_script(SPEND)

    async def spend(self, key: bytes, cost: int) -> Spent | None:
        """Spend ``cost`` for the digest of a key if so much is left; None while Redis is away."""
        name = f"cartera:graphql:{key.hex()[:32]}"
        values = [max(cost, 1), self.limit]
        told = await self._store.attempt(lambda: self._spend(keys=[name], args=values))
        if told is None:
            return None
        enough, left, seconds = told
        return Spent(bool(enough), self.limit, left, seconds if seconds > 0 else WINDOW_SECONDS)

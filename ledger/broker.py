"""Where word of jobs goes: the queue of `BROKER_URL`, Redis or RabbitMQ, else that of Redis.

The message says only that there is a job; the job itself is in the database, whatever the queue.
"""

from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from urllib.parse import urlsplit

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker

from ledger.servers import ServerError, redis_url
from ledger.settings import Settings

PATIENCE_SECONDS = 2.0
RABBITMQ = ("amqp", "amqps")
REDIS = ("redis", "rediss", "unix")


class BrokerNotUsable(ServerError):
    """The queue's URL names no queue that can be spoken to from here."""

    field = "broker_url"


def broker_url(settings: Settings) -> str:
    """The queue's URL. Errors: the ``ServerError`` family if the embedded server is away."""
    return settings.broker_url or redis_url(settings)


def listening(settings: Settings, middleware: Sequence[dramatiq.Middleware]) -> dramatiq.Broker:
    """A broker for a worker process."""
    url = broker_url(settings)
    if _speaks(url) == "rabbitmq":
        return _rabbitmq(url, middleware)
    return RedisBroker(url=url, middleware=list(middleware))  # type: ignore[no-untyped-call]


@lru_cache(maxsize=8)
def sending(url: str) -> dramatiq.Broker:
    """A broker that only sends, and gives up soon on a queue that hangs."""
    if _speaks(url) == "rabbitmq":
        return _rabbitmq(_impatient(url), ())
    client = redis.Redis.from_url(
        url, socket_timeout=PATIENCE_SECONDS, socket_connect_timeout=PATIENCE_SECONDS
    )
    return RedisBroker(client=client, middleware=[])  # type: ignore[no-untyped-call]


def _speaks(url: str) -> str:
    scheme = urlsplit(url).scheme
    if scheme in REDIS:
        return "redis"
    if scheme not in RABBITMQ:
        known = ", ".join(f"{one}://" for one in (*REDIS, *RABBITMQ))
        raise BrokerNotUsable(f"broker_url: {scheme or url!r} is no queue; there are {known}")
    if find_spec("pika") is None:
        raise BrokerNotUsable("broker_url: RabbitMQ needs pip install 'cartera[rabbitmq]'")
    return "rabbitmq"


def _rabbitmq(url: str, middleware: Sequence[dramatiq.Middleware]) -> dramatiq.Broker:
    from dramatiq.brokers.rabbitmq import RabbitmqBroker  # its client is an extra

    return RabbitmqBroker(url=url, middleware=list(middleware), confirm_delivery=True)


def _impatient(url: str) -> str:
    """The client's own limits, unless the URL sets others."""
    limits = "&".join(
        f"{name}={PATIENCE_SECONDS}"
        for name in ("socket_timeout", "stack_timeout", "blocked_connection_timeout")
        if name not in urlsplit(url).query
    )
    return f"{url}{'&' if '?' in url else '?'}{limits}" if limits else url

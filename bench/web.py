"""A load of HTTP requests over kept connections, one process: how many a second, how long each."""

import asyncio
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle
from urllib.parse import urlsplit

WARM_SECONDS = 0.5


@dataclass(frozen=True)
class Load:
    """What came back: requests a second, latencies in milliseconds, bytes of an answer."""

    per_second: float
    p50: float
    p99: float
    size: int


@dataclass
class Work:
    """The requests to send, in turn, until the time is over."""

    requests: "cycle[bytes]"
    until: float
    taken: list[float] = field(default_factory=list)
    size: int = 0


class Caller(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    def __init__(self, work: Work, done: asyncio.Future[None]) -> None:
        self.work = work
        self.done = done
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        """Once an answer is whole, count it and go on."""
        self.received += data
        if (size := _whole(self.received)) is None:
            return
        if not self.received.startswith(b"HTTP/1.1 200"):
            self.done.set_exception(RuntimeError(self.received[:500].decode()))
            self.transport.close()
            return
        now = time.perf_counter()
        self.work.taken.append(now - self.began)
        self.work.size = size
        self.received = b""
        if now < self.work.until:
            self._send()
        else:
            self.transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        """The end of this connection's part."""
        if not self.done.done():
            self.done.set_result(None)

    def _send(self) -> None:
        self.began = time.perf_counter()
        self.transport.write(next(self.work.requests))


def _whole(received: bytes) -> int | None:
    """The size of the body, once all of it is there."""
    head, found, body = received.partition(b"\r\n\r\n")
    if not found:
        return None
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            wanted = int(line.partition(b":")[2])
            return wanted if len(body) >= wanted else None
        if line.startswith(b"transfer-encoding: chunked"):
            return len(body) if body.endswith(b"0\r\n\r\n") else None
    return None


def request(url: str, body: bytes, headers: dict[str, str]) -> bytes:
    """A POST of JSON as it goes over the wire."""
    parts = urlsplit(url)
    lines = [
        f"POST {parts.path} HTTP/1.1",
        f"Host: {parts.netloc}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def answer(url: str, body: bytes, headers: dict[str, str]) -> bytes:
    """What one such request is answered. Errors: ``urllib.error.HTTPError``."""
    sent = urllib.request.Request(url, body, {"Content-Type": "application/json", **headers})
    with urllib.request.urlopen(sent, timeout=30) as response:
        found: bytes = response.read()
    return found


def load(url: str, requests: Sequence[bytes], clients: int, seconds: float) -> Load:
    """Send ``requests`` in turn over so many connections for so long, after a short warm-up.

    Errors: ``RuntimeError`` with the answer, where one is not 200.
    """
    asyncio.run(_load(url, requests, clients, min(WARM_SECONDS, seconds / 2)))
    work, lasted = asyncio.run(_load(url, requests, clients, seconds))
    taken = sorted(work.taken)

    def at(share: float) -> float:
        return 1000 * taken[min(len(taken) - 1, int(len(taken) * share))]

    return Load(len(taken) / lasted, at(0.5), at(0.99), work.size)


async def _load(
    url: str, requests: Sequence[bytes], clients: int, seconds: float
) -> tuple[Work, float]:
    parts = urlsplit(url)
    assert parts.hostname is not None, url
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    work = Work(cycle(requests), began + seconds)
    ended: list[asyncio.Future[None]] = [loop.create_future() for _ in range(clients)]
    for done in ended:
        await loop.create_connection(
            lambda done=done: Caller(work, done),  # type: ignore[misc]
            parts.hostname,
            parts.port or 80,
        )
    await asyncio.gather(*ended)
    return work, time.perf_counter() - began

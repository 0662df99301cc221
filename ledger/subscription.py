"""Following the log: woken through Redis where there is one, looking by itself otherwise.

A wake-up says only "look"; it is sent after the commit, by a thread of its own, many commits in
one. (`NOTIFY` inside the commit would make all commits queue for one lock.)
"""

import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import redis
import structlog
from eventsourcing.persistence import ApplicationRecorder, Notification, Subscription

logger = structlog.get_logger(__name__)

CHANNEL = "cartera:log"
GATHER_SECONDS = 0.01
REST_SECONDS = 5.0  # after Redis refused, before it is tried again


class Wake:
    """Tells readers that the log grew. Without a URL, or while Redis is down, it is silent."""

    def __init__(self, url: str | None) -> None:
        self.url = url
        self._grew = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def call(self) -> None:
        """Something was committed; never waits, never fails."""
        if self.url is None:
            return
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._send, name="wake", daemon=True)
                    self._thread.start()
        self._grew.set()

    def close(self) -> None:
        """End the thread."""
        self._closed = True
        self._grew.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=1)

    def _send(self) -> None:
        assert self.url is not None
        with redis.Redis.from_url(self.url, socket_timeout=1, socket_connect_timeout=1) as client:
            while not self._closed:
                self._grew.wait()
                self._grew.clear()
                try:
                    client.publish(CHANNEL, b"")
                    pause = GATHER_SECONDS
                except (redis.RedisError, OSError) as error:
                    logger.warning("wake_up_not_sent", error=str(error))
                    pause = REST_SECONDS
                self._rest(pause)

    def _rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self._closed and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))


class LogSubscription(Subscription[ApplicationRecorder]):
    """Every notification after ``gt``, then new ones as they come, until stopped."""

    SELECT = 500

    def __init__(
        self,
        recorder: ApplicationRecorder,
        gt: int | None,
        topics: Sequence[str],
        wake: Wake,
        poll_seconds: float = 0.5,
    ) -> None:
        super().__init__(recorder, gt, topics)
        self._ready: deque[Notification] = deque()
        self._stopped = threading.Event()
        self._poll_seconds = poll_seconds
        self._ear = _Ear(wake.url)

    def stop(self) -> None:
        super().stop()
        self._stopped.set()

    def __exit__(self, *args: object, **kwargs: Any) -> None:
        super().__exit__(*args, **kwargs)
        self._ear.close()

    def __next__(self) -> Notification:
        while not self._stopped.is_set():
            if self._ready:
                return self._ready.popleft()
            found = self._recorder.select_notifications(
                self._last_notification_id or 0,
                self.SELECT,
                topics=self._topics,
                inclusive_of_start=False,
            )
            if found:
                self._ready.extend(found)
                self._last_notification_id = found[-1].id
            else:
                self._ear.wait(self._poll_seconds, self._stopped)
        raise StopIteration


class _Ear:
    """Waits for a wake-up, at most so long; without Redis it just waits."""

    def __init__(self, url: str | None) -> None:
        self._url = url
        self._heard: Any = None

    def wait(self, seconds: float, stopped: threading.Event) -> None:
        if self._url is None:
            stopped.wait(seconds)
            return
        try:
            if self._heard is None:
                client = redis.Redis.from_url(self._url, socket_connect_timeout=1)
                self._heard = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
                self._heard.subscribe(CHANNEL)
            self._heard.get_message(timeout=seconds)
        except (redis.RedisError, OSError) as error:
            logger.warning("wake_up_not_heard", error=str(error))
            self.close()
            stopped.wait(seconds)

    def close(self) -> None:
        if self._heard is not None:
            heard, self._heard = self._heard, None
            try:
                heard.close()
                heard.connection_pool.disconnect()
            except (redis.RedisError, OSError) as error:
                logger.info("wake_up_ear_lost", error=str(error))

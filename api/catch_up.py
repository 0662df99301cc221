"""Brings the read models up while the API serves: at once after a command, else every second.

Safe beside workers and other API processes: the engine lets one of them work at a time.
"""

import threading
from collections.abc import Callable

import structlog

from api.problems import DATABASE_AWAY

log = structlog.get_logger("cartera.api")


class CatchUp:
    """A thread that calls ``work`` when woken, and every ``pause`` seconds."""

    def __init__(self, work: Callable[[], object], pause: float) -> None:
        self._work = work
        self._pause = pause
        self._woken = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="catch-up", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There is something new in the log."""
        self._woken.set()

    def stop(self) -> None:
        """Let a running step end, then end."""
        self._ended.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            self._woken.clear()
            try:
                self._work()
            except DATABASE_AWAY as error:
                log.warning("read models wait for the database", reason=str(error).strip())
                self._ended.wait(self._pause)
            except Exception:
                log.exception("read models could not be brought up; trying again")
                self._ended.wait(self._pause)
            self._woken.wait(self._pause)

"""Work spread over a few threads, its results in the order of the input.

PostgreSQL commits side by side what one thread would send one after the other.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

THREADS = 4
AHEAD = 64  # items in flight: all that is kept of the input at once


def spread(
    keyed: Iterable[tuple[str, Item]],
    work: Callable[[Item], Result],
    *,
    threads: int = THREADS,
) -> Iterator[tuple[Item, Result]]:
    """Each item with its result. Items of one key are worked on one after the other.

    A failure of ``work`` is raised in the item's turn; what was begun after it is let finish.
    """
    lanes = [ThreadPoolExecutor(1, thread_name_prefix="spread") for _ in range(threads)]
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    try:
        for key, item in keyed:
            waiting.append((item, lanes[hash(key) % threads].submit(work, item)))
            if len(waiting) >= AHEAD:
                done, future = waiting.popleft()
                yield done, future.result()
        while waiting:
            done, future = waiting.popleft()
            yield done, future.result()
    finally:
        for lane in lanes:
            lane.shutdown(cancel_futures=True)

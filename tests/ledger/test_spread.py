"""Work spread over threads comes back in order, and one key's items never overtake one another."""

import threading
import time
from itertools import count

import pytest

from ledger.spread import AHEAD, spread


def test_results_come_in_the_order_of_the_input_however_long_each_takes():
    items = [(str(n), n) for n in range(40)]

    found = list(spread(items, lambda n: time.sleep(0.002 * (n % 3)) or n * n))

    assert found == [(n, n * n) for n in range(40)]


def test_items_of_one_key_are_worked_on_one_after_the_other():
    running, seen = threading.Lock(), []

    def work(n):
        assert running.acquire(blocking=False), "two items of one key at once"
        time.sleep(0.001)
        seen.append(n)
        running.release()

    list(spread((("same", n) for n in range(30)), work))

    assert seen == list(range(30))


def test_a_failure_is_raised_in_its_items_turn():
    results = spread(((str(n), n) for n in range(10)), lambda n: 1 // (n - 3))

    assert [next(results)[0] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_no_more_of_the_input_is_taken_than_is_in_flight():
    taken = count()
    items = ((str(n), next(taken)) for n in range(10_000))

    results = spread(items, lambda n: n)
    next(results)

    assert next(taken) <= AHEAD + 1
    results.close()

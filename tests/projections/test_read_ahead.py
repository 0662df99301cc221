"""Items made ahead by a thread: the same ones, in order, with their error, and no thread left."""

import threading

import pytest

from projections.read_ahead import read_ahead


def running():
    return [thread for thread in threading.enumerate() if thread.name == "read-ahead"]


def test_items_come_in_order():
    with read_ahead(iter(range(50))) as items:
        assert list(items) == list(range(50))
    assert running() == []


def test_an_error_comes_where_its_item_would_have_come():
    def failing():
        yield 1
        raise ValueError("the log is gone")

    with read_ahead(failing()) as items:
        assert next(items) == 1
        with pytest.raises(ValueError, match="the log is gone"):
            next(items)
    assert running() == []


def test_who_leaves_early_ends_the_thread():
    with read_ahead(iter(range(1_000_000))) as items:
        assert next(items) == 0
    assert running() == []

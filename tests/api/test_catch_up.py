"""The thread that brings read models up: woken at once, looking by itself, outliving failures."""

import threading
import time

import psycopg

from api.catch_up import CatchUp


def until(holds, seconds=5.0):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.002)


def test_it_works_at_once_when_woken():
    runs = []
    catch_up = CatchUp(lambda: runs.append(time.monotonic()), pause=60)
    catch_up.start()
    until(lambda: len(runs) == 1)
    woken = time.monotonic()
    catch_up.wake()
    until(lambda: len(runs) == 2)
    catch_up.stop()
    assert runs[1] - woken < 0.5


def test_it_looks_by_itself():
    runs = []
    catch_up = CatchUp(lambda: runs.append(1), pause=0.01)
    catch_up.start()
    until(lambda: len(runs) >= 5)
    catch_up.stop()


def test_a_call_during_its_work_is_not_lost():
    runs, begun, go_on = [], threading.Event(), threading.Event()

    def work():
        runs.append(1)
        begun.set()
        go_on.wait(5)

    catch_up = CatchUp(work, pause=60)
    catch_up.start()
    begun.wait(5)
    catch_up.wake()
    go_on.set()
    until(lambda: len(runs) == 2)
    catch_up.stop()


def test_it_outlives_failures():
    runs = []

    def work():
        runs.append(1)
        raise (psycopg.OperationalError("away"), ValueError("broken"))[len(runs) % 2]

    catch_up = CatchUp(work, pause=0.01)
    catch_up.start()
    until(lambda: len(runs) >= 4)
    catch_up.stop()


def test_stopping_what_never_started_is_fine():
    CatchUp(lambda: None, pause=1).stop()

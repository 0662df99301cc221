"""Read models follow what is written, and nothing of the engine is left once the block is."""

import threading
import time

import pytest

from ledger import database as db
from projections.engine import catch_up
from projections.following import following
from tests.projections.stories import Log, paid_out


@pytest.fixture
def pool(fresh_database):
    with db.pool(fresh_database, min_size=2, max_size=2) as pool:
        yield pool


def loans(settings):
    with db.connect(settings) as connection:
        [[count]] = connection.execute("SELECT count(*) FROM read.loans").fetchall()
    return count


def comes_true(holds):
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "never"
        time.sleep(0.02)
    return True


def at_work():
    return [thread for thread in threading.enumerate() if thread.name == "following"]


def test_what_is_written_is_read_while_the_writer_goes_on(fresh_database, pool):
    log = Log(fresh_database)
    with following(pool):
        for so_far in (1, 2):
            log.append(paid_out())
            assert comes_true(lambda so_far=so_far: loans(fresh_database) == so_far)
    assert at_work() == []
    assert catch_up(pool).events == 0


def test_what_the_engine_failed_on_is_met_again_by_who_reads_on(fresh_database, pool):
    with db.connect(fresh_database, owner=True, autocommit=True) as owner:
        owner.execute("ALTER TABLE read.positions RENAME TO mislaid")
        with following(pool):
            assert comes_true(lambda: not at_work())
        with pytest.raises(Exception, match="positions"):
            catch_up(pool)
        owner.execute("ALTER TABLE read.mislaid RENAME TO positions")
    assert catch_up(pool).stopped == ()

"""Exactly once, whatever happens to the engine; a projection that fails stops and says so."""

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import date

import numpy as np
import pytest

from domain import commands
from domain import events as e
from ledger import database as db
from ledger.payment_file import ONE_AT_A_TIME
from projections import engine
from projections.batch import add_at
from projections.positions import UnknownProjection
from projections.registry import PROJECTIONS
from projections.verify import verify
from tests.projections.stories import Log, catch_up, everything, paid_out, read


def year(log, loans=8):
    """Some loans with a few months of closes."""
    stories = [paid_out() for _ in range(loans)]
    for story in stories:
        for month in (2, 3, 4, 5):
            story.do(commands.close_day, on=date(2026, month, 16))
            story.do(commands.receive_payment, amount=1_200_00, effective_on=date(2026, month, 17))
    log.append(*stories, order=range(10_000))
    return log


@pytest.fixture
def log(fresh_database):
    return year(Log(fresh_database))


def broken(name):
    """The projections, with the named one failing on payments."""

    def fail(kind):
        class Broken(kind):
            def apply(self, cursor, batch):
                super().apply(cursor, batch)
                if batch.of(e.PaymentReceived):
                    raise ValueError("no such rule")

        return Broken

    return tuple(fail(kind) if kind.name == name else kind for kind in PROJECTIONS)


def checked(settings):
    with db.connect(settings, autocommit=True) as connection:
        return verify(connection)


@pytest.mark.parametrize("name", [kind.name for kind in PROJECTIONS if kind.name != "promises"])
def test_a_projection_that_fails_stops_while_the_others_go_on(log, name):
    report = catch_up(log.settings, batch_size=10, projections=broken(name))

    assert [(one.projection, one.error) for one in report.stopped] == [
        (name, "ValueError: no such rule")
    ]
    with db.connect(log.settings) as connection:
        lags = {lag.projection: lag for lag in engine.lag(connection)}
    assert lags[name].status == "stopped"
    assert lags[name].error == "ValueError: no such rule"
    assert 0 < lags[name].behind <= lags[name].horizon
    assert {lag.behind for other, lag in lags.items() if other != name} == {0}


def test_a_stopped_projection_is_not_tried_again_until_resumed(log):
    catch_up(log.settings, batch_size=10, projections=broken("balances"))
    assert [one.projection for one in catch_up(log.settings).stopped] == ["balances"]
    assert read(log.settings, "SELECT FROM read.balances WHERE paid_total > 0") == []

    with db.connect(log.settings) as connection:
        engine.resume(connection, "balances")
    report = catch_up(log.settings, batch_size=7)

    assert report.stopped == ()
    assert checked(log.settings) == []


def test_the_rows_of_a_failed_batch_are_rolled_back(log):
    catch_up(log.settings, batch_size=10, projections=broken("transactions"))

    [place] = read(log.settings, "SELECT position FROM read.positions WHERE status = 'stopped'")
    rows = read(log.settings, "SELECT max(position) AS last FROM read.transactions")
    assert rows[0]["last"] <= place["position"]


def test_an_unknown_projection_cannot_be_resumed(log):
    with db.connect(log.settings) as connection, pytest.raises(UnknownProjection, match="agging"):
        engine.resume(connection, "agging")


def test_lag_is_visible_before_anything_was_read(log):
    catch_up(log.settings, upto=0)

    with db.connect(log.settings) as connection:
        facts = connection.execute("SELECT count(*) FROM ledger.events").fetchone()[0]
        assert {(lag.position, lag.behind) for lag in engine.lag(connection)} == {(0, facts)}


def test_reading_stops_where_it_is_told_and_between_appends(log):
    report = catch_up(log.settings, upto=11, batch_size=4)

    assert 0 < report.position <= 11
    assert [one for one in checked(log.settings) if one.check == "positions"] == []


def test_progress_rises_to_the_end(log):
    seen = []
    report = catch_up(log.settings, batch_size=20, progress=lambda *at: seen.append(at))

    assert seen == sorted(seen)
    assert seen[-1] == (report.position, report.position)
    assert len(seen) == report.steps > 1


def test_several_engines_at_once_apply_each_event_once(log):
    failures = []

    def run():
        try:
            with db.pool(log.settings, min_size=2) as pool:
                engine.catch_up(pool, batch_size=3)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert checked(log.settings) == []


KILLED = """
import sys, time
from ledger import database
from projections import engine
with database.pool(min_size=2) as pool:
    def slowly(done, whole):
        print(done, flush=True)
        time.sleep(0.02)
    engine.catch_up(pool, batch_size=3, progress=slowly)
"""


@pytest.mark.parametrize("steps", [1, 4, 9])
def test_a_killed_engine_loses_nothing_and_repeats_nothing(log, steps):
    environment = {**os.environ, **log.settings.environment()}
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED], stdout=subprocess.PIPE, env=environment, text=True
    )
    for _ in range(steps):
        assert child.stdout.readline()
    time.sleep(0.003 * steps)
    child.send_signal(signal.SIGKILL)
    child.communicate()

    horizon = read(log.settings, "SELECT max(position) AS at FROM ledger.events")[0]["at"]
    assert (
        0 < read(log.settings, "SELECT min(position) AS at FROM read.positions")[0]["at"] < horizon
    )
    catch_up(log.settings)

    assert checked(log.settings) == []
    once = everything(log.settings)
    assert catch_up(log.settings).events == 0
    assert everything(log.settings) == once


def test_a_lost_connection_stops_no_projection(log):
    with db.connect(log.settings) as connection:
        pid = connection.info.backend_pid

        def cut(done, whole):
            with db.connect(log.settings, owner=True, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s)", [pid])

        with pytest.raises(Exception, match=r"terminat|closed|connection"):
            engine.catch_up(connection, batch_size=5, progress=cut)

    assert catch_up(log.settings).stopped == ()
    assert checked(log.settings) == []


def test_a_projection_added_later_catches_up_alone(log):
    catch_up(log.settings, projections=PROJECTIONS[:2])
    report = catch_up(log.settings, batch_size=10)

    assert report.stopped == ()
    assert report.events == read(log.settings, "SELECT count(*) AS n FROM ledger.events")[0]["n"]
    assert checked(log.settings) == []


@pytest.mark.parametrize(
    "amounts", [[2**62, 2**62 - 1], [2**63 - 1], [2**62, -(2**62), 2**62, 7], [-(2**63)]]
)
def test_large_sums_are_exact(amounts):
    sums = np.zeros(1, dtype=np.int64)
    add_at(sums, np.zeros(len(amounts), dtype=np.int64), np.array(amounts, dtype=np.int64))
    assert sums.tolist() == [sum(amounts)]


def test_sums_beyond_int64_are_refused_not_wrapped():
    sums, large = np.zeros(1, dtype=np.int64), np.array([2**62, 2**62], dtype=np.int64)

    with pytest.raises(OverflowError):
        add_at(sums, np.zeros(2, dtype=np.int64), large)

    assert sums.tolist() == [0]


def test_the_read_side_goes_on_while_a_payment_file_is_imported(log):
    log.append(paid_out())
    with db.connect(log.settings, autocommit=True) as importing:
        importing.execute("SELECT pg_advisory_lock(%s)", [ONE_AT_A_TIME])
        with db.connect(log.settings) as connection:
            connection.execute("SET lock_timeout = '5s'")
            connection.commit()
            assert engine.catch_up(connection).events

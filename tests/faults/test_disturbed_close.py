"""A close of the day among what may happen to it: it ends as one left in peace."""

import random
import signal
from datetime import date

import pytest
import redis

from ledger import jobs, servers
from ledger.close_of_day import close_through
from ledger.database import connect
from tests.faults.kills import PATIENCE, run, started
from tests.faults.portfolio import LOANS, compare, portfolio
from tests.faults.processes import crash, embedded, until, worker
from tests.ledger.builders import a_ledger, keyed, pay

ON = date(2026, 9, 20)
WORDS = ["close", "--through", str(ON)]
SMALL = {"on": ON, "batch": 4}


@pytest.fixture(scope="module")
def peaceful(undisturbed):
    with a_ledger(undisturbed) as ledger:
        close_through(ledger, ON)
    return undisturbed


def closed(app):
    [[count]] = app.execute(
        "SELECT count(*) FROM ledger.loan_state WHERE closed_through = %s", [ON]
    )
    return count


def under_way(app):
    until(lambda: closed(app) >= LOANS // 10)


def done(app, made):
    return all(jobs.find(app, job.id).state == "done" for job in made)


@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGKILL])
def test_postgresql_killed_in_mid_close_comes_back_and_the_close_goes_on(own, peaceful, number):
    portfolio(own)
    with worker(own):
        with connect(own, autocommit=True) as app:
            job = jobs.enqueue(app, jobs.CLOSE_DAY, SMALL, own)
            under_way(app)
        crash(embedded(own), number)
        servers.postgres_url(embedded(own))
        with connect(own, autocommit=True) as app:
            seen = closed(app)
            until(lambda: done(app, [job]), PATIENCE)

            assert LOANS // 10 <= seen < LOANS
            compare(app, peaceful)
    run(own, ["verify"])


def test_redis_flushed_in_the_middle_of_the_jobs_loses_none(app, fresh_database, peaceful):
    made = jobs.enqueue_close(app, ON, 6, fresh_database, batch=2)
    with worker(fresh_database):
        under_way(app)
        with redis.Redis.from_url(fresh_database.redis_url) as queue:
            queue.flushdb()
        seen = closed(app)
        until(lambda: done(app, made), PATIENCE)

    assert seen < LOANS
    compare(app, peaceful)


def test_two_closes_of_a_day_started_at_once_record_it_once(app, fresh_database, peaceful):
    both = [started(fresh_database, WORDS) for _ in range(2)]
    told = [process.communicate(timeout=PATIENCE)[1] for process in both]

    assert [process.returncode for process in both] == [0, 0], told
    compare(app, peaceful)
    run(fresh_database, ["verify"])


def test_payments_during_a_close_are_all_there_once_and_the_close_is_whole(
    app, fresh_database, second_database
):
    portfolio(second_database)
    with a_ledger(second_database) as ledger:
        numbers = [number for (number,) in app.execute("SELECT loan_no FROM ledger.loan_state")]
        for number in numbers:
            pay(ledger, ledger.find(number), "50.00", on=ON)
        close_through(ledger, ON)
        expected = {number: ledger.load(ledger.find(number)).balances() for number in numbers}

    job = jobs.enqueue(app, jobs.CLOSE_DAY, SMALL, fresh_database)
    random.Random(7).shuffle(numbers)
    with worker(fresh_database), a_ledger(fresh_database) as ledger:
        under_way(app)
        for number in numbers:
            pay(ledger, ledger.find(number), "50.00", on=ON, cause=keyed(f"pay-{number}"))
        until(lambda: done(app, [job]), PATIENCE)

        assert closed(app) == LOANS
        found = {number: ledger.load(ledger.find(number)).balances() for number in numbers}
    assert found == expected
    run(fresh_database, ["verify"])

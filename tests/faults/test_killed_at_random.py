"""Commands killed with SIGKILL at random instants end, begun again, as if nothing had been."""

import random
import time
from datetime import date, timedelta

import pytest

from ledger import jobs
from ledger.database import connect
from ledger.synthetic import fill
from ledger.synthetic.twins import loan_number
from tests.faults.kills import IN_A_ROW, KILLS, SEED, disturb, run
from tests.faults.portfolio import compare
from tests.faults.processes import until, worker

LOANS = 150
UNTIL = date(2026, 6, 30)
HEADER = "date,reference,amount,channel,transaction_id"


def day(nth):
    return UNTIL + timedelta(days=nth + 1)


@pytest.fixture
def books(fresh_database, second_database):
    """One portfolio twice: the same loans, down to their ids."""
    for settings in (fresh_database, second_database):
        fill(settings, loans=LOANS, seed=3, until=UNTIL, days=60, processes=1)
    return fresh_database, second_database


def equal(settings, peaceful):
    with connect(settings, autocommit=True) as app:
        compare(app, peaceful)
    run(settings, ["verify"])


def test_closes_killed_at_random_end_as_undisturbed(books):
    steps = disturb(*books, lambda nth: ["close", "--through", str(day(nth))])

    equal(*books)
    with connect(books[0]) as app:
        [[last]] = app.execute("SELECT max(closed_through) FROM ledger.loan_state").fetchall()
    assert last == day(steps - 1)


@pytest.mark.parametrize("clerks", ["0", "2"])
def test_payment_files_killed_at_random_end_as_undisturbed(books, tmp_path, monkeypatch, clerks):
    monkeypatch.setenv("CARTERA_IMPORT_PROCESSES", clerks)

    def step(nth):
        path = tmp_path / f"payments_{nth}.csv"
        lines = (f"{day(0)},{loan_number(3, n)},{10 + n}.00,spei,T{nth}-{n}" for n in range(LOANS))
        path.write_text("\n".join((HEADER, *lines, "")))
        return ["import", "payments", str(path)]

    disturb(*books, step)

    equal(*books)


def test_rebuilds_killed_at_random_leave_the_read_models_whole(books):
    settings, peaceful = books
    run(settings, ["close", "--through", str(day(0))])
    run(peaceful, ["close", "--through", str(day(0))])

    disturb(*books, lambda nth: ["rebuild"])

    equal(*books)


def test_portfolios_killed_at_random_while_they_are_made_are_the_same(
    fresh_database, second_database
):
    words = ["generate", "--loans", "400", "--history", "daily", "--days", "5"]

    disturb(
        fresh_database,
        second_database,
        lambda nth: [*words, "--until", str(UNTIL), "--seed", str(nth)],
    )

    equal(fresh_database, second_database)


def test_closes_by_workers_killed_at_random_end_as_one_undisturbed(books):
    settings, peaceful = books
    chance, kills = random.Random(SEED), 0
    with connect(settings, autocommit=True) as app:
        for nth in range(-(-KILLS // IN_A_ROW)):
            given = {"on": day(nth), "batch": 10}
            job = jobs.enqueue(app, jobs.CLOSE_DAY, given, settings)
            for _ in range(min(IN_A_ROW, KILLS - kills)):
                with worker(settings) as process:
                    until(lambda job=job: jobs.find(app, job.id).state != "waiting")
                    time.sleep(chance.uniform(0, 0.4))
                    process.kill()
                kills += 1
            with worker(settings):
                until(lambda job=job: jobs.find(app, job.id).state == "done", 120)
            run(peaceful, ["close", "--through", str(day(nth))])

    equal(*books)

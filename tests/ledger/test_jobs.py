from datetime import date
from socket import AF_UNIX, socket
from threading import Event, Thread
from time import monotonic
from uuid import UUID

import psycopg
import pytest
import redis

from domain.errors import UnknownPayment
from ledger import jobs
from ledger.broker import PATIENCE_SECONDS
from ledger.database import connect
from ledger.errors import StoreUnavailable, UnknownJob

ARGUMENTS = {"on": date(2026, 3, 20), "shard": [0, 1]}


def waiting(app, database):
    return jobs.enqueue(app, jobs.CLOSE_DAY, ARGUMENTS, database)


def test_a_job_is_kept_with_what_it_came_to(app, database):
    job = waiting(app, database)

    done = jobs.run(app, job.id, lambda job: {"on": job.arguments["on"]})

    assert (job.state, job.attempts) == ("waiting", 0)
    assert (done.state, done.attempts, done.error) == ("done", 1, None)
    assert done.result == {"on": "2026-03-20"}
    assert done.created_at <= done.started_at <= done.ended_at
    assert jobs.find(app, job.id) == done
    assert jobs.recent(app, 1) == [done]


def test_a_job_done_is_not_done_again(app, database):
    job, runs = waiting(app, database), []
    jobs.run(app, job.id, runs.append)
    assert jobs.run(app, job.id, runs.append) is None
    assert len(runs) == 1


def test_two_workers_never_run_one_job_at_once(app, database):
    job = waiting(app, database)
    begun, end = Event(), Event()

    def slow(_):
        begun.set()
        assert end.wait(10)

    with connect(database, autocommit=True) as other:
        first = Thread(target=jobs.run, args=[other, job.id, slow])
        first.start()
        assert begun.wait(10)
        assert jobs.run(app, job.id, lambda _: pytest.fail("ran twice")) is None
        assert job.id not in dict(jobs.forgotten(app, 0))
        end.set()
        first.join()
    assert jobs.find(app, job.id).state == "done"


def test_the_job_of_a_worker_that_went_away_is_found_and_taken_up(app, database):
    job = waiting(app, database)
    with connect(database, autocommit=True) as gone:

        def die(_):
            [[backend]] = gone.execute("SELECT pg_backend_pid()")
            with connect(database, owner=True, autocommit=True) as owner:
                owner.execute("SELECT pg_terminate_backend(%s)", [backend])
                while owner.execute(
                    "SELECT FROM pg_stat_activity WHERE pid = %s", [backend]
                ).fetchall():
                    pass
            gone.execute("SELECT 1")

        with pytest.raises(psycopg.OperationalError):
            jobs.run(gone, job.id, die)

    assert jobs.find(app, job.id).state == "running"
    assert (job.id, jobs.CLOSE_DAY) in jobs.forgotten(app, 0)
    again = jobs.run(app, job.id, lambda job: job.attempts)
    assert (again.state, again.result) == ("done", 2)


def test_a_refusal_fails_the_job_and_says_why(app, database):
    def refuse(_):
        raise UnknownPayment(7)

    failed = jobs.run(app, waiting(app, database).id, refuse)

    assert (failed.state, failed.attempts) == ("failed", 1)
    assert failed.error == "payment 7 does not exist on this loan"


@pytest.mark.parametrize("error", [ZeroDivisionError("secret"), StoreUnavailable()])
def test_an_accident_puts_the_job_back_until_it_was_tried_enough(error, app, database):
    job = waiting(app, database)

    def fail(_):
        raise error

    for attempt in range(1, jobs.ATTEMPTS + 1):
        with pytest.raises(type(error)):
            jobs.run(app, job.id, fail)
        kept = jobs.find(app, job.id)
        assert kept.attempts == attempt
        assert kept.state == ("waiting" if attempt < jobs.ATTEMPTS else "failed")
        assert "secret" not in kept.error
    assert jobs.run(app, job.id, fail) is None


def test_a_job_nobody_knows_is_unknown(app):
    with pytest.raises(UnknownJob):
        jobs.find(app, UUID(int=1))
    assert jobs.run(app, UUID(int=1), lambda _: pytest.fail("ran")) is None


def test_the_workers_are_told_where_to_look(app, database, redis_url):
    waiting(app, database)
    with redis.Redis.from_url(redis_url) as queue:
        assert queue.llen("dramatiq:close-day") == 1


def test_a_job_is_kept_though_the_queue_is_down(app, database):
    nowhere = database.model_copy(update={"redis_url": "unix:///nonexistent.sock"})
    job = waiting(app, nowhere)
    assert jobs.tell(job.id, job.kind, nowhere) is False
    assert (job.id, jobs.CLOSE_DAY) in jobs.forgotten(app, 0)


def test_each_shard_is_a_job(app, database):
    many = jobs.enqueue_close(app, date(2026, 3, 20), 3, database)
    assert [job.arguments["shard"] for job in many] == [[0, 3], [1, 3], [2, 3]]


def test_either_all_shards_are_kept_or_none(app, owner, database):
    """Half of them would close half of the book, and a repeat would find them already there."""
    owner.execute(
        "CREATE FUNCTION third_fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF NEW.arguments -> 'shard' ->> 0 = '2' THEN RAISE 'no'; END IF; RETURN NEW; END $$;"
        "CREATE TRIGGER third_fails BEFORE INSERT ON ledger.jobs"
        " FOR EACH ROW EXECUTE FUNCTION third_fails()"
    )
    before = jobs.recent(app)
    try:
        with pytest.raises(psycopg.errors.RaiseException):
            jobs.enqueue_close(app, date(2026, 3, 20), 3, database)
    finally:
        owner.execute("DROP FUNCTION third_fails CASCADE")
    assert jobs.recent(app) == before


def test_a_queue_that_hangs_holds_nobody_up_for_long(app, database, tmp_path):
    path = str(tmp_path / "mute.sock")
    with socket(AF_UNIX) as mute:
        mute.bind(path)
        mute.listen()  # and never says a word
        silent = database.model_copy(update={"redis_url": f"unix://{path}"})
        began = monotonic()
        many = jobs.enqueue_close(app, date(2026, 3, 20), 8, silent)
    assert len(many) == 8
    assert monotonic() - began < 4 * PATIENCE_SECONDS


def test_a_job_that_ends_its_workers_is_given_up_some_day(app, owner, database):
    job = waiting(app, database)
    owner.execute(
        "UPDATE ledger.jobs SET state = 'running', attempts = %s WHERE id = %s",
        [jobs.DEATHS, job.id],
    )

    assert jobs.run(app, job.id, lambda _: pytest.fail("ran")) is None

    kept = jobs.find(app, job.id)
    assert (kept.state, kept.error) == ("failed", "its worker ended 20 times in the middle")
    assert job.id not in dict(jobs.forgotten(app, 0))


def test_a_job_from_before_the_clock_was_set_back_is_found(app, database):
    job = waiting(app, database)
    app.execute(
        "UPDATE ledger.jobs SET created_at = created_at + interval '3 days' WHERE id = %s", [job.id]
    )
    assert (job.id, jobs.CLOSE_DAY) in jobs.forgotten(app, 60)

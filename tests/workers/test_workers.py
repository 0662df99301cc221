"""The worker as it runs in earnest: a process of its own, a real queue."""

from datetime import date

import pytest
import redis

from ledger import jobs
from ledger.database import connect
from tests.faults.processes import ended, until, worker
from tests.ledger.builders import a_ledger, pay, running

ON = date(2026, 3, 20)


@pytest.fixture
def app(fresh_database, redis_url):
    with connect(fresh_database, autocommit=True) as connection:
        yield connection


def settled(app, job):
    return until(lambda: (kept := jobs.find(app, job.id)).state in {"done", "failed"} and kept)


def test_a_worker_closes_the_day_and_keeps_the_report(app, fresh_database):
    with a_ledger(fresh_database) as ledger:
        loan_id = running(ledger)
        job = jobs.enqueue(app, jobs.CLOSE_DAY, {"on": ON}, fresh_database)
        with worker(fresh_database):
            done = settled(app, job)

        assert (done.state, done.result["closed"]) == ("done", 1)
        assert ledger.load(loan_id).through == ON
    [actors] = app.execute("SELECT array_agg(DISTINCT actor || ' ' || channel)"
                           " FROM ledger.commands WHERE name = 'close-day'").fetchall()  # fmt: skip
    assert actors == (["close-of-day worker"],)


def test_a_worker_brings_the_projections_up_to_date(app, fresh_database):
    with a_ledger(fresh_database) as ledger:
        pay(ledger, running(ledger))
    job = jobs.enqueue(app, jobs.CATCH_UP, {}, fresh_database)
    with worker(fresh_database):
        done = settled(app, job)

    assert done.state == "done", done.error
    assert app.execute("SELECT count(*) FROM read.loans").fetchone() == (1,)


def test_a_worker_imports_a_payment_file(app, fresh_database, tmp_path):
    with a_ledger(fresh_database) as ledger:
        loan_id = running(ledger, "PAY-1")
        path = tmp_path / "payments.csv"
        path.write_text(
            "date,reference,amount,channel,transaction_id\n2026-02-15,PAY-1,100.00,spei,T1\n"
        )
        job = jobs.enqueue(app, jobs.IMPORT_PAYMENTS, {"path": str(path)}, fresh_database)
        with worker(fresh_database):
            done = settled(app, job)

        assert done.state == "done", done.error
        assert [p.amount for p in ledger.load(loan_id).payments.values()] == [100_00]


def test_a_worker_imports_a_remittance(app, fresh_database, tmp_path):
    with a_ledger(fresh_database) as ledger:
        loan_id = running(ledger, "PAY-1")
        path = tmp_path / "remittance.csv"
        path.write_text("loan_no,amount\nPAY-1,100.00\n")
        said = {"path": str(path), "employer": "ACME", "on": "2026-02-15", "total": "100.00",
                "file_id": "", "actor": "ana"}  # fmt: skip
        job = jobs.enqueue(app, jobs.IMPORT_PAYROLL, said, fresh_database)
        with worker(fresh_database):
            done = settled(app, job)

        assert done.state == "done", done.error
        [payment] = ledger.load(loan_id).payments.values()
        assert (payment.amount, payment.channel) == (100_00, "payroll")


def test_what_can_never_be_done_fails_and_says_why(app, fresh_database):
    job = jobs.enqueue(app, jobs.CLOSE_DAY, {"on": date(2999, 1, 1)}, fresh_database)
    with worker(fresh_database):
        failed = settled(app, job)
    assert failed.state == "failed"
    assert "future" in failed.error


def test_a_job_whose_message_was_lost_is_found(app, fresh_database, redis_url):
    job = jobs.enqueue(app, jobs.CLOSE_DAY, {"on": ON}, fresh_database)
    with redis.Redis.from_url(redis_url) as queue:
        assert queue.flushdb()
    with worker(fresh_database):
        assert settled(app, job).state == "done"


def test_a_worker_told_to_stop_ends_in_order(app, fresh_database):
    with worker(fresh_database) as process:
        started = (
            "SELECT FROM pg_stat_activity WHERE application_name = 'cartera-ledger'"
            " AND datname = current_database()"
        )
        until(lambda: app.execute(started).fetchall())
        process.terminate()
        assert ended(process) == 0

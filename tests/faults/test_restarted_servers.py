"""Servers that go away and come back in the middle of the work."""

import threading
import time
from datetime import date

import pytest

from ledger import jobs, servers
from ledger.database import connect
from ledger.errors import StoreUnavailable
from tests.faults.processes import crash, embedded, until, worker
from tests.ledger.builders import START, a_ledger, keyed, pay, running

PAYMENTS = 150


@pytest.mark.parametrize("down", [crash, servers.stop], ids=["crash", "restart"])
def test_no_payment_is_lost_or_doubled_while_postgresql_restarts(down, own):
    with a_ledger(own) as ledger:
        loan_id, done = running(ledger), []

        def pay_all():
            while len(done) < PAYMENTS:
                done.append(pay(ledger, loan_id, "0.01", on=START).version)

        payer = threading.Thread(target=pay_all)
        payer.start()
        until(lambda: len(done) > 20)
        down(embedded(own))
        before = len(done)
        time.sleep(0.3)
        servers.postgres_url(embedded(own))
        payer.join(60)

        assert 20 < before < PAYMENTS
        assert done == list(range(3, 3 + PAYMENTS))
        assert len(ledger.load(loan_id).payments) == PAYMENTS


def test_a_database_that_stays_away_is_named_without_its_address(own):
    with a_ledger(own) as ledger:
        loan_id = running(ledger)
        ledger.store.patience = 0.5
        servers.stop(embedded(own))

        with pytest.raises(StoreUnavailable) as away:
            pay(ledger, loan_id, cause=keyed("later"))
        for word in ("socket", "/", "SELECT", "psycopg"):
            assert word not in str(away.value)

        servers.postgres_url(embedded(own))
        ledger.store.patience = 30
        assert not pay(ledger, loan_id, cause=keyed("later")).repeated


def test_commands_and_readers_go_on_without_redis_and_queued_work_waits(own):
    with a_ledger(own) as ledger, connect(own, autocommit=True) as app:
        loan_id = running(ledger)
        start = ledger.recorder.max_notification_id()
        with ledger.recorder.subscribe(gt=start) as followed:
            pay(ledger, loan_id, on=START)
            assert next(followed).topic == "payment-received"
            servers._stop_valkey(own.var_dir / "valkey")

            pay(ledger, loan_id, on=START)
            job = jobs.enqueue(app, jobs.CLOSE_DAY, {"on": date(2026, 3, 20)}, own)

            assert next(followed).topic == "payment-received"
        assert jobs.find(app, job.id).state == "waiting"

        servers.redis_url(embedded(own))
        with worker(own):
            until(lambda: jobs.find(app, job.id).state == "done")
        assert ledger.load(loan_id).through == date(2026, 3, 20)

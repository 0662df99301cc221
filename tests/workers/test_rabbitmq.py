"""The same jobs through RabbitMQ; a server is named by CARTERA_TEST_AMQP_URL."""

import os
from datetime import date

import dramatiq
import pytest

from ledger import broker, jobs
from ledger.broker import BrokerNotUsable
from ledger.database import connect
from ledger.settings import Settings
from tests.faults.processes import kill, until, worker
from tests.ledger.builders import a_ledger, running

ON = date(2026, 3, 20)
URL = os.environ.get("CARTERA_TEST_AMQP_URL")
needs_server = pytest.mark.skipif(URL is None, reason="CARTERA_TEST_AMQP_URL names no RabbitMQ")


@pytest.fixture
def queued(fresh_database):
    """Settings whose jobs go through RabbitMQ, its queues empty."""
    queue = broker.sending(URL)
    for name in jobs.KINDS:
        queue.declare_queue(name, ensure=True)
        queue.flush(name)
    return fresh_database.model_copy(update={"broker_url": URL})


@needs_server
def test_a_worker_closes_the_day_as_told_through_rabbitmq(queued):
    with a_ledger(queued) as ledger, connect(queued, autocommit=True) as app:
        loan_id = running(ledger)
        with worker(queued):
            job = jobs.enqueue(app, jobs.CLOSE_DAY, {"on": ON}, queued)
            done = until(lambda: (k := jobs.find(app, job.id)).state in {"done", "failed"} and k)
        assert (done.state, done.result["closed"]) == ("done", 1)
        assert ledger.load(loan_id).through == ON


@needs_server
def test_a_job_whose_worker_was_killed_is_done_by_the_next(queued):
    with a_ledger(queued) as ledger, connect(queued, autocommit=True) as app:
        loan_id = running(ledger)
        with worker(queued) as first:
            job = jobs.enqueue(app, jobs.CLOSE_DAY, {"on": ON}, queued)
            until(lambda: jobs.find(app, job.id).state != "waiting")
            kill(first)
        with worker(queued):
            until(lambda: jobs.find(app, job.id).state == "done")
        assert ledger.load(loan_id).through == ON


@pytest.mark.parametrize("url", ["amqp://127.0.0.1:1", "amqp://no-such-host.invalid"])
def test_a_job_is_kept_though_rabbitmq_is_away(url, fresh_database):
    nowhere = fresh_database.model_copy(update={"broker_url": url})
    with connect(nowhere, autocommit=True) as app:
        job = jobs.enqueue(app, jobs.CLOSE_DAY, {"on": ON}, nowhere)
        assert jobs.tell(job.id, job.kind, nowhere) is False
        assert jobs.find(app, job.id).state == "waiting"


def test_the_url_chooses_the_broker():
    made = {url: broker.listening(Settings(broker_url=url), []) for url in
            ("redis://localhost", "amqp://localhost", "amqps://localhost")}  # fmt: skip
    names = [type(one).__name__ for one in made.values()]
    assert names == ["RedisBroker", "RabbitmqBroker", "RabbitmqBroker"]
    assert all(isinstance(one, dramatiq.Broker) for one in made.values())
    other = Settings(broker_url=None, redis_url="redis://queue")
    assert broker.broker_url(other) == "redis://queue"


@pytest.mark.parametrize("url", ["kafka://localhost", "localhost"])
def test_a_queue_that_nobody_here_speaks_is_refused(url):
    with pytest.raises(BrokerNotUsable, match="broker_url"):
        broker.listening(Settings(broker_url=url), [])

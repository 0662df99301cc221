"""Readers are woken through Redis, and manage without it."""

import threading
import time

from ledger.settings import Settings
from tests.ledger.builders import a_ledger, pay, running

LONG = 20.0  # a poll this long would fail the test


def follow_one(ledger, poll_seconds):
    """Seconds from a payment's receipt to its notification, in a subscription that had to wait."""
    loan_id = running(ledger)
    start = ledger.recorder.max_notification_id()
    paid_at = []

    def late():
        time.sleep(0.4)
        pay(ledger, loan_id)
        paid_at.append(time.monotonic())

    with ledger.recorder.subscribe(gt=start) as followed:
        followed._poll_seconds = poll_seconds
        payer = threading.Thread(target=late)
        payer.start()
        next(followed)
        seen_at = time.monotonic()
        payer.join()
    return seen_at - paid_at[0]


def test_a_waiting_reader_is_woken_through_redis(database, redis_url):
    with a_ledger(database) as ledger:
        assert follow_one(ledger, LONG) < LONG / 4


def test_without_redis_a_reader_looks_by_itself(database):
    nowhere = Settings(**database.model_dump() | {"redis_url": "unix:///nonexistent.sock"})
    with a_ledger(nowhere) as ledger:
        assert follow_one(ledger, 0.1) < LONG / 4

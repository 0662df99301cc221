"""Payments, reversals, closes, rebuilds and reads together for a while; then nothing is amiss.

CARTERA_SOAK_SECONDS says how long (15; by hand 1800), CARTERA_SOAK_SEED what is paid.
"""

import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest

from domain.errors import LoanError
from ledger.database import connect
from ledger.synthetic import fill
from tests.api.harness import served
from tests.faults.kills import run
from tests.ledger.builders import a_ledger, keyed, pay

SECONDS = float(os.environ.get("CARTERA_SOAK_SECONDS", "15"))
SEED = int(os.environ.get("CARTERA_SOAK_SEED", "1"))
LOANS = 200
UNTIL = date(2026, 6, 30)
LAST = date(2026, 11, 20)
ASKED = """{
  loans(first: 50) {
    nodes {
      loanNo status disbursed { amount } daysPastDue
      schedule { dueOn } payments(first: 3) { nodes { amount { amount } } }
    }
  }
}"""


class Soak:
    """What runs side by side until the time is over, and what each of them did."""

    def __init__(self, settings):
        self.settings = settings
        self.over = threading.Event()
        self.closed = UNTIL
        self.paid = 0
        self.rebuilt = self.answered = 0

    def close(self):
        while not self.over.is_set():
            self.closed = min(self.closed + timedelta(days=1), LAST)
            run(self.settings, ["close", "--through", str(self.closed)])

    def rebuild(self):
        while not self.over.is_set():
            run(self.settings, ["rebuild"])
            self.rebuilt += 1

    def read(self):
        with served(self.settings) as client:
            while not self.over.is_set():
                client.ask(ASKED)
                self.answered += 1

    def pay(self):
        chance = random.Random(SEED)
        with a_ledger(self.settings) as ledger:
            numbers = ledger_numbers(self.settings)
            while not self.over.is_set():
                loan_id = ledger.find(chance.choice(numbers))
                on = self.closed - timedelta(days=chance.choice((0, 0, 1, 5, 40)))
                try:
                    self._pay_or_reverse(ledger, loan_id, on, chance)
                except LoanError:  # not yet disbursed by then, for one
                    continue
                self.paid += 1

    def _pay_or_reverse(self, ledger, loan_id, on, chance):
        cause = keyed(f"soak-{SEED}-{self.paid}-{chance.random()}")
        if chance.random() < 0.9:
            pay(ledger, loan_id, f"{chance.randint(1, 900)}.37", on, cause)
            return
        paid = ledger.load(loan_id).payments.values()
        standing = [one for one in paid if one.reversed_on is None]
        if standing:
            ledger.reverse_payment(
                loan_id, payment=standing[-1].number, reversed_on=on, reason="bounced", cause=cause
            )


def ledger_numbers(settings):
    with connect(settings) as connection:
        rows = connection.execute("SELECT loan_no FROM ledger.loan_state ORDER BY 1")
        return [number for (number,) in rows]


@pytest.mark.timeout(SECONDS + 300)
def test_everything_at_once_leaves_nothing_amiss(fresh_database):
    fill(fresh_database, loans=LOANS, seed=5, until=UNTIL, days=60, processes=1)
    soak = Soak(fresh_database)
    with ThreadPoolExecutor(4) as threads:
        doing = [threads.submit(one) for one in (soak.close, soak.rebuild, soak.read, soak.pay)]
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline and not any(one.done() for one in doing):
            time.sleep(0.1)
        soak.over.set()
        for one in doing:
            one.result()

    print(
        f"{soak.paid} paid, closed to {soak.closed}, {soak.rebuilt} rebuilt, {soak.answered} read"
    )
    assert min(soak.paid, soak.rebuilt, soak.answered) > 0
    assert soak.closed > UNTIL
    run(fresh_database, ["verify"])

"""A group's payment killed with SIGKILL between its members' loans is finished, once."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ledger import group_book
from ledger.database import connect
from ledger.group_opening import disburse_group, open_group
from tests.faults.processes import until
from tests.ledger.builders import CAUSE, START, a_ledger
from tests.ledger.groups import FIRST, new_group

MEMBERS = {f"m{n:02d}": 1_000_00 + n * 10_00 for n in range(60)}
ABSENT = [f"m{n:02d}" for n in range(0, 60, 7)]
DUE = sum(MEMBERS.values()) // 10


@pytest.fixture
def village(fresh_database):
    with a_ledger(fresh_database) as ledger:
        for number in ("V-1", "V-2"):
            open_group(ledger, new_group(number, MEMBERS), CAUSE)
            disburse_group(ledger, number, on=START, cause=CAUSE)
    return fresh_database


def order(number, key):
    absent = [word for name in ABSENT for word in ("--absent", f"{number}-{name}")]
    return [
        Path(sys.executable).with_name("cartera"), "group", "pay", number, "--amount",
        f"{DUE // 100}.{DUE % 100:02d}", "--on", str(FIRST), "--key", key, *absent,
    ]  # fmt: skip


def recorded(app, number):
    """What payments and covers the loans of the group hold, without the group's own name."""
    return app.execute(
        "SELECT substr(s.loan_no, 5), e.type, e.state->>'amount', substr(e.state->>'paid_by', 5),"
        " substr(e.state->>'for_loan', 5) FROM ledger.events AS e"
        " JOIN ledger.loan_state AS s USING (loan_id) WHERE s.group_no = %s"
        " AND e.type IN ('payment-received', 'cover-given') ORDER BY 1, e.version",
        [number],
    ).fetchall()


def posted(app, number):
    [[loans]] = app.execute(
        "SELECT count(DISTINCT e.loan_id) FROM ledger.events AS e"
        " JOIN ledger.loan_state AS s USING (loan_id)"
        " WHERE s.group_no = %s AND e.type IN ('payment-received', 'cover-given')",
        [number],
    ).fetchall()
    return loans


@pytest.mark.parametrize("least", [1, 20, 45])
def test_a_group_payment_killed_half_way_ends_as_one_undisturbed(village, least):
    environment = {**os.environ, **village.environment()}
    with connect(village, autocommit=True) as app:
        process = subprocess.Popen(order("V-1", "k"), stdout=subprocess.DEVNULL, env=environment)
        until(lambda: posted(app, "V-1") >= least)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
        assert least <= posted(app, "V-1") < len(MEMBERS)

        for number in ("V-1", "V-2"):
            subprocess.run(
                order(number, "k" if number == "V-1" else "other"),
                stdout=subprocess.DEVNULL, env=environment, check=True,
            )  # fmt: skip

        assert recorded(app, "V-1") == recorded(app, "V-2")
        assert posted(app, "V-1") == len(MEMBERS)
    with a_ledger(village) as ledger:
        assert group_book.unposted(ledger.store, "V-1") == (1, [])

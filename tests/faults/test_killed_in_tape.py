"""An import of a loan tape killed with SIGKILL lands each loan once all the same."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.database import connect
from ledger.tape import import_loans
from tests.faults.processes import until
from tests.ledger.builders import a_ledger

LOANS = 600
HEADER = "loan_no,principal,annual_rate,instalments,frequency,disbursed_on,as_of,principal_balance"


@pytest.fixture
def tape(tmp_path):
    path = tmp_path / "tape.csv"
    lines = (
        f"K-{n:04d},10000.00,36.00,12,monthly,2025-09-15,2026-01-31,7000.00\n"
        if n % 2
        else f"K-{n:04d},5000.00,48.00,6,monthly,2026-01-{1 + n % 28:02d},,\n"
        for n in range(LOANS)
    )
    path.write_text(f"{HEADER}\n{''.join(lines)}")
    return path


def test_a_tape_killed_half_way_and_run_again_lands_every_loan_once(fresh_database, tape):
    with connect(fresh_database, autocommit=True) as app:

        def landed():
            [[count]] = app.execute("SELECT count(*) FROM ledger.loan_state")
            return count

        process = subprocess.Popen(
            [Path(sys.executable).with_name("cartera"), "import", "loans", str(tape)],
            stdout=subprocess.DEVNULL,
            env={**os.environ, **fresh_database.environment()},
        )
        until(lambda: landed() >= 40)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
        before = landed()
        assert 40 <= before < LOANS

        with a_ledger(fresh_database) as ledger:
            report = import_loans(ledger, tape)

        assert report.opened + report.taken_on + report.repeated == LOANS
        assert report.repeated >= before
        assert landed() == LOANS
        [[events, distinct]] = app.execute(
            "SELECT count(*) FILTER (WHERE type = 'loan-opened'),"
            " count(DISTINCT loan_id) FROM ledger.events"
        )
        assert (events, distinct) == (LOANS, LOANS)

"""A worker killed with SIGKILL in the middle of a payment file still applies each line once."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from ledger import jobs
from ledger.payment_file import import_payments
from tests.faults.portfolio import LOANS, compare
from tests.faults.processes import finish, kill, until, worker
from tests.ledger.builders import a_ledger

LINES = 20 * LOANS
BATCH = 60


@pytest.fixture
def payments(tmp_path):
    path = tmp_path / "payments.csv"
    lines = (
        f"2026-{2 + n // LOANS // 10:02d}-{1 + n // LOANS:02d},K-{n % LOANS:03d},10.00,spei,T{n}\n"
        for n in range(LINES)
    )
    path.write_text("date,reference,amount,channel,transaction_id\n" + "".join(lines))
    return path


def paid(app):
    [[count]] = app.execute("SELECT count(*) FROM ledger.events WHERE type = 'payment-received'")
    return count


@pytest.fixture(params=["0", "2"], ids=["alone", "clerks"])
def processes(request, monkeypatch):
    """How many processes land the file beside the one that reads it."""
    monkeypatch.setenv("CARTERA_IMPORT_PROCESSES", request.param)


def test_a_payment_file_killed_half_way_ends_as_one_undisturbed(
    app, fresh_database, undisturbed, payments, processes
):
    with a_ledger(undisturbed) as ledger:
        import_payments(ledger, payments)
    order = {"path": str(payments), "batch": BATCH}
    job = jobs.enqueue(app, jobs.IMPORT_PAYMENTS, order, fresh_database)
    with worker(fresh_database) as process:
        until(lambda: paid(app) >= 50)
        kill(process)
    assert 50 <= paid(app) < LINES
    assert jobs.find(app, job.id).state == "running"

    finish(app, fresh_database, job)

    assert paid(app) == LINES
    compare(app, undisturbed)


def test_a_clerk_that_is_killed_leaves_its_lines_to_the_import(
    app, fresh_database, undisturbed, payments, monkeypatch
):
    monkeypatch.setenv("CARTERA_IMPORT_PROCESSES", "2")
    with a_ledger(undisturbed) as ledger:
        import_payments(ledger, payments)
    with importing(fresh_database, payments) as process:
        until(lambda: paid(app) > 0)
        clerk, *_ = until(lambda: children(process.pid))
        os.kill(clerk, signal.SIGKILL)
        assert process.wait(120) == 0

    assert paid(app) == LINES
    compare(app, undisturbed)


@contextmanager
def importing(settings, path):
    """An import in a process of its own, in small batches."""
    program = (
        "import sys; from pathlib import Path; from datetime import date;"
        "from ledger.payment_file import import_payments; from ledger.application import Ledger;"
        "from ledger.clock import FixedClock;"
        f"import_payments(Ledger(clock=FixedClock(date(2027, 6, 30))), Path({str(path)!r}),"
        f" batch={BATCH})"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], env=os.environ | settings.environment()
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)


def children(pid):
    """Of the process's first thread, which began the clerks."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

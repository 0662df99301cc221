"""A worker killed with SIGKILL in the middle of a payment file still applies each line once."""

import pytest

from ledger import jobs
from ledger.payment_file import import_payments
from tests.faults.portfolio import LOANS, compare
from tests.faults.processes import finish, kill, until, worker
from tests.ledger.builders import a_ledger

LINES = 10 * LOANS


@pytest.fixture
def payments(tmp_path):
    path = tmp_path / "payments.csv"
    lines = (
        f"2026-{2 + n // LOANS // 5:02d}-{1 + n // LOANS:02d},K-{n % LOANS:03d},10.00,spei,T{n}\n"
        for n in range(LINES)
    )
    path.write_text("date,reference,amount,channel,transaction_id\n" + "".join(lines))
    return path


def paid(app):
    [[count]] = app.execute("SELECT count(*) FROM ledger.events WHERE type = 'payment-received'")
    return count


def test_a_payment_file_killed_half_way_ends_as_one_undisturbed(
    app, fresh_database, undisturbed, payments
):
    with a_ledger(undisturbed) as ledger:
        import_payments(ledger, payments)
    job = jobs.enqueue(app, jobs.IMPORT_PAYMENTS, {"path": str(payments)}, fresh_database)
    with worker(fresh_database) as process:
        until(lambda: paid(app) >= 50)
        kill(process)
    assert 50 <= paid(app) < LINES
    assert jobs.find(app, job.id).state == "running"

    finish(app, fresh_database, job)

    assert paid(app) == LINES
    compare(app, undisturbed)

"""A worker killed with SIGKILL in the middle of a close loses nothing and repeats nothing."""

from datetime import date

from ledger import jobs
from ledger.close_of_day import close_through
from tests.faults.portfolio import LOANS, compare
from tests.faults.processes import finish, kill, until, worker
from tests.ledger.builders import a_ledger

ON = date(2026, 9, 20)


def closed(app):
    [[count]] = app.execute(
        "SELECT count(*) FROM ledger.loan_state WHERE closed_through = %s", [ON]
    )
    return count


def test_a_close_killed_half_way_ends_as_one_undisturbed(app, fresh_database, undisturbed):
    with a_ledger(undisturbed) as ledger:
        close_through(ledger, ON)
    job = jobs.enqueue(app, jobs.CLOSE_DAY, {"on": ON, "batch": 4}, fresh_database)
    with worker(fresh_database) as process:
        until(lambda: closed(app) >= LOANS // 5)
        kill(process)
    assert LOANS // 5 <= closed(app) < LOANS
    assert jobs.find(app, job.id).state == "running"

    finish(app, fresh_database, job)

    compare(app, undisturbed)

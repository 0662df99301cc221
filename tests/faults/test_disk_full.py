"""The database's disk fills up in mid-close: a clear error, no half day, and on with room."""

import os
import shutil
import subprocess
from datetime import date

import pytest

from ledger import servers
from ledger.database import connect
from ledger.migrate import migrate
from ledger.settings import Settings
from ledger.synthetic import fill
from tests.faults.kills import PATIENCE, run, started
from tests.faults.portfolio import compare
from tests.faults.processes import embedded

DISK = "500m"
ROOM = 2_000_000
LOANS = 2_000
UNTIL = date(2026, 6, 30)
HALF_CLOSED = """
    SELECT count(*) FROM ledger.loan_state AS s JOIN ledger.events AS e USING (loan_id)
    WHERE e.version > s.version
"""
WORDS = ["close", "--through", "2026-07-12"]


@pytest.fixture
def small(short_var):
    """Servers of this test's own whose data lies on a disk of its own."""
    disk = short_var / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(disk)]
    tried = subprocess.run(mount, check=False, capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {tried.stderr.strip()}")
    settings = Settings(var_dir=disk, database_url=None, redis_url=None)
    try:
        migrate(settings)
        yield settings
    finally:
        servers.stop(settings)
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill_up(settings):
    """A file that leaves little room on the disk."""
    ballast = settings.var_dir / "ballast"
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(settings.var_dir).free - ROOM)
    return ballast


def test_a_close_that_fills_the_disk_says_so_and_goes_on_once_there_is_room(small, fresh_database):
    for settings in (small, fresh_database):
        fill(settings, loans=LOANS, seed=4, until=UNTIL, days=30, processes=1)
    ballast = fill_up(small)

    process = started(small, WORDS)
    _, told = process.communicate(timeout=PATIENCE)
    told = told.decode()

    assert process.returncode == 3, told
    assert "disk is full" in told or "does not answer" in told
    assert "Traceback" not in told
    ballast.unlink()
    servers.postgres_url(embedded(small))
    with connect(small) as app:
        [[half]] = app.execute(HALF_CLOSED).fetchall()
    assert half == 0
    run(small, WORDS)
    run(fresh_database, WORDS)
    with connect(small, autocommit=True) as app:
        compare(app, fresh_database)
    run(small, ["verify"])

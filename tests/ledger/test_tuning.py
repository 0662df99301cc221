"""PostgreSQL is set from the machine's size; what keeps money safe is never traded."""

import pytest

from ledger.database import connect
from ledger.servers import postgres_url
from ledger.tuning import Machine, as_conf, settings

SMALL = Machine(memory_mb=512, cores=1, disk_mb=1_024)
OURS = Machine(memory_mb=24_000, cores=2, disk_mb=200_000)
LARGE = Machine(memory_mb=512_000, cores=64, disk_mb=10_000_000)


@pytest.mark.parametrize("machine", [SMALL, OURS, LARGE])
@pytest.mark.parametrize("alone", [False, True])
def test_commits_are_durable_on_every_machine(machine, alone):
    chosen = settings(machine, alone=alone, replicated=alone)
    assert (chosen["fsync"], chosen["synchronous_commit"]) == ("on", "on")
    assert chosen["wal_level"] == ("replica" if alone else "minimal")


@pytest.mark.parametrize(
    ("machine", "alone", "buffers", "wal"),
    [
        (SMALL, False, "85MB", "256MB"),
        (OURS, False, "4000MB", "8192MB"),
        (OURS, True, "6000MB", "8192MB"),
        (LARGE, True, "16384MB", "8192MB"),
    ],
)
def test_memory_and_log_follow_the_machine(machine, alone, buffers, wal):
    chosen = settings(machine, alone=alone, replicated=False)
    assert (chosen["shared_buffers"], chosen["max_wal_size"]) == (buffers, wal)


def test_the_embedded_server_runs_with_them(server_settings):
    postgres_url(server_settings)
    with connect(server_settings, owner=True) as connection:
        for name, wanted in (
            ("fsync", "on"), ("synchronous_commit", "on"), ("wal_level", "minimal"),
            ("checkpoint_timeout", "15min"), ("autovacuum_vacuum_cost_limit", "2000"),
        ):  # fmt: skip
            assert connection.execute(f"SHOW {name}").fetchone() == (wanted,)


def test_they_are_lines_of_a_conf():
    assert "shared_buffers = 4000MB\n" in as_conf(settings(OURS, alone=False, replicated=False))

"""`cartera servers settings` prints what a PostgreSQL of one's own is to be set to."""

import pytest


def test_the_settings_of_a_described_machine_are_lines_of_a_conf(cartera):
    told = cartera("servers", "settings", "--memory-mb", "65536", "--cores", "16",
                   "--disk-mb", "1000000", "--replicas")  # fmt: skip

    assert told.code == 0
    lines = told.out.splitlines()
    assert {"fsync = on", "synchronous_commit = on", "shared_buffers = 16384MB",
            "wal_level = replica", "hot_standby_feedback = on"} <= set(lines)  # fmt: skip
    assert all(" = " in line for line in lines)


def test_the_same_as_json_for_this_machine(cartera):
    told = cartera("servers", "settings", "--json")

    assert told.code == 0
    assert told.json["wal_level"] == "minimal"
    assert told.json["max_wal_senders"] == 0


@pytest.mark.parametrize("option", ["--memory-mb", "--cores", "--disk-mb"])
def test_a_machine_of_nothing_is_refused(cartera, option):
    assert cartera("servers", "settings", option, "0").code == 2

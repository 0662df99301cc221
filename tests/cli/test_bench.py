"""A benchmark says what it measured, beside the limit of the same run."""

import importlib.util

import pytest

from bench import load, schedule
from bench.__main__ import NAMES
from bench.reads_found import PEER, compare

KEYS = {"name", "unit", "ours", "limit", "ratio", "others", "work", "machine"}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(schedule, "LOANS", 400)
    monkeypatch.setattr(schedule, "ONE_BY_ONE", 20)


def test_schedules_are_measured_one_by_one_at_once_and_beside_numpy_financial(cartera):
    told = cartera("bench", "schedule", "--quick", "--json")

    assert told.code == 0
    assert set(told.json) == KEYS
    assert told.json["unit"] == "schedules/s"
    others = told.json["others"]
    assert {"one by one (domain.schedule)", "numpy-financial", "times numpy-financial",
            "seconds for 400 schedules"} <= set(others)  # fmt: skip
    assert all(figure > 0 for figure in others.values())


def test_numpy_financial_is_left_out_with_a_reason_where_it_is_not_installed(cartera, monkeypatch):
    monkeypatch.setattr(schedule, "find_spec", lambda name: None)

    told = cartera("bench", "schedule", "--quick")

    assert told.code == 0
    assert "numpy-financial is not installed" in told.out
    assert "times numpy-financial" not in told.out


def test_every_benchmark_that_is_named_is_there():
    assert all(importlib.util.find_spec(f"bench.{name.replace('-', '_')}") for name in NAMES)


def test_an_unknown_benchmark_is_told_with_those_there_are(cartera):
    told = cartera("bench", "sprint")

    assert told.code == 2
    assert f"'sprint' is no benchmark; there are {', '.join(NAMES)}" in " ".join(told.err.split())


def test_loading_a_long_loan_is_measured_beside_a_short_one(cartera, monkeypatch):
    monkeypatch.setattr(load, "LONG", 260)

    told = cartera("bench", "load", "--quick", "--json")

    assert told.code == 0
    assert set(told.json) == KEYS
    assert told.json["ours"] < 10 * told.json["limit"]


OURS = b"""{"data":{"loan":{"schedule":[{"number":1,"dueOn":"2026-02-15","charged":
    {"principal":{"amount":"900.10"},"interest":{"amount":"30.00"}}}]}},"extensions":{}}"""
THEIRS = b"""{"data":{"loanByLoanId":{"schedulesByLoanId":{"nodes":[{"instalment":1,
    "dueOn":"2026-02-15","principal":"90010","interest":"3000"}]}}}}"""


def test_reads_are_only_measured_where_all_servers_do_the_same_work():
    answers = {
        ("ours", "one loan in full"): OURS,
        ("bare", "one loan in full"): OURS[8 : OURS.index(b',"extensions"')],
        (PEER, "one loan in full"): THEIRS,
    }
    compare(answers)
    with pytest.raises(RuntimeError, match="other bytes"):
        compare({**answers, ("bare", "one loan in full"): b'{"loan":null}'})
    with pytest.raises(RuntimeError, match="other instalments"):
        compare({**answers, (PEER, "one loan in full"): THEIRS.replace(b"3000", b"3001")})

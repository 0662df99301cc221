"""Schedules whose figures another lender's system published in its own tests.

Facts and figures only, carried over by hand; the requests name our conventions for theirs.
"""

import json
from pathlib import Path

import pytest

from cli.schedule import schedule_of

VECTORS = [
    json.loads(line)
    for line in (Path(__file__).parent / "schedules.jsonl").read_text().splitlines()
]


def test_there_are_many_and_each_names_its_source():
    assert len(VECTORS) >= 60
    assert all(vector["source"].startswith("Apache Fineract test figures: ") for vector in VECTORS)


@pytest.mark.parametrize(
    "vector",
    VECTORS,
    ids=[f"{n}-{vector['source'].split(': ')[1]}" for n, vector in enumerate(VECTORS, start=1)],
)
def test_the_schedule_comes_to_the_published_figures(vector):
    found = schedule_of(json.dumps(vector["request"]).encode())

    expected = vector["expected"]
    assert "error" not in found, found
    assert [
        {name: row[name] for name in asked}
        for asked, row in zip(expected["instalments"], found["instalments"], strict=True)
    ] == expected["instalments"]
    totals = expected.get("totals", {})
    assert {name: found["totals"][name] for name in totals} == totals

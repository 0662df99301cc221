"""A group from the command line: opened, paid, shown; and its stories played."""

import json
import shutil
from pathlib import Path

import pytest

STORIES = Path(__file__).parents[2] / "scenarios" / "groups"
GROUP = """\
group_no: G-1
kind: solidarity
effective_on: 2026-01-15
loan: {annual_rate: "0", instalments: 10, frequency: weekly}
members:
  - {loan_no: G-1-ana, borrower: ana, principal: "5000.00"}
  - {loan_no: G-1-bea, borrower: bea, principal: "3000.00"}
  - {loan_no: G-1-cai, borrower: cai, principal: "2000.00"}
  - {loan_no: G-1-dora, borrower: dora, principal: "1000.00"}
"""


@pytest.fixture(scope="module")
def files(database, tmp_path_factory):
    folder = tmp_path_factory.mktemp("groups")
    (folder / "group.yaml").write_text(GROUP)
    return folder


@pytest.fixture(scope="module")
def opened(cartera, files):
    told = cartera("group", "open", files / "group.yaml", "--disburse-on", "2026-01-15", "--json")
    assert told.code == 0, told.err
    return told.json


def test_a_group_is_opened_from_a_file_and_paid_out_once(cartera, files, opened):
    assert (opened["group_no"], opened["repeated"], opened["disbursed"]) == ("G-1", False, 4)
    again = cartera("group", "open", files / "group.yaml", "--disburse-on", "2026-01-15", "--json")
    assert again.json == opened | {"repeated": True, "disbursed": 0}


def test_json_is_as_good_as_yaml(cartera, files, opened):
    form = {
        "group_no": "G-2", "kind": "communal", "effective_on": "2026-01-15", "product": "communal",
        "loan": {"annual_rate": "60.00", "instalments": 8},
        "members": [{"loan_no": f"G-2-{n}", "principal": "3000.00"} for n in range(5)],
    }  # fmt: skip
    (files / "group.json").write_text(json.dumps(form))
    assert len(cartera("group", "open", files / "group.json", "--json").json["loans"]) == 5


def test_a_group_pays_and_shows_who_owes_whom(cartera, opened):
    order = ["group", "pay", "G-1", "--amount", "1100.00", "--on", "2026-01-22", "--absent",
             "G-1-dora", "--key", "meeting-1", "--json"]  # fmt: skip
    told = cartera(*order)
    assert told.code == 0, told.err
    assert [one["paid"] for one in told.json["loans"]] == ["500.00", "300.00", "200.00", "100.00"]
    assert cartera(*order).json == told.json | {"repeated": True}

    brought = ["--brought", "G-1-ana=500.00", "--brought", "G-1-dora=150.00"]
    told = cartera("group", "pay", "G-1", "--amount", "1150.00", "--on", "2026-01-29", *brought)
    assert told.code == 0, told.err
    assert "return" in told.out

    told = cartera("group", "return", "G-1", "G-1-cai", "1", "--on", "2026-01-30")
    assert told.code == 0, told.err
    seen = cartera("group", "show", "G-1", "--on", "2026-01-30", "--json").json
    assert [(one["loan"], one["left"]) for one in seen["covers"]] == [
        ("G-1-ana", "25.00"), ("G-1-bea", "15.00"), ("G-1-cai", "0.00"),
    ]  # fmt: skip
    table = cartera("group", "show", "G-1", "--on", "2026-01-30").out
    assert "G-1-bea" in table
    assert "Covers" in table


def test_the_read_models_and_the_log_agree_on_a_group(cartera, opened):
    assert cartera("verify", "--json").json == {"findings": []}


@pytest.mark.parametrize(
    ("order", "told"),
    [
        (["pay", "NONE", "--amount", "1.00"], "group_no: there is no group NONE"),
        (["pay", "G-1", "--amount", "0"], "amount: 0 must be more than zero"),
        (["pay", "G-1", "--amount", "x"], "amount: must be a plain decimal number"),
        (["pay", "G-1", "--amount", "1", "--absent", "eva"], "absent: names eva"),
        (["pay", "G-1", "--amount", "1", "--brought", "eva"], "brought: 'eva' must be LOAN=AMOUNT"),
        (["pay", "G-1", "--amount", "1", "--on", "2999-01-01"], "on: 2999-01-01 is in the future"),
        (["show", "NONE"], "group_no: there is no group NONE"),
        (["return", "G-1", "G-1-ana", "9"], "cover: 9 is not owed back"),
        (["open", "nowhere.yaml"], "file: nowhere.yaml is no file"),
    ],
)
def test_a_refusal_is_one_line_with_field_and_rule(cartera, opened, order, told):
    found = cartera("group", *order)
    assert found.code == 2, found.out
    assert found.err.startswith(f"error {told}")
    assert found.err.count("\n") == 1


def test_stories_of_groups_are_played(cartera):
    told = cartera("group", "story", STORIES)
    assert told.code == 0, told.out
    assert told.out.count("passed") == len(list(STORIES.glob("*.yaml")))


@pytest.mark.parametrize(("text", "code"), [("title: [", 2), ("title: x", 2)])
def test_a_file_that_holds_no_group_story_is_told(cartera, tmp_path, text, code):
    (tmp_path / "story.yaml").write_text(text)
    assert cartera("group", "story", tmp_path).code == code


def test_a_story_that_expects_otherwise_fails(cartera, tmp_path):
    source = next(iter(sorted(STORIES.glob("*.yaml"))))
    copy = tmp_path / source.name
    shutil.copy(source, copy)
    copy.write_text(copy.read_text().replace("status: closed", "status: active"))
    assert cartera("group", "story", copy).code == 1

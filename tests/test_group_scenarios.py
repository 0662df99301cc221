"""Every group's story comes to what it expects: in memory, and kept by the store."""

import re
from pathlib import Path

import pytest
import yaml
from msgspec.structs import replace

from cli.group_story import figures_on, outcome
from domain.groups import GroupKind
from ledger.database import pool
from ledger.group_opening import disburse_group, open_group
from ledger.group_stories import group_story_from, read
from ledger.group_views import group_view
from ledger.groups import group_payment, return_cover
from ledger.money import FormError, money
from projections.engine import catch_up
from projections.verify import verify
from tests.ledger.builders import CAUSE, a_ledger

FOLDER = Path(__file__).parent.parent / "scenarios" / "groups"
STORIES = sorted(FOLDER.glob("*.yaml"))
each_story = pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)


@each_story
def test_a_story_comes_to_the_figures_it_expects(path):
    found = outcome(path)
    assert found["failures"] == []
    assert found["passed"]


@each_story
def test_a_story_names_its_source_and_ends_with_a_balanced_journal_and_all_members(path):
    story = read(path)
    assert story.source
    assert story.expect[-1].journal
    assert len(story.expect[-1].members) == len(story.group.members)


def test_there_is_a_story_of_each_kind_one_with_an_absent_member_who_pays_back():
    stories = [read(path) for path in STORIES]
    assert {story.group.kind for story in stories} == set(GroupKind)
    [weekly] = [story for story in stories if story.group.kind is GroupKind.GROUP]
    assert {member.terms.instalments for member in weekly.group.members} == {16}
    [five] = [story for story in stories if story.group.kind is GroupKind.SOLIDARITY]
    assert len(five.group.members) == 5


def test_stories_through_the_store_come_to_the_same_and_nothing_is_found_amiss(database):
    with a_ledger(database) as ledger:
        for path in STORIES:
            story = read(path)
            played = told(ledger, story, path.stem)
            loans = {name: ledger.load(loan_id) for name, loan_id in played.items()}
            final = figures_on(loans, story.last_day, story.currency)
            assert final == outcome(path)["final"]
            seen = group_view(ledger, path.stem, story.last_day)
            assert [one["due"] for one in seen["members"]] == [
                final[one["loan_no"]]["due"] for one in seen["members"]
            ]
        with pool(database, max_size=2) as connections:
            catch_up(connections)
            with connections.connection() as connection:
                connection.rollback()
                assert verify(connection) == []
                connection.execute(
                    "UPDATE ledger.loan_state SET group_no = 'x' WHERE loan_no = 'dora'"
                )
                connection.commit()
                [finding] = verify(connection)
                assert finding.check == "state row"
                assert "group_no x" in finding.message


def told(ledger, story, group_no):
    """The story in the store: the loan of each member by his name."""
    group = replace(story.group, group_no=group_no)
    receipt = open_group(ledger, group, CAUSE)
    ids = {
        member.loan_no: one.loan_id
        for member, one in zip(group.members, receipt.loans, strict=True)
    }
    for step in story.timeline:
        amount = None if step.amount is None else money(step.amount, story.currency)
        if step.verb == "disburse":
            disburse_group(ledger, group_no, on=step.day, cause=CAUSE)
        elif step.verb == "close_of_day":
            for loan_id in ids.values():
                ledger.close_day(loan_id, on=step.day, cause=CAUSE)
        elif step.verb == "return_cover":
            return_cover(
                ledger, group_no, step.member, cover=step.cover, on=step.day, cause=CAUSE,
                amount=amount,
            )  # fmt: skip
        else:
            group_payment(
                ledger, group_no, amount=amount, on=step.day, cause=CAUSE, absent=step.absent,
                amounts={n: money(one, story.currency) for n, one in step.amounts.items()},
            )  # fmt: skip
    return ids


# The format

STORY = """
title: Two
source: by hand
group:
  kind: group
  loan: {annual_rate: "0", instalments: 10, frequency: weekly}
  members:
    - {loan_no: ana, principal: "5000.00"}
    - {loan_no: bea, principal: "1000.00"}
timeline:
  - {day: 2026-01-05, disburse: all}
  - {day: 2026-01-12, group_pay: {amount: "600.00", absent: [bea]}}
expect:
  - {day: 2026-01-12, kept: "0.00", members: {ana: {owed_by: {bea: "100.00"}}, bea: {due: "0.00"}}}
"""


def played(tmp_path, text):
    path = tmp_path / "story.yaml"
    path.write_text(text, encoding="utf-8")
    return outcome(path)


def test_the_smallest_story_passes(tmp_path):
    assert played(tmp_path, STORY)["failures"] == []


def test_the_story_in_the_readme_passes(tmp_path):
    [text] = re.findall(r"```yaml\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)
    assert played(tmp_path, text)["failures"] == []


def test_what_differs_is_told_with_place_day_and_member(tmp_path):
    found = played(tmp_path, STORY.replace('{bea: "100.00"}', '{bea: "99.00"}'))
    assert found["failures"] == [
        "expect[0] 2026-01-12 ana.owed_by: expected bea 99.00, found bea 100.00"
    ]


@pytest.mark.parametrize(
    ("verb", "refused"),
    [
        ('group_pay: {amount: "0.00"}', "invalid-amount"),
        ('group_pay: {amount: "1.00", absent: [eva]}', "stranger-named"),
        ("return_cover: {member: bea, cover: 1}", "unknown-cover"),
        ('pay: {member: ana, amount: "0.00"}', "invalid-amount"),
    ],
)
def test_a_step_may_expect_its_refusal_and_another_fails_it(tmp_path, verb, refused):
    step = f"  - {{day: 2026-01-12, {verb}, refused: {refused}}}\nexpect:"
    assert played(tmp_path, STORY.replace("expect:", step))["failures"] == []
    wrong = step.replace(refused, "not-allowed-now")
    [failure] = played(tmp_path, STORY.replace("expect:", wrong))["failures"]
    assert f"refused ({refused})" in failure


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("kind: group", "kind: family", "group.kind"),
        ("loan_no: bea", "loan_no: ''", "group.members[1].loan_no"),
        ("disburse: all", "disburse: some", "timeline[0].disburse"),
        ("absent: [bea]", "absent: bea", "timeline[1].group_pay.absent"),
        ('amount: "600.00"', "amount: 600.00", "timeline[1].group_pay.amount"),
        ("2026-01-12, group_pay", "2026-01-01, group_pay", "timeline[1].day"),
        ("members: {ana:", "members: {eva:", "expect[0].members.eva"),
        ('due: "0.00"', 'dues: "0.00"', "expect[0].members.bea.dues"),
        ("title: Two", "titel: Two", "title"),
        ("loan_no: bea", "loan_no: ana", "group.members[1].loan_no"),
        ("instalments: 10", "instalments: 0", "group.members[0].instalments"),
    ],
)
def test_a_form_that_is_no_story_names_the_field(old, new, field):
    assert old in STORY
    with pytest.raises(FormError) as refused:
        group_story_from(yaml.safe_load(STORY.replace(old, new)))
    assert refused.value.field == field


def test_a_member_may_pay_alone_in_between(tmp_path):
    form = yaml.safe_load(STORY)
    alone = {"day": "2026-01-12", "pay": {"member": "bea", "amount": "100.00"}}
    together = {"day": "2026-01-12", "group_pay": {"amount": "500.00"}}
    form["timeline"] = [form["timeline"][0], alone, together]
    form["expect"][0]["members"]["ana"] = {"owed_by": {}, "due": "0.00"}
    assert played(tmp_path, yaml.safe_dump(form))["failures"] == []

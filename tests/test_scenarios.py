"""Every story comes to the figures it expects: in memory, in the store and in the read models."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from cli.story_run import Play, outcome
from cli.story_store import compare
from domain.events import FeeCharged
from domain.terms import Component
from ledger.application import Ledger
from ledger.forms import FormError
from ledger.stories import read, story_from
from ledger.yaml_form import read_form

SCENARIOS = Path(__file__).parent.parent / "scenarios"
STORIES = sorted(SCENARIOS.glob("*.yaml"))
SCHEMA = json.loads((SCENARIOS / "scenario.schema.json").read_text())

STORY = """
title: A loan
loan:
  currency: MXN
  principal: "1200.00"
  annual_rate: "12.00"
  instalments: 12
  frequency: monthly
  day_count: 30e/360
timeline:
  - {day: 2026-01-15, disburse: "1200.00"}
  - {day: 2026-02-15, pay: "106.62"}
"""


FLOATING_STORY = """
title: A floating rate, money that waits, and the rest paid
source: 12.00 for a month of 1,200.00 at 12 %, then 9.60 for 16 days at 18 %, less 1.00
indices: {TIIE: [{on: 2026-01-15, value: "14.00"}, {on: 2026-02-15, value: "20.00"},
                 {on: 2026-03-15, value: "90.00"}]}
loan: {principal: "1200.00", annual_rate: "12.00", instalments: 6, frequency: monthly,
       floating: {index: TIIE, spread: "-2.00"}, day_count: 30e/360, method: interest_only,
       allocation: {in_advance: wait}}
timeline:
  - {day: 2026-01-15, disburse: "1200.00"}
  - {day: 2026-01-20, pay: "112.00"}
  - {day: 2026-02-20, forgive: {interest: "1.00"}}
  - {day: 2026-02-28, pay: "50.00"}
  - {day: 2026-03-01, pay: "1058.60"}
expect:
  - {day: 2026-02-28, balances: {total: "1206.80"}, overpaid: "150.00", annual_rate: "18.00"}
  - {day: 2026-03-01, status: closed, overpaid: "0.00", journal: balanced}
"""


def told(tmp_path, text):
    path = tmp_path / "story.yaml"
    path.write_text(text, encoding="utf-8")
    return outcome(path)


def plain(path):
    """The story as JSON knows it: dates are text."""
    return json.loads(json.dumps(read_form(path), default=str))


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_a_story_comes_to_the_figures_it_expects(path):
    found = outcome(path)

    assert found["failures"] == []
    assert found["passed"]


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_a_story_keeps_to_the_published_schema(path):
    jsonschema.Draft202012Validator(SCHEMA).validate(plain(path))


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_a_story_names_its_source_and_expects_figures_and_a_balanced_journal(path):
    story = read(path)

    assert story.title
    assert story.source
    assert any("journal" in expected.figures for expected in story.expect)
    assert any("balances" in expected.figures for expected in story.expect)


def test_the_schema_and_the_reader_know_the_same_keys():
    from ledger.story_figures import FIGURES
    from ledger.story_verbs import VERBS

    verbs = {shape["required"][0] for shape in SCHEMA["$defs"]["step"]["oneOf"]}
    assert verbs == set(VERBS)
    assert set(SCHEMA["$defs"]["expected"]["properties"]) - {"day"} == set(FIGURES)
    assert SCHEMA["$defs"]["component"]["enum"] == [str(one) for one in Component]


def test_the_stories_come_to_the_same_in_the_store_and_the_read_models(fresh_database):
    outcomes = [outcome(path) for path in STORIES]

    with Ledger(fresh_database) as ledger:
        compare(ledger, outcomes)

    assert [one for one in outcomes if one["failures"]] == []


def test_a_floating_story_ends_in_the_store_on_its_own_last_day(fresh_database, tmp_path):
    """Not today: the index goes on, and what waited pays the loan off on its day."""
    told(tmp_path, FLOATING_STORY)
    outcomes = [outcome(tmp_path / "story.yaml")]
    assert outcomes[0]["failures"] == []

    with Ledger(fresh_database) as ledger:
        compare(ledger, outcomes)

    assert outcomes[0]["failures"] == []


def test_the_store_comparison_sees_a_difference(fresh_database):
    outcomes = [outcome(STORIES[0])]
    outcomes[0]["final"]["balances"]["principal"] = "0.01"

    with Ledger(fresh_database) as ledger:
        compare(ledger, outcomes)

    assert not outcomes[0]["passed"]
    assert "in the store, balances.principal: expected 0.01" in outcomes[0]["failures"][0]


def test_a_story_without_expectations_just_runs(tmp_path):
    found = told(tmp_path, STORY)

    assert (found["passed"], found["failures"]) == (True, [])
    assert set(found) == {"file", "passed", "failures", "final"}
    assert set(found["final"]) == {"balances", "days_past_due", "schedule", "payments"}
    assert found["final"]["balances"]["principal"] == "1105.38"
    assert found["final"]["payments"] == [
        {
            "n": 1, "day": "2026-02-15", "amount": "106.62", "overpaid": "0.00",
            "allocated": {
                "fee_tax": "0.00", "fee": "0.00", "late_interest_tax": "0.00",
                "late_interest": "0.00", "interest_tax": "0.00", "interest": "12.00",
                "principal": "94.62",
            },
        }
    ]  # fmt: skip
    assert found["final"]["schedule"][0] == {
        "n": 1, "due": "2026-02-15", "principal": "94.62", "interest": "12.00", "tax": "0.00",
        "fees": "0.00", "late_interest": "0.00", "total": "106.62", "balance": "1105.38",
        "paid": "106.62", "paid_on": "2026-02-15", "paid_late": "0.00", "paid_in_advance": "0.00",
    }  # fmt: skip


EXPECTED = [
    ("balances: {principal: '1105.37'}", "balances.principal: expected 1105.37, found 1105.38"),
    ("balances: {total: '0.00'}", "balances.total: expected 0.00, found 1105.38"),
    ("days_past_due: 3", "days_past_due: expected 3, found 0"),
    ("status: closed", "status: expected closed, found active"),
    ("stage: 2", "stage: expected 2, found 1"),
    ("next_due: none", "next_due: expected none, found 2026-03-15"),
    ("overpaid: '1.00'", "overpaid: expected 1.00, found 0.00"),
    ("written_off: {total: '1.00'}", "written_off.total: expected 1.00, found 0.00"),
    ("schedule: [{n: 1, paid_on: 2026-02-14}]",
     "schedule n 1.paid_on: expected 2026-02-14, found 2026-02-15"),
    ("schedule: [{n: 13, total: '1.00'}]", "schedule n 13: there is none"),
    ("payments: [{n: 1, allocated: {interest: '11.99'}}]",
     "payments n 1.allocated.interest: expected 11.99, found 12.00"),
    ("payments: [{n: 2, amount: '1.00'}]", "payments n 2: there is none"),
    ("promises: [{n: 1, state: kept}]", "promises n 1: there is none"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "failure"), EXPECTED)
def test_a_wrong_figure_fails_the_story_naming_day_figure_and_both_values(tmp_path, wrong, failure):
    found = told(tmp_path, f"{STORY}expect:\n  - {{day: 2026-02-15, {wrong}}}\n")

    assert found["failures"] == [f"expect[0] 2026-02-15 {failure}"]
    assert not found["passed"]


def test_an_expectation_sees_only_the_steps_up_to_its_day(tmp_path):
    backdated = "  - {day: 2026-03-01, pay: '94.62', effective: 2026-02-20}\n"
    expected = """expect:
  - {day: 2026-02-25, balances: {principal: "1105.38"}}
  - {day: 2026-03-01, payments: [{n: 2, day: 2026-02-20, amount: "94.62"}]}
  - {day: 2026-01-31, balances: {principal: "1200.00"}, payments: []}
"""

    assert told(tmp_path, STORY + backdated + expected)["failures"] == []


def test_a_refused_step_fails_the_story_and_the_rest_is_played(tmp_path):
    found = told(tmp_path, STORY + "  - {day: 2026-02-16, disburse: '1.00'}\n"
                 "  - {day: 2026-02-17, close_of_day: true}\n")  # fmt: skip

    [failure] = found["failures"]
    assert failure.startswith("timeline[2] 2026-02-16 disburse: refused (not-allowed-now), status:")
    assert found["final"]["balances"]["principal"] == "1105.38"


def test_a_refusal_that_is_expected_is_no_failure_and_one_that_misses_is(tmp_path):
    step = "  - {{day: 2026-02-16, {verb}, refused: {code}}}\n"

    assert told(tmp_path, STORY + step.format(verb="disburse: '1.00'", code="not-allowed-now"))[
        "passed"
    ]
    other = told(tmp_path, STORY + step.format(verb="disburse: '1.00'", code="over-recovery"))
    assert "refused (not-allowed-now)" in other["failures"][0]
    none = told(tmp_path, STORY + step.format(verb="pay: '1.00'", code="not-allowed-now"))
    assert none["failures"] == [
        "timeline[2] 2026-02-16 pay: expected the refusal not-allowed-now, but it was accepted"
    ]


def test_an_event_out_of_balance_fails_a_balanced_journal(monkeypatch, tmp_path):
    from projections.journal.postings import postings

    story = story_from(
        yaml.safe_load(
            STORY + "  - {day: 2026-02-20, charge: {kind: visit, amount: '5.00'}}\n"
            "expect: [{day: 2026-02-20, journal: balanced}]\n"
        )
    )
    lame = lambda event: postings(event)[: 1 if isinstance(event, FeeCharged) else None]
    monkeypatch.setattr("cli.story_run.postings", lame)
    play = Play(story)

    play.run()

    assert [failure for failure in play.failures if "FeeCharged: is out of balance" in failure]


@pytest.mark.parametrize(
    ("before", "after", "failure"),
    [
        ("title:", "tittle:", "tittle: is an unknown key"),
        ("frequency:", "frequence:", "loan.frequency: is missing"),
        ("  day_count:", "  basis: x\n  day_count:", "loan.basis: is an unknown key"),
        ('pay: "106.62"', "pay: 106.62", "timeline[1].pay: must be text"),
        ('pay: "106.62"', 'pays: "106.62"', "timeline[1]: unknown key 'pays'"),
        ('pay: "106.62"', 'pay: "106.62", chanel: x', "timeline[1].chanel: is an unknown key"),
        ('pay: "106.62"', 'pay: "1.00", disburse: "1.00"', "one verb, not disburse and pay"),
        ('pay: "106.62"', 'pay: "1.00", on: x', "timeline[1].on: is an unknown key"),
        ('pay: "106.62"', "pay: yes", "timeline[1].pay: must be a plain decimal number"),
        ('pay: "106.62"', "pay: True", "timeline[1].pay: must be text"),
        ('pay: "106.62"', 'pay: "1.00", effective: 2026-02-16', "is after 2026-02-15"),
        ("day: 2026-02-15", "day: 2026-01-14", "is before the 2026-01-15 above it"),
        ("day: 2026-02-15", "day: 2026-02-30", "yaml: cannot be read"),
        ("day: 2026-02-15", "day: 2026-02-15 10:00:00", "must be a date"),
        ("  frequency: monthly", "  frequency: monthly\n  frequency: weekly",
         "frequency: stands twice, again on line 9"),
        ("timeline:", "timeline: []\nexpect:", "timeline: must have at least one step"),
        ("timeline:", "timeline: [", "yaml: "),
        ("timeline:", "timeline: !!python/name:os.system\n", "yaml: "),
        ('principal: "1200.00"', "principal: 1200.00", "loan.principal: must be text"),
        ('  - {day: 2026-01-15, disburse: "1200.00"}', "  - hello", "timeline[0]: must be"),
    ],
)  # fmt: skip
def test_what_is_no_story_is_told_by_key_and_rule_and_has_no_figures(
    tmp_path, before, after, failure
):
    assert before in STORY

    found = told(tmp_path, STORY.replace(before, after, 1))

    assert found["final"] is None
    assert not found["passed"]
    assert failure in found["failures"][0]


@pytest.mark.parametrize(
    ("expected", "failure"),
    [
        ("{day: 2026-02-15}", "expect[0]: names nothing to compare"),
        ("{day: 2026-02-15, balance: {}}", "expect[0].balance: is an unknown key"),
        ("{day: 2026-02-15, balances: {princpal: '1.00'}}", "expect[0].balances.princpal"),
        ("{day: 2026-02-15, balances: {principal: 1.0}}", "expect[0].balances.principal: must be"),
        ("{day: 2026-02-15, schedule: [{total: '1.00'}]}", "expect[0].schedule[0].n: is missing"),
        ("{day: 2026-02-15, journal: fine}", "expect[0].journal: must be balanced"),
    ],
)
def test_an_expectation_that_says_nothing_known_is_refused(tmp_path, expected, failure):
    found = told(tmp_path, f"{STORY}expect:\n  - {expected}\n")

    assert found["final"] is None
    assert found["failures"][0].startswith(failure)


def test_impossible_terms_are_told_with_their_field(tmp_path):
    found = told(tmp_path, STORY.replace("instalments: 12", "instalments: 0"))

    assert found["failures"][0].startswith("loan: refused (invalid-terms), instalments:")


def test_hostile_files_are_refused_quickly(tmp_path):
    deep = tmp_path / "deep.yaml"
    deep.write_text("a: " + "[" * 100_000)
    large = tmp_path / "large.yaml"
    large.write_bytes(b"# " + b"x" * 5_000_001)
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")

    assert outcome(deep)["failures"][0].startswith("yaml: ")
    assert outcome(large)["failures"] == ["file: is longer than 5000000 bytes"]
    assert outcome(binary)["failures"] == ["file: is not UTF-8 text"]
    assert outcome(tmp_path / "none.yaml")["failures"] == ["file: No such file or directory"]
    with pytest.raises(FormError):
        read(deep)

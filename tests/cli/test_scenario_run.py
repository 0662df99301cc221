"""`scenario run` says of each story whether its figures came out, and ends accordingly."""

import json
from pathlib import Path

import jsonschema

from tests.test_scenarios import STORY

SCENARIOS = Path(__file__).parent.parent.parent / "scenarios"


def story(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_folder_of_stories_runs_and_passes(cartera):
    told = cartera("scenario", "run", SCENARIOS)

    assert told.code == 0
    stories = len(list(SCENARIOS.glob("*.yaml")))
    assert told.out.splitlines()[-1] == f"{stories} of {stories} stories passed"


def test_json_is_a_list_of_outcomes_in_the_order_of_the_files(cartera, tmp_path):
    good = story(tmp_path, "good.yaml", STORY)
    wrong = story(tmp_path, "bad.yaml", STORY + "expect: [{day: 2026-02-15, days_past_due: 1}]\n")

    told = cartera("scenario", "run", good, wrong, "--json")

    assert told.code == 1
    first, second = (json.loads(line) for line in told.out.splitlines())
    assert (first["file"], first["passed"], first["failures"]) == (str(good), True, [])
    assert (second["file"], second["passed"]) == (str(wrong), False)
    assert second["failures"] == ["expect[0] 2026-02-15 days_past_due: expected 1, found 0"]


def test_a_file_that_is_no_story_ends_with_exit_code_2_and_the_others_are_told(cartera, tmp_path):
    good = story(tmp_path, "good.yaml", STORY)
    other = story(tmp_path, "other.yaml", STORY.replace("title", "tittle"))

    told = cartera("scenario", "run", other, good, tmp_path / "none.yaml")

    assert told.code == 2
    assert "tittle: is an unknown key" in told.out
    assert "file: No such file or directory" in told.out
    assert told.out.splitlines()[-1] == "1 of 3 stories passed"


def test_stories_can_be_played_through_the_store(cartera, fresh_database):
    told = cartera("scenario", "run", SCENARIOS / "personal_reversal.yaml", "--store")

    assert (told.code, told.out.splitlines()[-1]) == (0, "1 of 1 stories passed")


def test_the_schema_itself_is_sound():
    schema = json.loads((SCENARIOS / "scenario.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)


def test_a_folder_without_stories_is_bad_input_and_not_a_success(cartera, tmp_path):
    told = cartera("scenario", "run", tmp_path)

    assert told.code == 2
    assert told.err == f"error file: {tmp_path} holds no stories (*.yaml)\n"


def test_on_is_a_key_like_others(cartera, tmp_path):
    told = cartera("scenario", "run", story(tmp_path, "on.yaml", STORY.replace("day:", "on:")))

    assert told.code == 2
    assert "timeline[0].day: is missing" in told.out

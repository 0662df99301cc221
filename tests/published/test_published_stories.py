"""Loans whose figures another lender's system published in its own tests, played as our stories.

Facts and figures only, carried over by hand. Where that system follows another convention than any
of ours, the story is not here.
"""

import json
from pathlib import Path

import pytest

from cli.story_run import Play, figures_on
from ledger.stories import story_from

STORIES = [
    json.loads(line) for line in (Path(__file__).parent / "stories.jsonl").read_text().splitlines()
]


def test_there_are_many_and_each_names_its_source():
    assert len(STORIES) >= 60
    assert all(story["source"].startswith("Apache Fineract test figures: ") for story in STORIES)


@pytest.mark.parametrize(
    "form",
    STORIES,
    ids=[f"{n}-{form['source'].split(': ')[1]}" for n, form in enumerate(STORIES, start=1)],
)
def test_the_loan_comes_to_the_published_figures(form):
    story = story_from(form)
    play = Play(story)

    play.run()

    assert play.failures == []
    if rows := story.expect[-1].figures.get("schedule"):
        found = figures_on(play.loan, story.last_day)["schedule"]
        assert [row["n"] for row in found] == [row["n"] for row in rows]

"""The questions in the guides are questions the schema knows."""

import re
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

DOCS = Path(__file__).parent.parent / "docs"
SCHEMA = build_schema((DOCS / "schema.graphql").read_text(encoding="utf-8"))
QUESTIONS = [
    pytest.param(question, id=f"{guide.stem}-{n}")
    for guide in sorted((DOCS / "guides").glob("*.md"))
    for n, question in enumerate(
        re.findall(r"```graphql\n(.*?)```", guide.read_text(encoding="utf-8"), re.DOTALL), start=1
    )
]


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_in_a_guide_fits_the_schema(question):
    assert validate(SCHEMA, parse(question)) == []


def test_links_between_pages_lead_somewhere():
    broken = [
        f"{page.name}: {link}"
        for page in DOCS.rglob("*.md")
        for link in re.findall(r"\]\((?!http)([^)#]+)", page.read_text(encoding="utf-8"))
        if not (page.parent / link).exists()
    ]
    assert broken == []

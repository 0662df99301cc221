"""The typed client in docs/examples is made from the schema as it is, and works."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from graphql import build_schema, parse, print_ast, validate

from tests.api.test_listening import serving

PYTHON = Path("docs/examples/python")
QUESTIONS = (PYTHON / "questions.graphql").read_text()


@pytest.fixture(scope="module")
def late(client):
    number = client.running(officer="marta")
    client.settled()
    return number


def test_every_question_is_valid_by_the_schema():
    contract = build_schema(Path("docs/schema.graphql").read_text())
    assert validate(contract, parse(QUESTIONS)) == []


def test_the_client_asks_what_the_questions_say():
    made = (PYTHON / "cartera_client" / "client.py").read_text()
    asked = [part.split('"""')[0] for part in made.split('gql("""')[1:]]
    questions = [print_ast(node) for node in parse(QUESTIONS).definitions]
    assert sorted(print_ast(parse(one)) for one in asked) == sorted(questions)


def test_the_example_prints_who_is_late_and_what_is_open(client, database, late):
    async def ran():
        async with serving(database) as url:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                str(PYTHON / "example.py"),
                env={"CARTERA_TOKEN": client.tokens["collector"],
                     "CARTERA_URL": url.replace("ws:", "http:")},
                stdout=subprocess.PIPE,
            )  # fmt: skip
            told, _ = await process.communicate()
            return process.returncode, told.decode()

    code, told = asyncio.run(ran())
    assert code == 0
    assert told.startswith("1 loans are past due")
    assert late in told
    assert "due 2026-02-15 left" in told

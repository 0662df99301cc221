"""The typed client in docs/examples is made from the schema as it is, and works."""

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from graphql import build_schema, parse, print_ast, validate
from typer.testing import CliRunner

from cli.main import app
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


ASKED = Path("docs/examples/questions")
SIDES = ("debit", "credit")


@pytest.fixture(scope="module")
def book(client):
    number = client.running(branch="norte")
    client.pay(number, "100.00", "2026-02-15")
    promise = {"amount": "500.00", "currency": "MXN", "effective_on": "2026-06-30",
               "promised_for": "2026-07-05"}  # fmt: skip
    order = client.post(f"/v1/loans/{number}/promises", promise)
    assert order.status_code == 201, order.text
    client.settled()
    return number, order.json()["position"]


def asked(client, name, role, **variables):
    return client.ask((ASKED / f"{name}.graphql").read_text(), role, **variables)


def test_the_auditor_s_question(client, book):
    number, _ = book
    known = {"on": "2026-02-20", "knownAt": "2126-01-01T00:00:00"}
    loan = asked(client, "auditor", "auditor", loanNo=number, **known)["loan"]
    types = [event["type"] for event in loan["events"]["nodes"]]
    assert types[:2] == ["loan-opened", "loan-disbursed"]
    assert "promise-made" not in types
    assert loan["journalEntries"]["nodes"][0]["event"] == "loan-disbursed"
    early = asked(client, "auditor", "auditor", loanNo=number, knownAt="2000-01-01T00:00:00")
    assert early == {"loan": None}


def test_the_collector_s_question(client, book):
    number, _ = book
    told = asked(client, "collector", "collector", branch=["norte"], until="2026-08-01")
    [late] = told["loans"]["nodes"]
    assert (late["loanNo"], late["payments"]["nodes"][0]["amount"]["amount"]) == (number, "100.00")
    assert [promise["promisedFor"] for promise in told["promises"]["nodes"]] == ["2026-07-05"]


def test_the_client_s_question_reads_its_own_order(client, book):
    number, position = book
    loan = asked(client, "client", "operator", loanNo=number, atLeast=position)["loan"]
    assert len(loan["schedule"]) == 12
    assert loan["payments"]["nodes"][0]["amount"] == {"amount": "100.00"}


def test_the_operator_s_question(client, book):
    told = asked(client, "operator", "operator")
    assert {one["lag"] for one in told["projections"]} == {0}
    assert "norte" in [group["name"] for group in told["aging"]]
    assert [one["balanced"] for one in told["trialBalance"]] == [True]


def test_the_accountant_s_export(client, book):
    document = (ASKED / "accountant.graphql").read_text()
    month = {"from": "2026-02-01", "to": "2026-02-28"}
    body = {"query": document, "variables": month}
    answer = client.post("/graphql/export", body, role="accountant")
    entries = [json.loads(line) for line in answer.text.splitlines()]
    assert "payment-received" in [entry["event"] for entry in entries]
    for entry in entries:
        assert month["from"] <= entry["effectiveOn"] <= month["to"]
        sides = [
            sum(line[side]["minor"] for line in entry["lines"]) for side in ("debit", "credit")
        ]
        assert sides[0] == sides[1] > 0


def test_every_kind_of_user_has_a_question_and_all_can_be_trusted():
    table = (ASKED.parent / "README.md").read_text()
    names = {path.name for path in ASKED.glob("*.graphql")}
    assert names == set(re.findall(r"questions/(\w+\.graphql)\)", table))
    told = CliRunner().invoke(app, ["documents", *map(str, sorted(ASKED.glob("*.graphql")))])
    assert told.exit_code == 0
    assert len(json.loads(told.stdout)) == len(names) == 5

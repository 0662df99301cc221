"""The contract in writing is the one served; questions can be asked without a server."""

import re
from pathlib import Path

import pytest
from graphql import build_schema

from api import query
from api.export_schema import sdl
from ledger.clock import FixedClock
from tests.api.harness import TODAY, served

SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "schema.graphql"


def test_the_schema_file_is_the_schema_served():
    assert SCHEMA.read_text() == sdl(), "run: python -m api.export_schema > docs/schema.graphql"


def test_the_schema_is_valid_and_changes_nothing():
    built = build_schema(sdl())
    assert built.query_type is not None
    assert built.mutation_type is None
    assert built.subscription_type is not None
    assert set(built.subscription_type.fields) == {"loanEvents"}


def test_everything_that_holds_an_amount_holds_money():
    """A figure that is no count, rate, position or day is `Money`, never a bare number."""
    numbers = set(re.findall(r"^  (\w+)(?:\(.*\))?: (?:Float|Decimal)!?$", sdl(), re.MULTILINE))
    assert numbers == set()


def test_a_question_is_answered_in_process(client, database):
    number = client.running()
    client.settled()
    document = "query($no: String!) { businessDate loan(loanNo: $no) { loanNo daysPastDue } }"
    answer = query.run(document, {"no": number}, database, clock=FixedClock(TODAY))
    assert answer["data"] == {
        "businessDate": "2026-06-30",
        "loan": {"loanNo": number, "daysPastDue": 135},
    }
    assert answer["extensions"]["position"] > 0
    served = client.post("/graphql", {"query": document, "variables": {"no": number}}).json()
    assert served == answer


def test_a_question_in_process_needs_a_role_that_reads(database):
    answer = query.run("{ position }", settings=database, roles=["auditor"])
    assert answer["data"]["position"] >= 0
    with pytest.raises(query.NotAllowed):
        query.run("{ position }", settings=database, roles=[])


def test_a_bad_question_in_process_has_its_code(database):
    [error] = query.run("{ nothing }", settings=database)["errors"]
    assert error["extensions"]["code"] == "unknown-field"


def test_the_rest_contract_names_every_header_and_problem(client):
    described = client.get("/openapi.json", role=None).json()
    for path, verbs in described["paths"].items():
        for method, operation in verbs.items():
            if method == "post" and not path.startswith(("/graphql", "/notifications")):
                names = {one["name"] for one in operation["parameters"] if one["in"] == "header"}
                assert "Idempotency-Key" in names, path
            if path.startswith("/v1"):
                assert "application/problem+json" in operation["responses"]["4XX"]["content"]
    example = described["components"]["schemas"]["Opening"]["examples"][0]
    assert client.post("/v1/loans", example).status_code == 201
    assert "bearer" in str(described["components"]["securitySchemes"]).lower()


def test_read_models_may_be_left_to_a_worker(database):
    with served(database, api_catch_up=False) as client:
        number = client.opened("left-alone")
        data = client.ask("query($no: String!) { loan(loanNo: $no) { id } }", no=number)
        assert data["loan"] is None
        assert client.get("/readyz", role=None).json()["lag"] > 0

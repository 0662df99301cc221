"""Too deep, too wide, malformed: each a clear typed error, and nothing leaks."""

import ast
import asyncio
from pathlib import Path

import pytest
from graphql import GraphQLError, get_introspection_query
from psycopg.errors import InFailedSqlTransaction

from api.graphql.errors import shown
from api.graphql.said import REASONS
from api.graphql.schema import schema
from ledger.database import connect
from ledger.settings import Settings
from tests.api.harness import served


def code(client, document, **variables):
    answer = client.try_ask(document, **variables)
    assert answer["data"] is None
    return answer["errors"][0]["extensions"]["code"]


def test_a_document_may_be_so_deep(client):
    assert code(client, "{" + "loans{nodes{" * 7 + "id" + "}" * 15) == "unknown-field"
    shallow = (
        "query { loans(first: 1) { edges { node { balances { owed { total { amount } } } } } } }"
    )
    assert "errors" not in client.try_ask(shallow)


def test_each_limit_is_named_and_can_be_set(database):
    few = {"graphql_max_depth": 3, "graphql_max_aliases": 2, "graphql_max_tokens": 60,
           "graphql_max_cost": 100}  # fmt: skip
    with served(database.model_copy(update=few)) as client:
        answer = client.try_ask("{ loans(first: 1) { nodes { approved { amount } } } }")
        [error] = answer["errors"]
        assert error["extensions"] == {"code": "too-deep", "limit": 3, "asked": 4}
        assert "3 levels" in error["message"]
        assert code(client, "{ a: position b: position c: position }") == "too-many-aliases"
        assert code(client, "{" + " position" * 60 + "}") == "document-too-long"
        assert code(client, "{ loans(first: 101) { nodes { id } } }") == "too-wide"
        assert "errors" not in client.try_ask("{ loans(first: 99) { totalCount } }")


PAYMENTS = "loans(first: $n) { nodes { payments(first: $n) { totalCount } } }"


@pytest.mark.parametrize(
    ("document", "variables"),
    [
        ("{ loans(first: 500) { nodes { payments(first: 100) { nodes { number } } } } }", {}),
        (f"query($n: Int) {{ {PAYMENTS} }}", {"n": 400}),
        (f"query($n: Int) {{ {PAYMENTS} }}", {"n": 400.0}),
        (f"query($n: Int = 400) {{ {PAYMENTS} }}", {}),
        (
            """{ loans(first: 500) { nodes { ...a ...b } } }
            fragment a on Loan { payments(first: 60) { nodes { number } } }
            fragment b on Loan { x: transactions(last: 60) { edges { node { kind } } } }""",
            {},
        ),
        (
            "{ loans(first: 500) { nodes {"
            + "".join(f" {alias}: schedule {{ number }}" for alias in "abcdefghi")
            + " } } }",
            {},
        ),
    ],
)
def test_pages_are_multiplied_before_anything_is_read(client, document, variables):
    assert code(client, document, **variables) == "too-wide"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("{", "malformed-document"),
        ("", "invalid-document"),
        ("\x00", "malformed-document"),
        ("{ nothing }", "unknown-field"),
        ("{ loan }", "invalid-document"),
        ("mutation { x }", "invalid-document"),
        ("subscription { x }", "invalid-document"),
        ("{ a: position a: businessDate }", "invalid-document"),
        ("fragment f on Query { ...f } { ...f }", "invalid-document"),
        ("{ loan(loanNo: 7) { id } }", "invalid-document"),
        ('{ portfolio(asOf: "yesterday") { loans } }', "invalid-document"),
        ("query($d: Date) { portfolio(asOf: $d) { loans } }", "bad-variable"),
        ("{" * 190, "malformed-document"),
        ("{loans" * 900, "too-deep"),
        ("query A { position } query B { position }", "invalid-document"),
    ],
)
def test_a_bad_document_is_an_invalid_document(client, document, expected):
    assert code(client, document, d="x") in {expected, "too-deep"}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("{ loan { id } }", "bad-argument"),
        (
            '{ loan(id: "01a20308-cae1-76a6-83c3-070162313aa0", loanNo: "y") { id } }',
            "bad-argument",
        ),
        ('{ loan(id: "x") { id } }', "bad-id"),
        ('{ node(id: "Zm9v") { id } }', "bad-id"),
        ('{ loan(loanNo: "a\\u0000b") { id } }', "bad-argument"),
        ('{ loans(filter: {branch: ["\\u0000"]}) { totalCount } }', "bad-argument"),
        ('{ portfolio(asOf: "9999-12-31") { loans } }', "bad-date"),
        ('{ trialBalance(on: "0001-01-01") { currency } }', "bad-date"),
        ('{ promises(filter: {dueOn: "0001-01-01"}) { totalCount } }', "bad-date"),
        ('{ journalEntries(filter: {loan: "x"}) { totalCount } }', "bad-id"),
    ],
)
def test_a_bad_argument_has_its_code(client, document, expected):
    answer = client.try_ask(document)
    assert [error["extensions"]["code"] for error in answer["errors"]] == [expected]


UNKNOWN = """{
    byNumber: loan(loanNo: "NO-SUCH") { id }
    byId: loan(id: "01a20308-cae1-76a6-83c3-070162313aa0") { id }
    loan: node(id: "TG9hbjowMWEyMDMwOC1jYWUxLTc2YTYtODNjMy0wNzAxNjIzMTNhYTA") { id }
    ofPromise: loan(id: "UHJvbWlzZTowMWEyMDMwOC1jYWUxLTc2YTYtODNjMy0wNzAxNjIzMTNhYTA6MQ") { id }
    %s
}"""


@pytest.mark.parametrize("more", ["", "projections { name }"])  # planned, and by resolvers
def test_what_does_not_exist_is_null_and_says_why(client, more):
    answer = client.try_ask(UNKNOWN % more)
    assert "errors" not in answer
    reasons = {"byNumber": ("unknown-loan", "loanNo"), "byId": ("unknown-loan", "id"),
               "loan": ("unknown-node", "id"), "ofPromise": ("unknown-loan", "id")}  # fmt: skip
    assert {key: answer["data"][key] for key in reasons} == dict.fromkeys(reasons)
    told = answer["extensions"]["problems"]
    assert [(one["path"], one["code"], one["field"]) for one in told] == [
        ([key], code, field) for key, (code, field) in reasons.items()
    ]
    assert all(one["message"] for one in told)


def test_a_loan_not_yet_opened_then_says_so_and_one_that_is_there_has_no_problem(client):
    number = client.running()
    client.settled()
    early = 'query($n: String!) { loan(loanNo: $n, asOf: "2020-01-01") { id } }'
    [problem] = client.try_ask(early, n=number)["extensions"]["problems"]
    assert (problem["code"], problem["path"]) == ("unknown-loan", ["loan"])
    found = client.try_ask(
        "query($n: String!) { loan(loanNo: $n) { id loan: closedOn } }", n=number
    )
    assert found["data"]["loan"]["loan"] is None
    assert "problems" not in found["extensions"]


def test_a_document_that_is_too_wide_is_told_which_pages_would_fit(client):
    wide = """{ loans(first: %s) { nodes { payments(first: %s) { nodes { number } }
        schedule { number } } } }"""
    [error] = client.try_ask(wide % (500, 400))["errors"]
    told = error["extensions"]
    assert told["code"] == "too-wide"
    first = told["suggestedFirst"]
    assert "errors" not in client.try_ask(wide % (first, first))
    [wider] = client.try_ask(wide % (first + 1, first + 1))["errors"]
    assert wider["extensions"]["suggestedFirst"] == first


def test_what_no_page_makes_fit_suggests_none(database):
    with served(database.model_copy(update={"graphql_max_cost": 20})) as client:
        lists = "{ loans(first: 5) { nodes { a: schedule { number } b: schedule { number } } } }"
        [error] = client.try_ask(lists)["errors"]
        assert error["extensions"]["code"] == "too-wide"
        assert "suggestedFirst" not in error["extensions"]


def codes_in(tree):
    """The codes of errors that a module of ours makes."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="Refused"), args=[ast.Constant(value=str(code)), *_]):
                yield code
            case ast.Dict(keys=keys, values=values):
                for key, value in zip(keys, values, strict=True):
                    match key, value:
                        case ast.Constant(value="code"), ast.Constant(value=code):
                            yield code


def test_every_code_is_in_the_guide_for_api_clients():
    guide = Path("docs/guides/api-client.md").read_text()
    modules = Path("api/graphql").rglob("*.py")
    codes = {code for path in modules for code in codes_in(ast.parse(path.read_text()))}
    codes |= {code for code, _ in REASONS.values()}
    assert len(codes) > 20
    assert sorted(code for code in codes if f"`{code}`" not in guide) == []


def test_introspection_can_be_switched_off(client):
    document = "{ __schema { queryType { name } } }"
    assert client.ask(document)["__schema"]["queryType"]["name"] == "Query"
    closed = schema(Settings(), introspection=False)
    result = asyncio.run(closed.execute(document))
    assert "introspection" in result.errors[0].message
    assert result.errors[0].extensions is not None


def test_the_usual_introspection_query_is_within_the_limits(client):

    assert client.ask(get_introspection_query())["__schema"]["types"]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("{ loans(first: " + "9" * 6000 + ") { totalCount } }", "bad-argument"),
        ("{ loans(first: -" + "9" * 6000 + ") { totalCount } }", "bad-argument"),
        ("{ loans {" + " nodes { id }" * 31 + "} }", "too-many-repeats"),
        ("{" + " position" * 31 + "}", "too-many-repeats"),
        ("{" + " ... { position }" * 31 + "}", "too-many-repeats"),
        ("{" + "...f" * 31 + "} fragment f on Query { position }", "too-many-repeats"),
    ],
)
def test_what_takes_long_to_check_is_refused_before(client, document, expected):
    assert code(client, document) == expected
    assert client.ask("{" + " position" * 30 + "}")


def test_a_batch_of_questions_is_refused(client):
    response = client.post("/graphql", [{"query": "{ position }"}])
    assert (response.status_code, response.json()["code"]) == (422, "invalid-field")


def test_our_own_failure_is_masked_with_an_id(client, database, capsys):

    with connect(database, owner=True, autocommit=True) as owner:
        owner.execute("ALTER TABLE read.accounts RENAME COLUMN kind TO hidden")
        try:
            answer = client.try_ask("{ trialBalance { currency } }")
        finally:
            owner.execute("ALTER TABLE read.accounts RENAME COLUMN hidden TO kind")
    [error] = answer["errors"]
    assert error["extensions"]["code"] == "internal-error"
    assert "accounts" not in str(answer)
    assert error["extensions"]["incident"] in capsys.readouterr().out


def test_a_question_that_takes_too_long_is_ended(database, monkeypatch):
    async def slow(view):
        return await view.count("SELECT 1 FROM pg_sleep(5)")

    monkeypatch.setattr("api.graphql.portfolio.position", slow)
    with served(database, graphql_statement_seconds=0.5) as client:
        errors = client.try_ask("{ position businessDate projections { name } }")["errors"]
        assert [error["extensions"]["code"] for error in errors] == ["too-slow"]
        assert client.ask("{ projections { name } }")["projections"]


def test_what_fails_with_another_part_says_so():
    consequence = GraphQLError("x", original_error=InFailedSqlTransaction("x"))
    assert shown(consequence).extensions == {"code": "not-read"}

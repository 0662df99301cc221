"""An export is every page of a query in one file, true at one position."""

import io
import json

import polars as pl
import pytest

NODES = """{ loans(filter: {branch: ["centro"]}, orderBy: {field: PRINCIPAL, direction: DESC}%s) {
    %s nodes { loanNo openedOn approved { minor } guarantors daysPastDue
               schedule { number dueOn left { amount } }
               payments(first: 2) { nodes { recordedAt amount { amount } } } } } }"""


@pytest.fixture(scope="module")
def book(client):
    for nth in range(25):
        number = client.running(principal=f"{1000 + nth % 7}00.00", branch="centro")
        if nth % 3 == 0:
            client.pay(number, "300.00", "2026-02-15")
    client.running(branch="norte")
    client.settled()


def pages(client, size=4):
    """The same by query."""
    found, at = [], None
    while True:
        after = f', after: "{at}"' if at else ""
        asked = NODES % (f", first: {size}{after}", "pageInfo { hasNextPage endCursor }")
        page = client.ask(asked)["loans"]
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        at = page["pageInfo"]["endCursor"]


def export(client, query, kind="jsonl", role="auditor"):
    return client.post(f"/graphql/export?format={kind}", {"query": query}, role=role)


def test_lines_are_the_nodes_of_all_pages(client, book):
    answer = export(client, NODES % ("", ""))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert lines == pages(client)
    assert len(lines) == 25
    position = client.try_ask("{ position }")
    assert int(answer.headers["cartera-position"]) == position["data"]["position"]


def test_parquet_holds_the_same_in_columns_of_their_types(client, book):
    answer = export(client, NODES % ("", ""), "parquet")
    assert answer.status_code == 200, answer.text
    table = pl.read_parquet(io.BytesIO(answer.content))
    assert table.schema["openedOn"] == pl.Date
    assert table.schema["approved"] == pl.Struct({"minor": pl.Int64})
    nodes = pages(client)
    assert table["loanNo"].to_list() == [node["loanNo"] for node in nodes]
    assert [
        [{**line, "dueOn": line["dueOn"].isoformat()} for line in lines]
        for lines in table["schedule"].to_list()
    ] == [node["schedule"] for node in nodes]


@pytest.mark.parametrize("query", [
    "{ position }",
    "{ loans { totalCount } }",
    "{ loans { nodes { loanNo } totalCount } }",
    "{ loans(first: 3) { nodes { loanNo } } }",
    "{ loans { nodes { loanNo balances { owed { total { amount } } } } } }",
    '{ loans(filter: {asOf: "2026-02-01"}) { nodes { loanNo } } }',
    "{ loans { nodes { loanNo } } promises { nodes { number } } }",
])  # fmt: skip
def test_what_is_no_list_is_refused(client, query):
    answer = export(client, query)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad-export")


def test_bad_documents_keys_and_formats_are_refused(client):
    assert export(client, "{ nothing }").json()["code"] == "unknown-field"
    assert export(client, "{ loans { nodes { terms } } }", "parquet").json()["code"] == "bad-export"
    assert export(client, "{ loans { nodes { loanNo } } }", "csv").status_code == 422
    assert export(client, "{ loans { nodes { loanNo } } }", role=None).status_code == 401


def test_an_empty_list_is_an_empty_file(client, book):
    answer = export(client, '{ loans(filter: {branch: ["nowhere"]}) { nodes { loanNo } } }')
    assert (answer.status_code, answer.content) == (200, b"")

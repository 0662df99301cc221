"""Books of an earlier day or position, asked through the same GraphQL."""

import json
from datetime import date

import pytest

from ledger.database import connect, pool
from projections.books import make
from tests.api.harness import TODAY

QUESTION = """
query($no: String!) {
  businessDate position
  loans { totalCount }
  loan(loanNo: $no) {
    daysPastDue balances { owed { principal { minor } } }
    recordedBalances { owed { principal { minor } } }
    transactions { nodes { kind } }
    journalEntries { nodes { lines { debit { minor } credit { minor } } } }
  }
  journalEntries(first: 500) { totalCount nodes { effectiveOn } }
  trialBalance { debit { minor } credit { minor } }
  portfolio { loans principal { minor } }
}"""


def ask(client, number, books=None):
    headers = {"Authorization": f"Bearer {client.tokens['auditor']}"}
    if books is not None:
        headers["Cartera-Books"] = books
    body = {"query": QUESTION, "variables": {"no": number}}
    return client.run(client.http.post("/graphql", json=body, headers=headers))


def test_the_same_question_of_other_books(client, database):
    number = client.running("B-1", on="2026-01-15", effective_on="2026-01-15")
    client.settled()
    with connect(database) as connection:
        [[before]] = connection.execute("SELECT max(position) FROM ledger.events").fetchall()
    at_first = ask(client, number).json()["data"]
    assert client.pay(number, "300.00", "2026-02-15").status_code == 201
    client.running("B-2", on="2026-02-10", effective_on="2026-02-10")
    client.settled()
    live = ask(client, number).json()["data"]
    with pool(database) as connections:
        make(connections, "early", TODAY, to_position=before)
        make(connections, "february", TODAY, as_of=date(2026, 2, 1))

    early, february = (ask(client, number, name).json()["data"] for name in ("early", "february"))

    assert early == at_first
    assert ask(client, number).json()["data"] == live
    assert live["loans"]["totalCount"] == 2
    assert february["businessDate"] == "2026-02-01"
    assert february["loans"]["totalCount"] == 1
    assert february["loan"]["recordedBalances"] == at_first["loan"]["recordedBalances"]
    assert [one["kind"] for one in february["loan"]["transactions"]["nodes"]] == ["disbursement"]
    assert {one["effectiveOn"] for one in february["journalEntries"]["nodes"]} <= {
        f"2026-{day}" for day in ("01-15", "02-01", *(f"01-{n}" for n in range(16, 32)))
    }
    [sums] = february["trialBalance"]
    assert sums["debit"] == sums["credit"]


@pytest.mark.parametrize("name", ["none", "No", "shadow", "x;y", ""])
def test_books_that_nobody_made_are_not_found(client, name):
    answer = ask(client, "B-1", name)

    assert answer.status_code == 404
    assert answer.json()["code"] == "unknown-books"


PLANNED = "{ businessDate loans { totalCount nodes { loanNo daysPastDue } } }"


@pytest.mark.parametrize("books", ["early", "february"])
def test_what_is_planned_and_what_is_exported_is_of_those_books_too(client, books):
    number = client.running()
    client.settled()
    headers = {"Authorization": f"Bearer {client.tokens['auditor']}", "Cartera-Books": books}

    def post(path, query):
        return client.run(client.http.post(path, json={"query": query}, headers=headers))

    found = post("/graphql", PLANNED).json()["data"]
    lines = post("/graphql/export", "{ loans { nodes { loanNo daysPastDue } } }").text.splitlines()

    assert [json.loads(line) for line in lines] == found["loans"]["nodes"]
    assert number not in [node["loanNo"] for node in found["loans"]["nodes"]]
    assert found["loans"]["totalCount"] == 1


def test_an_export_of_no_such_books_is_refused(client):
    headers = {"Authorization": f"Bearer {client.tokens['auditor']}", "Cartera-Books": "nowhere"}
    body = {"query": "{ loans { nodes { loanNo } } }"}
    answer = client.run(client.http.post("/graphql/export", json=body, headers=headers))
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown-books")

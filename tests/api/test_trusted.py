"""Trusted documents are asked by name; where only they may be asked, nothing else is answered."""

import json

import pytest

from api.graphql.trusted import UnreadableDocuments, digest_of, trusted
from tests.api.harness import served

DATE = "{ businessDate }"
BOOK = "query Book($on: Date) { portfolio(asOf: $on) { currency } }"


@pytest.fixture(scope="module")
def documents(tmp_path_factory):
    path = tmp_path_factory.mktemp("documents") / "trusted.json"
    path.write_text(json.dumps({digest_of(text): text for text in (DATE, BOOK)}))
    return path


@pytest.fixture(scope="module")
def strict(database, documents):
    with served(database, graphql_documents=documents, graphql_trusted_only=True) as client:
        yield client


def ask(client, **body):
    answer = client.post("/graphql", body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refusal(client, **body):
    [error] = ask(client, **body)["errors"]
    return error["extensions"]["code"]


def test_a_document_is_asked_by_its_name(strict):
    named = f"sha256:{digest_of(DATE)}"
    persisted = {"persistedQuery": {"version": 1, "sha256Hash": digest_of(BOOK)}}
    assert ask(strict, documentId=named)["data"] == {"businessDate": "2026-06-30"}
    assert ask(strict, documentId=digest_of(DATE))["data"] == {"businessDate": "2026-06-30"}
    found = ask(strict, extensions=persisted, variables={"on": "2026-01-01"})
    assert found["data"] == {"portfolio": []}
    assert ask(strict, query=DATE)["data"] == {"businessDate": "2026-06-30"}


def test_what_is_not_trusted_is_refused(strict):
    other = "{ position }"
    assert refusal(strict, query=other) == "not-trusted"
    assert refusal(strict, documentId=f"sha256:{digest_of(other)}") == "unknown-document"
    assert refusal(strict, query=other, documentId=digest_of(DATE)) == "document-differs"
    assert refusal(strict, variables={}) == "no-document"


def test_without_a_file_any_document_may_be_asked_and_none_by_name(client):
    assert "data" in ask(client, query="{ position }")
    assert refusal(client, documentId=digest_of(DATE)) == "unknown-document"
    assert refusal(client, operationName="x") == "no-document"


@pytest.mark.parametrize("content", ["", "[]", '{"a": "{ position }"}', '{"a": 1}'])
def test_a_file_that_holds_no_documents_is_named(tmp_path, content):
    path = tmp_path / "trusted.json"
    path.write_text(content)
    with pytest.raises(UnreadableDocuments, match=r"trusted\.json"):
        trusted(path, only=True)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UnreadableDocuments, match=r"missing\.json"):
        trusted(tmp_path / "missing.json", only=False)

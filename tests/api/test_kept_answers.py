"""An answer is given again only while it is still the answer; a client that has it is told so."""

import pytest

from ledger.api_keys import issue_key, keys, revoke_key
from ledger.database import connect

PAGE = "{ loans(first: 5) { totalCount nodes { loanNo payments { nodes { number } } } } }"
HISTORY = "{ loans(first: 5) { nodes { loanNo events { totalCount } } } }"


@pytest.fixture(scope="module")
def loan_no(client):
    number = client.running()
    client.settled()
    return number


def ask(client, document=PAGE, tag=None, role="administrator"):
    headers = {"If-None-Match": tag} if tag else {}
    return client.post("/graphql", {"query": document}, headers=headers, role=role)


def test_a_client_that_has_the_answer_is_told_so_until_something_happens(client, loan_no):
    first = ask(client)
    again = ask(client, tag=first.headers["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    assert ask(client).content == first.content

    client.pay(loan_no, "10.00", "2026-02-15")
    client.settled()
    changed = ask(client, tag=first.headers["ETag"])
    assert changed.status_code == 200
    assert changed.headers["ETag"] != first.headers["ETag"]
    assert len(changed.json()["data"]["loans"]["nodes"][0]["payments"]["nodes"]) == 1


def test_a_tag_of_another_question_says_nothing(client, loan_no):
    tag = ask(client).headers["ETag"]
    assert ask(client, "{ loans(first: 4) { totalCount } }", tag).status_code == 200
    for odd in ('"', "-", '"-"', "*", 'W/"x-1"'):
        assert ask(client, tag=odd).status_code == 200


def test_what_the_log_says_is_never_kept(client, loan_no):
    before = ask(client, HISTORY)
    client.pay(loan_no, "11.00", "2026-02-16")
    after = ask(client, HISTORY)
    counts = [told.json()["data"]["loans"]["nodes"][0]["events"]["totalCount"]
              for told in (before, after)]  # fmt: skip
    assert counts[1] > counts[0]


def test_a_kept_answer_is_not_for_a_key_that_was_revoked(client, loan_no):
    ask(client)
    with connect(client.settings) as connection:
        client.tokens["leaver"] = issue_key(connection, "leaver", ["auditor"])
        connection.commit()
    tag = ask(client, role="leaver").headers["ETag"]
    with connect(client.settings) as connection:
        [key] = [key for key in keys(connection) if key.name == "leaver"]
        assert revoke_key(connection, key.id)
        connection.commit()
    assert ask(client, role="leaver").status_code == 401
    assert ask(client, tag=tag, role="leaver").status_code == 401

"""What one server told of the whole book, another gives again: only while it is still true."""

import pytest
import redis

from ledger.api_keys import issue_key, keys, revoke_key
from ledger.database import connect, pool
from projections.rebuild import rebuild
from tests.api.harness import served

BOOK = "{ portfolio { loans principal { amount } } aging(by: BRANCH) { name loans } }"
PAGE = "{ loans(first: 5) { totalCount } }"


@pytest.fixture
def servers(database, redis_url):
    """Two servers that keep nothing themselves."""
    options = {"graphql_shared": True, "graphql_kept_bytes": 0}
    with served(database, **options) as one, served(database, **options) as two:
        two.tokens = dict(one.tokens)
        one.running()
        one.settled()
        yield one, two


def ask(client, document=BOOK, role="auditor", tag=None):
    headers = {"If-None-Match": tag} if tag else {}
    return client.post("/graphql", {"query": document}, role=role, headers=headers)


def mark(redis_url):
    """Change the one answer that Redis has, so that who gives it again is found out."""
    with redis.Redis.from_url(redis_url) as store:
        [name] = store.keys("cartera:answer:*")
        positions, _, body = store.get(name).partition(b"\n")
        store.set(name, positions + b"\n" + body.replace(b'"name":"centro"', b'"name":"MARKED"'))


def test_what_one_server_told_another_gives_again(servers, redis_url):
    one, two = servers
    first = ask(one)
    assert ask(two).content == first.content
    mark(redis_url)
    assert "MARKED" in ask(two).text
    again = ask(two, tag=first.headers["ETag"])
    assert (again.status_code, again.content) == (304, b"")


def test_an_answer_that_is_no_longer_true_is_told_anew(servers, redis_url):
    one, two = servers
    before = ask(one)
    mark(redis_url)
    one.running()
    one.settled()
    after = ask(two)
    assert "MARKED" not in after.text
    loans = [told.json()["data"]["portfolio"][0]["loans"] for told in (before, after)]
    assert loans[1] == loans[0] + 1
    assert ask(one).content == after.content


def test_nor_is_one_of_tables_that_a_rebuild_replaced(servers, redis_url, database):
    one, two = servers
    before = ask(one).json()
    mark(redis_url)
    with pool(database) as ours:
        rebuild(ours)
    after = ask(two)
    assert "MARKED" not in after.text
    assert after.json() == before


def test_a_revoked_key_is_given_nothing(servers, redis_url, database):
    one, two = servers
    with connect(database) as connection:
        two.tokens["leaver"] = issue_key(connection, "leaver", ["auditor"])
        connection.commit()
    ask(one)
    assert ask(two, role="leaver").status_code == 200
    with connect(database) as connection:
        [key] = [key for key in keys(connection) if key.name == "leaver" and not key.revoked_at]
        assert revoke_key(connection, key.id)
        connection.commit()
    assert ask(two, role="leaver").status_code == 401


def test_what_is_quickly_told_is_not_shared(servers, redis_url):
    one, _ = servers
    ask(one, PAGE)
    with redis.Redis.from_url(redis_url) as store:
        assert store.keys("cartera:answer:*") == []


def test_without_redis_each_tells_it_itself(database):
    away = database.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    with served(away, graphql_shared=True) as client:
        assert ask(client).json()["data"]["portfolio"]


def test_two_ledgers_in_one_redis_never_get_each_other_s(servers, second_database, redis_url):
    one, _ = servers
    ask(one)
    with served(second_database, graphql_shared=True) as other:
        assert ask(other).json()["data"]["portfolio"] == []

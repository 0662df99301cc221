"""GraphQL answered by a streaming replica, and an answer at least as fresh as the client knows."""

import os
from datetime import date

import pytest

from ledger import servers
from ledger.database import connect
from ledger.migrate import migrate
from ledger.servers import postgres_url, stop
from ledger.settings import Settings, override
from tests.api.harness import served

REPLICATED = "wal_level = replica\nmax_wal_senders = 4\nhot_standby = on\n"


@pytest.fixture
def replicated(short_var, redis_url):
    """Settings of a book whose GraphQL reads go to a streaming replica of their own."""
    primary, replica = short_var / "primary", short_var / "replica"
    first = Settings(var_dir=primary, database_url=None, redis_url=redis_url)
    second = first.model_copy(update={"var_dir": replica})
    try:
        postgres_url(first)
        stop(first)
        with (primary / "postgres" / "postgresql.conf").open("a") as conf:
            conf.write(REPLICATED)
        url = postgres_url(first)
        migrate(first)
        _copy_of(primary / "postgres", replica / "postgres")
        ours = first.model_copy(
            update={"database_url": url, "read_database_url": postgres_url(second)}
        )
        with override(ours):
            yield ours
    finally:
        stop(second)
        stop(first)


def _copy_of(primary, replica):
    """A base backup that goes on from there as a replica."""
    user = servers._server_user()
    for folder in (replica.parent, replica):
        folder.mkdir(mode=0o755 if folder == replica.parent else 0o700)
    os.chown(replica, user.pw_uid, user.pw_gid)
    sockets = servers._socket_dir(primary, servers.PG_SOCKET, user)
    made = servers._postgres_tool(
        user,
        *("pg_basebackup", "-D", str(replica), "-h", str(sockets), "-U", "postgres"),
        *("-R", "-X", "stream", "-c", "fast"),
    )
    assert made.returncode == 0, made.stdout
    (replica / f"{servers.PG_SOCKET}.lock").unlink()  # of the primary, beside whose data it lies


def replay(settings, order):
    reading = settings.model_copy(update={"database_url": settings.read_database_url})
    with connect(reading, owner=True, autocommit=True) as replica:
        assert replica.execute("SELECT pg_is_in_recovery()").fetchone() == (True,)
        replica.execute(f"SELECT pg_wal_replay_{order}()")


def asked(client, at_least=None):
    document = "query($at: BigInt) { loans(atLeast: $at) { edges { node { loanNo } } } }"
    return client.post("/graphql", {"query": document, "variables": {"at": at_least}})


def loan_nos(answer):
    assert answer.status_code == 200, answer.text
    return [edge["node"]["loanNo"] for edge in answer.json()["data"]["loans"]["edges"]]


def test_a_replica_answers_and_says_how_fresh_it_is(replicated):
    with served(replicated, today=date(2026, 6, 30)) as client:
        client.running("R-1")
        client.settled()
        head = client.pay("R-1", "10.00", "2026-02-01").json()["position"]
        answer = asked(client, head)
        assert loan_nos(answer) == ["R-1"]
        assert answer.json()["extensions"]["position"] >= head

        replay(replicated, "pause")
        client.running("R-2")
        last = client.pay("R-2", "10.00", "2026-02-01").json()["position"]
        client.settled()
        old = asked(client)
        assert loan_nos(old) == ["R-1"]
        assert head <= old.json()["extensions"]["position"] < last
        behind = asked(client, last)
        [error] = behind.json()["errors"]
        assert error["extensions"]["code"] == "reads-behind"

        replay(replicated, "resume")
        assert loan_nos(asked(client, last)) == ["R-1", "R-2"]


def test_a_replica_that_is_away_is_told_as_away(replicated):
    with served(replicated) as client:
        client.running("R-1")
        stop(replicated.model_copy(update={"var_dir": replicated.var_dir.parent / "replica"}))
        assert asked(client).status_code == 503
        assert client.pay("R-1", "10.00", "2026-02-01").status_code == 201

"""The database goes and comes back: 503 meanwhile, and the next request works."""

import time
from contextlib import contextmanager

from ledger.migrate import migrate
from ledger.servers import postgres_url, stop
from ledger.settings import Settings, override
from tests.api.harness import served


@contextmanager
def alone(var_dir, **given):
    """An API on a database server of its own."""
    settings = Settings(var_dir=var_dir, **given)
    with override(settings):
        migrate(settings)
        with served(settings) as client:
            yield settings, client


def test_the_next_request_after_an_outage_works(short_var):
    with alone(short_var, pool_timeout_seconds=2.0) as (settings, client):
        number = client.running()
        client.settled()
        assert client.ask("{ loans { totalCount } }")["loans"]["totalCount"] == 1

        stop(settings)
        for response in (
            client.get("/readyz", role=None),
            client.post("/graphql", {"query": "{ loans { totalCount } }"}),  # planned
            client.post("/graphql", {"query": "{ projections { name } }"}),  # by resolvers
            client.post("/graphql", {"query": "{ loans { totalCount } projections { name } }"}),
            client.post("/graphql/export", {"query": "{ loans { nodes { loanNo } } }"}),
            client.get(f"/v1/loans/{number}/payoff?on=2026-02-15"),
            client.pay(number, "1.00", "2026-02-15"),
        ):
            assert response.status_code == 503, response.text
            assert response.headers["content-type"] == "application/problem+json"
            assert response.json()["code"] == "database-away"
            assert int(response.headers["retry-after"]) > 0
            assert "psycopg" not in response.text
        assert client.get("/healthz", role=None).status_code == 200

        postgres_url(settings)
        assert client.ask("{ loans { totalCount } }")["loans"]["totalCount"] == 1
        assert client.pay(number, "1.00", "2026-02-15").status_code == 201
        client.settled()


def test_a_restart_between_two_requests_is_not_noticed(short_var):
    with alone(short_var) as (settings, client):
        number = client.running()
        client.settled()
        stop(settings)
        postgres_url(settings)
        begun = time.monotonic()
        assert client.ask("{ loans { totalCount } }")["loans"]["totalCount"] == 1
        assert client.pay(number, "1.00", "2026-02-15").status_code == 201
        assert time.monotonic() - begun < 10

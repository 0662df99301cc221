"""A key may ask for so many nodes a minute; what is left of them is told, and Redis may be away."""

import redis

from ledger.api_keys import digest
from tests.api.harness import served

PAGE = "{ loans(first: 9) { nodes { loanNo } } }"  # 9 loans, and a page that counts as often
RESOLVED = "{ loans(first: 9) { nodes { loanNo } } projections { name } }"


def ask(client, document=PAGE, role="auditor", **headers):
    return client.post("/graphql", {"query": document}, role=role, headers=headers)


def cost(answer):
    return answer.json()["extensions"]["cost"]


def refusal(answer):
    assert answer.status_code == 200
    [error] = answer.json()["errors"]
    return error["extensions"]


def test_each_answer_tells_what_remains_until_nothing_does(database, redis_url):
    with served(database, graphql_budget=100) as client:
        one = cost(ask(client))
        assert one["budget"] == 100
        assert one["remaining"] == 100 - one["requested"]
        assert 0 < one["resetsInSeconds"] <= 60
        other = cost(ask(client, RESOLVED))
        assert other["remaining"] == one["remaining"] - other["requested"]

        left = other["remaining"]
        while left >= one["requested"]:
            left = cost(ask(client))["remaining"]
        answer = ask(client)
        told = refusal(answer)
        assert told["code"] == "budget-spent"
        assert (told["requested"], told["remaining"]) == (one["requested"], left)
        assert 0 < told["retryAfterSeconds"] <= 60
        assert int(answer.headers["retry-after"]) == told["retryAfterSeconds"]
        assert cost(ask(client, "{ position }"))["remaining"] == left - 1  # nothing was spent


def test_a_smaller_page_that_fits_what_is_left_is_suggested(database, redis_url):
    with served(database, graphql_budget=30) as client:
        ask(client)
        told = refusal(ask(client, PAGE.replace("9", "40")))
        assert "retryAfterSeconds" not in told  # a minute's budget would not do either
        fits = PAGE.replace("9", str(told["suggestedFirst"]))
        assert "errors" not in ask(client, fits).json()


def test_a_budget_is_of_one_key_and_one_minute(database, redis_url):
    with served(database, graphql_budget=20) as client:
        assert "errors" not in ask(client).json()
        assert refusal(ask(client))["code"] == "budget-spent"
        assert "errors" not in ask(client, role="accountant").json()
        with redis.Redis.from_url(redis_url) as store:
            name = f"cartera:graphql:{digest(client.tokens['auditor']).hex()[:32]}"
            assert 0 < store.ttl(name) <= 60
            store.pexpire(name, 1)
            while store.exists(name):
                pass
        assert "errors" not in ask(client).json()


def test_all_servers_count_together(database, redis_url):
    with served(database, graphql_budget=100) as one, served(database, graphql_budget=100) as two:
        two.tokens = one.tokens
        first, second = cost(ask(one)), cost(ask(two))
        assert second["remaining"] == first["remaining"] - second["requested"]


def test_a_kept_answer_tells_what_remains_now(database, redis_url):
    with served(database, graphql_budget=100) as client:
        one, two = ask(client), ask(client)
        assert cost(two)["remaining"] < cost(one)["remaining"]
        assert one.headers["etag"].startswith("W/")
        again = ask(client, **{"If-None-Match": one.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


def test_no_key_is_still_no_key(database, redis_url):
    with served(database, graphql_budget=5) as client:
        client.tokens["nobody"] = "cartera_wrong"
        for _ in range(3):
            assert ask(client, role="nobody").status_code == 401


def test_without_redis_questions_are_answered_and_nothing_is_counted(database):
    away = database.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    with served(away, graphql_budget=10) as client:
        for document in (PAGE, RESOLVED, PAGE):
            answer = ask(client, document).json()
            assert "errors" not in answer
            assert set(answer["extensions"]["cost"]) == {"requested", "limit"}


def test_no_question_is_free(database, redis_url):
    with served(database, graphql_budget=100) as client:
        ask(client, "{ nothing }")
        first = cost(ask(client))
        assert first["remaining"] == 100 - first["requested"] - 1
        odd = '{ loan(id: "x") { id } loans(first: 9) { nodes { loanNo } } }'
        second = cost(ask(client, odd))
        assert second["requested"] > first["requested"]
        assert second["remaining"] == first["remaining"] - second["requested"]

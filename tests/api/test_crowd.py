"""Many at once: questions wait for a connection without blocking one another, orders land once."""

import asyncio


def test_more_questions_than_connections_are_all_answered(client):
    client.running()
    client.settled()
    document = """{ loans(first: 50) { nodes { schedule { number } payments { totalCount }
                    balances(asOf: "2026-05-31") { owed { total { amount } } } } } }"""
    headers = {"Authorization": f"Bearer {client.tokens['auditor']}"}

    async def crowd():
        asked = [client.http.post("/graphql", json={"query": document}, headers=headers)
                 for _ in range(60)]  # fmt: skip
        return await asyncio.wait_for(asyncio.gather(*asked), timeout=60)

    answers = client.run(crowd())
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert "errors" not in answers[0].json()


def test_the_same_order_from_many_sides_lands_once(client):
    number = client.running()
    body = {"amount": "100.00", "currency": "MXN", "effective_on": "2026-02-15"}
    headers = {"Authorization": f"Bearer {client.tokens['operator']}", "Idempotency-Key": "one"}

    async def crowd():
        path = f"/v1/loans/{number}/payments"
        sent = [client.http.post(path, json=body, headers=headers) for _ in range(12)]
        return await asyncio.gather(*sent)

    answers = [answer.json() for answer in client.run(crowd())]
    assert len({answer["command_id"] for answer in answers}) == 1
    assert sorted(answer["repeated"] for answer in answers) == [False] + [True] * 11


def test_different_orders_on_one_loan_all_land(client):
    number = client.running()
    body = {"amount": "100.00", "currency": "MXN", "effective_on": "2026-02-15"}
    token = client.tokens["operator"]

    async def crowd():
        path = f"/v1/loans/{number}/payments"
        sent = [
            client.http.post(
                path,
                json=body,
                headers={"Authorization": f"Bearer {token}", "Idempotency-Key": f"crowd-{nth}"},
            )
            for nth in range(12)
        ]
        return await asyncio.gather(*sent)

    answers = client.run(crowd())
    assert {answer.status_code for answer in answers} == {201}
    assert sorted(answer.json()["payment"] for answer in answers) == list(range(1, 13))

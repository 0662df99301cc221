"""`loanEvents` over a web socket: in order, resumable, nothing lost, for keys that may read."""

import asyncio
import json
import socket
from contextlib import asynccontextmanager

import pytest
import uvicorn
import websockets

from api.app import create_app
from api.settings import ApiSettings
from ledger.api_keys import keys, revoke_key
from ledger.clock import FixedClock
from ledger.database import connect
from tests.api.harness import TODAY

EVENTS = "subscription($after: BigInt, $loan: ID) { loanEvents(after: $after, loan: $loan) %s }"
FIELDS = "{ position loanId version type }"


@asynccontextmanager
async def serving(settings, **options):
    """A real server: web sockets need one."""
    app = create_app(settings, ApiSettings(**options), clock=FixedClock(TODAY))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"ws://127.0.0.1:{port}/graphql"
    finally:
        server.should_exit = True
        await running


@asynccontextmanager
async def listening(url, token):
    async with websockets.connect(url, subprotocols=["graphql-transport-ws"]) as ws:
        payload = {"authorization": f"Bearer {token}"} if token else {}
        await ws.send(json.dumps({"type": "connection_init", "payload": payload}))
        assert json.loads(await ws.recv())["type"] == "connection_ack"
        yield ws


async def subscribe(ws, query=EVENTS % FIELDS, **variables):
    body = {"query": query, "variables": variables}
    await ws.send(json.dumps({"id": "1", "type": "subscribe", "payload": body}))


async def heard(ws, count, within=10):
    """So many messages, or the error that came instead."""
    found = []
    async with asyncio.timeout(within):
        while len(found) < count:
            message = json.loads(await ws.recv())
            if message["type"] == "error":
                return message["payload"]
            if message["type"] == "next":
                if "errors" in message["payload"]:
                    return message["payload"]["errors"]
                found.append(message["payload"]["data"]["loanEvents"])
    return found


def run(work):
    return asyncio.run(work)


@pytest.fixture(scope="module")
def loans(client):
    """Numbers and ids of three loans that were paid out and paid on."""
    numbers = [client.running() for _ in range(3)]
    for number in numbers:
        client.pay(number, "100.00", "2026-02-15")
    client.settled()
    return [client.ask("query($n: String!) { loan(loanNo: $n) { loanId } }", n=n)["loan"]["loanId"]
            for n in numbers]  # fmt: skip


def logged(database, loan=None):
    with connect(database) as connection:
        return connection.execute(
            "SELECT position, loan_id::text, version, type FROM ledger.events"
            " WHERE %(loan)s::uuid IS NULL OR loan_id = %(loan)s ORDER BY position",
            {"loan": loan},
        ).fetchall()


def test_a_listener_hears_the_log_in_its_order_and_resumes_anywhere(client, database, loans):
    expected = logged(database)

    async def listen(after):
        async with serving(database) as url, listening(url, client.tokens["auditor"]) as ws:
            await subscribe(ws, after=after)
            return await heard(ws, sum(row[0] > after for row in expected))

    for after in (0, expected[4][0]):
        told = [tuple(event.values()) for event in run(listen(after))]
        assert told == [row for row in expected if row[0] > after]


def test_a_listener_hears_what_happens_from_now_on_and_of_its_loan_only(client, database, loans):
    async def listen():
        async with serving(database) as url, listening(url, client.tokens["auditor"]) as ws:
            await subscribe(ws, after=None, loan=loans[0])
            await asyncio.sleep(0.5)
            for loan in loans:
                answer = await client.http.post(
                    f"/v1/loans/{loan}/fees",
                    json={"kind": "late", "amount": "5.00", "currency": "MXN",
                          "effective_on": "2026-02-16"},
                    headers={"Authorization": f"Bearer {client.tokens['administrator']}",
                             "Idempotency-Key": f"fee-{loan}"},
                )  # fmt: skip
                assert answer.status_code == 201, answer.text
            return await heard(ws, len(logged(database, loans[0])) - before)

    before = len(logged(database, loans[0]))
    told = client.run(listen())
    assert [tuple(event.values()) for event in told] == logged(database, loans[0])[before:]


@pytest.mark.parametrize("after", [10**9, -1])
def test_a_position_that_is_none_is_refused(client, database, loans, after):
    async def listen():
        async with serving(database) as url, listening(url, client.tokens["auditor"]) as ws:
            await subscribe(ws, after=after)
            return await heard(ws, 1)

    [error] = run(listen())
    assert error["extensions"]["code"] == "unknown-position"


@pytest.mark.parametrize("token", [None, "cartera_wrong"])
def test_no_key_no_connection(database, loans, token):
    async def listen():
        async with serving(database) as url, listening(url, token):
            pass

    with pytest.raises(websockets.ConnectionClosed):
        run(listen())


def test_a_question_over_a_socket_is_sent_to_post(client, database, loans):
    async def listen():
        async with serving(database) as url, listening(url, client.tokens["auditor"]) as ws:
            await subscribe(ws, "{ position }")
            return await heard(ws, 1)

    [error] = run(listen())
    assert error["extensions"]["code"] == "not-over-a-socket"


def test_a_revoked_key_hears_no_more(client, database, loans):
    async def listen():
        async with serving(database) as url, listening(url, client.tokens["collector"]) as ws:
            await subscribe(ws, after=None)
            await asyncio.sleep(0.3)
            with connect(database) as connection:
                [key] = [key for key in keys(connection) if key.name == "collector-key"]
                revoke_key(connection, key.id)
                connection.commit()
            return await heard(ws, 1)

    [error] = run(listen())
    assert error["extensions"]["code"] == "unauthenticated"

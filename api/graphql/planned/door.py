"""The quick way in: a question with a plan is answered before the application is asked.

Whatever is not plain (no plan, no key that may read, a database that is away) goes on to the
ordinary endpoint, which tells what is wrong with it.
"""

from typing import Any

import msgspec
from psycopg import OperationalError
from psycopg_pool import PoolTimeout
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.graphql.planned.answer import Planner, answer
from api.running import Running
from ledger.api_keys import digest

PATH = "/graphql"
BEARER = "Bearer "


class Question(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A GraphQL request as most are; others are read by the endpoint."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None


decode = msgspec.json.Decoder(Question).decode


class PlannedDoor:
    """Answers what it can by one statement, and passes the rest on untouched."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self.app = app
        self.most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take the body in, up to ``most`` bytes; what has no answer here is told again."""
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        taken: list[Message] = []
        size, more = 0, True
        while more and size <= self.most:
            taken.append(message := await receive())
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
        body = b"".join(message.get("body", b"") for message in taken)
        told = None if more or size > self.most else await _told(scope, body)
        if told is not None:
            await _sent(send, told)
            return
        rest = iter(taken)

        async def again() -> Message:
            return next(rest, None) or await receive()

        await self.app(scope, again, send)


async def _told(scope: Scope, body: bytes) -> bytes | None:
    given = Headers(scope=scope).get("authorization", "")
    if not given.startswith(BEARER):
        return None
    try:
        question = decode(body)
    except msgspec.DecodeError:
        return None
    state = scope["app"].state
    here: Running = state.running
    planner: Planner = state.planner
    understood = planner.read(
        question.query, question.operation_name, question.variables,
        here.ledger.clock.business_date(),
    )  # fmt: skip
    try:
        return await answer(here.plans, understood, digest(given.removeprefix(BEARER).strip()))
    except (OperationalError, PoolTimeout):  # away, or too slow: the endpoint finds out and says so
        return None


async def _sent(send: Send, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})

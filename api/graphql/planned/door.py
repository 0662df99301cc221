"""The quick way in: a question with a plan is answered before the application is asked.

Whatever is not plain (no plan, no key that may read, a database that is away) goes on to the
ordinary endpoint, which tells what is wrong with it.
"""

from typing import Any

import msgspec
import structlog
from psycopg import Error
from psycopg_pool import PoolTimeout
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.graphql.errors import Refused
from api.graphql.planned.answer import Planner, Read, Seen, answer
from api.graphql.planned.kept import Kept
from api.graphql.readers import allowed
from api.graphql.trusted import Trusted
from api.running import Running
from ledger.api_keys import digest

log = structlog.get_logger("cartera.api")

PATH = "/graphql"
BOOKS = "cartera-books"  # others than the live ones are asked of the endpoint
BEARER = "Bearer "
WEAK = "W/"  # what is left of a budget is another each time
SPENT = "cartera.spent"  # of a request's scope: its budget was asked already


class Question(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A GraphQL request as most are; others are read by the endpoint."""

    query: str | None = None
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    document_id: str | None = None
    extensions: dict[str, Any] | None = None


decode = msgspec.json.Decoder(Question).decode


class PlannedDoor:
    """Answers what it can by one statement, and passes the rest on untouched."""

    def __init__(self, app: ASGIApp, most: int, kept_bytes: int) -> None:
        self.app = app
        self.most = most
        self.kept = Kept(kept_bytes)

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
        if not more and size <= self.most and await self._answered(scope, body, send):
            return
        rest = iter(taken)

        async def again() -> Message:
            return next(rest, None) or await receive()

        await self.app(scope, again, send)

    async def _answered(self, scope: Scope, body: bytes, send: Send) -> bool:
        headers = Headers(scope=scope)
        given = headers.get("authorization", "")
        if not given.startswith(BEARER) or BOOKS in headers:
            return False
        state = scope["app"].state
        here: Running = state.running
        planner: Planner = state.planner
        trusted: Trusted = state.trusted
        try:
            question = decode(body)
            document = trusted.document(question.query, question.document_id, question.extensions)
        except (msgspec.DecodeError, Refused):
            return False
        read = planner.read(
            document, question.operation_name, question.variables,
            here.ledger.clock.business_date(),
        )  # fmt: skip
        if read.plan is None:
            return False
        token = digest(given.removeprefix(BEARER).strip())
        spent = await here.budget.spend(token, read.cost) if here.budget else None
        if spent and not spent.enough:
            return False
        scope[SPENT] = spent
        had = headers.get("if-none-match", "")
        known = self.kept.get(read) or _had(had, read)
        shared = here.shared if read.plan.of_book else None
        if shared and (found := await shared.get(read.name)):
            known = Seen(*found)
        try:
            if here.settings.read_database_url and not await allowed(here.log, token):
                return False  # a replica may not know yet that the key was revoked
            seen = await answer(here.plans, read, token, known)
        except (Error, PoolTimeout) as error:  # away, too slow, failed: the endpoint says so
            log.warning("no answer by plan", reason=type(error).__name__)
            return False
        if seen is None:
            return False
        tag = _tag(read, seen)
        if had.removeprefix(WEAK) == tag:
            await _send(send, 304, tag, b"")
            return True
        if seen is not known:
            self.kept.keep(read, seen)
            if shared:
                await shared.keep(read.name, seen.body, seen.positions)
        await _send(send, 200, WEAK + tag if spent else tag, seen.whole(read, spent))
        return True


def _tag(read: Read, seen: Seen) -> str:
    return f'"{read.name}-{seen.positions}"'


def _had(tag: str, read: Read) -> Seen | None:
    """The answer that the client still has, of which only the tag is known here."""
    name, _, positions = tag.removeprefix(WEAK).strip('"').partition("-")
    return Seen(b"", positions) if name == read.name else None


async def _send(send: Send, status: int, tag: str, body: bytes) -> None:
    headers = [(b"etag", tag.encode()), (b"cache-control", b"private, no-cache")]
    if status == 200:
        headers += [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

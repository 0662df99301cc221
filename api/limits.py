"""How large a request may be: counted while it arrives, so that no header has to be believed."""

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Problem, respond


class TooLarge(HTTPException):
    """The body went over its limit while it was read."""

    def __init__(self, limit: int) -> None:
        super().__init__(413, f"a body here may have {limit:,} bytes at most")


class BodyLimit:
    """Answers 413 to a body over ``most`` bytes; ``larger`` names paths with their own limit."""

    def __init__(self, app: ASGIApp, most: int, larger: Mapping[str, int]) -> None:
        self.app = app
        self.most = most
        self.larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a counting ``receive``."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self.larger.get(scope["path"], self.most)
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced[:20]) > limit:
            refusal = Problem(413, "body-too-large", TooLarge(limit).detail)
            await respond(refusal)(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise TooLarge(limit)
            return message

        await self.app(scope, counted, send)

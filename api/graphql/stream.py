"""`loanEvents`: the log as it grows, in its order, from any position on.

Each message carries its position; who comes back with the last one misses nothing and may see one
twice at most. A slow listener is waited for: no more than a page is read ahead of it.
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Annotated, Any

import strawberry
from graphql import GraphQLError
from psycopg import OperationalError
from psycopg.rows import DictRow
from psycopg_pool import PoolTimeout
from strawberry import Info
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from api.graphql import parts, readers
from api.graphql.errors import Refused, shown
from api.graphql.fresh import END
from api.graphql.loan_rows import EVENTS
from api.graphql.nodes import loan_named
from api.graphql.scalars import BigInt
from api.graphql.snapshot import ReadPool
from api.running import Running
from ledger.api_keys import digest

PAGE = 200
PAUSE_SECONDS = 0.2
AWAY_SECONDS = 1.0
MOST_PER_CONNECTION = 10


@dataclass
class Listener:
    """Who listens, and where the log is read."""

    pool: ReadPool
    key: bytes = b""

    async def reached(self) -> int:
        """Up to where the log can be read now. Errors: ``Refused`` once the key is revoked."""
        row = await self._one(
            f"SELECT ledger.horizon() AS position, {readers.MAY_READ} AS allowed",
            readers.values(self.key),
        )
        if not row["allowed"]:
            raise Refused("unauthenticated", "the key is not known or no longer valid")
        return int(row["position"])

    async def end(self) -> int:
        """The last position there is."""
        return int((await self._one(END, {}))["position"])

    async def page(self, after: int, upto: int, loan: Any) -> list[DictRow]:
        """Events beyond ``after``, in the order of the log."""
        columns, source = EVENTS
        sql = (
            f"SELECT {columns} FROM {source}"
            f" WHERE of.position > %(after)s AND of.position <= %(upto)s"
            f" {'AND of.loan_id = %(loan)s' if loan else ''} ORDER BY of.position LIMIT {PAGE}"
        )
        async with self.pool.connection() as connection:
            ran = await connection.execute(
                sql.encode(), {"after": after, "upto": upto, "loan": loan}
            )
            return await ran.fetchall()

    async def _one(self, sql: str, values: dict[str, Any]) -> DictRow:
        async with self.pool.connection() as connection:
            ran = await connection.execute(sql.encode(), values)
            row = await ran.fetchone()
        assert row is not None, sql
        return row


@strawberry.type(description="What can be listened to, over a web socket.")
class Subscription:
    @strawberry.subscription(
        description="Events in the order of the log, from a position on: each at least once."
    )
    async def loan_events(
        self,
        info: Info[Any, Any],
        after: Annotated[
            BigInt | None,
            strawberry.argument(description="The last position seen; by default the log's end."),
        ] = None,
        loan: Annotated[
            strawberry.ID | None, strawberry.argument(description="Of one loan only.")
        ] = None,
    ) -> AsyncGenerator[parts.LoanEvent, None]:
        listener: Listener = info.context["listener"]
        end = await listener.end()
        at = end if after is None else int(after)
        if not 0 <= at <= end:
            raise Refused(
                "unknown-position",
                f"the log ends at position {end}: {at} is none yet",
                position=end,
            )
        try:
            async for row in _following(listener, at, loan_named(loan) if loan else None):
                yield parts.event(row)
        except Exception as broken:  # noqa: BLE001  whatever it is, it is shown as all errors are
            raise shown(GraphQLError("", original_error=broken)) from None


async def _following(listener: Listener, at: int, loan: Any) -> AsyncGenerator[DictRow, None]:
    while True:
        try:
            reached = await listener.reached()
            rows = await listener.page(at, reached, loan) if reached > at else []
        except (OperationalError, PoolTimeout):  # it comes back: nothing is lost meanwhile
            await asyncio.sleep(AWAY_SECONDS)
            continue
        for row in rows:
            yield row
            at = row["position"]
        if len(rows) < PAGE:
            at = max(at, reached)
            await asyncio.sleep(PAUSE_SECONDS)


class Sockets(GraphQL[Any, Any]):
    """GraphQL over web sockets (graphql-transport-ws): subscriptions, for keys that may read."""

    def __init__(self, schema: Any) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            max_subscriptions_per_connection=MOST_PER_CONNECTION,
        )

    async def get_context(self, request: Any, response: Any) -> Any:
        """A listener of this application, not yet let in."""
        here: Running = request.app.state.running
        return {"listener": Listener(here.log), "request": request}

    async def on_ws_connect(self, context: Any) -> Any:
        """Let a key in: `Authorization` of the handshake, or `authorization` of its payload."""
        given = (context.get("connection_params") or {}).get("authorization")
        token = given or context["request"].headers.get("authorization", "")
        if not isinstance(token, str):
            raise ConnectionRejectionError({"code": "unauthenticated"})
        listener: Listener = context["listener"]
        listener.key = digest(token.removeprefix("Bearer ").strip())
        try:
            await listener.reached()
        except Refused:
            raise ConnectionRejectionError({"code": "unauthenticated"}) from None
        return await super().on_ws_connect(context)

"""The servers that `bench.reads` measures, each one process: ours, and a bare route."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.app import create_app
from api.settings import ApiSettings

STATEMENTS = "CARTERA_BENCH_STATEMENTS"


def ours() -> FastAPI:
    """The API as it is served, without kept answers: each question is read again."""
    return create_app(options=ApiSettings(api_catch_up=False, graphql_kept_bytes=0))


def bare() -> Starlette:
    """The same statements behind nothing: a name and values in, the database's text out."""
    statements: dict[str, str] = json.loads(Path(os.environ[STATEMENTS]).read_text())
    pool: AsyncConnectionPool[AsyncConnection[TupleRow]] = AsyncConnectionPool(
        os.environ["DATABASE_URL"], kwargs={"autocommit": True}, max_size=10, open=False
    )

    async def answer(request: Request) -> Response:
        asked: dict[str, Any] = await request.json()
        async with pool.connection() as connection:
            ran = await connection.execute(statements[asked["name"]].encode(), asked["values"])
            row = await ran.fetchone()
        assert row is not None, asked
        return Response(row[0], media_type="application/json")

    @asynccontextmanager
    async def opened(_: Starlette) -> AsyncIterator[None]:
        async with pool:
            yield

    return Starlette(routes=[Route("/bare", answer, methods=["POST"])], lifespan=opened)

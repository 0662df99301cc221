"""The application: REST for commands, GraphQL for reads, open are health and description."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from starlette.routing import WebSocketRoute

from api import (
    accounting_files,
    agreement,
    borrowers,
    bureau,
    deliveries,
    graphiql,
    groups,
    health,
    indices,
    loans,
    payments,
    problems,
    rails,
    refinancing,
    reports,
    statements,
    work,
)
from api.graphql import endpoint, export
from api.graphql.planned.answer import Planner
from api.graphql.planned.door import PlannedDoor
from api.graphql.schema import schema
from api.graphql.stream import Sockets
from api.graphql.trusted import trusted
from api.limits import BodyLimit
from api.running import started
from api.settings import ApiSettings
from ledger.clock import Clock
from ledger.settings import Settings
from ledger.settings import settings as current_settings

UPLOADS = ("/v1/payment-files", "/v1/remittances", "/v1/index-values", "/v1/bank-statements")
PARTS = (
    health, loans, payments, agreement, refinancing, groups, borrowers, rails, statements,
    deliveries, reports, indices, work, accounting_files, bureau, endpoint, export,
)  # fmt: skip
DESCRIPTION = """Orders go in by REST, each with an `Idempotency-Key`; questions go to `/graphql`.
Amounts are decimal text with a currency. Refusals are `application/problem+json` with a stable
`code`."""


def create_app(
    settings: Settings | None = None,
    options: ApiSettings | None = None,
    *,
    clock: Clock | None = None,
) -> FastAPI:
    """The API on the servers of ``settings``; its lifespan opens and closes what it holds."""
    chosen = settings or current_settings()
    wanted = options or ApiSettings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with started(chosen, wanted, clock) as here:
            app.state.running = here
            yield

    app = FastAPI(
        title="Cartera",
        description=DESCRIPTION,
        version=version("cartera"),
        lifespan=lifespan,
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
    )
    app.state.schema = schema(chosen, introspection=wanted.graphql_introspection)
    app.state.planner = Planner(
        app.state.schema, chosen, introspection=wanted.graphql_introspection
    )
    app.add_middleware(
        BodyLimit,
        most=chosen.max_body_bytes,
        larger=dict.fromkeys(UPLOADS, wanted.max_upload_bytes),
    )
    app.state.trusted = trusted(wanted.graphql_documents, only=wanted.graphql_trusted_only)
    app.add_middleware(
        PlannedDoor, most=chosen.max_body_bytes, kept_bytes=wanted.graphql_kept_bytes
    )
    problems.install(app)
    for part in PARTS:
        app.include_router(part.router)
    app.include_router(rails.notifications)
    if wanted.graphiql:
        app.include_router(graphiql.router)
    app.router.routes.append(WebSocketRoute("/graphql", Sockets(app.state.schema)))
    return app

"""A GraphQL question asked in this process, without a server: what `cartera query` calls."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, closing
from typing import Any

from api.graphql.endpoint import Question, answered
from api.graphql.people import Asking
from api.graphql.planned.answer import Planner
from api.graphql.schema import schema
from api.graphql.snapshot import read_pool, snapshot
from api.policy import Action, allows
from api.settings import ApiSettings
from ledger.borrowers.reading import Archive
from ledger.borrowers.vault import Vault
from ledger.clock import Clock, SystemClock
from ledger.database import read_conninfo
from ledger.settings import Settings
from ledger.settings import settings as current_settings
from ledger.store import Store

ACTOR = "command-line"


class NotAllowed(PermissionError):
    """None of the roles may read."""


def run(
    document: str,
    variables: Mapping[str, Any] | None = None,
    settings: Settings | None = None,
    roles: Iterable[str] = ("administrator",),
    *,
    operation_name: str | None = None,
    clock: Clock | None = None,
    books: str | None = None,
) -> dict[str, Any]:
    """Data and errors, as `POST /graphql` would answer them; of ``books`` made under that name.

    Errors: ``NotAllowed`` where no role may read, ``BooksError``; psycopg's own when the database
    is away.
    """
    if not allows(roles, Action.READ):
        raise NotAllowed(f"reading is not allowed to the roles {sorted(roles)}")
    chosen = settings or current_settings()
    asked = Question(query=document, variables=dict(variables or {}), operationName=operation_name)
    with ExitStack() as opened:

        def archive() -> Archive:
            store = opened.enter_context(closing(Store(chosen)))
            return Archive(store, Vault.of(chosen))

        asking = Asking.of(ACTOR, "query", roles, archive)
        return asyncio.run(_run(asked, chosen, clock or SystemClock(chosen.zone), books, asking))


async def _run(
    question: Question, settings: Settings, clock: Clock, books: str | None, asking: Asking
) -> dict[str, Any]:
    options = ApiSettings()
    alone = settings.model_copy(update={"pool_min_size": 1, "pool_max_size": 1})
    open_schema = options.graphql_introspection
    asked = schema(settings, introspection=open_schema)
    today = clock.business_date()
    planner = Planner(asked, settings, introspection=open_schema)
    read = planner.read(question.query or "", question.operation_name, question.variables, today)
    target = read_conninfo(settings, "cartera-query")
    async with (
        read_pool(target, alone, options.graphql_statement_seconds) as reads,
        snapshot(reads, settings, today, books=books) as view,
    ):
        view.asking = asking
        return await answered(asked, view, question, read)

"""GraphQL asked in this process, without a server: `cartera query` and `export-query`."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import ExitStack, asynccontextmanager, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from api.graphql.endpoint import Question, answered
from api.graphql.export import lines_of, write_lines
from api.graphql.parquet import write_parquet
from api.graphql.people import Asking
from api.graphql.planned.answer import Planner
from api.graphql.planned.export import exported
from api.graphql.schema import schema
from api.graphql.snapshot import Snapshot, read_pool, snapshot
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


def export(
    document: str,
    out: Path,
    variables: Mapping[str, Any] | None = None,
    settings: Settings | None = None,
    *,
    clock: Clock | None = None,
    books: str | None = None,
) -> int:
    """Write the list that ``document`` asks to a file, whole, as `POST /graphql/export` would:
    Parquet if its name ends so, else JSON lines. The answer is the position it is true at.

    The file is there when all of it is. Errors: ``GraphQLError`` for what is no export,
    ``BooksError``, ``NoParquet``; psycopg's own when the database is away.
    """
    chosen = settings or current_settings()
    asked = Question(query=document, variables=dict(variables or {}))
    return asyncio.run(_export(asked, chosen, clock or SystemClock(chosen.zone), books, out))


async def _export(
    question: Question, settings: Settings, clock: Clock, books: str | None, out: Path
) -> int:
    async with _asking(settings, clock, books) as (planner, view):
        reading = planner.reading(question.query or "", None, question.variables, view.today)
        asked = exported(reading)
        with TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
            made = Path(folder) / "export.jsonl"
            await write_lines(lines_of(view, asked), made)
            if out.suffix == PARQUET:
                made = write_parquet(made, asked.line)
            made.replace(out)
        return view.position


async def _run(
    question: Question, settings: Settings, clock: Clock, books: str | None, asking: Asking
) -> dict[str, Any]:
    async with _asking(settings, clock, books) as (planner, view):
        document, today = question.query or "", clock.business_date()
        read = planner.read(document, question.operation_name, question.variables, today)
        view.asking = asking
        return await answered(planner.schema, view, question, read)


@asynccontextmanager
async def _asking(
    settings: Settings, clock: Clock, books: str | None
) -> AsyncIterator[tuple[Planner, Snapshot]]:
    """What a server has, for one question."""
    options = ApiSettings()
    alone = settings.model_copy(update={"pool_min_size": 1, "pool_max_size": 1})
    contract = schema(settings, introspection=options.graphql_introspection)
    planner = Planner(contract, settings, introspection=options.graphql_introspection)
    target = read_conninfo(settings, "cartera-query")
    async with (
        read_pool(target, alone, options.graphql_statement_seconds) as reads,
        snapshot(reads, settings, clock.business_date(), books=books) as view,
    ):
        yield planner, view


PARQUET = ".parquet"

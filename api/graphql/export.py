"""POST /graphql/export: a whole list as JSON lines or Parquet, true at one position."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from graphql import GraphQLError
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response, StreamingResponse

from api.auth import requires
from api.graphql import portfolio as book
from api.graphql.endpoint import BOOKS, Question, unknown
from api.graphql.errors import Refused, shown
from api.graphql.parquet import NoParquet, write_parquet
from api.graphql.planned.answer import Planner
from api.graphql.planned.export import Export, exported
from api.graphql.snapshot import Snapshot, in_books, snapshot
from api.graphql.trusted import Trusted
from api.policy import Action
from api.problems import DOCUMENTED, Problem
from api.running import Running, running
from projections.books import BooksError

router = APIRouter(tags=["graphql"], responses=DOCUMENTED)

ROWS = 500
JSON_LINES = "application/x-ndjson"
PARQUET = "application/vnd.apache.parquet"
POSITION = "Cartera-Position"


class Format(StrEnum):
    """How an export is written."""

    JSONL = "jsonl"
    PARQUET = "parquet"


@router.post(
    "/graphql/export",
    summary="Export a whole list",
    dependencies=[Depends(requires(Action.READ))],
    response_class=Response,
)
async def export(
    request: Request,
    question: Question,
    here: Annotated[Running, Depends(running)],
    format: Format = Format.JSONL,  # noqa: A002 - what clients call it
    books: Annotated[str | None, BOOKS] = None,
) -> Response:
    """The `nodes` of one list, all of them, as a query would bring them in pages."""
    trusted: Trusted = request.app.state.trusted
    planner: Planner = request.app.state.planner
    today = here.ledger.clock.business_date()
    async with AsyncExitStack() as opened:
        try:
            document = trusted.document(question.query, question.document_id, question.extensions)
            reading = snapshot(here.reads, here.settings, today, books=books)
            view = await opened.enter_async_context(reading)
            asked = exported(
                planner.reading(document, question.operation_name, question.variables, view.today)
            )
        except BooksError as error:
            raise unknown(error) from error
        except GraphQLError as refused:
            raise _problem(refused) from None
        headers = {POSITION: str(await book.position(view))}
        lines = lines_of(view, asked)
        if format is Format.PARQUET:
            made = await _parquet(opened, lines, asked)
            ended = BackgroundTask(opened.pop_all().aclose)
            return FileResponse(made, headers=headers, media_type=PARQUET, background=ended)
        streamed = _closing(opened.pop_all(), lines)
        return StreamingResponse(streamed, headers=headers, media_type=JSON_LINES)


def _problem(refused: GraphQLError) -> Problem:
    told = shown(refused)
    return Problem(422, (told.extensions or {})["code"], told.message)


async def lines_of(view: Snapshot, asked: Export) -> AsyncIterator[bytes]:
    """The lines of an export, some at a time."""
    async with view.connection.cursor(name="export") as cursor:
        await cursor.execute(in_books(asked.statement, view.books), asked.values)
        while rows := await cursor.fetchmany(ROWS):
            yield "".join(f"{row['line']}\n" for row in rows).encode()


async def write_lines(lines: AsyncIterator[bytes], path: Path) -> None:
    """All of them, into a file."""
    with path.open("wb") as file:
        async for some in lines:
            file.write(some)


async def _closing(opened: AsyncExitStack, lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async with opened:
        async for some in lines:
            yield some


async def _parquet(opened: AsyncExitStack, lines: AsyncIterator[bytes], asked: Export) -> Path:
    """Written to a file first: a Parquet file ends with what it holds."""
    folder = TemporaryDirectory(prefix="cartera-export-")
    opened.callback(folder.cleanup)
    path = Path(folder.name) / "export.jsonl"
    await write_lines(lines, path)
    try:
        return write_parquet(path, asked.line)
    except NoParquet as missing:
        raise Problem(501, "no-parquet", str(missing)) from None
    except Refused as refused:
        raise _problem(refused) from None

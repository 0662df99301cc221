"""POST /graphql: one document, one snapshot, one answer."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request
from graphql import GraphQLError
from psycopg.errors import QueryCanceled
from pydantic import Field
from starlette.responses import Response
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from api.auth import requires
from api.fields import Body
from api.graphql.errors import Refused, shown
from api.graphql.fresh import written
from api.graphql.people import Asking
from api.graphql.planned.answer import Planner, Read
from api.graphql.planned.beside import by_plan
from api.graphql.planned.door import SPENT
from api.graphql.said import Spent, problems
from api.graphql.schema import Schema
from api.graphql.snapshot import Snapshot, snapshot
from api.graphql.trusted import Trusted
from api.json_text import encoded
from api.policy import Action
from api.problems import DATABASE_AWAY, DOCUMENTED, Problem
from api.running import Running, running
from ledger.api_keys import Key, digest
from projections.books import BooksError

router = APIRouter(tags=["graphql"], responses=DOCUMENTED)


BOOKS = Header(
    alias="Cartera-Books",
    description="Ask the books that `cartera rebuild --into NAME` made, instead of the live ones.",
)


class Question(Body):
    """A GraphQL request, by the letter of GraphQL over HTTP."""

    query: str | None = Field(
        default=None, examples=["{ businessDate portfolio { currency principal { amount } } }"]
    )
    variables: dict[str, Any] | None = None
    operation_name: str | None = Field(default=None, alias="operationName")
    document_id: str | None = Field(
        default=None, alias="documentId", description="A trusted document, instead of a query."
    )
    extensions: dict[str, Any] | None = None


@router.post(
    "/graphql",
    summary="Ask the read models",
    response_class=Response,
)
async def ask(
    request: Request,
    question: Question,
    here: Annotated[Running, Depends(running)],
    key: Annotated[Key, Depends(requires(Action.READ))],
    books: Annotated[str | None, BOOKS] = None,
) -> Response:
    """One question per request: there are no batches and no mutations."""
    today = here.ledger.clock.business_date()
    planner: Planner = request.app.state.planner
    trusted: Trusted = request.app.state.trusted
    headers = {}
    try:
        document = trusted.document(question.query, question.document_id, question.extensions)
        question = question.model_copy(update={"query": document})
        asked = planner.read(document, question.operation_name, question.variables, today)
        spent = await _spent(request, here, asked)
        if spent and not spent.enough:
            raise _over(planner, question, asked, spent)
        await written(here.log, asked.at_least)
        async with snapshot(here.reads, here.settings, today, asked.at_least, books) as view:
            view.asking = Asking.of(key.name, "graphql", key.roles, here.archive)
            told = await answered(request.app.state.schema, view, question, asked, spent)
    except Refused as refused:
        told = _refused(refused)
        if later := (refused.extensions or {}).get("retryAfterSeconds"):
            headers["Retry-After"] = str(later)
    except BooksError as error:
        raise unknown(error) from error
    return Response(encoded(told), headers=headers, media_type="application/json")


async def _spent(request: Request, here: Running, asked: Read) -> Spent | None:
    """What the budget of the key came to, asked once per request."""
    if here.budget is None or SPENT in request.scope:
        return request.scope.get(SPENT)
    token = request.headers["authorization"].partition(" ")[2].strip()
    return await here.budget.spend(digest(token), asked.cost)


def _over(planner: Planner, question: Question, asked: Read, spent: Spent) -> Refused:
    """What is refused because the key's budget does not cover it."""
    assert question.query is not None, "read before it was refused"
    named, given = question.operation_name, question.variables
    hint, extra = planner.suggestion(question.query, named, given, spent.remaining)
    if asked.cost <= spent.limit:
        hint = f"; ask again in {spent.resets_in} seconds{hint}"
        extra["retryAfterSeconds"] = spent.resets_in
    told = f"of {spent.limit:,} nodes a minute {spent.remaining:,} remain, not {asked.cost:,}"
    return Refused("budget-spent", told + hint, **asked.said(spent), **extra)


def unknown(error: BooksError) -> Problem:
    """No books of that name."""
    return Problem(404, "unknown-books", str(error), field="Cartera-Books")


def _refused(error: GraphQLError) -> dict[str, Any]:
    return {"data": None, "errors": [shown(error).formatted]}


async def answered(
    schema: Schema, view: Snapshot, question: Question, asked: Read, spent: Spent | None = None
) -> dict[str, Any]:
    """Data and errors as a client may see them. Errors: the database's own, when it went away."""
    planned = await by_plan(view, asked.beside)
    beside = asked.beside if planned is not None else None
    try:
        result = await schema.execute(
            beside.rest if beside else question.query,
            variable_values=question.variables,
            context_value=view,
            operation_name=question.operation_name,
            allowed_operation_types=(OperationType.QUERY,),
        )
    except (CannotGetOperationTypeError, InvalidOperationTypeError, MissingQueryError):
        unasked = GraphQLError("the document asks no query; there are no mutations here")
        return _refused(unasked) | {"extensions": _said(view, asked, spent)}
    assert isinstance(result, ExecutionResult), type(result)
    errors: Sequence[GraphQLError] = result.errors or ()
    for error in errors:
        cause = error.original_error
        if isinstance(cause, DATABASE_AWAY) and not isinstance(cause, QueryCanceled):
            raise cause
    data = beside.joined(planned or {}, result.data) if beside else result.data
    told: dict[str, Any] = {"data": data}
    if errors:
        told["errors"] = [_shown(error, located=beside is None) for error in errors]
    failed = {error.path[0] for error in errors if error.path}
    unknown = problems([root for root in asked.nullable if root.key not in failed], data or {})
    return told | {"extensions": _said(view, asked, spent, unknown)}


def _shown(error: GraphQLError, *, located: bool) -> dict[str, Any]:
    """The error, with where it stands only if that is in the document that was sent."""
    told: dict[str, Any] = {**shown(error).formatted}
    if not located:
        told.pop("locations", None)
    return told


def _said(
    view: Snapshot, asked: Read, spent: Spent | None, unknown: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    """What every answer says of itself."""
    why = {"problems": unknown} if unknown else {}
    return {"position": view.position, **why, "cost": asked.said(spent)}

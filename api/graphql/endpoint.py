"""POST /graphql: one document, one snapshot, one answer."""

import re
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
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
from api.graphql.errors import shown
from api.graphql.schema import Schema
from api.graphql.snapshot import Snapshot, snapshot
from api.json_text import encoded
from api.policy import Action
from api.problems import DATABASE_AWAY, DOCUMENTED, Problem
from api.running import Running, running

router = APIRouter(tags=["graphql"], responses=DOCUMENTED)


class Question(Body):
    """A GraphQL request, by the letter of GraphQL over HTTP."""

    query: str = Field(examples=["{ businessDate portfolio { currency principal { amount } } }"])
    variables: dict[str, Any] | None = None
    operation_name: str | None = Field(default=None, alias="operationName")
    extensions: dict[str, Any] | None = Field(
        default=None, examples=[{"atLeast": 1200}],
        description="`atLeast`: the position that the answer must have read up to.",
    )  # fmt: skip


@router.post(
    "/graphql",
    summary="Ask the read models",
    dependencies=[Depends(requires(Action.READ))],
    response_class=Response,
)
async def ask(
    request: Request, question: Question, here: Annotated[Running, Depends(running)]
) -> Response:
    """One question per request: there are no batches and no mutations."""
    today = here.ledger.clock.business_date()
    least = at_least(question)
    async with snapshot(here.reads, here.settings, today, least) as view:
        answer = await answered(request.app.state.schema, view, question)
    return Response(encoded(answer), media_type="application/json")


def at_least(question: Question) -> int:
    """The position that the answer must have read up to: of an order's receipt, say."""
    asked = (question.extensions or {}).get("atLeast", 0)
    if isinstance(asked, bool) or not re.fullmatch(r"\d{1,18}", str(asked)):
        raise Problem(422, "invalid-position", "atLeast is a position of the log", field="atLeast")
    return int(asked)


async def answered(schema: Schema, view: Snapshot, question: Question) -> dict[str, Any]:
    """Data and errors as a client may see them. Errors: the database's own, when it went away."""
    try:
        result = await schema.execute(
            question.query,
            variable_values=question.variables,
            context_value=view,
            operation_name=question.operation_name,
            allowed_operation_types=(OperationType.QUERY,),
        )
    except (CannotGetOperationTypeError, InvalidOperationTypeError, MissingQueryError):
        unasked = GraphQLError("the document asks no query; there are no mutations here")
        return {"data": None, "errors": [shown(unasked).formatted], **_told(view)}
    assert isinstance(result, ExecutionResult), type(result)
    errors: Sequence[GraphQLError] = result.errors or ()
    for error in errors:
        cause = error.original_error
        if isinstance(cause, DATABASE_AWAY) and not isinstance(cause, QueryCanceled):
            raise cause
    answer: dict[str, Any] = {"data": result.data}
    if errors:
        answer["errors"] = [shown(error).formatted for error in errors]
    return answer | _told(view)


def _told(view: Snapshot) -> dict[str, Any]:
    """Which moment of the log the answer is of."""
    return {"extensions": {"position": view.position}}

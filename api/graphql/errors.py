"""What a GraphQL answer says when something is refused: a message and a stable code."""

from typing import Any

from graphql import GraphQLError, GraphQLSyntaxError
from psycopg.errors import InFailedSqlTransaction, QueryCanceled

from api.problems import failed, refused
from domain.errors import LoanError
from ledger.money import FormError


class Refused(GraphQLError):
    """A question that cannot be answered as it was put."""

    def __init__(self, code: str, message: str, **extra: Any) -> None:
        super().__init__(message, extensions={"code": code, **extra})


def shown(error: GraphQLError) -> GraphQLError:
    """The error as a client may see it; our own failures keep only an id to find them by."""
    cause = error.original_error
    if isinstance(cause, Refused) or isinstance(error, Refused):
        return error
    if isinstance(cause, LoanError | FormError):
        problem = refused(cause)
        return _again(error, problem.detail, {"code": problem.code, "field": problem.field})
    if isinstance(cause, QueryCanceled):
        slow = "the question takes too long: ask for smaller pages or fewer fields"
        return _again(error, slow, {"code": "too-slow"})
    if isinstance(cause, InFailedSqlTransaction):
        unread = "not read, because another part of the question failed"
        return _again(error, unread, {"code": "not-read"})
    if cause is None or isinstance(cause, GraphQLError):
        malformed = isinstance(error, GraphQLSyntaxError)
        code = "malformed-document" if malformed else "invalid-document"
        extensions = {"code": code, **(error.extensions or {})}
        return _again(error, error.message, extensions)
    problem = failed(cause, f"graphql {'.'.join(map(str, error.path or ()))}")
    extensions = {"code": problem.code, "incident": problem.extra["incident"]}
    return _again(error, problem.detail, extensions)


def _again(error: GraphQLError, message: str, extensions: dict[str, Any]) -> GraphQLError:
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions=extensions,
    )

"""What is answered when something is refused: RFC 9457 problems with stable codes.

Families of errors are mapped, not single classes; figures in them are shown as money.
"""

import traceback
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from psycopg import InterfaceError, OperationalError
from psycopg_pool import PoolClosed, PoolTimeout
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.json_text import encoded
from domain.borrower.errors import BorrowerForgotten, RoleNotHeld, RoleTaken
from domain.errors import (
    AlreadyReversed,
    BalanceOutstanding,
    IndexWithoutValue,
    LoanError,
    NotAllowedNow,
    UnknownFee,
    UnknownPayment,
    UnknownPromise,
)
from ledger.borrowers.errors import (
    BorrowerKeyMissing,
    BorrowerKeyUnknown,
    DuplicateBorrower,
    DuplicatePerson,
    NotABorrowerKey,
    UnknownBorrower,
)
from ledger.errors import (
    Conflict,
    DuplicateLoanNumber,
    KeyReused,
    LedgerError,
    PayoffDiffers,
    StoreFull,
    StoreUnavailable,
    UnknownJob,
    UnknownLoan,
)
from ledger.money import FormError, text
from ledger.rails.references import NoClabePrefix, ReferenceTaken
from ledger.rails.settling import AlreadySettled, UnknownDeposit
from ledger.rails.stp import NotificationsOff, SignatureWrong

log = structlog.get_logger("cartera.api")

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 2  # seconds
DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout, PoolClosed)

STATUSES: tuple[tuple[type[Exception], int], ...] = (
    (NotAllowedNow, 409),
    (AlreadyReversed, 409),
    (BalanceOutstanding, 409),
    (IndexWithoutValue, 409),
    (PayoffDiffers, 409),
    (UnknownPayment, 404),
    (UnknownFee, 404),
    (UnknownPromise, 404),
    (UnknownLoan, 404),
    (DuplicateLoanNumber, 409),
    (Conflict, 409),
    (UnknownJob, 404),
    (BorrowerForgotten, 410),
    (RoleTaken, 409),
    (RoleNotHeld, 404),
    (UnknownBorrower, 404),
    (DuplicateBorrower, 409),
    (DuplicatePerson, 409),
    (BorrowerKeyMissing, 503),
    (BorrowerKeyUnknown, 503),
    (NotABorrowerKey, 503),
    (ReferenceTaken, 409),
    (NoClabePrefix, 503),
    (UnknownDeposit, 404),
    (AlreadySettled, 409),
    (SignatureWrong, 401),
    (NotificationsOff, 503),
    (LoanError, 422),
    (LedgerError, 422),
    (FormError, 422),
)
"""The first family an error belongs to gives its status."""

CODES = {
    400: "malformed-request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    413: "body-too-large",
    415: "unsupported-media-type",
}


class ProblemDocument(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    code: str = Field(description="stable: decide on this one")
    field: str | None = Field(default=None, description="the input at fault")


DOCUMENTED: dict[int | str, dict[str, Any]] = {
    "4XX": {
        "description": "Refused; nothing changed.",
        "content": {MEDIA_TYPE: {"schema": ProblemDocument.model_json_schema()}},
    },
    "5XX": {
        "description": "Failed, or away for the moment.",
        "content": {MEDIA_TYPE: {"schema": ProblemDocument.model_json_schema()}},
    },
}


class Problem(Exception):
    """A refusal that knows how it is shown; ``figures`` and the like go in ``extra``."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        field: str | None = None,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.field = field
        self.headers = dict(headers or {})
        self.extra = extra

    def body(self) -> dict[str, Any]:
        """The members of the problem document."""
        return {
            "type": f"urn:cartera:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            **({"field": self.field} if self.field else {}),
            **self.extra,
        }


def respond(problem: Problem) -> Response:
    """The problem as an HTTP answer."""
    return Response(
        encoded(problem.body()),
        status_code=problem.status,
        headers=problem.headers,
        media_type=MEDIA_TYPE,
    )


def refused(error: LoanError | LedgerError | FormError, currency: str = "") -> Problem:
    """The problem that a refusal of the ledger or the domain amounts to."""
    if isinstance(error, StoreFull):
        return away(error.code, str(error))
    if isinstance(error, StoreUnavailable):
        return away()
    if isinstance(error, KeyReused):
        reused = "this Idempotency-Key came before with another body; that first order stands"
        return Problem(422, error.code, reused, field="Idempotency-Key")
    status = next(status for family, status in STATUSES if isinstance(error, family))
    detail, figures = in_money(error, currency)
    retry = {"Retry-After": str(RETRY_AFTER)} if isinstance(error, Conflict) else {}
    extra = {"figures": figures} if figures else {}
    code = "invalid-field" if isinstance(error, FormError) else error.code
    return Problem(status, code, detail, field=error.field, headers=retry, **extra)


def in_money(error: Exception, currency: str) -> tuple[str, dict[str, dict[str, str]]]:
    """The message with its minor units shown as money, and those figures by name."""
    if not isinstance(error, LoanError) or not currency:
        return str(error), {}
    figures = {
        name: {"amount": text(value, currency), "currency": currency}
        for name, value in error.amounts.items()
    }
    return error.told(lambda amount: f"{text(amount, currency)} {currency}"), figures


def away(
    code: str = "database-away",
    detail: str = "the database does not answer; nothing was changed by an answer you did not get",
) -> Problem:
    """The database does not answer just now, or has no room."""
    return Problem(
        503,
        code,
        detail,
        headers={"Retry-After": str(RETRY_AFTER)},
    )


def failed(error: Exception, where: str) -> Problem:
    """Our own mistake: the log has the whole of it under the id that the client sees."""
    incident = uuid4().hex
    told = "".join(traceback.format_exception(error))  # without the values of variables
    log.error("request failed", incident=incident, where=where, traceback=told)
    return Problem(
        500, "internal-error", f"something failed here; quote {incident}", incident=incident
    )


def invalid(errors: list[dict[str, Any]]) -> Problem:
    """What is wrong with a body, a path or a header, the first fault in front."""
    faults = [
        {
            "field": ".".join(str(part) for part in fault["loc"][1:]) or str(fault["loc"][0]),
            "detail": str(fault["msg"]).removeprefix("Value error, "),
        }
        for fault in errors[:20]
    ]
    if errors[0]["type"] == "json_invalid":
        return Problem(400, "malformed-request", "the body is not JSON")
    first = faults[0]
    return Problem(
        422,
        "invalid-field",
        f"{first['field']}: {first['detail']}",
        field=first["field"],
        errors=faults,
    )


def install(app: FastAPI) -> None:
    """Make every refusal and failure of ``app`` a problem document."""

    async def on_problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return respond(error)

    async def on_refusal(request: Request, error: Exception) -> Response:
        assert isinstance(error, LoanError | LedgerError | FormError)
        return respond(refused(error))

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code = CODES.get(error.status_code, "refused")
        detail = str(error.detail)
        if error.status_code == 404:
            detail = f"nothing is at {request.url.path}"
        if error.status_code == 405:
            detail = f"{request.method} is not allowed at {request.url.path}"
        return respond(Problem(error.status_code, code, detail, headers=error.headers))

    async def on_invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        faults = list(error.errors())
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if faults[0]["loc"] == ("body",) and not kind.endswith("json"):
            told = "send the body as JSON, with the header Content-Type: application/json"
            return respond(Problem(415, CODES[415], told))
        return respond(invalid(faults))

    async def on_away(request: Request, error: Exception) -> Response:
        log.warning("database away", path=request.url.path, reason=str(error).strip())
        return respond(away())

    async def on_failure(request: Request, error: Exception) -> Response:
        return respond(failed(error, f"{request.method} {request.url.path}"))

    app.add_exception_handler(Problem, on_problem)
    for refusal in (LoanError, LedgerError, FormError):
        app.add_exception_handler(refusal, on_refusal)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_invalid)
    for absence in DATABASE_AWAY:
        app.add_exception_handler(absence, on_away)
    app.add_exception_handler(Exception, on_failure)

"""REST: references that borrowers pay with, notifications of deposits, and money that waits."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends, Path, Query, Request
from moneyed import Money
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api import answers
from api.auth import requires
from api.fields import Body, Code, Day, Figure, Words, storable
from api.json_text import encoded
from api.orders import CHANNEL, LoanName, cause, idempotency_key, loan_named
from api.policy import Action, allows
from api.problems import DOCUMENTED, refused
from api.running import Running, running
from domain.errors import LoanError
from ledger.api_keys import Key
from ledger.borrowers.reading import Reader
from ledger.money import FormError, parse, text
from ledger.rails import stp
from ledger.rails.references import CLABE, Issued, issue, issue_clabe, issued
from ledger.rails.settling import UnknownDeposit, Waiting, aged, assign, deposit, give_back, totals
from ledger.rails.suggestions import suggest

router = APIRouter(prefix="/v1", tags=["payment rails"], responses=DOCUMENTED)
notifications = APIRouter(tags=["payment rails"], responses=DOCUMENTED)
log = structlog.get_logger("cartera.api")

Here = Annotated[Running, Depends(running)]
OrderKey = Annotated[str, Depends(idempotency_key)]
Reading = Annotated[Key, Depends(requires(Action.READ))]
DepositKey = Annotated[str, Path(max_length=200, description="What the money is known by.")]


class ReferenceWanted(Body):
    """Which reference: `clabe`, or an algorithm's name."""

    algorithm: Words = Field(examples=["clabe", "bbva-10"])
    base: Words | None = Field(default=None, description="the lender's part; a new number without")
    amount: Figure | None = None
    currency: Code | None = None
    due_on: Day | None = None

    @property
    def money(self) -> Money | None:
        """The amount that the reference forces."""
        if self.amount is None:
            return None
        return parse(self.amount, self.currency or "MXN")


class ReferenceAnswer(BaseModel):
    """A reference that means the loan."""

    loan_id: UUID
    kind: str
    reference: str
    repeated: bool


class DepositSeen(BaseModel):
    """Money that waits; who paid is told to who may read personal data."""

    deposit: str
    paid_on: date
    amount: str
    currency: str
    reference: str
    channel: str
    reason: str
    payer: str | None
    remark: str | None
    days: int
    bucket: str


class SuspenseSeen(BaseModel):
    """All money that waits, and how much of it how long."""

    totals: dict[str, dict[str, str]] = Field(description="currency to age in days to amount")
    deposits: list[DepositSeen]


class SuggestionSeen(BaseModel):
    """A loan that the money may be meant for."""

    loan_id: UUID
    loan_no: str
    borrower: str
    score: int = Field(description="of 100")
    reasons: list[str]


class Assignment(Body):
    """The loan that the money is for."""

    loan: Words = Field(min_length=1, description="its number, or its uuid")


class ReturnAnswer(BaseModel):
    """The money went back to who sent it."""

    deposit: str
    settled_as: str = "returned"


@router.post("/loans/{loan}/references", status_code=201, summary="Give out a payment reference")
def give_reference(
    loan: LoanName,
    body: ReferenceWanted,
    here: Here,
    actor: Annotated[Key, Depends(requires(Action.ISSUE_REFERENCE))],
    key: OrderKey,
) -> ReferenceAnswer:
    """The same again answers the first: a reference is given out once, whatever the key."""
    loan_id = loan_named(here.ledger, loan)
    if body.algorithm == CLABE:
        return _reference(issue_clabe(here.ledger, loan_id))
    return _reference(
        issue(
            here.ledger,
            loan_id,
            body.algorithm,
            base=body.base,
            amount=body.money,
            due_on=body.due_on,
        )
    )


@router.get("/loans/{loan}/references", summary="The references given out for a loan")
def references(loan: LoanName, here: Here, key: Reading) -> list[ReferenceAnswer]:
    loan_id = loan_named(here.ledger, loan)
    return [_reference(one) for one in issued(here.ledger.store, loan_id)]


@router.get("/suspense", summary="Money that waits, the oldest first")
def suspense(here: Here, key: Reading, on: Annotated[Day | None, Query()] = None) -> SuspenseSeen:
    found = aged(here.ledger, on)
    personal = allows(key.roles, Action.READ_PERSONAL)
    return SuspenseSeen(
        totals={
            currency: {age: text(amount, currency) for age, amount in ages.items()}
            for currency, ages in totals(found).items()
        },
        deposits=[_deposit(one, personal=personal) for one in found],
    )


@router.get("/suspense/{deposit_key}/suggestions", summary="Loans the money may be meant for")
def suggestions(deposit_key: DepositKey, here: Here, key: Reading) -> list[SuggestionSeen]:
    """Names are compared only for who may read personal data; that leaves a trace."""
    waits = deposit(here.ledger, _named(deposit_key))
    personal = allows(key.roles, Action.READ_PERSONAL)
    archive = here.archive() if personal else None
    found = suggest(here.ledger, waits, archive, Reader(key.name, CHANNEL))
    return [
        SuggestionSeen(**{name: getattr(one, name) for name in SuggestionSeen.model_fields})
        for one in found
    ]


@router.post(
    "/suspense/{deposit_key}/assignment", status_code=201, summary="Bring the money to a loan"
)
def assign_deposit(
    deposit_key: DepositKey,
    body: Assignment,
    here: Here,
    actor: Annotated[Key, Depends(requires(Action.SETTLE_SUSPENSE))],
    key: OrderKey,
) -> answers.ReceiptAnswer:
    """Money is settled once, whatever the key: it has one of its own."""
    waits = deposit(here.ledger, _named(deposit_key))
    loan_id = loan_named(here.ledger, body.loan)
    try:
        receipt = assign(here.ledger, waits.line_key, loan_id, cause(actor, key))
    except LoanError as error:
        raise refused(error, waits.currency) from error
    here.catch_up.wake()
    return answers.receipt(receipt)


@router.post(
    "/suspense/{deposit_key}/return", status_code=201, summary="The money went back to its sender"
)
def return_deposit(
    deposit_key: DepositKey,
    here: Here,
    actor: Annotated[Key, Depends(requires(Action.SETTLE_SUSPENSE))],
    key: OrderKey,
) -> ReturnAnswer:
    give_back(here.ledger, _named(deposit_key), cause(actor, key))
    return ReturnAnswer(deposit=deposit_key)


@notifications.post(
    "/notifications/stp",
    summary="A deposit by SPEI, told by the participant",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"type": "object"}}},
        }
    },
)
async def stp_deposit(request: Request, here: Here) -> Response:
    """Signed with the shared secret; told again, it answers the same and does nothing.

    200 with `confirmar` keeps the money, 400 with `devolver` sends it back.
    """
    body = await request.body()
    given = request.headers.get(here.settings.stp_signature_header, "")
    stp.check_signature(body, given, here.settings.stp_secret)
    status, answer = await run_in_threadpool(_received, here, body)
    return Response(encoded(answer), status_code=status, media_type="application/json")


def _received(here: Running, body: bytes) -> tuple[int, dict[str, Any]]:
    number = None
    try:
        told = stp.deposit_of(body)
        number = told.id
        landed = stp.receive(here.ledger, told)
    except FormError as error:
        log.warning("deposit returned", id=number, field=error.field)
        answer = {"mensaje": "devolver", "id": number, "field": error.field, "detail": error.rule}
        return 400, answer
    if landed.outcome != "repeated":
        here.catch_up.wake()
    return 200, {"mensaje": "confirmar"}


def _reference(one: Issued) -> ReferenceAnswer:
    return ReferenceAnswer(
        loan_id=one.loan_id, kind=one.kind, reference=one.reference, repeated=one.repeated
    )


def _deposit(one: Waiting, *, personal: bool) -> DepositSeen:
    waits = one.deposit
    return DepositSeen(
        deposit=waits.line_key,
        paid_on=waits.paid_on,
        amount=text(waits.amount, waits.currency),
        currency=waits.currency,
        reference=waits.reference,
        channel=waits.channel,
        reason=waits.reason,
        payer=waits.payer if personal else None,
        remark=waits.remark if personal else None,
        days=one.days,
        bucket=one.bucket,
    )


def _named(deposit_key: str) -> str:
    if not storable(deposit_key):
        raise UnknownDeposit(repr(deposit_key))
    return deposit_key

"""REST: documents sent to borrowers. Workers send what is ordered here, and it can be watched."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from api.auth import requires
from api.fields import Body, Day, Number
from api.orders import LoanName, cause, idempotency_key, loan_named
from api.policy import Action
from api.problems import DOCUMENTED
from api.running import Running, running
from api.statements import problems
from ledger.api_keys import Key
from ledger.delivery import register
from ledger.delivery.facts import Means
from ledger.delivery.orders import order, order_month, order_statement, wake
from projections.statements.message import letter_name, sheet_of
from projections.statements.period import month
from projections.statements.sheet import Letter

router = APIRouter(prefix="/v1", tags=["deliveries"], responses=DOCUMENTED)

Here = Annotated[Running, Depends(running)]
Sender = Annotated[Key, Depends(requires(Action.SEND_DOCUMENT))]
OrderKey = Annotated[str, Depends(idempotency_key)]


class MonthSending(Body):
    """Every statement issued for a month."""

    month: str = Field(max_length=20, examples=["2026-03"])
    means: Means = Means.EMAIL
    again: bool = Field(default=False, description="once more, where it ended")


class StatementSending(MonthSending):
    """One loan's statement."""


class LetterSending(Body):
    """One of a loan's letters."""

    kind: Letter
    on: Day | None = Field(default=None, description="for which day; the business date")
    payment: Number | None = Field(default=None, description="a receipt's; the latest")
    means: Means = Means.EMAIL
    again: bool = Field(default=False, description="once more, where it ended")


class MonthOrdered(BaseModel):
    """What an order for a month came to."""

    ordered: int
    before: int = Field(description="had been ordered before")


class DeliverySeen(BaseModel):
    """A document on its way, and how it stands. Never the address."""

    delivery_id: UUID
    loan_no: str
    document: str
    means: Means
    nth: int
    state: register.State
    attempts: int
    reason: str = Field(description="why it waits or was refused")
    ordered_at: datetime
    next_at: datetime
    ended_at: datetime | None
    repeated: bool = Field(default=False, description="it had been ordered before")


class DeliveriesSeen(BaseModel):
    """The latest deliveries, and how many are in each state."""

    counts: dict[str, int]
    deliveries: list[DeliverySeen]


@router.post("/deliveries", status_code=202, summary="Send a month's statements to borrowers")
def send_month(body: MonthSending, here: Here, actor: Sender, key: OrderKey) -> MonthOrdered:
    """Each that was issued, once by the same means."""
    with problems():
        ends_on = month(body.month).ends_on
    made = order_month(here.ledger, ends_on, body.means, cause(actor, key), again=body.again)
    _wake(here)
    return MonthOrdered(**made._asdict())


@router.post(
    "/loans/{loan}/statement-deliveries", status_code=202, summary="Send a loan's statement"
)
def send_statement(
    loan: LoanName, body: StatementSending, here: Here, actor: Sender, key: OrderKey
) -> DeliverySeen:
    with problems():
        ends_on = month(body.month).ends_on
    made, before = order_statement(
        here.ledger, loan_named(here.ledger, loan), ends_on, body.means, cause(actor, key),
        again=body.again,
    )  # fmt: skip
    _wake(here)
    return _seen(made, repeated=before)


@router.post("/loans/{loan}/letter-deliveries", status_code=202, summary="Send one of its letters")
def send_letter(
    loan: LoanName, body: LetterSending, here: Here, actor: Sender, key: OrderKey
) -> DeliverySeen:
    """A letter that cannot be made is refused now."""
    loan_id = loan_named(here.ledger, loan)
    document = letter_name(body.kind, body.on, body.payment)
    with problems():
        today = here.ledger.clock.business_date()
        sheet_of(here.settings, here.ledger.load(loan_id).loan_no, document, today)
    made, before = order(
        here.ledger, loan_id, document, body.means, cause(actor, key), again=body.again
    )
    _wake(here)
    return _seen(made, repeated=before)


@router.get(
    "/deliveries",
    summary="Documents sent, and those that wait",
    dependencies=[Depends(requires(Action.READ))],
)
def deliveries(
    here: Here,
    state: register.State | None = None,
    document: Annotated[str | None, Query(max_length=60, examples=["statement 2026-03"])] = None,
    loan_no: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> DeliveriesSeen:
    with here.pool.connection() as connection:
        rows = register.found(
            connection, state=state, document=document, loan_no=loan_no, limit=limit
        )
        sums = register.counts(connection, document)
    return DeliveriesSeen(counts=sums, deliveries=[_seen(one) for one in rows])


def _wake(here: Running) -> None:
    with here.pool.connection() as connection:
        wake(connection, here.settings)


def _seen(one: register.Delivery, *, repeated: bool = False) -> DeliverySeen:
    fields = {name: getattr(one, name) for name in DeliverySeen.model_fields if name != "repeated"}
    return DeliverySeen(**fields, repeated=repeated)

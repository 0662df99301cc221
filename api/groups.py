"""REST: groups whose members answer for one another, and the payments they bring together."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from api import answers
from api import group_bodies as bodies
from api.auth import requires
from api.fields import Day, storable
from api.orders import cause, idempotency_key
from api.policy import Action
from api.problems import DOCUMENTED, Problem, refused
from api.running import Running, running
from domain.errors import LoanError
from ledger import group_book as book
from ledger.api_keys import Key
from ledger.errors import LedgerError
from ledger.group_errors import ClosedGroup, DuplicateGroupNumber, NoOpenLoans, UnknownGroup
from ledger.group_forms import group_from
from ledger.group_opening import GroupReceipt, disburse_group, known, open_group
from ledger.group_views import group_view, payment_shown
from ledger.groups import group_payment, return_cover
from ledger.money import parse

router = APIRouter(prefix="/v1/groups", tags=["groups"], responses=DOCUMENTED)

Here = Annotated[Running, Depends(running)]
OrderKey = Annotated[str, Depends(idempotency_key)]
GroupNo = Annotated[str, Path(max_length=100, description="The group's number.")]
STATUSES: dict[type[LedgerError], int] = {
    UnknownGroup: 404, DuplicateGroupNumber: 409, ClosedGroup: 409, NoOpenLoans: 409,
}  # fmt: skip


@router.post("", status_code=201, summary="Open a group: a loan for each member")
def open_a_group(
    body: bodies.GroupOpening,
    here: Here,
    actor: Annotated[Key, Depends(requires(Action.OPEN_LOAN))],
    key: OrderKey,
) -> bodies.GroupLoans:
    form = body.model_dump(mode="json")
    form["members"] = [one.model_dump(mode="json") for one in body.members]
    with _problems():
        new = group_from(form, currency=here.settings.currency)
        receipt = open_group(here.ledger, new, cause(actor, key))
    here.catch_up.wake()
    return _loans(receipt)


@router.post("/{group_no}/disbursement", status_code=201, summary="Pay out all members' loans")
def disburse_a_group(
    group_no: GroupNo,
    body: bodies.GroupDay,
    here: Here,
    actor: Annotated[Key, Depends(requires(Action.DISBURSE))],
    key: OrderKey,
) -> bodies.GroupLoans:
    with _problems(here, group_no):
        receipt = disburse_group(here.ledger, group_no, on=body.on, cause=cause(actor, key))
    here.catch_up.wake()
    return _loans(receipt)


@router.post("/{group_no}/payments", status_code=201, summary="Receive a group's payment")
def receive_group_payment(
    group_no: GroupNo,
    body: bodies.GroupMoney,
    here: Here,
    actor: Annotated[Key, Depends(requires(Action.RECEIVE_PAYMENT))],
    key: OrderKey,
) -> bodies.GroupPaymentAnswer:
    with _problems(here, group_no):
        receipt = group_payment(
            here.ledger,
            group_no,
            amount=parse(body.amount, body.currency),
            on=body.on,
            cause=cause(actor, key),
            absent=body.absent,
            amounts={
                loan_no: parse(one, body.currency, "amounts")
                for loan_no, one in body.amounts.items()
            },
            channel=body.channel,
            reference=body.reference,
        )
    here.catch_up.wake()
    return bodies.GroupPaymentAnswer(**payment_shown(receipt))


@router.post("/{group_no}/returns", status_code=201, summary="Members settled a cover themselves")
def settle_cover(
    group_no: GroupNo,
    body: bodies.CoverReturn,
    here: Here,
    actor: Annotated[Key, Depends(requires(Action.RECEIVE_PAYMENT))],
    key: OrderKey,
) -> answers.ReceiptAnswer:
    with _problems(here, group_no):
        currency = known(here.ledger, group_no).currency
        receipt = return_cover(
            here.ledger,
            group_no,
            body.loan,
            cover=body.cover,
            on=body.on,
            cause=cause(actor, key),
            amount=None if body.amount is None else parse(body.amount, currency),
        )
    here.catch_up.wake()
    return answers.receipt(receipt)


@router.get(
    "/{group_no}",
    summary="What each member owes, and who paid for whom",
    dependencies=[Depends(requires(Action.READ))],
)
def show_group(
    group_no: GroupNo, here: Here, on: Annotated[Day | None, Query()] = None
) -> bodies.GroupSeen:
    with _problems(here, group_no):
        return bodies.GroupSeen(**group_view(here.ledger, group_no, on))


def _loans(receipt: GroupReceipt) -> bodies.GroupLoans:
    return bodies.GroupLoans(
        group_no=receipt.group_no,
        repeated=receipt.repeated,
        loans=[answers.receipt(one) for one in receipt.loans],
    )


def _named(group_no: str) -> str:
    if not storable(group_no):
        raise UnknownGroup(repr(group_no))
    return group_no


@contextmanager
def _problems(here: Running | None = None, group_no: str = "") -> Iterator[None]:
    """Refusals as problems, their figures in the group's currency."""
    try:
        if group_no:
            _named(group_no)
        yield
    except LedgerError as error:
        if type(error) not in STATUSES:
            raise
        status = STATUSES[type(error)]
        raise Problem(status, error.code, str(error), field=error.field) from error
    except LoanError as error:
        group = book.find(here.ledger.store, group_no) if here else None
        raise refused(error, group.currency if group else "") from error

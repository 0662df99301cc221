"""REST: who owes. Personal data only for the roles that need it; each reading leaves a trace."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from api import borrower_bodies as bodies
from api.auth import requires
from api.fields import storable
from api.orders import CHANNEL, LoanName, cause, idempotency_key, loan_named
from api.policy import Action
from api.problems import DOCUMENTED
from api.running import Running, running
from ledger.api_keys import Key
from ledger.borrowers.errors import UnknownBorrower
from ledger.borrowers.forms import person_form, person_from
from ledger.borrowers.parties import parties_of
from ledger.borrowers.reading import Reader
from ledger.borrowers.registry import BorrowerReceipt, Registry

router = APIRouter(prefix="/v1", tags=["borrowers"], responses=DOCUMENTED)

Here = Annotated[Running, Depends(running)]
OrderKey = Annotated[str, Depends(idempotency_key)]
BorrowerNo = Annotated[str, Path(max_length=100, description="The borrower's number.")]
Registrar = Annotated[Key, Depends(requires(Action.REGISTER_BORROWER))]
Entitled = Annotated[Key, Depends(requires(Action.READ_PERSONAL))]


@router.post("/borrowers", status_code=201, summary="Register a person")
def register(
    body: bodies.Registration, here: Here, actor: Registrar, key: OrderKey
) -> bodies.BorrowerAnswer:
    person = person_from(body.person.form(), at="person", currency=here.settings.currency)
    return _answer(
        Registry(here.ledger).register(
            body.borrower_no, person, on=body.effective_on, cause=cause(actor, key)
        )
    )


@router.post("/borrowers/{borrower_no}/changes", status_code=201, summary="Change a person's data")
def change(
    borrower_no: BorrowerNo, body: bodies.PersonChange, here: Here, actor: Registrar, key: OrderKey
) -> bodies.BorrowerAnswer:
    return _answer(
        Registry(here.ledger).change(
            _named(borrower_no),
            body.person.form(),
            on=body.effective_on,
            cause=cause(actor, key),
            reason=body.reason,
        )
    )


@router.post("/borrowers/{borrower_no}/roles", status_code=201, summary="Answer for a loan")
def join(
    borrower_no: BorrowerNo, body: bodies.RoleOnLoan, here: Here, actor: Registrar, key: OrderKey
) -> bodies.BorrowerAnswer:
    return _answer(
        Registry(here.ledger).join(
            _named(borrower_no),
            body.loan_no,
            body.role,
            on=body.effective_on,
            cause=cause(actor, key),
        )
    )


@router.post(
    "/borrowers/{borrower_no}/roles/ending", status_code=201, summary="Answer for it no more"
)
def leave(
    borrower_no: BorrowerNo, body: bodies.RoleEnded, here: Here, actor: Registrar, key: OrderKey
) -> bodies.BorrowerAnswer:
    return _answer(
        Registry(here.ledger).leave(
            _named(borrower_no),
            body.loan_no,
            body.role,
            on=body.effective_on,
            cause=cause(actor, key),
            reason=body.reason,
        )
    )


@router.post(
    "/borrowers/{borrower_no}/forgetting", status_code=201, summary="Forget a person for good"
)
def forget(
    borrower_no: BorrowerNo,
    body: bodies.Forgetting,
    here: Here,
    actor: Annotated[Key, Depends(requires(Action.FORGET_BORROWER))],
    key: OrderKey,
) -> bodies.BorrowerAnswer:
    registry = Registry(here.ledger)
    return _answer(registry.forget(_named(borrower_no), body.ground, cause=cause(actor, key)))


@router.get("/borrowers/{borrower_no}", summary="A person's data")
def show(borrower_no: BorrowerNo, here: Here, reader: Entitled) -> bodies.BorrowerSeen:
    found = here.archive().read(_named(borrower_no), Reader(reader.name, CHANNEL))
    return bodies.BorrowerSeen(
        borrower_no=found.borrower_no,
        version=found.version,
        person=person_form(found.person),
        roles=[
            bodies.RoleHeld(loan_no=one.loan_no, role=one.role.value, since=one.since)
            for one in found.roles
        ],
    )


@router.get("/borrowers/{borrower_no}/history", summary="What changed, before and after")
def history(borrower_no: BorrowerNo, here: Here, reader: Entitled) -> list[bodies.BorrowerChange]:
    found = here.archive().history(_named(borrower_no), Reader(reader.name, CHANNEL))
    return [bodies.BorrowerChange(**_plain(one)) for one in found]


@router.get(
    "/borrowers/{borrower_no}/readings",
    summary="Who read a person's data",
    dependencies=[Depends(requires(Action.READ_TRACES))],
)
def readings(borrower_no: BorrowerNo, here: Here) -> list[bodies.BorrowerReading]:
    found = here.archive().readings(_named(borrower_no))
    return [bodies.BorrowerReading(**_plain(one)) for one in found]


@router.get(
    "/loans/{loan}/parties",
    summary="Who answers for a loan, by number",
    dependencies=[Depends(requires(Action.READ))],
)
def parties(loan: LoanName, here: Here) -> list[bodies.PartySeen]:
    found = parties_of(here.ledger, loan_named(here.ledger, loan))
    return [bodies.PartySeen(**_plain(one)) for one in found]


def _named(borrower_no: str) -> str:
    if not storable(borrower_no):
        raise UnknownBorrower(repr(borrower_no))
    return borrower_no


def _answer(receipt: BorrowerReceipt) -> bodies.BorrowerAnswer:
    return bodies.BorrowerAnswer(**_plain(receipt))


def _plain(given: object) -> dict[str, object]:
    fields: tuple[str, ...] = given.__struct_fields__  # type: ignore[attr-defined]
    return {name: getattr(given, name) for name in fields}

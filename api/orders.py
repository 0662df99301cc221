"""An order on one loan: whose it is, which loan it means, and that it is carried out once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Path, Request

from api.auth import authenticated, demand
from api.fields import storable
from api.policy import Action
from api.problems import Problem, refused
from api.running import Running, running
from domain.errors import LoanError
from ledger.api_keys import Key
from ledger.application import Ledger
from ledger.errors import UnknownLoan
from ledger.orders import Cause, Receipt

LONGEST_KEY = 120  # the ledger takes 200, of which the actor's name is a part
CHANNEL = "api"


def idempotency_key(
    request: Request,
    given: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description="Your own id of this order (a UUID, say): sent again with the same body it "
            "answers the first result and does nothing; with another body it is refused.",
        ),
    ] = None,
) -> str:
    """The key of this order. Errors: 400 where it is missing or unreadable."""
    if given is None or not given.strip():
        raise Problem(
            400,
            "idempotency-key-missing",
            "send the header Idempotency-Key, one new value for each order",
            field="Idempotency-Key",
        )
    if len(given) > LONGEST_KEY or not given.isascii() or not given.isprintable():
        raise Problem(
            400,
            "idempotency-key-not-usable",
            f"Idempotency-Key has up to {LONGEST_KEY} printable ASCII characters",
            field="Idempotency-Key",
        )
    return given.strip()


def cause(actor: Key, given: str) -> Cause:
    """Why something is recorded."""
    return Cause(actor.name, CHANNEL, f"{CHANNEL}:{own_key(actor, given)}")


def own_key(actor: Key, given: str) -> str:
    """The actor's own: keys of different actors never meet, whatever colons their names have."""
    return f"{actor.name.replace('%', '%25').replace(':', '%3A')}:{given}"


LoanName = Annotated[
    str, Path(alias="loan", max_length=200, description="The loan's number, or its uuid.")
]


def loan_named(ledger: Ledger, name: str) -> UUID:
    """The loan that a path names. Errors: ``UnknownLoan``."""
    if not storable(name):
        raise UnknownLoan(repr(name))
    try:
        given = UUID(name)
    except ValueError:
        return ledger.find(name)
    return ledger.find_either(given, name)


@dataclass(frozen=True)
class Order:
    """What an endpoint needs to give an order to the ledger."""

    here: Running
    loan_id: UUID
    cause: Cause
    actor: Key

    def demand(self, action: Action) -> None:
        """Refuse with 403 what the body asks beyond the endpoint's own action."""
        demand(self.actor, action)

    @property
    def currency(self) -> str:
        """The loan's."""
        return self.here.ledger.load(self.loan_id).terms.currency

    def give(self, send: Callable[[Ledger, UUID, Cause], Receipt]) -> Receipt:
        """Carry it out; a refusal shows its figures in the loan's currency."""
        ledger = self.here.ledger
        try:
            receipt = send(ledger, self.loan_id, self.cause)
        except LoanError as error:
            raise refused(error, self.currency) from error
        self.here.catch_up.wake()
        return receipt


def order(action: Action) -> Callable[..., Order]:
    """A dependency: the order of someone who may do ``action``."""

    def given(
        loan: LoanName,
        here: Annotated[Running, Depends(running)],
        actor: Annotated[Key, Depends(authenticated)],
        key: Annotated[str, Depends(idempotency_key)],
    ) -> Order:
        demand(actor, action)
        return Order(here, loan_named(here.ledger, loan), cause(actor, key), actor)

    return given

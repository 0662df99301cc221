"""The facts about one borrower. All of them hold personal data but the last, which ends it.

The tag is the event's name in the store. A change holds the person as he is after it: what was
before is what the fold had come to.
"""

from datetime import date
from enum import StrEnum
from typing import TypeAlias

import msgspec
from msgspec import Struct

from domain.borrower.person import Person


class Role(StrEnum):
    """What someone answers for, on a loan of which he is not the borrower."""

    CO_BORROWER = "co_borrower"
    GUARANTOR = "guarantor"


class Ground(StrEnum):
    """Why a person is forgotten; a closed list, because free words may name him."""

    REQUEST = "request"
    RETENTION_ENDED = "retention-ended"
    ENTERED_IN_ERROR = "entered-in-error"


class BorrowerEvent(Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """What happened, and the date it holds from."""

    effective_on: date


class BorrowerRegistered(BorrowerEvent, frozen=True, kw_only=True, tag="borrower-registered"):
    """A person became known under the lender's number."""

    borrower_no: str
    person: Person


class BorrowerChanged(BorrowerEvent, frozen=True, kw_only=True, tag="borrower-changed"):
    """Some of it is otherwise; ``changed`` names the fields of ``person`` that are."""

    person: Person
    changed: tuple[str, ...]
    reason: str = ""


class LoanJoined(BorrowerEvent, frozen=True, kw_only=True, tag="loan-joined"):
    """He answers for a loan."""

    loan_no: str
    role: Role


class LoanLeft(BorrowerEvent, frozen=True, kw_only=True, tag="loan-left"):
    """He answers for it no more."""

    loan_no: str
    role: Role
    reason: str = ""


class BorrowerForgotten(BorrowerEvent, frozen=True, kw_only=True, tag="borrower-forgotten"):
    """His key is destroyed with this fact; what was recorded of him stays unreadable for ever."""

    ground: Ground


AnyBorrowerEvent: TypeAlias = (
    BorrowerRegistered | BorrowerChanged | LoanJoined | LoanLeft | BorrowerForgotten
)
encode = msgspec.json.Encoder().encode
_decoder: msgspec.json.Decoder[AnyBorrowerEvent] = msgspec.json.Decoder(AnyBorrowerEvent)
decode = _decoder.decode


def tag(event: AnyBorrowerEvent) -> str:
    """The event's name in the store."""
    return str(event.__struct_config__.tag)

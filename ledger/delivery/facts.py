"""What happened to a document on its way; a delivery's facts are chained like a borrower's."""

import struct
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import TypeAlias
from uuid import UUID

import msgspec
from msgspec import Struct

NO_CHAIN = bytes(32)


class Means(StrEnum):
    """How a document reaches its borrower."""

    EMAIL = "email"
    SMS = "sms"
    WHATSAPP = "whatsapp"


class Fact(Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """One step of a delivery."""


class DeliveryOrdered(Fact, frozen=True, kw_only=True, tag="delivery-ordered"):
    """Somebody wants the borrower to have the document."""

    document: str
    means: Means
    nth: int
    actor: str
    channel: str


class DeliveryTried(Fact, frozen=True, kw_only=True, tag="delivery-tried"):
    """It is about to be handed over; recorded before it is. ``sheet`` is the document's hash."""

    attempt: int
    sheet: str


class DeliveryTaken(Fact, frozen=True, kw_only=True, tag="delivery-taken"):
    """The other side took it, with these words; whether it was read nobody knows."""

    answer: str


class DeliveryPutOff(Fact, frozen=True, kw_only=True, tag="delivery-put-off"):
    """It was not taken, and is tried again."""

    reason: str
    until: datetime


class DeliveryRefused(Fact, frozen=True, kw_only=True, tag="delivery-refused"):
    """It is never taken, or there is nowhere to send it: the end of this delivery."""

    reason: str


AnyFact: TypeAlias = (
    DeliveryOrdered | DeliveryTried | DeliveryTaken | DeliveryPutOff | DeliveryRefused
)
encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(AnyFact).decode


def tag(fact: AnyFact) -> str:
    """The fact's name in the store."""
    return str(fact.__struct_config__.tag)


def link(
    before: bytes, delivery_id: UUID, version: int, tagged: str, body: bytes, sealed: bytes
) -> bytes:
    """SHA-256 over the link before and all of a row; texts behind their length."""
    head = b"".join(struct.pack(">I", len(part)) + part for part in (tagged.encode(), body, sealed))
    return sha256(before + delivery_id.bytes + struct.pack(">I", version) + head).digest()

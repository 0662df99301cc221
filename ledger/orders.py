"""An order to the ledger: who gives it, and what it came to."""

from uuid import UUID

import msgspec


class Cause(msgspec.Struct, frozen=True):
    """Who orders something, through what, and which order it goes back to."""

    actor: str
    channel: str
    idempotency_key: str | None = None
    correlation_id: UUID | None = None
    causation_id: UUID | None = None


class Receipt(msgspec.Struct, frozen=True):
    """What an order came to. ``repeated``: it had been given before, and this is that result."""

    loan_id: UUID
    version: int
    position: int
    command_id: UUID
    events: tuple[str, ...]
    repeated: bool = False

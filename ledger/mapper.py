"""Between the loan's facts and stored rows: the envelope, the mapper and the snapshot."""

from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from inspect import getsource
from typing import cast
from uuid import UUID

import msgspec
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Mapper, Notification, StoredEvent

from domain import events as e
from domain import fold as folds
from domain import loan as loans
from domain.loan import Loan
from ledger import upcasters


class Recorded(msgspec.Struct, frozen=True, gc=False):
    """One fact in its place: the loan, the version it made, and how it came to be stored.

    ``position`` orders the whole log; ``more`` counts the events of the same append after this.
    Not yet stored, it has position 0 and no booking time.
    """

    loan_id: UUID
    version: int
    event: e.AnyLoanEvent
    position: int = 0
    recorded_at: datetime | None = None
    command_id: UUID | None = None
    more: int = 0

    @property
    def effective_on(self) -> date:
        """The value date."""
        return self.event.effective_on

    @property
    def originator_id(self) -> UUID:
        """The loan, in the event store's words."""
        return self.loan_id

    @property
    def originator_version(self) -> int:
        """The version, in the event store's words."""
        return self.version


@dataclass(frozen=True)
class StoredFact(StoredEvent):
    """A row of `ledger.events` on its way in: the topic is the event's tag."""

    revision: int
    effective_on: date


@dataclass(frozen=True)
class LoggedFact(Notification):
    """A row of `ledger.events` as the log gives it."""

    revision: int
    recorded_at: datetime
    command_id: UUID
    more: int


def _layout() -> str:
    """Names how `Loan` is laid out and folded: the code is part of it, so none forgets to tell."""
    source = "".join(getsource(module) for module in (loans, folds)).encode()
    return sha256(source + msgspec.json.encode(msgspec.json.schema(Loan))).hexdigest()[:24]


LAYOUT = _layout()
_encode_packed = msgspec.msgpack.Encoder().encode
_decode_packed = msgspec.msgpack.Decoder(Loan).decode
_decode_text = msgspec.json.Decoder(Loan).decode


def encode_loan(loan: Loan) -> bytes:
    """A snapshot's bytes: MessagePack, which holds no exact sum beyond 64 bits; else JSON."""
    try:
        return _encode_packed(loan)
    except OverflowError:
        return e.encode.encode(loan)


def decode_loan(state: bytes) -> Loan:
    """The loan of a snapshot. Errors: ``msgspec.MsgspecError``."""
    return _decode_text(state) if state.startswith(b"{") else _decode_packed(state)


@dataclass(frozen=True)
class StoredSnapshot(StoredEvent):
    """A row of `ledger.snapshots`."""

    position: int


class Snapshot(msgspec.Struct, frozen=True):
    """A loan as it stood at its version; never the truth, only a shorter way to it.

    All later facts have positions above ``position``.
    """

    loan_id: UUID
    loan: Loan
    position: int

    @property
    def originator_id(self) -> UUID:
        """The loan, in the event store's words."""
        return self.loan_id

    @property
    def originator_version(self) -> int:
        """The version, in the event store's words."""
        return self.loan.version


class EventMapper(Mapper[UUID]):
    """Facts as their own JSON under their tag; old revisions are lifted on the way out."""

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        if isinstance(domain_event, Snapshot):
            kept = domain_event.loan
            state = encode_loan(kept)
            return StoredSnapshot(
                domain_event.loan_id, kept.version, LAYOUT, state, domain_event.position
            )
        recorded = cast("Recorded", domain_event)
        tag = e.tag(recorded.event)
        return StoredFact(
            originator_id=recorded.loan_id,
            originator_version=recorded.version,
            topic=tag,
            state=e.encode.encode(recorded.event),
            revision=upcasters.revision(tag),
            effective_on=recorded.effective_on,
        )

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        """Errors: ``msgspec.MsgspecError`` where a snapshot cannot be read after all."""
        loan_id, stored = cast("UUID", stored_event.originator_id), stored_event
        if isinstance(stored, StoredSnapshot):
            return Snapshot(loan_id, decode_loan(stored.state), stored.position)
        written = (
            stored.revision
            if isinstance(stored, (StoredFact, LoggedFact))
            else upcasters.revision(stored.topic)
        )
        event = upcasters.decode(stored.topic, written, stored.state)
        if isinstance(stored, LoggedFact):
            return Recorded(
                loan_id, stored.originator_version, event,
                stored.id, stored.recorded_at, stored.command_id, stored.more,
            )  # fmt: skip
        return Recorded(loan_id, stored.originator_version, event)

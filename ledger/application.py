"""The ledger: load a loan, ask it, append what it answers. Everything that writes comes here."""

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import date
from hashlib import sha256
from threading import RLock
from typing import Any, ClassVar, cast
from uuid import UUID

import msgspec
from eventsourcing.application import (
    AggregateNotFoundError,
    Application,
    ProcessingEvent,
    Repository,
)
from eventsourcing.persistence import EventStore, IntegrityError
from eventsourcing.utils import Environment
from moneyed import Money
from uuid_utils.compat import uuid7

from domain import commands
from domain.errors import InvalidDate, LoanError
from domain.events import AnyLoanEvent, tag
from domain.loan import Loan
from ledger.calendars import load_calendars
from ledger.clock import Clock, SystemClock
from ledger.commands import Commands
from ledger.errors import Conflict, KeyNotUsable, NotStorable, UnknownLoan
from ledger.indices import Indices, PublishedIndices, rates_first, with_rates
from ledger.log import outcome
from ledger.mapper import Snapshot
from ledger.orders import Cause, Receipt
from ledger.recorder import (
    AlreadyApplied,
    Command,
    Factory,
    LedgerRecorder,
    Result,
    SnapshotStore,
)
from ledger.settings import Settings
from ledger.settings import settings as current_settings
from ledger.state import row
from ledger.store import Store
from ledger.streams import LoanRepository, Stream, project
from ledger.subscription import Wake

ATTEMPTS = 12
TURNS = 256  # loans that lost a race wait by the last digits of their id
LONGEST_KEY = 200


class Ledger(Commands, Application[UUID]):
    """The write side's one door; safe to share between threads, closed with `close()`."""

    name = "ledger"
    env: ClassVar[dict[str, str]] = {"MAPPER_TOPIC": "ledger.mapper:EventMapper"}
    is_snapshotting_enabled = True
    snapshot_every = 100

    def __init__(self, settings: Settings | None = None, *, clock: Clock | None = None) -> None:
        self.settings = settings or current_settings()
        load_calendars(self.settings)
        self.clock: Clock = clock or SystemClock(self.settings.zone)
        self.store = Store(self.settings)
        self.indices: Indices = PublishedIndices(self.store, self.settings.index_max_age_days)
        self._turns = [RLock() for _ in range(TURNS)]
        super().__init__()

    def construct_factory(self, env: Environment) -> Factory:
        return Factory(env, self.store, Wake(self.settings.redis_url))

    def construct_snapshot_store(self) -> EventStore[UUID]:
        return SnapshotStore(self.mapper, self.factory.aggregate_recorder(purpose="snapshots"))

    def construct_repository(self) -> LoanRepository:
        return LoanRepository(self.store, event_store=self.events, snapshot_store=self.snapshots)

    @property
    def facts(self) -> LedgerRecorder:
        """The recorder by its own type."""
        return cast("LedgerRecorder", self.recorder)

    # Reading

    def stream(self, loan_id: UUID, version: int | None = None) -> Stream:
        """The loan with its identity. Errors: ``UnknownLoan``."""
        repository: Repository[UUID] = self.repository
        try:
            return repository.get(loan_id, version=version, projector_func=project)
        except AggregateNotFoundError:
            raise UnknownLoan(loan_id) from None

    def load(self, loan_id: UUID, version: int | None = None) -> Loan:
        """The loan as its events left it, now or at an earlier version."""
        return self.stream(loan_id, version).known

    def reset(self, loan_id: UUID, upto: date) -> Loan:
        """The loan with its rate as its index makes it up to a date, recorded or not.

        Errors: ``UnknownLoan``, ``IndexWithoutValue``.
        """
        loan = self.load(loan_id)
        if loan.terms.floating is None:
            return loan
        value_of = self.indices.lookup()
        return with_rates(loan, commands.reset_rate(loan, upto=upto, value_of=value_of))

    def index_value(self, index: str, on: date) -> int | None:
        """What an index is worth on that very day, in millionths."""
        return self.indices.on_day(index, on)

    def find(self, loan_no: str) -> UUID:
        """The id of the loan with this number. Errors: ``UnknownLoan``."""
        found = self.find_many([loan_no]).get(loan_no)
        if found is None:
            raise UnknownLoan(loan_no)
        return found

    def find_either(self, loan_id: UUID, loan_no: str) -> UUID:
        """The loan with this id, else the one with this number: a number may look like an id.

        Errors: ``UnknownLoan``.
        """
        rows = self.store.run(
            lambda connection: connection.execute(
                "SELECT loan_id FROM ledger.loan_state WHERE loan_id = %(id)s OR loan_no = %(no)s"
                " ORDER BY loan_id <> %(id)s LIMIT 1",
                {"id": loan_id, "no": loan_no},
            ).fetchall()
        )
        for (found,) in rows:
            return cast("UUID", found)
        raise UnknownLoan(loan_no)

    def find_many(self, loan_nos: Sequence[str]) -> dict[str, UUID]:
        """The ids of those loan numbers that exist, in one statement."""
        rows = self.store.run(
            lambda connection: connection.execute(
                "SELECT loan_no, loan_id FROM ledger.loan_state WHERE loan_no = ANY(%s)",
                [list(loan_nos)],
            ).fetchall()
        )
        return dict(rows)

    # Writing

    def execute(
        self,
        loan_id: UUID,
        decide: Callable[[Loan], Sequence[AnyLoanEvent]],
        body: Mapping[str, Any],
        cause: Cause,
        on: date | None = None,
    ) -> Receipt:
        """Load, ask ``decide``, append; again from the load where another writer was first.

        ``body`` is everything the order says, its name under ``command``: with an idempotency key
        the same body gets the first receipt, another body is refused. A floating loan's rate is
        first fixed up to ``on``, the order's value date (default: the business date).
        Errors: ``LoanError`` from ``decide``, ``UnknownLoan``, ``KeyReused``, ``Conflict``.
        """
        command = self.command(str(body["command"]), cause, {**body, "loan_id": loan_id})
        if first := self._first_receipt(command):
            return first
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with self._turn(loan_id, attempt):
                    stream = self.stream(loan_id)
                    stream.record(self._decided(stream.known, decide, on))
                    return self._append(stream, command)
            except AlreadyApplied as applied:
                return _receipt(applied.result, repeated=True)
            except IntegrityError:
                time.sleep(random.uniform(0, 0.002 * 2 ** min(attempt, 7)))
            except LoanError:
                if first := self._first_receipt(command):  # its twin came between the two looks
                    return first
                raise
        raise Conflict(loan_id, ATTEMPTS)

    def begin(
        self, events: Callable[[], Sequence[AnyLoanEvent]], body: Mapping[str, Any], cause: Cause
    ) -> Receipt:
        """As ``execute``, for the events that bring a new loan into being, under a new id."""
        command = self.command(str(body["command"]), cause, body)
        if first := self._first_receipt(command):
            return first
        stream = Stream(uuid7(), None)
        stream.record(events())
        try:
            return self._append(stream, command)
        except AlreadyApplied as applied:
            return _receipt(applied.result, repeated=True)

    def repeated(self, body: Mapping[str, Any], cause: Cause) -> Receipt | None:
        """What an order came to, if it was carried out before. Errors: ``KeyReused``."""
        return self._first_receipt(self.command(str(body["command"]), cause, body))

    def recorded(self, receipt: Receipt) -> list[AnyLoanEvent]:
        """The events that an order recorded."""
        return self.store.run(lambda connection: outcome(connection, receipt))

    def _turn(self, loan_id: UUID, attempt: int) -> AbstractContextManager[object]:
        """Who lost a race waits for the others of this process that did, instead of racing on."""
        return nullcontext() if attempt == 1 else self._turns[loan_id.int % TURNS]

    def _decided(
        self, loan: Loan, decide: Callable[[Loan], Sequence[AnyLoanEvent]], on: date | None
    ) -> Sequence[AnyLoanEvent]:
        if loan.terms.floating is None:
            return decide(loan)
        upto = self.clock.business_date() if on is None else on
        return rates_first(loan, upto, self.indices.lookup(), decide)

    def check_date(self, on: date, field: str = "effective_on") -> None:
        """A fact cannot lie after the lender's business date. Errors: ``InvalidDate``."""
        today = self.clock.business_date()
        if on > today:
            raise InvalidDate(on, f"is in the future: the business date is {today}", field)

    def _append(self, stream: Stream, command: Command) -> Receipt:
        state = row(stream.id, stream.known)
        tags = tuple(tag(recorded.event) for recorded in stream.pending)
        if tags:
            try:
                recordings = self.save(stream, command=command, state=state)
            except UnicodeEncodeError:  # half of a surrogate pair
                raise NotStorable from None
            position = recordings[-1].notification.id
            return Receipt(stream.id, stream.version, position, command.id, tags)
        if command.idempotency_key is not None:  # nothing to record, but the key is used
            return _receipt(self.facts.append(command, stream.id, stream.version, (), state))
        return Receipt(stream.id, stream.version, 0, command.id, ())

    def _take_snapshots(self, processing_event: ProcessingEvent[UUID]) -> None:
        """From the loan at hand, without reading it again; losing one loses nothing."""
        self.snapshot(cast("Iterable[Stream]", processing_event.aggregates.values()))

    def snapshot(self, streams: Iterable[Stream]) -> None:
        """Keep snapshots of those that grew by `snapshot_every` events since their last one."""
        assert self.snapshots is not None
        due = [
            Snapshot(stream.id, stream.known, stream.position)
            for stream in streams
            if stream.version - stream.snapshot_version >= self.snapshot_every
        ]
        if due:
            self.snapshots.put(due)

    def command(self, name: str, cause: Cause, body: Mapping[str, Any] | None = None) -> Command:
        """The order as it is stored, under a new id."""
        key = cause.idempotency_key
        if key is not None and not (0 < len(key) <= LONGEST_KEY and key.isprintable()):
            raise KeyNotUsable(LONGEST_KEY)
        command_id = uuid7()
        return Command(
            id=command_id,
            name=name,
            actor=cause.actor,
            channel=cause.channel,
            correlation_id=cause.correlation_id or command_id,
            causation_id=cause.causation_id,
            idempotency_key=key,
            fingerprint=fingerprint(body or {}) if key is not None else None,
        )

    def _first_receipt(self, command: Command) -> Receipt | None:
        if command.idempotency_key is None:
            return None
        result = self.facts.applied(command.idempotency_key, command.fingerprint)
        return _receipt(result, repeated=True) if result else None


def fingerprint(body: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical form of ``body``: keys sorted, amounts as text."""
    try:
        canonical = msgspec.json.encode(msgspec.to_builtins(body, enc_hook=_plain), order="sorted")
    except UnicodeEncodeError:  # half of a surrogate pair
        raise NotStorable from None
    return "\\x" + sha256(canonical).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Money):
        return [str(value.amount.normalize()), str(value.currency)]
    raise TypeError(f"a command's body cannot hold {type(value).__name__}")


def _receipt(result: Result, *, repeated: bool = False) -> Receipt:
    position = result.positions[-1] if result.positions else 0
    return Receipt(
        result.loan_id, result.version, position, result.command_id, tuple(result.tags), repeated
    )

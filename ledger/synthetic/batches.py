"""A batch of synthetic loans recorded in one transaction, by COPY, once."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from uuid import UUID

from msgspec import Struct, structs
from psycopg import Connection, errors
from psycopg.rows import TupleRow

from ledger import state
from ledger.application import Ledger
from ledger.errors import DuplicateLoanNumber, KeyReused
from ledger.money import FormError
from ledger.orders import Cause
from ledger.recorder import Command
from ledger.streams import Stream
from ledger.synthetic.lives import CLOSE
from ledger.synthetic.twins import Batch, Booked, Twin, copied, identity, loans_of

ACTOR = CHANNEL = "synthetic"
EVENTS = (
    "COPY ledger.events (command_id, loan_id, version, type, revision, more, effective_on, state)"
    " FROM STDIN"
)
COMMANDS = (
    "COPY ledger.commands (id, name, actor, channel, correlation_id, causation_id, loan_id,"
    " version, appended) FROM STDIN"
)


class Outcome(Struct, kw_only=True):
    """What a batch came to; ``repeated`` loans were there before."""

    loans: int = 0
    repeated: int = 0
    events: int = 0
    statuses: dict[str, int] = {}
    products: dict[str, int] = {}


def record(ledger: Ledger, batch: Batch) -> Outcome:
    """Record the batch, unless it is there already.

    Errors: ``DuplicateLoanNumber``; ``FormError`` where the seed was used with other options.
    """
    order = _order(ledger, batch)
    if _applied(ledger, order, batch):
        return Outcome(repeated=batch.loans)
    twins = list(loans_of(batch, ledger.indices.lookup()))
    rows = Rows(batch, order.id, twins)
    try:
        ledger.store.run(lambda connection: _insert(connection, order, rows, twins))
    except errors.UniqueViolation:
        if _applied(ledger, order, batch):  # by another run meanwhile
            return Outcome(repeated=batch.loans)
        raise DuplicateLoanNumber(_clashing(ledger, twins)) from None
    ledger.snapshot(Stream(twin.loan_id, twin.loan) for twin in twins)
    return Outcome(
        loans=batch.loans,
        events=sum(twin.state.version for twin in twins),
        statuses=Counter(twin.told.state.status for twin in twins),
        products=Counter(twin.opened.product for twin in twins),
    )


def _order(ledger: Ledger, batch: Batch) -> Command:
    key = f"synthetic:{batch.seed}:{batch.first}-{batch.last}"
    body = {"command": "generate", **structs.asdict(batch)}
    order = ledger.command("generate", Cause(ACTOR, CHANNEL, key), body)
    order_id = identity(batch.seed, batch.first, "generate")
    return structs.replace(order, id=order_id, correlation_id=order_id)


def _applied(ledger: Ledger, order: Command, batch: Batch) -> bool:
    assert order.idempotency_key is not None, order
    try:
        return ledger.facts.applied(order.idempotency_key, order.fingerprint) is not None
    except KeyReused:
        rule = f"{batch.seed} has made loans with other options; repeat those, or take another"
        raise FormError("seed", rule) from None


def _clashing(ledger: Ledger, twins: list[Twin]) -> str:
    numbers = [twin.opened.loan_no for twin in twins]
    return min(ledger.find_many(numbers), default=numbers[0])


class Rows:
    """What a batch records, in the order in which it was booked: day by day, the close last."""

    def __init__(self, batch: Batch, cause: UUID, twins: list[Twin]) -> None:
        self._batch = batch
        self._cause = cause
        self._commands: dict[UUID, tuple[str, UUID | None, int | None, int]] = {}
        self._booked = [entry for twin in twins for entry in _numbered(twin)]
        self._booked.sort(key=lambda entry: (entry[2].on, entry[2].command == CLOSE))

    def events(self) -> Iterator[str]:
        """The rows of `ledger.events`; which orders they came of is kept meanwhile."""
        for twin, version, booked in self._booked:
            command_id = self._order(twin, version, booked)
            head = f"{command_id}\t{twin.loan_id}"
            for at, end in enumerate(booked.ends, start=version + 1):
                yield f"{head}\t{at}\t{end if at > 1 else _opening(twin, end)}"

    def commands(self) -> Iterator[str]:
        """The rows of `ledger.commands`, once the events are through."""
        for command_id, (name, *told) in self._commands.items():
            rest = "\t".join("\\N" if value is None else str(value) for value in told)
            yield (
                f"{command_id}\t{name}\t{ACTOR}\t{CHANNEL}\t{command_id}\t{self._cause}\t{rest}\n"
            )

    def _order(self, twin: Twin, version: int, booked: Booked) -> UUID:
        """The order it came of: its own, or the day's close."""
        count = len(booked.ends)
        if booked.command == CLOSE:
            return self._close(booked.on, count)
        command_id = identity(self._batch.seed, twin.number, "command", version)
        self._commands[command_id] = (booked.command, twin.loan_id, version + count, count)
        return command_id

    def _close(self, on: date, count: int) -> UUID:
        command_id = identity(self._batch.seed, self._batch.first, CLOSE, on)
        *_, before = self._commands.get(command_id, (0,))
        self._commands[command_id] = (CLOSE, None, None, before + count)
        return command_id


def _numbered(twin: Twin) -> Iterator[tuple[Twin, int, Booked]]:
    """What was booked, each with the version it was decided on."""
    version = 0
    for booked in twin.told.booked:
        yield twin, version, booked
        version += len(booked.ends)


def _opening(twin: Twin, end: str) -> str:
    """The first event's row, with the loan's own names."""
    return f"{end[: end.rindex(chr(9))]}\t{copied(twin.opened)}\n"


def _insert(
    connection: Connection[TupleRow], order: Command, rows: Rows, twins: list[Twin]
) -> None:
    with connection.transaction():
        connection.execute(
            "INSERT INTO ledger.commands"
            " (id, name, idempotency_key, fingerprint, actor, channel, correlation_id, appended)"
            " VALUES (%s, %s, %s, %s::bytea, %s, %s, %s, 0)",
            [order.id, order.name, order.idempotency_key, order.fingerprint, order.actor,
             order.channel, order.correlation_id],
        )  # fmt: skip
        state.insert(connection, (twin.state for twin in twins))
        _copy(connection, EVENTS, rows.events())
        _copy(connection, COMMANDS, rows.commands())


def _copy(connection: Connection[TupleRow], statement: str, lines: Iterable[str]) -> None:
    with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        for line in lines:
            copy.write(line)

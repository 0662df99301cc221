"""Many lines of a payment file at once: decided in memory, written in one transaction.

A loan's lines are decided in file order, each on what the one before made of the loan. What they
come to is written only where nobody changed the loan meanwhile; the other loans' lines are brought
one by one, as if they had come alone.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from psycopg import Connection, errors
from psycopg.rows import TupleRow

from domain.fold import replay
from ledger import bulk, state, suspense
from ledger.application import Ledger
from ledger.bank_line import BankLine, reference_key
from ledger.commands.orders import Decide
from ledger.csv_lines import Reject
from ledger.errors import KeyReused, NotStorable
from ledger.indices import rates_first
from ledger.orders import Cause, Receipt
from ledger.payment_landing import Direct, Landed, Landing, Task
from ledger.references import matches
from ledger.store import RACES
from ledger.streams import Stream, load_streams
from ledger.suspense import Suspended


def land_together(landing: Landing, lines: Sequence[BankLine | Reject]) -> list[Landed | Reject]:
    """Where each line went."""
    found = matched(landing.ledger, lines)
    batch = Batch(landing.ledger, [one for one in found if isinstance(one, Task)])
    landed = [landing.land(one, batch) for one in found]
    lost = batch.write()
    direct = Direct(landing.ledger)
    for n, one in enumerate(found):
        if isinstance(one, Task) and one.loan_id in lost:
            landed[n] = landing.land(one, direct)
    return landed


def matched(ledger: Ledger, lines: Sequence[BankLine | Reject]) -> list[Task | Reject]:
    """The lines with the loans they may mean."""
    named = {
        n: [reference_key(one) for one in (line.reference, *line.others)]
        for n, line in enumerate(lines)
        if isinstance(line, BankLine)
    }
    found = matches(ledger.store, [key for keys in named.values() for key in keys])
    return [
        line
        if isinstance(line, Reject)
        else Task(line, next((found[key] for key in named[n] if key in found), ()))
        for n, line in enumerate(lines)
    ]


class Waiting(msgspec.Struct, frozen=True):
    """A line to be put aside; because of how ``loan_id`` stands, where there is one."""

    loan_id: UUID | None
    line: Suspended
    raw: dict[str, str]


class Batch:
    """A desk that keeps what is decided until all of it is written."""

    def __init__(self, ledger: Ledger, tasks: Sequence[Task]) -> None:
        self.ledger = ledger
        keys = [task.line.key for task in tasks]
        self._fingerprints = ledger.facts.fingerprints(keys)
        self._suspended = suspense.suspended(ledger.store, keys)
        self._streams = self._load(tasks)
        self._seen = {stream.id: stream.version for stream in self._streams.values()}
        self._value_of = ledger.indices.lookup()
        self._orders: list[bulk.Order] = []
        self._waiting: list[Waiting] = []

    def _load(self, tasks: Sequence[Task]) -> dict[UUID, Stream]:
        """The loans that lines not known yet are for."""
        known = self._fingerprints.keys() | self._suspended.keys()
        unknown = (task.loan_id for task in tasks if task.line.key not in known)
        ids = list(dict.fromkeys(loan_id for loan_id in unknown if loan_id is not None))
        found = self.ledger.store.run(lambda connection: load_streams(connection, ids))
        return {stream.id: stream for stream in found}

    def suspended(self, key: str) -> Suspended | None:
        return self._suspended.get(key)

    def applied(self, key: str) -> bool:
        return key in self._fingerprints

    def execute(
        self, loan_id: UUID, decide: Decide, body: Mapping[str, Any], cause: Cause, on: date
    ) -> Receipt:
        command = self.ledger.command(str(body["command"]), cause, {**body, "loan_id": loan_id})
        assert command.idempotency_key is not None, body
        if command.idempotency_key in self._fingerprints:
            if self._fingerprints[command.idempotency_key] != command.fingerprint:
                raise KeyReused(command.idempotency_key)
            return Receipt(loan_id, 0, 0, command.id, (), repeated=True)
        stream = self._streams[loan_id]
        order = bulk.Order(
            command,
            loan_id,
            stream.version,
            rates_first(stream.known, on, self._value_of, decide),
        )
        stream.loan = replay(order.events, stream.loan)
        self._fingerprints[command.idempotency_key] = command.fingerprint
        self._orders.append(order)
        return Receipt(loan_id, stream.version, 0, command.id, order.tags)

    def suspend(self, waiting: Suspended, raw: dict[str, str], loan_id: UUID | None) -> None:
        self._suspended[waiting.line_key] = waiting
        self._waiting.append(Waiting(loan_id, waiting, raw))

    def write(self) -> set[UUID | None]:
        """Write what was decided; answers the loans (None: no loan) whose lines must come again."""
        rests_on = {order.loan_id: None for order in self._orders}
        rests_on |= {one.loan_id: None for one in self._waiting if one.loan_id is not None}
        streams = [self._streams[loan_id] for loan_id in rests_on]
        rows = [state.row(stream.id, stream.known) for stream in streams]
        seen = [self._seen[stream.id] for stream in streams]

        def write(connection: Connection[TupleRow]) -> set[UUID]:
            with connection.transaction():
                won = bulk.post(connection, self._orders, rows, seen)
                suspense.suspend_many(
                    connection,
                    [
                        (one.line, one.raw)
                        for one in self._waiting
                        if one.loan_id is None or one.loan_id in won
                    ],
                )
                return won

        try:
            won = self.ledger.store.run(write)
        except (*RACES, errors.UniqueViolation, NotStorable):  # alone, each line tells its reason
            return {None, *self._streams, *rests_on}
        if self._orders:
            self.ledger.facts.wake.call()
        self.ledger.snapshot(stream for stream in streams if stream.id in won)
        return {loan_id for loan_id in rests_on if loan_id not in won}

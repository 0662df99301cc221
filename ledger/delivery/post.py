"""Send what is due: each try is on record before it is made, each answer right after it.

A killed run repeats nothing whose answer was recorded. A try without an answer is made again under
the same id; a provider that honours it takes no second message, SMTP may.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeAlias
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from ledger.application import Ledger
from ledger.borrowers import book
from ledger.borrowers.reading import Reader
from ledger.borrowers.recipients import Recipient, Recipients
from ledger.borrowers.vault import Vault
from ledger.database import connect
from ledger.delivery import facts as f
from ledger.delivery import register
from ledger.delivery.errors import Away, NotNow, NoTransport, NotTaken, SendingFailed
from ledger.delivery.register import Delivery
from ledger.delivery.transports import File, Message, Transports

AT_ONCE = 100
LONGEST_WAIT = 3_600.0
CHANNEL = "delivery"
NATIONAL = 10  # digits of a Mexican number; its country is 52 (ITU-T E.164)


class Content(NamedTuple):
    """What a message says. ``sheet`` is the hash of its document."""

    subject: str
    text: str
    sheet: str
    file: File | None = None


class Asked(NamedTuple):
    """Whom a document is for."""

    borrower_no: str
    recipient: Recipient


Compose: TypeAlias = Callable[[Delivery, Asked], Content]
"""Makes the message. Errors: ``Away`` where none can be made now, ``NotTaken`` for this one."""
Progress: TypeAlias = Callable[[int, int], None]


class Sent(NamedTuple):
    """What a run came to; ``waiting`` are those that are tried again later."""

    sent: int
    refused: int
    waiting: int


def run(ledger: Ledger, compose: Compose, progress: Progress | None = None) -> Sent:
    """Send everything that is due; what another run is at is left to it."""
    seen: set[UUID] = set()
    ends = {"sent": 0, "refused": 0, "waiting": 0}
    with (
        Transports(ledger.settings) as transports,
        closing(connect(ledger.settings, autocommit=True, application_name="cartera-post")) as held,
    ):
        post = _Post(ledger, held, compose, transports)
        while due := [one for one in register.due(held, len(seen) + AT_ONCE) if one not in seen]:
            for one in due:
                seen.add(one)
                with _alone(held, one) as alone:
                    delivery = register.find(held, one)
                    if alone and _due(delivery):
                        ends[post.send(delivery)] += 1
                if progress:
                    progress(len(seen), max(len(seen), len(due)))
    return Sent(**ends)


class _Post:
    def __init__(
        self, ledger: Ledger, connection: Connection[TupleRow], compose: Compose,
        transports: Transports,
    ) -> None:  # fmt: skip
        self.ledger, self.connection = ledger, connection
        self.compose, self.transports = compose, transports

    def send(self, one: Delivery) -> register.State:
        """One try, and what came of it."""
        to = ""
        try:
            transport = self.transports.by(one.means)
            asked = self._asked(one)
            to = _address(one.means, asked.recipient)
            content = self.compose(one, asked)
            tried = f.DeliveryTried(attempt=one.attempts + 1, sheet=content.sheet)
            sealed = self._sealed(one, asked.borrower_no, to)
            one = register.record(self.connection, one, tried, state="sending", sealed=sealed)
            answer = transport.send(
                Message(str(one.delivery_id), to, content.subject, content.text, content.file)
            )
        except (SendingFailed, NoTransport) as failed:
            return self._failed(one, failed, to)
        taken = f.DeliveryTaken(answer=_without(answer, to))
        return register.record(self.connection, one, taken, state="sent").state

    def _failed(
        self, one: Delivery, failed: SendingFailed | NoTransport, to: str
    ) -> register.State:
        reason, chosen = _without(str(failed), to), self.ledger.settings
        tired = isinstance(failed, NotNow) and one.attempts >= chosen.delivery_attempts
        if isinstance(failed, NotTaken) or tired:
            refused = f.DeliveryRefused(reason=reason)
            return register.record(
                self.connection, one, refused, state="refused", reason=reason
            ).state
        wait = min(LONGEST_WAIT, chosen.delivery_retry_seconds * 2 ** max(0, one.attempts - 1))
        until = datetime.now(UTC) + timedelta(seconds=wait)
        put_off = f.DeliveryPutOff(reason=reason, until=until)
        one = register.record(
            self.connection, one, put_off, state="waiting", reason=reason, wait=wait
        )
        if isinstance(failed, Away | NoTransport):
            register.hold_back(self.connection, one.means, reason, wait)
        return one.state

    def _asked(self, one: Delivery) -> Asked:
        """Errors: ``NotTaken`` for a borrower who is not, or no more, in the register."""
        number = self.ledger.load(one.loan_id).opened.borrower
        names = Recipients(self.ledger.store, self.ledger.settings, Reader(one.actor, CHANNEL))
        found = names.known([number], f"to send {one.document}").get(number)
        if found is None:
            raise NotTaken(f"borrower {number or '(none)'} is not in the register of borrowers")
        return Asked(number, found)

    def _sealed(self, one: Delivery, number: str, to: str) -> bytes:
        entry = book.entries(self.connection, [number])[number]
        if entry.wrapped is None:
            raise NotTaken(f"borrower {number} is not in the register of borrowers")
        sealer = Vault.of(self.ledger.settings).open(entry.id, entry.wrapped)
        return sealer.seal(to.encode(), one.version + 1, f"delivery:{one.delivery_id}", 1)


def _address(means: f.Means, recipient: Recipient) -> str:
    if means is f.Means.EMAIL:
        if not recipient.email:
            raise NotTaken("the borrower has no e-mail address in the register")
        return recipient.email
    if not recipient.phone:
        raise NotTaken("the borrower has no phone in the register")
    digits = "".join(filter(str.isdigit, recipient.phone))
    return f"+52{digits}" if len(digits) == NATIONAL else f"+{digits}"


def _without(told: str, to: str) -> str:
    """What a server says may name the address; that is kept sealed and nowhere else."""
    return told.replace(to, "(address)") if to else told


def _due(one: Delivery) -> bool:
    return one.state in ("waiting", "sending") and one.next_at <= datetime.now(UTC)


@contextmanager
def _alone(connection: Connection[TupleRow], delivery_id: UUID) -> Iterator[bool]:
    """Nobody else is at it: a killed process lets go with its connection."""
    key = str(delivery_id)
    [[held]] = connection.execute(f"SELECT pg_try_advisory_lock({register.LOCK})", [key]).fetchall()
    try:
        yield held
    finally:
        if held and not connection.closed:
            connection.execute(f"SELECT pg_advisory_unlock({register.LOCK})", [key])

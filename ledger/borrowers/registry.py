"""Orders on borrowers: register, change, put on a loan, forget. Each is carried out once.

An order's fingerprint is keyed with the borrower's own key: kept for ever, it says nothing once he
is forgotten, not even to somebody who guesses what the order said.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from psycopg import Connection, errors
from psycopg.rows import TupleRow
from uuid_utils.compat import uuid7

from domain.borrower import borrower as borrowers
from domain.borrower import checks
from domain.borrower import events as e
from domain.borrower.borrower import Borrower
from domain.borrower.errors import BorrowerForgotten
from domain.borrower.person import IDENTITIES, Person
from ledger.application import ATTEMPTS, Ledger
from ledger.borrowers import book
from ledger.borrowers.book import Earlier, Entry
from ledger.borrowers.errors import DuplicateBorrower, DuplicatePerson, UnknownBorrower
from ledger.borrowers.forms import person_form, person_from
from ledger.borrowers.vault import Sealer, Vault
from ledger.errors import Conflict, KeyReused, NotStorable
from ledger.money import FormError
from ledger.order_rows import keep_order
from ledger.orders import Cause
from ledger.recorder import Command
from ledger.store import RACES

LONGEST_NUMBER = 100
Decide = Callable[[Borrower], Sequence[e.AnyBorrowerEvent]]


class BorrowerReceipt(Struct, frozen=True):
    """What an order came to; ``warnings`` say what looks wrong in the person as he is now."""

    borrower_id: UUID
    borrower_no: str
    version: int
    command_id: UUID
    events: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    repeated: bool = False


class Registry:
    """The write side of borrowers. Errors of all orders: ``KeyReused``, ``Conflict``, and those of
    the vault.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.store = ledger.store
        self.vault = Vault.of(ledger.settings)

    def register(
        self, borrower_no: str, person: Person, *, on: date, cause: Cause
    ) -> BorrowerReceipt:
        """A person becomes known under a number of the lender's.

        Errors: the ``BorrowerError`` family, ``DuplicateBorrower``, ``DuplicatePerson``.
        """
        if not (0 < len(borrower_no) <= LONGEST_NUMBER and borrower_no.isprintable()):
            raise FormError("borrower_no", f"must be 1 to {LONGEST_NUMBER} printable characters")
        self.ledger.check_date(on)
        self._check(person)
        body = {"command": "register-borrower", "person": person, "on": on}
        command = self.ledger.command("register-borrower", cause, {})
        known = self._entry(borrower_no)
        if known is not None:
            return self._registered(known, command, body, person)
        borrower_id = uuid7()
        sealer, wrapped = self.vault.new(borrower_id)
        entry = Entry(borrower_id, borrower_no, 0, None, wrapped, book.NO_CHAIN)
        events = (e.BorrowerRegistered(effective_on=on, borrower_no=borrower_no, person=person),)
        command = self._signed(command, sealer, body)
        if self._appended(entry, sealer, events, command, IDENTITIES):
            return _receipt(entry, command, events, person)
        if found := self._entry(borrower_no):  # his twin came between
            return self._registered(found, command, body, person)
        raise KeyReused(command.idempotency_key or "")

    def change(
        self,
        borrower_no: str,
        changes: Mapping[str, Any],
        *,
        on: date,
        cause: Cause,
        reason: str = "",
    ) -> BorrowerReceipt:
        """The fields of ``changes`` are otherwise; one that is None is not known any more.

        Errors: the ``BorrowerError`` family, ``FormError``, ``UnknownBorrower``.
        """
        self.ledger.check_date(on)

        def decide(borrower: Borrower) -> Sequence[e.AnyBorrowerEvent]:
            person = person_from({**person_form(borrower.person), **changes})
            self._check(person)
            return borrowers.change(borrower, person, on=on, reason=reason)

        body = {"command": "change-borrower", "changes": dict(changes), "on": on, "reason": reason}
        return self._execute(borrower_no, decide, body, cause)

    def join(
        self, borrower_no: str, loan_no: str, role: e.Role, *, on: date, cause: Cause
    ) -> BorrowerReceipt:
        """He answers for a loan. Errors: ``UnknownLoan``, ``RoleTaken``, ``UnknownBorrower``."""
        self.ledger.check_date(on)
        self.ledger.find(loan_no)
        body = {"command": "join-loan", "loan_no": loan_no, "role": role, "on": on}
        return self._execute(
            borrower_no, lambda one: borrowers.join(one, loan_no, role, on), body, cause
        )

    def leave(
        self,
        borrower_no: str,
        loan_no: str,
        role: e.Role,
        *,
        on: date,
        cause: Cause,
        reason: str = "",
    ) -> BorrowerReceipt:
        """He answers for it no more. Errors: ``RoleNotHeld``, ``UnknownBorrower``."""
        self.ledger.check_date(on)
        body = {
            "command": "leave-loan", "loan_no": loan_no, "role": role, "on": on, "reason": reason,
        }  # fmt: skip
        return self._execute(
            borrower_no, lambda one: borrowers.leave(one, loan_no, role, on, reason), body, cause
        )

    def forget(self, borrower_no: str, ground: e.Ground, *, cause: Cause) -> BorrowerReceipt:
        """Destroy his key. Nothing brings it back; a second time answers the first.

        Errors: ``UnknownBorrower``.
        """
        on = self.ledger.clock.business_date()
        body = {"command": "forget-borrower", "borrower_no": borrower_no, "ground": ground}
        command = self.ledger.command("forget-borrower", cause, body)
        event = e.BorrowerForgotten(effective_on=on, ground=ground)
        for attempt in range(ATTEMPTS):
            entry = self._named(borrower_no)
            if entry.forgotten_at is not None:
                return BorrowerReceipt(
                    entry.id, borrower_no, entry.version, command.id, (), repeated=True
                )
            if self._appended(entry, None, (event,), command):
                return _receipt(entry, command, (event,), None)
            if self._known(command) is not None and command.idempotency_key is not None:
                raise KeyReused(command.idempotency_key)
            time.sleep(random.uniform(0, 0.002 * 2 ** min(attempt, 6)))
        raise Conflict(entry.id, ATTEMPTS)

    def known(self, borrower_no: str) -> Borrower:
        """The borrower as the orders here need him; what goes out to a reader is the `Archive`'s.

        Errors: ``UnknownBorrower``, ``BorrowerForgotten``.
        """
        entry = self._named(borrower_no)
        return self._folded(entry, self._opened(entry))

    def _execute(
        self, borrower_no: str, decide: Decide, body: Mapping[str, Any], cause: Cause
    ) -> BorrowerReceipt:
        command = self.ledger.command(str(body["command"]), cause, {})
        for attempt in range(ATTEMPTS):
            entry = self._named(borrower_no)
            sealer = self._opened(entry)
            command = self._signed(command, sealer, body)
            if before := self._known(command):
                return _repeated(entry, before, command)
            borrower = self._folded(entry, sealer)
            events = decide(borrower)
            after = borrowers.replay(events, borrower)
            assert after is not None, borrower_no
            changed = borrowers.differing(borrower.person, after.person)
            marks = tuple(name for name in IDENTITIES if name in changed)
            if self._appended(entry, sealer, events, command, marks, after.person):
                return _receipt(entry, command, events, after.person)
            time.sleep(random.uniform(0, 0.002 * 2 ** min(attempt, 6)))
        raise Conflict(entry.id, ATTEMPTS)

    def _registered(
        self, entry: Entry, command: Command, body: Mapping[str, Any], person: Person
    ) -> BorrowerReceipt:
        """The number is taken: by this very order, or by somebody else."""
        command = self._signed(command, self._opened(entry), body)
        if before := self._known(command):
            return _repeated(entry, before, command, checks.doubts(person))
        raise DuplicateBorrower(entry.borrower_no)

    def _appended(
        self,
        entry: Entry,
        sealer: Sealer | None,
        events: Sequence[e.AnyBorrowerEvent],
        command: Command,
        marked: Sequence[str] = (),
        person: Person | None = None,
    ) -> bool:
        """All of it in one transaction; False where the order was known or another was first."""

        def write(connection: Connection[TupleRow]) -> bool:
            with connection.transaction():
                if not keep_order(connection, command):
                    return False
                fresh = entry.version == 0
                if (fresh and not book.begin(connection, entry)) or not book.append(
                    connection, entry, sealer, events, command
                ):
                    raise _Lost
                for event in events:
                    if isinstance(event, e.LoanJoined):
                        book.hold_role(connection, entry.id, event)
                    elif isinstance(event, e.LoanLeft):
                        book.end_role(connection, entry.id, event)
                    elif isinstance(event, e.BorrowerForgotten):
                        book.burn(connection, entry.id)
                    elif isinstance(event, e.BorrowerRegistered | e.BorrowerChanged):
                        self._mark(connection, entry.id, marked, event.person)
            return True

        try:
            return self.store.run(write)
        except (_Lost, *RACES):
            return False
        except errors.UniqueViolation as error:
            if error.diag.constraint_name == "borrower_marks_unique":
                raise DuplicatePerson(_kind_in(error)) from None
            return False

    def _mark(
        self, connection: Connection[TupleRow], borrower_id: UUID, marked: Sequence[str],
        person: Person,
    ) -> None:  # fmt: skip
        for kind in marked:
            value = person.identities.get(kind)
            if value is None:
                book.drop_mark(connection, borrower_id, kind)
                continue
            marks = self.vault.marks(kind, value)
            if len(marks) > 1 and book.marked(connection, kind, marks[1:]) is not None:
                raise DuplicatePerson(kind)
            book.set_mark(connection, borrower_id, kind, marks[0])

    def _check(self, person: Person) -> None:
        checks.check(
            person,
            self.ledger.clock.business_date(),
            rfc_check_digit=self.ledger.settings.rfc_check_digit,
        )

    def _entry(self, borrower_no: str) -> Entry | None:
        return self.store.run(lambda c: book.entries(c, [borrower_no])).get(borrower_no)

    def _named(self, borrower_no: str) -> Entry:
        entry = self._entry(borrower_no)
        if entry is None:
            raise UnknownBorrower(borrower_no)
        return entry

    def _known(self, command: Command) -> Earlier | None:
        return self.store.run(
            lambda connection: book.earlier(connection, command.idempotency_key, command.id)
        )

    def _opened(self, entry: Entry) -> Sealer:
        if entry.wrapped is None:
            raise BorrowerForgotten(entry.borrower_no)
        return self.vault.open(entry.id, entry.wrapped)

    def _folded(self, entry: Entry, sealer: Sealer) -> Borrower:
        facts = self.store.run(lambda connection: book.facts(connection, [entry.id]))[entry.id]
        borrower = borrowers.replay(fact.opened(sealer) for fact in facts[: entry.version])
        if borrower is None:
            raise BorrowerForgotten(entry.borrower_no)
        return borrower

    @staticmethod
    def _signed(command: Command, sealer: Sealer, body: Mapping[str, Any]) -> Command:
        """The order with its fingerprint under the borrower's key, where it may come again."""
        if command.idempotency_key is None:
            return command
        try:
            content = msgspec.json.encode(_whole(body), order="sorted")
        except UnicodeEncodeError:  # half of a surrogate pair
            raise NotStorable from None
        return replace(command, fingerprint=sealer.digest(content))


def _kind_in(error: errors.UniqueViolation) -> str:
    """Which of his papers somebody else has, as the database tells it."""
    detail = error.diag.message_detail or ""
    return next((kind for kind in IDENTITIES if f"({kind}," in detail), "person")


class _Lost(Exception):
    """Another writer was first: what this transaction did is undone."""


def _whole(value: Any) -> Any:
    """With every field told: which defaults are left out is a matter of identity, not of value."""
    if isinstance(value, Struct):
        return {name: _whole(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, Mapping):
        return {name: _whole(one) for name, one in value.items()}
    return [_whole(one) for one in value] if isinstance(value, tuple | list) else value


def _receipt(
    entry: Entry, command: Command, events: Sequence[e.AnyBorrowerEvent], person: Person | None
) -> BorrowerReceipt:
    return BorrowerReceipt(
        entry.id,
        entry.borrower_no,
        entry.version + len(events),
        command.id,
        tuple(e.tag(event) for event in events),
        checks.doubts(person) if person else (),
    )


def _repeated(
    entry: Entry, before: Earlier, command: Command, warnings: tuple[str, ...] = ()
) -> BorrowerReceipt:
    if command.idempotency_key is not None and before.fingerprint != command.fingerprint:
        raise KeyReused(command.idempotency_key)
    return BorrowerReceipt(
        entry.id, entry.borrower_no, before.version or entry.version, before.command_id,
        tuple(before.tags), warnings, repeated=before.command_id != command.id,
    )  # fmt: skip

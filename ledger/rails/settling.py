"""Settling money that waits: onto the loan it was meant for, or back to who sent it. Once."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from uuid import UUID

import msgspec
from msgspec import Struct
from psycopg import Connection
from psycopg.rows import TupleRow

from ledger import suspense
from ledger.application import Ledger
from ledger.bank_line import BankLine
from ledger.database import connect
from ledger.errors import LedgerError, WrongCurrency
from ledger.money import money
from ledger.order_rows import keep_order
from ledger.orders import Cause, Receipt
from ledger.payment_landing import taking
from ledger.suspense import Suspended
from ledger.units import paid_in

BUCKETS = ((30, "0-30"), (60, "31-60"), (90, "61-90"))
OLDEST = "91+"


class UnknownDeposit(LedgerError):
    """No money waits, or waited, under that key."""

    field = "deposit"

    def __init__(self, key: str) -> None:
        super().__init__(f"nothing waits under {key[:160]}")


class AlreadySettled(LedgerError):
    """The money waits no more."""

    field = "deposit"

    def __init__(self, key: str, settled_as: str) -> None:
        super().__init__(f"{key[:160]} is settled already: {settled_as}")


class Waiting(Struct, frozen=True):
    """Money that waits, and for how many days."""

    deposit: Suspended
    days: int
    bucket: str


def aged(ledger: Ledger, on: date | None = None) -> list[Waiting]:
    """All money that waits, the oldest first, with its age on a day."""
    day = on or ledger.clock.business_date()
    return [_aged(one, day) for one in suspense.waiting(ledger.store) if one.paid_on <= day]


def _aged(deposit: Suspended, day: date) -> Waiting:
    days = (day - deposit.paid_on).days
    return Waiting(deposit, days, next((name for most, name in BUCKETS if days <= most), OLDEST))


def totals(waiting: list[Waiting]) -> dict[str, dict[str, int]]:
    """Minor units that wait, by currency and age."""
    found: dict[str, dict[str, int]] = {}
    for one in waiting:
        ages = found.setdefault(one.deposit.currency, {})
        ages[one.bucket] = ages.get(one.bucket, 0) + one.deposit.amount
    return found


def deposit(ledger: Ledger, key: str) -> Suspended:
    """Errors: ``UnknownDeposit``."""
    found = suspense.suspended(ledger.store, [key]).get(key)
    if found is None:
        raise UnknownDeposit(key)
    return found


def assign(ledger: Ledger, key: str, loan_id: UUID, cause: Cause) -> Receipt:
    """Bring the money to a loan, with the value date it came in on.

    The line keeps its own idempotency key, so that no import and no second person applies it again.
    Errors: ``UnknownDeposit``, ``AlreadySettled``, ``WrongCurrency``, ``UnknownLoan``, and
    ``LoanError`` where the loan cannot take it.
    """
    loan = ledger.load(loan_id)
    with _held(ledger, key) as waiting:
        currency = loan.terms.currency
        if waiting.currency not in (currency, paid_in(currency)):
            raise WrongCurrency("amount", waiting.currency, currency)
        line = _line(waiting)
        body = {"command": "assign-deposit", **line.content()}
        receipt = ledger.execute(
            loan_id,
            taking(ledger, line, money(waiting.amount, waiting.currency)),
            body,
            msgspec.structs.replace(cause, idempotency_key=key),
            line.paid_on,
        )
        today = ledger.clock.business_date()
        ledger.store.run(
            lambda connection: _mark(
                connection, key, "assigned", receipt.command_id, loan_id, on=today
            )
        )
        return receipt


def give_back(ledger: Ledger, key: str, cause: Cause) -> None:
    """The money went back to who sent it, outside this ledger.

    Errors: ``UnknownDeposit``, ``AlreadySettled``, ``KeyReused``.
    """
    with _held(ledger, key):
        body = {"command": "return-deposit", "deposit": key}
        given = msgspec.structs.replace(cause, idempotency_key=None)
        command = ledger.command("return-deposit", given, body)

        def settle(connection: Connection[TupleRow]) -> None:
            with connection.transaction():
                keep_order(connection, command)
                _mark(
                    connection, key, "returned", command.id, None, on=ledger.clock.business_date()
                )

        ledger.store.run(settle)


@contextmanager
def _held(ledger: Ledger, key: str) -> Iterator[Suspended]:
    """The deposit, while nobody else settles it. Errors: ``UnknownDeposit``, ``AlreadySettled``."""
    with closing(connect(ledger.settings, autocommit=True)) as turn:
        turn.execute("SELECT pg_advisory_lock(hashtextextended(%s, 8402))", [key])
        found = deposit(ledger, key)
        if found.settled_as is not None:
            raise AlreadySettled(key, found.settled_as)
        yield found


def _line(waiting: Suspended) -> BankLine:
    return BankLine(
        number=waiting.line,
        original="",
        transaction_id=waiting.line_key,
        paid_on=waiting.paid_on,
        reference=waiting.reference,
        amount=str(money(waiting.amount, waiting.currency).amount),
        channel=waiting.channel,
        currency=waiting.currency,
    )


def _mark(
    connection: Connection[TupleRow],
    key: str,
    settled_as: str,
    command_id: UUID,
    loan_id: UUID | None,
    *,
    on: date,
) -> None:
    """Settled, and who paid and why is nobody's business any more."""
    connection.execute(
        "UPDATE ledger.suspense SET settled_at = now(), settled_on = %s, settled_by = %s,"
        " settled_as = %s, settled_loan = %s, payer = '', remark = ''"
        " WHERE line_key = %s AND settled_at IS NULL",
        [on, command_id, settled_as, loan_id, key],
    )

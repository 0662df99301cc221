"""Groups and their payments as they are kept: `ledger.groups` and `ledger.group_payments`."""

from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from psycopg import Connection, errors
from psycopg.rows import TupleRow

from domain.groups import GroupKind, Member, Split, SplitRule
from ledger.recorder import Command
from ledger.store import Store


class Group(Struct, frozen=True, kw_only=True):
    """A group as agreed; ``members`` are loan numbers in the order of its list.

    ``id`` is that of the order that opened it, ``content`` the digest of what it said.
    """

    group_no: str
    id: UUID
    kind: GroupKind
    currency: str
    opened_on: date
    rule: SplitRule
    members: tuple[str, ...]
    content: str = ""


class Seat(Struct, frozen=True, kw_only=True):
    """A member when the split was decided: his loan, and the version it was decided on."""

    loan_id: UUID
    version: int
    member: Member


class Decided(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a payment is split, and on what grounds; never decided again."""

    seats: tuple[Seat, ...]
    split: Split
    channel: str = ""
    reference: str = ""


class GroupPayment(Struct, frozen=True, kw_only=True):
    """A payment whose split is fixed. ``posted``: all of it is on the members' loans."""

    id: UUID
    group_no: str
    number: int
    on: date
    amount: int
    decided: Decided
    actor: str
    channel: str
    correlation_id: UUID
    posted: bool = False


GROUP = "group_no, id, kind, currency, opened_on, rule::text, members, content"
PAYMENT = (
    "SELECT p.id, p.group_no, p.number, p.effective_on, p.amount, p.split::text, c.actor,"
    " c.channel, c.correlation_id, p.posted_at IS NOT NULL"
    " FROM ledger.group_payments AS p JOIN ledger.commands AS c ON c.id = p.id"
)
_COMMAND = (
    "INSERT INTO ledger.commands (id, name, idempotency_key, fingerprint, actor, channel,"
    " correlation_id, causation_id, appended) VALUES (%(id)s, %(name)s, %(idempotency_key)s,"
    " %(fingerprint)s::bytea, %(actor)s, %(channel)s, %(correlation_id)s, %(causation_id)s, 0)"
    " ON CONFLICT DO NOTHING RETURNING id"
)


def find(store: Store, group_no: str) -> Group | None:
    """The group with this number."""
    return _group(store, "group_no = %s", group_no)


def opened_by(store: Store, command_id: UUID) -> Group | None:
    """The group that this order opened."""
    return _group(store, "id = %s", command_id)


def _group(store: Store, condition: str, value: object) -> Group | None:
    rows = store.run(
        lambda connection: connection.execute(
            f"SELECT {GROUP} FROM ledger.groups WHERE {condition}", [value]
        ).fetchall()
    )
    for group_no, group_id, kind, currency, opened_on, rule, members, content in rows:
        return Group(
            group_no=group_no,
            id=group_id,
            kind=GroupKind(kind),
            currency=currency,
            opened_on=opened_on,
            rule=msgspec.json.decode(rule, type=SplitRule),
            members=tuple(members),
            content=f"\\x{content.hex()}",
        )
    return None


def keep(store: Store, command: Command, group: Group) -> bool:
    """Keep a new group with its order; False where its number, or its key, is used already."""
    values = _values(command) | {
        "group_no": group.group_no,
        "kind": group.kind.value,
        "currency": group.currency,
        "opened_on": group.opened_on,
        "rule": msgspec.json.encode(group.rule).decode(),
        "members": list(group.members),
        "content": group.content,
    }
    query = (
        f"WITH given AS ({_COMMAND}) INSERT INTO ledger.groups (group_no, id, kind, currency,"
        " opened_on, rule, members, content) SELECT %(group_no)s, id, %(kind)s, %(currency)s,"
        " %(opened_on)s, %(rule)s::jsonb, %(members)s, %(content)s::bytea FROM given RETURNING id"
    )
    return _kept(store, query, values)


def fix(store: Store, command: Command, payment: GroupPayment) -> bool:
    """Keep a payment with its split; False where its number, or its key, is used already."""
    values = _values(command) | {
        "group_no": payment.group_no,
        "number": payment.number,
        "on": payment.on,
        "amount": payment.amount,
        "split": msgspec.json.encode(payment.decided).decode(),
    }
    query = (
        f"WITH given AS ({_COMMAND}) INSERT INTO ledger.group_payments (id, group_no, number,"
        " effective_on, amount, split) SELECT id, %(group_no)s, %(number)s, %(on)s, %(amount)s,"
        " %(split)s::jsonb FROM given RETURNING id"
    )
    return _kept(store, query, values)


def _kept(store: Store, query: str, values: dict[str, Any]) -> bool:
    try:
        rows = store.run(lambda connection: connection.execute(query, values).fetchall())
    except errors.UniqueViolation:
        return False
    return bool(rows)


def _values(command: Command) -> dict[str, Any]:
    return msgspec.structs.asdict(command)


def payment(store: Store, payment_id: UUID) -> GroupPayment | None:
    """The payment that this order brought."""
    found = _payments(store, f"{PAYMENT} WHERE p.id = %s", payment_id)
    return found[0] if found else None


def payments(store: Store, group_no: str) -> list[GroupPayment]:
    """All of a group's, oldest first."""
    return _payments(store, f"{PAYMENT} WHERE p.group_no = %s ORDER BY p.number", group_no)


def unposted(store: Store, group_no: str) -> tuple[int, list[GroupPayment]]:
    """The number of the last payment, and those up to it that are not all on the loans."""

    def look(connection: Connection[TupleRow]) -> tuple[int, list[TupleRow]]:
        [[last]] = connection.execute(
            "SELECT coalesce(max(number), 0) FROM ledger.group_payments WHERE group_no = %s",
            [group_no],
        ).fetchall()
        rows = connection.execute(
            f"{PAYMENT} WHERE p.group_no = %s AND p.number <= %s AND p.posted_at IS NULL"
            " ORDER BY p.number",
            [group_no, last],
        ).fetchall()
        return last, rows

    last, rows = store.run(look)
    return last, [_payment(row) for row in rows]


def mark_posted(store: Store, payment_id: UUID) -> None:
    """All parts of the payment are on their loans."""
    store.run(
        lambda connection: connection.execute(
            "UPDATE ledger.group_payments SET posted_at = now()"
            " WHERE id = %s AND posted_at IS NULL",
            [payment_id],
        )
    )


def loans_of(store: Store, group_no: str) -> list[UUID]:
    """The loans of the group's members, as they have been opened so far."""
    rows = store.run(
        lambda connection: connection.execute(
            "SELECT loan_id FROM ledger.loan_state WHERE group_no = %s AND group_no <> ''",
            [group_no],
        ).fetchall()
    )
    return [loan_id for (loan_id,) in rows]


def _payments(store: Store, query: str, value: object) -> list[GroupPayment]:
    rows = store.run(lambda connection: connection.execute(query, [value]).fetchall())
    return [_payment(row) for row in rows]


def _payment(row: TupleRow) -> GroupPayment:
    payment_id, group_no, number, on, amount, decided, *rest = row
    actor, channel, correlation_id, posted = rest
    return GroupPayment(
        id=payment_id,
        group_no=group_no,
        number=number,
        on=on,
        amount=amount,
        decided=msgspec.json.decode(decided, type=Decided),
        actor=actor,
        channel=channel,
        correlation_id=correlation_id,
        posted=posted,
    )

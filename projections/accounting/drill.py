"""From a line of the ledger to the events behind it, and from a loan's events to their entries."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from msgspec import Struct
from psycopg import Connection

from domain import events as e
from ledger import log
from projections.accounting.balances import touching_keys
from projections.accounting.booked import TYPES, Booked, Header, as_date, booked
from projections.accounting.columns import CODE, KEYS
from projections.accounting.entries import entries_of_facts
from projections.accounting.entry import Entry
from projections.accounting.facts import SUSPENDED, Fact, facts_of
from projections.accounting.periods import Closed, closed, posted
from projections.accounting.rules import Rules
from projections.accounting.standing import TURNS, Standing
from projections.movements import MOVING
from projections.staging import day


class Behind(Struct, frozen=True, kw_only=True):
    """What one event posted to an account."""

    position: int
    loan_id: UUID
    loan_no: str
    posted_on: date
    value_on: date
    currency: str
    branch: str
    product: str
    kind: str
    component: str
    debit: int
    credit: int


def behind(
    connection: Connection[Any],
    rules: Rules,
    number: str,
    first: date,
    last: date,
    *,
    kind: str | None = None,
) -> Iterator[Behind]:
    """What each loan's events posted to the account from ``first`` to ``last``, in log order.

    Errors: ``KeyError`` for a number that the chart has not.
    """
    rules.chart.by_number[number]
    codes = {CODE[key] for key in touching_keys(rules, number) if kind in (None, key[0])}
    for part in booked(connection, first, last, frozenset(codes)):
        yield from _behind(part, rules, number)


def _behind(part: Booked, rules: Rules, number: str) -> Iterator[Behind]:
    rows = zip(*(column.tolist() for column in part[:7]), strict=True)
    for position, loan, posted_on, value_on, stage, code, amount in rows:
        kind, component = KEYS[code]
        fact = Fact(as_date(value_on), stage, kind, component, amount)
        origin = (position, part.loan_ids[loan], part.headers[loan])
        yield from _posted(rules, number, *origin, fact, as_date(posted_on))


class Told(NamedTuple):
    """An event, and how its loan stood for the books just before it."""

    position: int
    loan_id: UUID
    header: Header
    event: e.AnyLoanEvent
    stage: int
    suspended: bool


EVENTS = """
    SELECT event.position, event.loan_id, loans.loan_no, groups.currency, groups.branch,
           groups.product, event.type, event.revision, event.state::text AS state,
           coalesce(stood.stage, 1) AS stage, coalesce(stood.suspended, false) AS suspended
    FROM ledger.events AS event
    JOIN read.accounting_loans AS loans ON loans.loan_id = event.loan_id
    JOIN read.accounting_groups AS groups ON groups.group_no = loans.group_no
    LEFT JOIN LATERAL (
        SELECT stage, suspended FROM read.accounting_stages AS one
        WHERE one.loan_id = event.loan_id AND one.position < event.position
        ORDER BY one.position DESC LIMIT 1
    ) AS stood ON true
    WHERE event.position > %(after)s AND event.type = ANY(%(types)s) AND event.position <= (
        SELECT max(last_position) FROM read.accounting_facts
        WHERE posted_on BETWEEN %(first)s AND %(last)s AND kind = ANY(%(kinds)s))
      AND event.position >= (
        SELECT min(first_position) FROM read.accounting_facts
        WHERE posted_on BETWEEN %(first)s AND %(last)s AND kind = ANY(%(kinds)s))
    ORDER BY event.position LIMIT %(most)s
"""
MOVES = """
    SELECT position, effective_on, stage, kind, component, amount FROM read.accounting_moves
    WHERE position = ANY(%s) ORDER BY position, line
"""
"""What was kept of events that depend on how their loans stood."""


def events_asked(
    rules: Rules, number: str, first: date, last: date, kind: str | None, after: int, most: int
) -> dict[str, Any]:
    """What ``EVENTS`` is asked with: those that may post to an account."""
    kinds = sorted({one for one, _ in touching_keys(rules, number) if kind in (None, one)})
    unasked = {e.tag(one) for name, one in ACCRUALS.items() if name not in kinds}
    types = [one for one in TYPES if one not in unasked]
    return {"first": first, "last": last, "kinds": kinds, "types": types, "after": after,
            "most": most}  # fmt: skip


ACCRUALS: dict[str, type[e.LoanEvent]] = {
    "interest": e.InterestAccrued,
    "late_interest": e.LateInterestAccrued,
}


def behind_of(
    rules: Rules,
    number: str,
    events: Sequence[Told],
    moves: Iterable[Sequence[Any]],
    closes: Closed,
) -> Iterator[Behind]:
    """What each of ``events`` posted to the account, ``moves`` being the rows of ``MOVES``."""
    kept: dict[int, list[Fact]] = {}
    for position, *values in moves:
        kept.setdefault(position, []).append(Fact(*values))
    for one in events:
        depends = isinstance(one.event, TURNS) or (one.suspended and isinstance(one.event, MOVING))
        facts = kept.get(one.position, []) if depends else _meant(one)
        for fact in facts:
            on = _day(closes, one.position, fact.on)
            yield from _posted(rules, number, one.position, one.loan_id, one.header, fact, on)


def _meant(one: Told) -> list[Fact]:
    facts = facts_of(one.event, one.stage)
    if not one.suspended:
        return facts
    return [fact._replace(component=f"{SUSPENDED}{fact.component}") for fact in facts]


def _posted(
    rules: Rules, number: str, position: int, loan_id: UUID, header: Header, fact: Fact, on: date
) -> Iterator[Behind]:
    """What a fact posts to the account on a day, if it does."""
    debit = credit = 0
    for pair in rules.posted(fact.kind, fact.component, fact.stage, header.product):
        for account, amount in zip(pair, (fact.amount, -fact.amount), strict=True):
            debit += max(amount, 0) * (account.number == number)
            credit += max(-amount, 0) * (account.number == number)
    if debit or credit:
        yield Behind(
            position=position, loan_id=loan_id, loan_no=header.loan_no, posted_on=on,
            value_on=fact.on, currency=header.currency, branch=header.branch,
            product=header.product, kind=fact.kind, component=fact.component, debit=debit,
            credit=credit,
        )  # fmt: skip


def _day(closes: Closed, position: int, on: date) -> date:
    return as_date(int(posted(closes, np.array([position]), np.array([day(on)]))[0]))


def loan_of(connection: Connection[Any], loan_no: str) -> UUID | None:
    """The loan with that number, as far as the books have read."""
    rows = connection.execute(
        "SELECT loan_id FROM read.accounting_loans WHERE loan_no = %s", [loan_no]
    ).fetchall()
    return rows[0][0] if rows else None


HEADER = """
    SELECT loan_no, currency, branch, product FROM read.accounting_loans
    JOIN read.accounting_groups USING (group_no) WHERE loan_id = %s
"""


def entries_of_loan(
    connection: Connection[Any], rules: Rules, loan_id: UUID, position: int | None = None
) -> list[Entry]:
    """The entries of each event of a loan, or of the one at ``position``; not numbered.

    They are worked out from the loan's own events alone.
    """
    rows = connection.execute(HEADER, [loan_id]).fetchall()
    if not rows:
        return []
    told = [(one.position, one.event) for one in log.facts(connection, loan_id)]
    return entries_told(rules, Header(*rows[0]), told, closed(connection), position)


def entries_told(
    rules: Rules,
    header: Header,
    told: Iterable[tuple[int, e.AnyLoanEvent]],
    closes: Closed,
    position: int | None = None,
) -> list[Entry]:
    """The entries of a loan's events, all of which are ``told`` in their order with positions."""
    standing = Standing()
    found: list[Entry] = []
    for at, event in told:
        facts = standing.book(event)
        if position not in (None, at):
            continue
        for on in sorted({fact.on for fact in facts}):
            same = [fact for fact in facts if fact.on == on]
            found += entries_of_facts(rules, header, at, _day(closes, at, on), same)
    return found

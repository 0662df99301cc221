"""From a line of the ledger to the events behind it, and from a loan's events to their entries."""

from collections.abc import Iterator
from datetime import date
from typing import Any
from uuid import UUID

import numpy as np
from msgspec import Struct
from psycopg import Connection

from ledger import log
from projections.accounting.balances import posted_pairs, touching_keys
from projections.accounting.booked import Booked, Header, as_date, booked
from projections.accounting.columns import CODE, KEYS
from projections.accounting.entries import entries_of_facts
from projections.accounting.entry import Entry
from projections.accounting.periods import closed, posted
from projections.accounting.rules import Rules
from projections.accounting.standing import Standing
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
        header, (kind, component) = part.headers[loan], KEYS[code]
        debit = credit = 0
        for debited, credited in posted_pairs(rules, kind, component, stage, header.product):
            debit += max(amount, 0) * (debited.number == number)
            credit += max(amount, 0) * (credited.number == number)
            debit += max(-amount, 0) * (credited.number == number)
            credit += max(-amount, 0) * (debited.number == number)
        if debit or credit:
            yield Behind(
                position=position, loan_id=part.loan_ids[loan], loan_no=header.loan_no,
                posted_on=as_date(posted_on), value_on=as_date(value_on), currency=header.currency,
                branch=header.branch, product=header.product, kind=kind, component=component,
                debit=debit, credit=credit,
            )  # fmt: skip


def loan_of(connection: Connection[Any], loan_no: str) -> UUID | None:
    """The loan with that number, as far as the books have read."""
    rows = connection.execute(
        "SELECT loan_id FROM read.accounting_loans WHERE loan_no = %s", [loan_no]
    ).fetchall()
    return rows[0][0] if rows else None


def entries_of_loan(
    connection: Connection[Any], rules: Rules, loan_id: UUID, position: int | None = None
) -> list[Entry]:
    """The entries of each event of a loan, or of the one at ``position``; not numbered.

    They are worked out from the loan's own events alone.
    """
    records = log.facts(connection, loan_id)
    rows = connection.execute(
        "SELECT loan_no, currency, branch, product FROM read.accounting_loans"
        " JOIN read.accounting_groups USING (group_no) WHERE loan_id = %s",
        [loan_id],
    ).fetchall()
    if not rows:
        return []
    header, standing, closes = Header(*rows[0]), Standing(), closed(connection)
    found: list[Entry] = []
    for record in records:
        facts = standing.book(record.event)
        if position not in (None, record.position):
            continue
        for on in sorted({fact.on for fact in facts}):
            at, of = np.array([record.position]), np.array([day(on)])
            posted_on = as_date(int(posted(closes, at, of)[0]))
            same = [fact for fact in facts if fact.on == on]
            found += entries_of_facts(rules, header, record.position, posted_on, same)
    return found

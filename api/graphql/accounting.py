"""The books in the company's own accounts: balances, ledgers, and the events behind a line."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import strawberry

from api.graphql.arguments import word
from api.graphql.errors import Refused
from api.graphql.scalars import BigInt, Money, money
from api.graphql.snapshot import Snapshot
from ledger import upcasters
from projections.accounting import balances as books
from projections.accounting import entry as shapes
from projections.accounting.booked import Header
from projections.accounting.drill import (
    EVENTS,
    HEADER,
    MOVES,
    Behind,
    Told,
    behind_of,
    entries_told,
    events_asked,
)
from projections.accounting.periods import CLOSED, Closed, closed_by
from projections.accounting.rules import Rules, load_rules

EVENTS_AT_ONCE = 2_000
MOST_LINES = 500


@strawberry.type(description="An account of the company's chart.")
class CompanyAccount:
    number: str
    name: str
    nature: str = strawberry.field(description="debit or credit: the side it usually stands on.")
    sat_code: str | None = strawberry.field(description="SAT's código agrupador, once confirmed.")
    cnbv_concept: str | None
    memorandum: bool = strawberry.field(description="Off the balance sheet (cuenta de orden).")


@strawberry.type(description="What an account came to; balances are on the account's own side.")
class AccountBalance:
    account: CompanyAccount
    opening: Money
    debit: Money
    credit: Money
    closing: Money


@strawberry.type(description="All accounts that moved, of one currency, branch or product.")
class AccountBalances:
    currency: str
    branch: str | None
    product: str | None
    first: date = strawberry.field(name="from")
    last: date = strawberry.field(name="to")
    accounts: list[AccountBalance]


@strawberry.type(description="What one kind of event came to on an account on a day.")
class LedgerLine:
    posted_on: date
    value_on: date = strawberry.field(description="Earlier, if its month was closed by then.")
    branch: str
    product: str
    kind: str
    debit: Money
    credit: Money
    balance: Money


@strawberry.type(description="What one event of a loan posted to an account.")
class AccountEvent:
    position: BigInt
    loan_id: UUID
    loan_no: str
    posted_on: date
    value_on: date
    branch: str
    product: str
    kind: str
    component: str
    debit: Money
    credit: Money


@strawberry.type(description="One side of an entry in the company's accounts.")
class EntryLine:
    account: CompanyAccount
    debit: Money
    credit: Money
    text: str


@strawberry.type(description="The balanced entry of one event and value date.")
class CompanyEntry:
    key: str
    kind: str = strawberry.field(description="income, expense or journal: the sort of póliza.")
    posted_on: date
    value_on: date
    text: str
    lines: list[EntryLine]


def _rules(snapshot: Snapshot) -> Rules:
    return load_rules(snapshot.settings.accounting_rules, snapshot.settings.accounting_chart)


async def account_balances(
    snapshot: Snapshot, first: date | None, last: date, by: Sequence[str]
) -> list[AccountBalances]:
    rules, asked = _rules(snapshot), books.span(last, first, by)
    rows = [tuple(row.values()) for row in await snapshot.rows(books.SUMS, asked)]
    return [
        AccountBalances(
            currency=place.currency,
            branch=place.branch if "branch" in by else None,
            product=place.product if "product" in by else None,
            first=asked["first"],
            last=last,
            accounts=[_balance(one, place.currency) for one in found],
        )
        for place, found in books.balances_of(rules, rows, by).items()
    ]


def _balance(one: shapes.AccountBalance, currency: str) -> AccountBalance:
    sides = ("opening", "debit", "credit", "closing")
    return AccountBalance(
        account=_account(one.account),
        **{side: money(getattr(one, side), currency) for side in sides},
    )


def _account(one: shapes.Account) -> CompanyAccount:
    return CompanyAccount(
        number=one.number, name=one.name, nature=one.nature.value, sat_code=one.sat_code,
        cnbv_concept=one.cnbv_concept, memorandum=one.memorandum,
    )  # fmt: skip


async def account_ledger(
    snapshot: Snapshot, number: str, first: date | None, last: date
) -> list[LedgerLine]:
    rules = _known(snapshot, number)
    begin = first or last.replace(day=1)
    sums = await snapshot.rows(books.SUMS, books.span(last, begin))
    rows = await snapshot.rows(books.LINES, books.lines_asked(rules, number, begin, last))
    told = ([tuple(row.values()) for row in some] for some in (sums, rows))
    return [
        LedgerLine(
            **_same(one, ("posted_on", "value_on", "branch", "product", "kind")),
            **_amounts(one, ("debit", "credit", "balance")),
        )
        for one in books.ledger_of(rules, number, *told)
    ]


def _known(snapshot: Snapshot, number: str) -> Rules:
    rules = _rules(snapshot)
    if word(number) not in rules.chart.by_number:
        raise Refused("unknown-account", f"the chart posts to no account {number!r}")
    return rules


async def account_events(
    snapshot: Snapshot,
    number: str,
    first: date,
    last: date,
    kind: str | None,
    size: int,
    after: int,
) -> list[AccountEvent]:
    """The next lines after a position; an event's lines stay together, so a few more may come."""
    if not 1 <= size <= MOST_LINES:
        raise Refused("bad-page", f"first is from 1 to {MOST_LINES}")
    rules, closes = _known(snapshot, number), await _closes(snapshot)
    found: list[AccountEvent] = []
    while len(found) < size:
        asked = events_asked(rules, number, first, last, kind and word(kind), after, EVENTS_AT_ONCE)
        told = [_told(row) for row in await snapshot.rows(EVENTS, asked)]
        if not told:
            break
        moves = await snapshot.rows(MOVES, [[one.position for one in told]])
        rows = [tuple(row.values()) for row in moves]
        for line in behind_of(rules, number, told, rows, closes):
            if len(found) >= size and line.position != found[-1].position:
                break
            if first <= line.posted_on <= last and kind in (None, line.kind):
                found.append(_event(line))
        after = told[-1].position
    return found


def _told(row: Mapping[str, Any]) -> Told:
    event = upcasters.decode(row["type"], row["revision"], row["state"])
    header = Header(row["loan_no"], row["currency"], row["branch"], row["product"])
    return Told(
        row["position"], row["loan_id"], header, event, row["stage"], row["suspended"]
    )  # fmt: skip


def _event(line: Behind) -> AccountEvent:
    same = ("loan_id", "loan_no", "posted_on", "value_on", "branch", "product", "kind", "component")
    return AccountEvent(
        position=BigInt(line.position), **_same(line, same), **_amounts(line, ("debit", "credit"))
    )


async def company_entries(
    snapshot: Snapshot, loan_id: UUID, position: int | None
) -> list[CompanyEntry]:
    rules = _rules(snapshot)
    rows = await snapshot.rows(HEADER, [loan_id])
    if not rows:
        return []
    events = await snapshot.rows(_EVENTS_OF, [loan_id, snapshot.position])
    told = [
        (row["position"], upcasters.decode(row["type"], row["revision"], row["state"]))
        for row in events
    ]
    header = Header(*rows[0].values())
    found = entries_told(rules, header, told, await _closes(snapshot), position)
    return [_entry(one, rules.chart.by_number) for one in found]


_EVENTS_OF = """
    SELECT position, type, revision, state::text AS state FROM ledger.events
    WHERE loan_id = %s AND position <= %s ORDER BY version
"""


def _entry(one: shapes.Entry, accounts: Mapping[str, shapes.Account]) -> CompanyEntry:
    return CompanyEntry(
        key=one.key, kind=one.kind.value, posted_on=one.posted_on, value_on=one.value_on,
        text=one.text,
        lines=[
            EntryLine(
                account=_account(accounts[line.account]), text=line.text,
                debit=money(line.debit, one.currency), credit=money(line.credit, one.currency),
            )
            for line in one.lines
        ],
    )  # fmt: skip


async def _closes(snapshot: Snapshot) -> Closed:
    return closed_by([tuple(row.values())[:2] for row in await snapshot.rows(CLOSED)])


def _same(one: Any, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(one, name) for name in names}


def _amounts(one: Any, names: Sequence[str]) -> dict[str, Any]:
    return {name: money(getattr(one, name), one.currency) for name in names}

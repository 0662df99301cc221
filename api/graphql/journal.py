"""The books: journal entries, each with its lines, and the trial balance of any day."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import strawberry
from psycopg.rows import DictRow

from api.graphql.connections import Keyset, Slice
from api.graphql.scalars import BigInt, Money, money
from api.graphql.snapshot import Snapshot
from domain.events import InterestAccrued, LateInterestAccrued, tag
from projections.journal.accounts import ACCRUAL_ACCOUNTS
from projections.journal.balances import TRIAL_BALANCE

COLUMNS = """of.loan_id, of.position, of.part, of.effective_on, of.recorded_at, of.event,
    of.currency, of.accounts, of.amounts"""
KEPT, ACCRUED, ALL = (
    f"read.{one} AS of" for one in ("journal_entries", "accrual_entries", "journal")
)
ENTRIES = (COLUMNS, ALL)
ACCRUALS = frozenset({tag(InterestAccrued), tag(LateInterestAccrued)})
BOOKED = Keyset("journal:booked", (("of.position", int), ("of.part", int)))


@strawberry.type(description="An account of the general ledger.")
class Account:
    code: str
    name: str
    kind: str = strawberry.field(description="asset, liability, equity, income or expense.")


@strawberry.type(description="One side of an entry: the debit or the credit is zero.")
class JournalLine:
    account: Account
    debit: Money
    credit: Money


@strawberry.type(description="A balanced entry: what one event means for the books on one day.")
class JournalEntry:
    loan_id: UUID
    position: BigInt = strawberry.field(description="Of the event it books.")
    part: int
    effective_on: date
    recorded_at: datetime
    event: str
    currency: str
    lines: list[JournalLine]


Chart = Mapping[int, Account]


async def accounts(snapshot: Snapshot) -> Chart:
    """The chart of accounts, read once per request."""
    chart: Chart = await snapshot.load("accounts", _chart, None)
    return chart


async def _chart(snapshot: Snapshot, keys: list[Any]) -> list[Chart]:
    rows = await snapshot.rows("SELECT account, code, name, kind FROM read.accounts")
    chart = {
        row["account"]: Account(code=row["code"], name=row["name"], kind=row["kind"])
        for row in rows
    }
    return [chart for _ in keys]


def may_accrue(events: list[str] | None, code: str | None, chart: Chart) -> bool:
    """Whether accruals may be among the entries of these events, with this account."""
    of_account = code is None or any(chart[one].code == code for one in ACCRUAL_ACCOUNTS)
    return of_account and (events is None or not ACCRUALS.isdisjoint(events))


async def entries(
    snapshot: Snapshot, where: str, values: Sequence[Any], asked: Slice, *, accrued: bool
) -> list[DictRow]:
    """A page of the book: entries of movements, and those of accruals no further than these go."""

    async def page(source: str, within: str, *bound: Any) -> list[DictRow]:
        return await snapshot.rows(
            f"SELECT {COLUMNS}, {asked.keyset.columns} FROM {source}"
            f" WHERE {where} AND {asked.where} AND {within} {asked.tail}",
            [*values, *asked.values, *bound],
        )

    rows = await page(KEPT, "true")
    if not accrued:
        return rows
    if len(rows) > asked.size:
        within = "of.position >= %s" if asked.backwards else "of.position <= %s"
        rows += await page(ACCRUED, within, rows[-1]["position"])
    else:
        rows += await page(ACCRUED, "true")
    rows.sort(key=lambda row: (row["position"], row["part"]), reverse=asked.backwards)
    return rows[: asked.size + 1]


def entry(row: DictRow, chart: Chart) -> JournalEntry:
    currency = row["currency"]
    same = ("loan_id", "position", "part", "effective_on", "recorded_at", "event", "currency")
    return JournalEntry(
        **{name: row[name] for name in same},
        lines=[
            JournalLine(
                account=chart[account],
                debit=money(max(amount, 0), currency),
                credit=money(max(-amount, 0), currency),
            )
            for account, amount in zip(row["accounts"], row["amounts"], strict=True)
        ],
    )


@strawberry.type(description="What one account comes to.")
class TrialBalanceLine:
    account: Account
    debit: Money
    credit: Money
    balance: Money = strawberry.field(description="Debit less credit.")


@strawberry.type(description="All accounts at the end of a day, in one currency.")
class TrialBalance:
    on: date
    currency: str
    lines: list[TrialBalanceLine]
    debit: Money
    credit: Money
    balanced: bool


async def trial_balances(snapshot: Snapshot, on: date) -> list[TrialBalance]:
    by_currency: dict[str, list[DictRow]] = {}
    for row in await snapshot.rows(TRIAL_BALANCE, [on]):
        by_currency.setdefault(row["currency"], []).append(row)
    return [_trial_balance(on, currency, rows) for currency, rows in by_currency.items()]


def _trial_balance(on: date, currency: str, rows: list[DictRow]) -> TrialBalance:
    debit = sum(row["debit"] for row in rows)
    credit = sum(row["credit"] for row in rows)
    return TrialBalance(
        on=on,
        currency=currency,
        debit=money(debit, currency),
        credit=money(credit, currency),
        balanced=debit == credit,
        lines=[
            TrialBalanceLine(
                account=Account(code=row["code"], name=row["name"], kind=row["kind"]),
                debit=money(row["debit"], currency),
                credit=money(row["credit"], currency),
                balance=money(row["debit"] - row["credit"], currency),
            )
            for row in rows
        ],
    )

"""The books against the entries of every event: what each account came to, on every day."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any, LiteralString, TypeAlias

from psycopg import Connection

from ledger.money import FormError
from ledger.settings import settings
from projections.accounting.facts import KEPT, OVERPAID, SUSPENDED
from projections.accounting.rules import Rules, load_rules
from projections.journal.accounts import RECEIVABLE, Account
from projections.verify.finding import Finding

_SAME_PLACE = """
    SELECT count(DISTINCT position) = 1 FROM read.positions
    WHERE projection IN ('accounting', 'balances', 'transactions')
"""
_FACTS = """
    SELECT effective_on, currency, stage, product, kind, component, sum(added - taken)::bigint
    FROM read.accounting_amounts WHERE source IN ('event', 'deposit')
    GROUP BY 1, 2, 3, 4, 5, 6
"""
_DEPOSITS = """
    SELECT on_day, currency, sum(change)::bigint
    FROM (
        SELECT paid_on, currency, amount FROM ledger.suspense
        WHERE settled_as IS DISTINCT FROM 'assigned'
        UNION ALL
        SELECT coalesce(settled_on, (settled_at AT TIME ZONE 'UTC')::date), currency, -amount
        FROM ledger.suspense WHERE settled_at IS NOT NULL AND settled_as <> 'assigned'
    ) AS waiting (on_day, currency, change)
    WHERE change IS NOT NULL AND currency IS NOT NULL
    GROUP BY 1, 2
"""
"""What waits for its loan changed by. What a loan took waits no day: it is a payment since then."""
_ENTRIES = """
    SELECT entry.effective_on, entry.currency, side.account, sum(side.amount)::bigint
    FROM read.journal AS entry
    CROSS JOIN LATERAL unnest(entry.accounts, entry.amounts) AS side (account, amount)
    GROUP BY 1, 2, 3
"""
_TOTALS = "SELECT effective_on, currency, account, debit - credit FROM read.journal_totals"

Changes: TypeAlias = Counter[tuple[date, str, int]]
"""What each neutral account changed by, by day and currency."""


def check(connection: Connection[Any]) -> Iterator[Finding]:
    """Rules that cannot be read; accounts that hold something else than the loans owe.

    Held day by day against the journal's entries, which `events` and `totals` hold against every
    event and each loan: where every day's change agrees, balances agree on any date.
    """
    [[same]] = connection.execute(_SAME_PLACE).fetchall()
    entries = _changes(connection, _ENTRIES) if same else Counter()
    if same:
        yield from _totals(_changes(connection, _TOTALS), entries)
    chosen = settings()
    try:
        rules = load_rules(chosen.accounting_rules, chosen.accounting_chart)
    except (FormError, OSError) as error:
        yield Finding("posting rules", str(error))
        return
    if same:
        yield from _accounts(connection, rules, entries)


def _accounts(connection: Connection[Any], rules: Rules, entries: Changes) -> Iterator[Finding]:
    """Company accounts that hold something else than the entries leave the loans owing."""
    held, sides, waits = _held(connection, rules)
    yield from _deposits(connection, waits)
    for (currency, off), balance in sorted(sides.items()):
        if balance:
            accounts = "memorandum accounts" if off else "accounts"
            yield Finding(
                "accounts", f"debits of {accounts} in {currency} exceed credits {balance}"
            )
    owed = _owed(entries)
    for key in sorted(held.keys() | owed.keys()):
        if held[key] != owed[key]:
            on, currency, component = key
            told = f"{component} in {currency} on {on}: accounts changed by {held[key]}"
            yield Finding("accounts", f"{told}, loans by {owed[key]}")


def _deposits(connection: Connection[Any], held: Counter[tuple[date, str]]) -> Iterator[Finding]:
    """Days on which the account of deposits changes by something else than the list of them."""
    listed = {(on, currency): change for on, currency, change in connection.execute(_DEPOSITS)}
    for key in sorted(held.keys() | listed.keys()):
        if held[key] != listed.get(key, 0):
            on, currency = key
            told = (
                f"deposits to be identified in {currency} on {on}: accounts changed by {held[key]}"
            )
            yield Finding("accounts", f"{told}, the list of what waits by {listed.get(key, 0)}")


def _held(
    connection: Connection[Any], rules: Rules
) -> tuple[Counter[tuple[date, str, str]], Counter[tuple[str, bool]], Counter[tuple[date, str]]]:
    """Changes by day of what accounts hold of each component, on and off the balance sheet; debits
    less credits of all accounts of either sort; credits of the account of deposits, by day.
    """
    waiting = {credited.internal for _, credited in rules.posted("deposit", "unidentified", 1, "")}
    waits: Counter[tuple[date, str]] = Counter()
    holds = {rules.chart.mapped[n].number: held for n, held in rules.chart.holding().items()}
    found: Counter[tuple[date, str, str]] = Counter()
    sides: Counter[tuple[str, bool]] = Counter()
    for on, currency, stage, product, kind, component, amount in connection.execute(_FACTS):
        for pair in rules.posted(kind, component, stage, product):
            for account, way in zip(pair, (amount, -amount), strict=True):
                sides[currency, account.memorandum] += way
                if account.internal in waiting:
                    waits[on, currency] -= way
                if (held := holds.get(account.number)) is not None:
                    owes = OVERPAID if held in KEPT else held.removeprefix(SUSPENDED)
                    found[on, currency, owes] += way
    return found, sides, waits


def _changes(connection: Connection[Any], query: LiteralString) -> Changes:
    return Counter({(on, name, n): change for on, name, n, change in connection.execute(query)})


def _totals(totals: Changes, entries: Changes) -> Iterator[Finding]:
    """Days on which the facts come to something else than the events."""
    for key in sorted(totals.keys() | entries.keys()):
        if totals[key] != entries[key]:
            on, currency, account = key
            told = f"account {account} in {currency} on {on}: facts change it by {totals[key]}"
            yield Finding("journal totals", f"{told}, entries by {entries[key]}")


def _owed(entries: Changes) -> Counter[tuple[date, str, str]]:
    names = {int(account): component for component, account in RECEIVABLE.items()}
    names[int(Account.OVERPAYMENTS)] = OVERPAID
    found: Counter[tuple[date, str, str]] = Counter()
    for (on, currency, account), change in entries.items():
        if account in names:
            found[on, currency, names[account]] += change
    return found

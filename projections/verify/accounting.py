"""The company's accounts against the loans: what is held for each component, on every day."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

from psycopg import Connection

from ledger.money import FormError
from ledger.settings import settings
from projections.accounting.facts import OVERPAID, SUSPENDED
from projections.accounting.rules import Rules, load_rules
from projections.journal.accounts import RECEIVABLE, Account
from projections.verify.finding import Finding

_SAME_PLACE = """
    SELECT count(DISTINCT position) = 1 FROM read.positions
    WHERE projection IN ('accounting', 'balances', 'transactions')
"""
_FACTS = """
    SELECT effective_on, currency, stage, product, kind, component, sum(added - taken)::bigint
    FROM read.accounting_amounts WHERE source = 'event'
    GROUP BY 1, 2, 3, 4, 5, 6
"""
_JOURNAL = """
    SELECT effective_on, currency, account, sum(debit - credit)::bigint
    FROM read.journal_totals WHERE account = ANY(%s) GROUP BY 1, 2, 3
"""


def check(connection: Connection[Any]) -> Iterator[Finding]:
    """Rules that cannot be read; accounts that hold something else than the loans owe.

    Held day by day against the neutral journal, which `totals` holds against every event and each
    loan: where every day's change agrees, balances agree on any date.
    """
    chosen = settings()
    try:
        rules = load_rules(chosen.accounting_rules, chosen.accounting_chart)
    except (FormError, OSError) as error:
        yield Finding("posting rules", str(error))
        return
    [[same]] = connection.execute(_SAME_PLACE).fetchall()
    if not same:
        return
    held, sides = _held(connection, rules)
    for (currency, off), balance in sorted(sides.items()):
        if balance:
            accounts = "memorandum accounts" if off else "accounts"
            yield Finding(
                "accounts", f"debits of {accounts} in {currency} exceed credits {balance}"
            )
    owed = _owed(connection)
    for key in sorted(held.keys() | owed.keys()):
        if held[key] != owed[key]:
            on, currency, component = key
            told = f"{component} in {currency} on {on}: accounts changed by {held[key]}"
            yield Finding("accounts", f"{told}, loans by {owed[key]}")


def _held(
    connection: Connection[Any], rules: Rules
) -> tuple[Counter[tuple[date, str, str]], Counter[tuple[str, bool]]]:
    """Changes by day of what accounts hold of each component, on and off the balance sheet; and
    debits less credits of all accounts of either sort.
    """
    holds = {rules.chart.mapped[n].number: held for n, held in rules.chart.holding().items()}
    found: Counter[tuple[date, str, str]] = Counter()
    sides: Counter[tuple[str, bool]] = Counter()
    for on, currency, stage, product, kind, component, amount in connection.execute(_FACTS):
        for pair in rules.posted(kind, component, stage, product):
            for account, way in zip(pair, (amount, -amount), strict=True):
                sides[currency, account.memorandum] += way
                if (held := holds.get(account.number)) is not None:
                    found[on, currency, held.removeprefix(SUSPENDED)] += way
    return found, sides


def _owed(connection: Connection[Any]) -> Counter[tuple[date, str, str]]:
    names = {int(account): component for component, account in RECEIVABLE.items()}
    names[int(Account.OVERPAYMENTS)] = OVERPAID
    found: Counter[tuple[date, str, str]] = Counter()
    for on, currency, account, change in connection.execute(_JOURNAL, [list(names)]):
        found[on, currency, names[account]] += change
    return found

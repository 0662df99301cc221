"""The general ledger in the company's accounts: what each came to, from when and through what."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple

from msgspec import Struct
from psycopg import Connection

from projections.accounting.entry import Account, AccountBalance, Nature
from projections.accounting.rules import Rules

BY = ("branch", "product")


class Place(NamedTuple):
    """Where a balance belongs; branch and product are empty unless they are asked for."""

    currency: str
    branch: str
    product: str


class Turnover(Struct):
    """Debits and credits of an account before a span of days, and in it."""

    before: int = 0
    debit: int = 0
    credit: int = 0


class LedgerLine(Struct, frozen=True, kw_only=True):
    """What one kind of event came to on an account on a day. ``balance`` is on its own side."""

    posted_on: date
    value_on: date
    currency: str
    branch: str
    product: str
    kind: str
    debit: int
    credit: int
    balance: int


def trial_balance(
    connection: Connection[Any],
    rules: Rules,
    last: date,
    first: date | None = None,
    *,
    by: Sequence[str] = (),
) -> dict[Place, list[AccountBalance]]:
    """Every account that moved, at the end of ``last``; debits and credits are those from ``first``
    on, by default from the beginning of the month. Days are posting days.
    """
    asked = span(last, first, by)
    return balances_of(rules, connection.execute(SUMS, asked), by)


def span(last: date, first: date | None = None, by: Sequence[str] = ()) -> dict[str, Any]:
    """What ``SUMS`` is asked with."""
    return {"first": first or last.replace(day=1), "last": last, "branch": "branch" in by}


def balances_of(
    rules: Rules, rows: Iterable[Sequence[Any]], by: Sequence[str] = ()
) -> dict[Place, list[AccountBalance]]:
    """The trial balance that rows of ``SUMS`` come to."""
    found: dict[Place, dict[str, Turnover]] = {}
    for place, account, turnover in _turnovers(rules, rows, by):
        kept = found.setdefault(place, {}).setdefault(account.number, Turnover())
        kept.before += turnover.before
        kept.debit += turnover.debit
        kept.credit += turnover.credit
    accounts = rules.chart.by_number
    return {
        place: [_balance(accounts[number], one) for number, one in sorted(sums.items())]
        for place, sums in sorted(found.items())
    }


def _balance(account: Account, sums: Turnover) -> AccountBalance:
    """Balances on the account's own side: an asset in credit is negative."""
    sign = 1 if account.nature is Nature.DEBIT else -1
    opening = sign * sums.before
    return AccountBalance(
        account=account, opening=opening, debit=sums.debit, credit=sums.credit,
        closing=opening + sign * (sums.debit - sums.credit),
    )  # fmt: skip


def _turnovers(
    rules: Rules, rows: Iterable[Sequence[Any]], by: Sequence[str]
) -> Iterator[tuple[Place, Account, Turnover]]:
    for currency, branch, product, stage, kind, component, *sums in rows:
        place = Place(currency, branch, product if "product" in by else "")
        added_before, taken_before, added, taken = sums
        for debited, credited in rules.posted(kind, component, stage, product):
            turnover = Turnover(added_before - taken_before, added, taken)
            yield place, debited, turnover
            yield place, credited, Turnover(-turnover.before, taken, added)


SUMS = """
    SELECT currency, CASE WHEN %(branch)s THEN branch ELSE '' END AS of_branch, product, stage,
           kind, component,
           coalesce(sum(added) FILTER (WHERE posted_on < %(first)s), 0)::bigint AS added_before,
           coalesce(sum(taken) FILTER (WHERE posted_on < %(first)s), 0)::bigint AS taken_before,
           coalesce(sum(added) FILTER (WHERE posted_on >= %(first)s), 0)::bigint AS added,
           coalesce(sum(taken) FILTER (WHERE posted_on >= %(first)s), 0)::bigint AS taken
    FROM read.accounting_amounts WHERE posted_on <= %(last)s
    GROUP BY 1, 2, 3, 4, 5, 6
"""


def general_ledger(
    connection: Connection[Any], rules: Rules, number: str, first: date, last: date
) -> list[LedgerLine]:
    """The account's lines from ``first`` to ``last``, each currency with a running balance.

    Errors: ``KeyError`` for a number that the chart has not.
    """
    sums = connection.execute(SUMS, span(last, first))
    rows = connection.execute(LINES, lines_asked(rules, number, first, last))
    return ledger_of(rules, number, sums, rows)


def lines_asked(rules: Rules, number: str, first: date, last: date) -> dict[str, Any]:
    """What ``LINES`` is asked with."""
    kinds = sorted({kind for kind, _ in touching_keys(rules, number)})
    return {"first": first, "last": last, "kinds": kinds}


def ledger_of(
    rules: Rules, number: str, sums: Iterable[Sequence[Any]], rows: Iterable[Sequence[Any]]
) -> list[LedgerLine]:
    """The ledger that rows of ``SUMS`` and of ``LINES`` come to."""
    account = rules.chart.by_number[number]
    sign = 1 if account.nature is Nature.DEBIT else -1
    running: dict[str, int] = {}
    for place, one, turnover in _turnovers(rules, sums, ()):
        if one.number == number:
            running[place.currency] = running.get(place.currency, 0) + sign * turnover.before
    found: dict[tuple[Any, ...], list[int]] = {}
    for posted_on, value_on, currency, branch, product, stage, kind, component, *sides in rows:
        key = (posted_on, value_on, currency, branch, product, kind)
        for pair in rules.posted(kind, component, stage, product):
            for one, (debit, credit) in zip(pair, (sides, sides[::-1]), strict=True):
                if one.number == number:
                    kept = found.setdefault(key, [0, 0])
                    kept[0] += debit
                    kept[1] += credit
    lines = []
    for key, (debit, credit) in sorted(found.items()):
        posted_on, value_on, currency, branch, product, kind = key
        running[currency] = running.get(currency, 0) + sign * (debit - credit)
        lines.append(
            LedgerLine(
                posted_on=posted_on, value_on=value_on, currency=currency, branch=branch,
                product=product, kind=kind, debit=debit, credit=credit,
                balance=running[currency],
            )
        )  # fmt: skip
    return lines


LINES = """
    SELECT posted_on, effective_on, currency, branch, product, stage, kind, component,
           sum(added)::bigint AS added, sum(taken)::bigint AS taken
    FROM read.accounting_amounts
    WHERE posted_on BETWEEN %(first)s AND %(last)s AND kind = ANY(%(kinds)s)
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
"""


def touching_keys(rules: Rules, number: str) -> set[tuple[str, str]]:
    """The kinds and components of facts that may post to an account."""
    return {
        (kind, component)
        for kind, component, stage, product in rules.everything()
        for pair in rules.posted(kind, component, stage, product)
        if number in (pair[0].number, pair[1].number)
    }

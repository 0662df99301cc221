"""How does the whole portfolio stand on a date: loans, balances, aging, PAR30, trial balance?"""

from datetime import date
from typing import Any

from msgspec import Struct
from psycopg import Connection

from projections.journal.accounts import RECEIVABLE, Account
from projections.journal.balances import TRIAL_BALANCE

BUCKETS = (
    "current", "1-7", "8-15", "16-30", "31-60", "61-90", "91-120", "121-180", "181+",
)  # fmt: skip
PAST_30 = frozenset(BUCKETS[BUCKETS.index("31-60") :])
MILLION = 1_000_000


class Bucket(Struct, frozen=True):
    """Loans by days past due. ``overdue`` is unpaid principal, interest and its tax due by then."""

    bucket: str
    loans: int
    principal: int
    overdue: int


class AccountTotal(Struct, frozen=True):
    """One line of a trial balance; ``balance`` is debits less credits."""

    account: int
    code: str
    name: str
    kind: str
    debit: int
    credit: int

    @property
    def balance(self) -> int:
        return self.debit - self.credit


class CurrencySummary(Struct, frozen=True):
    """All loans of one currency, in its minor units.

    ``balances`` has what is owed by component, and ``overpaid``. ``par30`` is the principal of
    loans more than 30 days past due, ``par30_rate`` its share of all principal in millionths.
    """

    currency: str
    loans: dict[str, int]
    balances: dict[str, int]
    aging: tuple[Bucket, ...]
    par30: int
    par30_rate: int
    trial_balance: tuple[AccountTotal, ...]

    @property
    def debit(self) -> int:
        return sum(total.debit for total in self.trial_balance)

    @property
    def credit(self) -> int:
        return sum(total.credit for total in self.trial_balance)


class Summary(Struct, frozen=True):
    """The portfolio at the end of ``on`` by value date, with all that is known now."""

    on: date
    currencies: tuple[CurrencySummary, ...]


def summary(connection: Connection[Any], on: date) -> Summary:
    """The portfolio on any date: balances are those recorded for value dates up to ``on``."""
    loans = _by_currency(connection.execute(_LOANS, {"on": on}).fetchall())
    aging = _by_currency(connection.execute(_AGING, {"on": on}).fetchall())
    totals = _by_currency(connection.execute(TRIAL_BALANCE, [on]).fetchall())
    return Summary(
        on,
        tuple(
            _summed(currency, loans[currency], aging.get(currency, []), totals.get(currency, []))
            for currency in sorted(loans)
        ),
    )


def _by_currency(rows: list[tuple[Any, ...]]) -> dict[str, list[tuple[Any, ...]]]:
    found: dict[str, list[tuple[Any, ...]]] = {}
    for currency, *row in rows:
        found.setdefault(currency, []).append(tuple(row))
    return found


def _summed(
    currency: str,
    loans: list[tuple[Any, ...]],
    aging: list[tuple[Any, ...]],
    totals: list[tuple[Any, ...]],
) -> CurrencySummary:
    accounts = {row[0]: AccountTotal(*row) for row in totals}
    by_bucket = {bucket: Bucket(bucket, *rest) for bucket, *rest in aging}
    buckets = tuple(by_bucket.get(name, Bucket(name, 0, 0, 0)) for name in BUCKETS)
    principal = sum(bucket.principal for bucket in buckets)
    at_risk = sum(bucket.principal for bucket in buckets if bucket.bucket in PAST_30)
    balances = {
        name: accounts[account].balance if account in accounts else 0
        for name, account in RECEIVABLE.items()
    }
    kept = accounts.get(Account.OVERPAYMENTS)
    return CurrencySummary(
        currency=currency,
        loans=dict(loans),
        balances={**balances, "overpaid": -kept.balance if kept else 0},
        aging=buckets,
        par30=at_risk,
        par30_rate=at_risk * MILLION // principal if principal else 0,
        trial_balance=tuple(accounts.values()),
    )


_LOANS = """
    SELECT currency,
           CASE WHEN closed_on <= %(on)s THEN 'closed'
                WHEN written_off_on <= %(on)s THEN 'written_off'
                WHEN booked_on <= %(on)s THEN 'active'
                ELSE 'opened' END AS status,
           count(*)
    FROM read.loans
    WHERE booked_on <= %(on)s
       OR (opened_on <= %(on)s AND booked_on IS NOT DISTINCT FROM disbursed_on)
    GROUP BY 1, 2 ORDER BY 1, 2
"""

_AGING = """
    WITH later AS (
        SELECT loan_id, sum(principal_change) AS change
        FROM read.transactions WHERE effective_on > %(on)s GROUP BY loan_id
    ), unpaid AS (
        SELECT line.loan_id,
               sum(line.principal + line.interest + line.interest_tax
                   - line.paid_principal - line.paid_interest - line.paid_interest_tax
                   - line.forgiven_principal - line.forgiven_interest - line.forgiven_interest_tax
                   + coalesce(after.cleared, 0)) AS overdue
        FROM read.schedule AS line
        LEFT JOIN (
            SELECT loan_id, instalment, sum(principal + interest + interest_tax) AS cleared
            FROM read.portions
            WHERE effective_on > %(on)s AND kind NOT IN ('write_off', 'sale')
            GROUP BY loan_id, instalment
        ) AS after ON (after.loan_id, after.instalment) = (line.loan_id, line.instalment)
        WHERE line.due_on <= %(on)s
          AND (line.settled_on IS NULL OR line.settled_on > %(on)s)
        GROUP BY line.loan_id
    )
    SELECT loans.currency, aging.bucket, count(*),
           sum(loans.principal - coalesce(later.change, 0))::bigint,
           coalesce(sum(unpaid.overdue), 0)::bigint
    FROM read.aging_at(%(on)s) AS aging
    JOIN read.loans ON loans.loan_id = aging.loan_id
    LEFT JOIN later ON later.loan_id = aging.loan_id
    LEFT JOIN unpaid ON unpaid.loan_id = aging.loan_id
    GROUP BY loans.currency, aging.bucket
"""

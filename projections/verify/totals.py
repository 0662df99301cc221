"""Sums that must agree, asked of the database in whole sets."""

from collections.abc import Iterator
from typing import Any

from psycopg import Connection

from projections.journal.accounts import RECEIVABLE, Account
from projections.verify.finding import Finding


def check(connection: Connection[Any]) -> Iterator[Finding]:
    """Identity, journal, counters, and that projections stand between appends."""
    for name, message, query in _CHECKS:
        for loan_id, position, *figures in connection.execute(query):
            yield Finding(name, message.format(*figures), loan_id, position)


_ACCOUNT_OF = ", ".join(
    f"({int(account)}::smallint, '{component}')"
    for component, account in (*RECEIVABLE.items(), ("overpaid", Account.OVERPAYMENTS))
)

_BALANCE_OF = "CASE component " + "".join(
    f"WHEN '{component}' THEN balances.{component} "
    for component in RECEIVABLE
) + "ELSE -balances.overpaid END"  # fmt: skip

_SAME_PLACE = """
    (SELECT count(DISTINCT position) FROM read.positions
     WHERE projection IN ('accounting', 'balances', 'loans', 'transactions')) = 1
"""

_CHECKS = (
    (
        "positions",
        "projection {} stands inside an append: its event {} is read, its last one is not",
        """
        SELECT DISTINCT ON (place.projection)
               first.loan_id, first.position, place.projection, first.position
        FROM read.positions AS place
        JOIN ledger.events AS first
          ON first.position <= place.position AND first.position > place.position - 100000
         AND first.more > 0
        JOIN ledger.events AS last
          ON last.loan_id = first.loan_id AND last.version = first.version + first.more
         AND last.position > place.position
        ORDER BY place.projection, first.position
        """,
    ),
    (
        "positions",
        "projection {} stands at {}, the log ends at {}",
        """
        SELECT NULL, NULL, projection, position, last_value
        FROM read.positions CROSS JOIN ledger.position
        WHERE position > last_value
        """,
    ),
    (
        "identity",
        (
            "disbursed {} + capitalised {} + charged back {}"
            " is not repaid {} + forgiven {} + written off or sold {} + outstanding {}"
        ),
        """
        SELECT loan_id, NULL, disbursed, capitalised, charged_back, repaid, forgiven,
               written_off + sold, principal
        FROM read.balances
        WHERE disbursed + capitalised + charged_back
              <> repaid + forgiven + written_off + sold + principal
        """,
    ),
    (
        "account of a loan",
        "account {} stands at {}, the loan's {} at {}",
        f"""
        SELECT * FROM (
            SELECT balances.loan_id, NULL::bigint AS position, account, coalesce(seen.balance, 0)
                   AS balance, component, {_BALANCE_OF} AS owed
            FROM read.balances
            CROSS JOIN (VALUES {_ACCOUNT_OF}) AS pair (account, component)
            LEFT JOIN (
                SELECT entry.loan_id, side.account, sum(side.amount) AS balance
                FROM read.journal AS entry
                CROSS JOIN LATERAL unnest(entry.accounts, entry.amounts) AS side (account, amount)
                GROUP BY 1, 2
            ) AS seen USING (loan_id, account)
            WHERE {_SAME_PLACE}
        ) AS compared
        WHERE balance <> owed
        """,
    ),
    (
        "trial balance",
        "debits {} and credits {} in {} differ",
        """
        SELECT NULL, NULL, sum(debit), sum(credit), currency
        FROM read.journal_totals GROUP BY currency HAVING sum(debit) <> sum(credit)
        """,
    ),
    (
        "loan header",
        "principal is {} in loans and {} in balances",
        f"""
        SELECT loan_id, NULL, loans.principal, balances.principal
        FROM read.loans JOIN read.balances USING (loan_id)
        WHERE (loans.principal, loans.disbursed)
              IS DISTINCT FROM (balances.principal, balances.disbursed) AND {_SAME_PLACE}
        """,
    ),
    (
        "portfolio totals",
        "{} {} {} {}: counters {}, loans {}",
        """
        SELECT NULL, NULL, currency, status, product, branch,
               ROW(kept.loans, kept.disbursed, kept.principal, kept.overdue_loans, kept.overdue)
                   ::text,
               ROW(seen.loans, seen.disbursed, seen.principal, seen.overdue_loans, seen.overdue)
                   ::text
        FROM read.portfolio_totals AS kept
        FULL JOIN (
            SELECT currency, status, product, branch, count(*) AS loans,
                   sum(disbursed) AS disbursed, sum(principal) AS principal,
                   count(*) FILTER (WHERE overdue > 0) AS overdue_loans, sum(overdue) AS overdue
            FROM read.loans GROUP BY 1, 2, 3, 4
        ) AS seen USING (currency, status, product, branch)
        WHERE (kept.loans, kept.disbursed, kept.principal, kept.overdue_loans, kept.overdue)
              IS DISTINCT FROM
              (seen.loans, seen.disbursed, seen.principal, seen.overdue_loans, seen.overdue)
        """,
    ),
)

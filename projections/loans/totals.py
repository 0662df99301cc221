"""How many loans are there, and how much do they come to, by currency, status, product, branch?"""

from typing import Any

from psycopg import Cursor

from projections.staging import staging_table

_SEEN = """
    SELECT kept.currency, kept.status, kept.product, kept.branch, 1 AS loans, kept.disbursed,
           kept.principal, (kept.overdue > 0)::integer AS overdue_loans, kept.overdue
    FROM loans AS kept JOIN staged_loans USING (loan_id)
"""


def prepare(cursor: Cursor[Any]) -> None:
    """Make the table that remembers loans as they were counted."""
    staging_table(
        cursor,
        "loans_before",
        "currency text, status text, product text, branch text, loans bigint, disbursed bigint,"
        " principal bigint, overdue_loans bigint, overdue bigint",
    )


def remember(cursor: Cursor[Any]) -> None:
    """Keep the staged loans as they are, before the batch changes them."""
    cursor.execute(
        "INSERT INTO loans_before"
        " SELECT currency, status, product, branch, -loans, -disbursed, -principal, -overdue_loans,"
        f" -overdue FROM ({_SEEN}) AS seen"
    )


def fold(cursor: Cursor[Any]) -> None:
    """Count the staged loans as they are now, instead of as they were."""
    cursor.execute(_FOLD)


_FOLD = f"""
    MERGE INTO portfolio_totals AS kept
    USING (
        SELECT currency, status, product, branch, sum(loans) AS loans, sum(disbursed) AS disbursed,
               sum(principal) AS principal, sum(overdue_loans) AS overdue_loans,
               sum(overdue) AS overdue
        FROM (SELECT * FROM loans_before UNION ALL {_SEEN}) AS both_times
        GROUP BY currency, status, product, branch
    ) AS seen
    ON (kept.currency, kept.status, kept.product, kept.branch)
       = (seen.currency, seen.status, seen.product, seen.branch)
    WHEN MATCHED AND kept.loans + seen.loans = 0 THEN DELETE
    WHEN MATCHED THEN UPDATE SET
        loans = kept.loans + seen.loans,
        disbursed = kept.disbursed + seen.disbursed,
        principal = kept.principal + seen.principal,
        overdue_loans = kept.overdue_loans + seen.overdue_loans,
        overdue = kept.overdue + seen.overdue
    WHEN NOT MATCHED THEN
        INSERT (currency, status, product, branch, loans, disbursed, principal, overdue_loans,
                overdue)
        VALUES (seen.currency, seen.status, seen.product, seen.branch, seen.loans, seen.disbursed,
                seen.principal, seen.overdue_loans, seen.overdue)
"""

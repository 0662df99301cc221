"""A file's control report: what is in it, how it ties to the ledger, what moved since the last."""

from typing import Any

from msgspec import Struct
from psycopg import Connection

from projections import portfolio
from projections.bureau import kept, rejects
from projections.bureau.kept import Kept

MOST_LOANS = 1_000
"""Loans that are listed one by one; more are only counted."""


class Step(Struct, frozen=True):
    """One step from the ledger's figure to the file's, in minor units."""

    reason: str
    tradelines: int
    amount: int


class Difference(Struct, frozen=True):
    """A loan whose figure in the ledger is not the one reported, in minor units."""

    loan_no: str
    ledger: int
    reported: int
    reason: str


class Tie(Struct, frozen=True, kw_only=True):
    """From the ledger to the file in one currency, minor units. ``unexplained`` must be zero.

    ``ledger`` is all that loans owe on the cut-off date by the journal; ``file`` the balances as
    written, in minor units.
    """

    currency: str
    ledger: int
    steps: list[Step]
    file: int
    unexplained: int


class Moved(Struct, frozen=True):
    """Tradelines since the last file sent; ``gone`` were open then and are not told now."""

    since: str
    new: int
    closed: int
    cured: int
    worse: int
    better: int
    same: int
    gone: int


class Control(Struct, frozen=True, kw_only=True):
    """The report. A correction is no whole book: it is not tied to the ledger."""

    file: Kept
    ties: list[Tie]
    differences: list[Difference]
    unsendable: int
    unsendable_by_field: dict[str, int]
    moved: Moved | None
    rejects: list[rejects.Open]

    @property
    def explained(self) -> bool:
        """Whether every centavo between ledger and file has its reason."""
        return all(not tie.unexplained for tie in self.ties)


def control(connection: Connection[Any], file: int) -> Control:
    """The report of a file, against the books as they are known now. Errors: ``UnknownFile``."""
    with connection.cursor() as cursor:
        found = kept.one(cursor, file=file)
    given = {"file": file, "on": found.cut_off, "bureau": found.bureau}
    whole = found.kind == "full"
    differences = _differences(connection, given) if whole else []
    fields = dict(connection.execute(_FIELDS, given).fetchall())
    [[unsendable]] = connection.execute(_UNSENDABLE, given).fetchall()
    return Control(
        file=found,
        ties=_ties(connection, found, given) if whole else [],
        differences=differences,
        unsendable=unsendable,
        unsendable_by_field=fields,
        moved=_moved(connection, given),
        rejects=rejects.still_open(connection, found.bureau),
    )


def _ties(connection: Connection[Any], file: Kept, given: dict[str, Any]) -> list[Tie]:
    ledger = {
        one.currency: sum(amount for name, amount in one.balances.items() if name != "overpaid")
        for one in portfolio.summary(connection, file.cut_off).currencies
    }
    steps: dict[str, list[Step]] = {}
    for currency, reason, tradelines, amount in connection.execute(_STEPS, given):
        if amount or tradelines:
            steps.setdefault(currency, []).append(Step(reason, tradelines, amount))
    written = dict(connection.execute(_WRITTEN, given).fetchall())
    ties = []
    for currency in sorted(ledger.keys() | written.keys()):
        total, in_file = ledger.get(currency, 0), written.get(currency, 0)
        explained = sum(step.amount for step in steps.get(currency, []))
        ties.append(
            Tie(
                currency=currency,
                ledger=total,
                steps=steps.get(currency, []),
                file=in_file,
                unexplained=in_file - total - explained,
            )
        )
    return ties


def _differences(connection: Connection[Any], given: dict[str, Any]) -> list[Difference]:
    rows = connection.execute(f"{_DIFFERENCES} ORDER BY loan_no LIMIT {MOST_LOANS}", given)
    return [Difference(*row) for row in rows]


def _moved(connection: Connection[Any], given: dict[str, Any]) -> Moved | None:
    row = connection.execute(_MOVED, given).fetchone()
    return Moved(*row) if row and row[0] else None


# What each loan owed on the cut-off date by the read models: what it owes now, less what moved and
# what ran since. Independent of the fold that the file was written from.
_OWED = """
    WITH moved AS (
        SELECT loan_id, sum(effect * (fee_tax + fee + late_interest_tax + late_interest
                                      + interest_tax + interest + principal)) AS change
        FROM read.transactions WHERE effective_on > %(on)s GROUP BY loan_id
    ), ran AS (
        SELECT loan_id, sum(
            CASE WHEN type = 'interest-accrued'
                 THEN (state ->> 'interest')::bigint + coalesce((state ->> 'tax')::bigint, 0)
                 ELSE (SELECT sum((line ->> 'interest')::bigint
                                  + coalesce((line ->> 'tax')::bigint, 0))
                       FROM json_array_elements(state -> 'lines') AS line) END) AS change
        FROM ledger.events
        WHERE effective_on > %(on)s AND type IN ('interest-accrued', 'late-interest-accrued')
        GROUP BY loan_id
    ), owed AS (
        SELECT loans.loan_id, loans.loan_no, loans.currency,
               (now.fee_tax + now.fee + now.late_interest_tax + now.late_interest
                + now.interest_tax + now.interest + now.principal
                - coalesce(moved.change, 0) - coalesce(ran.change, 0))::bigint AS amount
        FROM read.loans AS loans JOIN read.balances AS now USING (loan_id)
        LEFT JOIN moved USING (loan_id) LEFT JOIN ran USING (loan_id)
        WHERE loans.booked_on <= %(on)s
    ), told AS (
        SELECT loan_id, owed, facts ->> 'status' = 'written_off' AS written_off, true AS sent
        FROM bureau.records WHERE file = %(file)s AND role = 'borrower'
        UNION ALL
        SELECT DISTINCT loan_id, owed, false, false
        FROM bureau.unsendable WHERE file = %(file)s AND role = 'borrower'
    ), compared AS (
        SELECT owed.loan_id, owed.loan_no, owed.currency, owed.amount AS ledger, told.owed,
               coalesce(told.sent, false) AS sent,
               CASE WHEN told.loan_id IS NULL THEN 'not told'
                    WHEN told.written_off AND owed.amount = 0 THEN 'claim'
                    WHEN told.owed = owed.amount THEN 'same'
                    WHEN owed.amount < 0 AND told.owed = 0 THEN 'credit'
                    ELSE 'recorded since' END AS reason
        FROM owed LEFT JOIN told USING (loan_id)
    )
"""

_STEPS = f"""
    {_OWED}
    SELECT currency, 'claims on debts written off, outside the books', count(*),
           coalesce(sum(owed), 0)::bigint
    FROM compared WHERE reason = 'claim' AND sent GROUP BY currency
    UNION ALL
    SELECT currency, 'owes less than nothing: told as zero', count(*),
           coalesce(sum(-ledger), 0)::bigint
    FROM compared WHERE reason = 'credit' AND sent GROUP BY currency
    UNION ALL
    SELECT currency, 'told of loans otherwise than the ledger has them (listed)', count(*),
           coalesce(sum(owed - ledger), 0)::bigint
    FROM compared WHERE reason = 'recorded since' AND sent GROUP BY currency
    UNION ALL
    SELECT currency, 'could not be sent', count(*), coalesce(sum(-ledger), 0)::bigint
    FROM compared WHERE NOT sent AND reason <> 'not told' GROUP BY currency
    UNION ALL
    SELECT currency, 'not told of at all (listed)', count(*), coalesce(sum(-ledger), 0)::bigint
    FROM compared WHERE reason = 'not told' AND ledger <> 0 GROUP BY currency
    UNION ALL
    SELECT currency, 'the same loans told of guarantors and co-borrowers', count(*),
           coalesce(sum(owed), 0)::bigint
    FROM bureau.records WHERE file = %(file)s AND role <> 'borrower' GROUP BY currency
    UNION ALL
    SELECT currency, 'written off: told without a balance', count(*), -sum(owed)::bigint
    FROM bureau.records
    WHERE file = %(file)s AND balance = 0 AND owed > 0 AND facts ->> 'status' = 'written_off'
    GROUP BY currency
    UNION ALL
    SELECT currency, 'whole units instead of cents', count(*) FILTER (WHERE balance * 100 <> owed),
           sum(balance * 100 - owed)::bigint
    FROM bureau.records
    WHERE file = %(file)s
      AND NOT (balance = 0 AND owed > 0 AND facts ->> 'status' = 'written_off')
    GROUP BY currency
"""

_DIFFERENCES = f"""
    {_OWED}
    SELECT loan_no, ledger, coalesce(owed, 0), reason
    FROM compared
    WHERE (reason = 'recorded since' AND sent) OR (reason = 'not told' AND ledger <> 0)
"""

_WRITTEN = """
    SELECT currency, (sum(balance) * 100)::bigint FROM bureau.records WHERE file = %(file)s
    GROUP BY currency
"""

_UNSENDABLE = """
    SELECT count(*) FROM (SELECT DISTINCT loan_id, person, role FROM bureau.unsendable
                          WHERE file = %(file)s) AS tradelines
"""

_FIELDS = """
    SELECT field, count(*) FROM bureau.unsendable WHERE file = %(file)s
    GROUP BY field ORDER BY field
"""

_MOVED = """
    WITH before AS (
        SELECT file, cut_off FROM bureau.files
        WHERE bureau = %(bureau)s AND cut_off < %(on)s AND kind = 'full' AND sent_at IS NOT NULL
        ORDER BY cut_off DESC LIMIT 1
    ), pair AS (
        SELECT new.loan_id IS NOT NULL AS is_now, old.loan_id IS NOT NULL AS was,
               new.closed, old.closed AS was_closed, new.past_due, old.past_due AS was_past_due,
               CASE WHEN new.past_due > 0 THEN 1 + new.days_past_due / 30 ELSE 0 END AS bucket,
               CASE WHEN old.past_due > 0 THEN 1 + old.days_past_due / 30 ELSE 0 END AS was_bucket
        FROM (SELECT * FROM bureau.records WHERE file = %(file)s) AS new
        FULL JOIN (SELECT * FROM bureau.records WHERE file = (SELECT file FROM before)) AS old
             USING (loan_id, person, role)
    )
    SELECT (SELECT cut_off::text FROM before),
           count(*) FILTER (WHERE is_now AND NOT was),
           count(*) FILTER (WHERE was AND closed AND NOT was_closed),
           count(*) FILTER (WHERE was AND is_now AND NOT closed AND bucket = 0 AND was_bucket > 0),
           count(*) FILTER (WHERE was AND is_now AND NOT closed AND bucket > was_bucket),
           count(*) FILTER (WHERE was AND is_now AND NOT closed AND bucket < was_bucket
                            AND bucket > 0),
           count(*) FILTER (WHERE was AND is_now AND NOT closed AND bucket = was_bucket),
           count(*) FILTER (WHERE was AND NOT is_now AND NOT was_closed)
    FROM pair
"""

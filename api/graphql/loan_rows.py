"""Where the parts of a loan are read: one statement each, for all loans of a page."""

from datetime import date
from uuid import UUID

from psycopg.rows import DictRow

from api.graphql.connections import Keyset
from api.graphql.snapshot import Load, Snapshot
from domain.terms import Component

COLUMNS = """loans.loan_id, loans.loan_no, loans.borrower, loans.guarantors, loans.product,
    loans.branch, loans.officer, loans.currency, loans.status, loans.stage, loans.terms,
    loans.approved, loans.disbursed, loans.instalments, loans.opened_on, loans.disbursed_on,
    loans.booked_on, loans.first_due_on, loans.maturity_on, loans.closed_on, loans.written_off_on,
    loans.oldest_unpaid_due_on, loans.suspended, loans.restructures, loans.restructured_on,
    loans.sold_on, loans.holder, loans.group_no"""

COMPONENTS = tuple(component.value for component in Component)
GONE = ("written_off", "sold", *(f"forgiven_{name}" for name in COMPONENTS))
"""What an instalment no longer owes though nobody paid it."""
GIVEN_UP = " + ".join(GONE)
LEFT = " + ".join(f"late.{name} - late.paid_{name} - late.forgiven_{name}" for name in COMPONENTS)

SCHEDULE = f"""SELECT of.*, {GIVEN_UP} AS given_up, loans.currency
    FROM read.schedule AS of JOIN read.loans USING (loan_id)
    WHERE of.loan_id = ANY(%s) ORDER BY of.loan_id, of.instalment"""

RECORDED = """SELECT of.*, loans.currency FROM read.balances AS of JOIN read.loans USING (loan_id)
    WHERE of.loan_id = ANY(%s)"""

PROMISES = """SELECT of.*, loans.currency, loans.loan_no
    FROM read.promises AS of JOIN read.loans USING (loan_id)
    WHERE of.loan_id = ANY(%s) ORDER BY of.loan_id, of.promise"""


COVERS = """SELECT of.*, loans.currency, loans.loan_no
    FROM read.covers AS of JOIN read.loans USING (loan_id)
    WHERE of.loan_id = ANY(%s) ORDER BY of.loan_id, of.cover"""


def aged(row: str, on: str) -> str:
    """How late the loan of ``row`` is on a day, and what comes next: a SELECT of one row.

    Both are null unless the loan is on the books that day.
    """
    booked = f"""{row}.booked_on <= {on} AND ({row}.closed_on IS NULL OR {row}.closed_on > {on})
        AND ({row}.written_off_on IS NULL OR {row}.written_off_on > {on})"""
    return f"""SELECT CASE WHEN {booked}
                    THEN read.days_past_due({on}, min(late.due_on), {row}.pauses)
               END AS days_past_due,
               CASE WHEN {booked} THEN (
                   SELECT min(next.due_on) FROM read.schedule AS next
                   WHERE next.loan_id = {row}.loan_id AND next.due_on > {on}) END AS next_due_on
        FROM read.schedule AS late
        WHERE late.loan_id = {row}.loan_id AND late.due_on <= {on}
          AND (late.settled_on IS NULL OR late.settled_on > {on})
          AND (late.due OR {LEFT} > 0)"""


AGING = f"""SELECT loan_id, aged.days_past_due, read.bucket(aged.days_past_due) AS bucket,
        aged.next_due_on
    FROM unnest(%s::uuid[]) AS asked (loan_id) JOIN read.loans USING (loan_id)
    CROSS JOIN LATERAL ({aged("loans", "%s")}) AS aged
    WHERE aged.days_past_due IS NOT NULL"""

PAYMENTS = ("of.*, loans.currency", "read.payments AS of JOIN read.loans USING (loan_id)")
TRANSACTIONS = ("of.*, loans.currency", "read.transactions AS of JOIN read.loans USING (loan_id)")
EVENTS = (
    """of.loan_id, of.position, of.version, of.type, of.revision, of.effective_on, of.recorded_at,
    of.command_id, of.state AS facts, given.actor, given.channel, given.name AS command,
    given.correlation_id, given.causation_id""",
    "ledger.events AS of JOIN ledger.commands AS given ON given.id = of.command_id",
)

LATEST_PAYMENTS = Keyset("payments:latest", (("of.payment", int),), descending=True)
LATEST_MOVEMENTS = Keyset(
    "transactions:latest",
    (("of.effective_on", date), ("of.position", int), ("of.line", int)),
    descending=True,
)
IN_ORDER = Keyset("events:version", (("of.version", int),))


def aging(on: date) -> Load:
    """Days past due and bucket on a day, of the loans on the books that day."""

    async def load(snapshot: Snapshot, loan_ids: list[UUID]) -> list[DictRow | None]:
        rows = await snapshot.rows(AGING, [loan_ids, *[on] * (AGING.count("%s") - 1)])
        by_loan = {row["loan_id"]: row for row in rows}
        return [by_loan.get(loan_id) for loan_id in loan_ids]

    return load


async def buckets(snapshot: Snapshot, days: list[int]) -> list[str]:
    """The bucket of each count of days past due."""
    rows = await snapshot.rows(
        "SELECT read.bucket(day) AS bucket FROM unnest(%s::integer[]) WITH ORDINALITY AS u (day, n)"
        " ORDER BY n",
        [days],
    )
    return [row["bucket"] for row in rows]

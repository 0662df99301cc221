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
    loans.sold_on, loans.holder"""

COMPONENTS = tuple(component.value for component in Component)
GIVEN_UP = " + ".join(["written_off", "sold", *(f"forgiven_{name}" for name in COMPONENTS)])
LEFT = " + ".join(f"late.{name} - late.paid_{name} - late.forgiven_{name}" for name in COMPONENTS)

SCHEDULE = f"""SELECT of.*, {GIVEN_UP} AS given_up, loans.currency
    FROM read.schedule AS of JOIN read.loans USING (loan_id)
    WHERE of.loan_id = ANY(%s) ORDER BY of.loan_id, of.instalment"""

RECORDED = """SELECT of.*, loans.currency FROM read.balances AS of JOIN read.loans USING (loan_id)
    WHERE of.loan_id = ANY(%s)"""

PROMISES = """SELECT of.*, loans.currency, loans.loan_no
    FROM read.promises AS of JOIN read.loans USING (loan_id)
    WHERE of.loan_id = ANY(%s) ORDER BY of.loan_id, of.promise"""

AGING = f"""SELECT aged.loan_id, aged.days_past_due, read.bucket(aged.days_past_due) AS bucket,
        aged.next_due_on
    FROM (SELECT loans.loan_id, (
                     SELECT min(next.due_on) FROM read.schedule AS next
                     WHERE next.loan_id = loans.loan_id AND next.due_on > %s) AS next_due_on,
                 read.days_past_due(%s, oldest.due_on, loans.pauses) AS days_past_due
          FROM read.loans CROSS JOIN LATERAL (
                   SELECT min(late.due_on) AS due_on FROM read.schedule AS late
                   WHERE late.loan_id = loans.loan_id AND late.due_on <= %s
                     AND (late.settled_on IS NULL OR late.settled_on > %s)
                     AND (late.due OR {LEFT} > 0)) AS oldest
          WHERE loans.loan_id = ANY(%s) AND loans.booked_on <= %s
            AND (loans.closed_on IS NULL OR loans.closed_on > %s)
            AND (loans.written_off_on IS NULL OR loans.written_off_on > %s)) AS aged"""

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
        rows = await snapshot.rows(AGING, [on, on, on, on, loan_ids, on, on, on])
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

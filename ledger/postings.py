"""Amounts posted to the books that come from no loan's event: the loss allowance's movement."""

from collections.abc import Sequence
from datetime import date

from msgspec import Struct
from psycopg import Connection
from psycopg.rows import TupleRow

from domain.calendar import add_months
from ledger.orders import Cause
from ledger.periods import PeriodClosed, hold, periods
from ledger.store import Store


class Posting(Struct, frozen=True, kw_only=True):
    """One amount in minor units, by what the books tell apart."""

    currency: str
    branch: str
    product: str
    stage: int
    kind: str
    component: str
    amount: int
    reason: str


def post(store: Store, name: str, posted_on: date, lines: Sequence[Posting], cause: Cause) -> str:
    """Record the batch whole; the key it has: ``name`` and which one of the day it is.

    Errors: ``PeriodClosed``.
    """

    def work(connection: Connection[TupleRow]) -> str:
        with connection.transaction():
            hold(connection)
            known = periods(connection)
            if known and posted_on < add_months(known[-1].month, 1):
                raise PeriodClosed(posted_on.replace(day=1))
            [[before]] = connection.execute(
                "SELECT count(DISTINCT key) FROM ledger.postings WHERE key LIKE %s || '/%%'",
                [f"{name}:{posted_on}"],
            ).fetchall()
            key = f"{name}:{posted_on}/{before + 1}"
            connection.cursor().executemany(
                "INSERT INTO ledger.postings (key, line, posted_on, currency, branch, product,"
                " stage, kind, component, amount, reason, actor, channel)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    (key, number, posted_on, one.currency, one.branch, one.product, one.stage,
                     one.kind, one.component, one.amount, one.reason, cause.actor, cause.channel)
                    for number, one in enumerate(lines, start=1)
                ],
            )  # fmt: skip
        return key

    return store.run(work)

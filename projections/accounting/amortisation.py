"""How much of the fees and interest withheld at disbursement is earned by a day (NIF C-20).

The effective rate discounts what the loan will be paid to what the borrower received; the agreed
one discounts it to the principal. What is still deferred on a day is the difference of the two
values of the payments to come: all of it at the beginning, nothing at the end.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

from domain import events as e
from ledger import log
from projections.accounting.allowance import Movement

WITHHELD = {"withheld_fee": "withheld_fees", "withheld_interest": "withheld_interest"}
"""Components of an amortisation and the fields of a disbursement."""
PRECISION = 40
CLOSE_ENOUGH = Decimal(10) ** -25
MOST_STEPS = 200
SIZE = 20_000


class Flow(NamedTuple):
    """A payment to come, so many days after the disbursement, without tax."""

    days: int
    amount: int


class Owner(NamedTuple):
    """Where a loan's deferred amounts belong, and when it left the books, if it did."""

    currency: str
    branch: str
    product: str
    ended_on: date | None


def earned(principal: int, withheld: int, flows: Sequence[Flow], days: int) -> int:
    """Of ``withheld``, what is earned ``days`` after the disbursement, half to even.

    By the effective rate where the payments are worth what was lent; in proportion to the days
    where they are not (a later tranche, whose schedule is that of the whole loan).
    """
    last = max((flow.days for flow in flows), default=0)
    if days <= 0 or not withheld:
        return 0
    if days >= last:
        return withheld
    with localcontext(prec=PRECISION):
        agreed, effective = (_discount(flows, n) for n in (principal, principal - withheld))
        if agreed is None or effective is None:
            left = Decimal(withheld * (last - days)) / last
        else:
            coming = [Flow(flow.days - days, flow.amount) for flow in flows if flow.days > days]
            left = _value(coming, agreed) - _value(coming, effective)
        deferred = int(left.quantize(Decimal(1), ROUND_HALF_EVEN))
    return withheld - min(max(deferred, 0), withheld)


def _value(flows: Iterable[Flow], factor: Decimal) -> Decimal:
    return sum((flow.amount * factor**flow.days for flow in flows), Decimal(0))


def _discount(flows: Sequence[Flow], target: int) -> Decimal | None:
    """The factor of a day at which the flows are worth ``target``: Newton's method from 1.

    The value rises with the factor and is convex, so each step stays above the root. None where
    even undiscounted they are worth less.
    """
    later = [flow for flow in flows if flow.days > 0]
    at_once = sum(flow.amount for flow in flows if flow.days <= 0)
    factor, aim = Decimal(1), Decimal(target - at_once)
    if aim <= 0 or _value(later, factor) < aim:
        return None
    for _ in range(MOST_STEPS):
        slope = sum((n.amount * n.days * factor ** (n.days - 1) for n in later), Decimal(0))
        step = (_value(later, factor) - aim) / slope
        factor -= step
        if abs(step) < CLOSE_ENOUGH:
            return factor
    return None


def movements(connection: Connection[Any], on: date) -> dict[str, list[Movement]]:
    """What is to be posted by component so that all that is earned by ``on`` is income.

    ``required`` is all that is earned, ``standing`` what was posted before. A loan that left the
    books by then has earned the whole.
    """
    asked: dict[str, Counter[tuple[str, str, str]]] = {name: Counter() for name in WITHHELD}
    for owner, event in _disbursements(connection, on):
        flows = [
            Flow((row.due_on - event.effective_on).days, row.principal + row.interest)
            for row in event.schedule
        ]
        days = (on - event.effective_on).days
        ended = owner.ended_on is not None and owner.ended_on <= on
        for name, of_event in WITHHELD.items():
            withheld = getattr(event, of_event)
            done = withheld if ended else earned(event.principal, withheld, flows, days)
            asked[name][owner[:3]] += done
    kept = _posted(connection, on)
    return {
        name: [
            Movement(
                currency=of[0], branch=of[1], product=of[2], stage=1, required=sums[of],
                standing=kept[name, *of],
            )
            for of in sorted(sums.keys() | {key[1:] for key in kept if key[0] == name})
            if sums[of] or kept[name, *of]
        ]
        for name, sums in asked.items()
    }  # fmt: skip


def _posted(connection: Connection[Any], on: date) -> Counter[tuple[str, str, str, str]]:
    rows = connection.execute(
        "SELECT component, currency, branch, product, sum(added - taken)::bigint"
        " FROM read.accounting_amounts WHERE source = 'posting' AND kind = 'amortisation'"
        " AND posted_on <= %s GROUP BY 1, 2, 3, 4",
        [on],
    )
    return Counter({(row[0], row[1], row[2], row[3]): row[4] for row in rows})


def _disbursements(
    connection: Connection[Any], on: date
) -> Iterator[tuple[Owner, e.LoanDisbursed]]:  # fmt: skip
    """Those up to ``on`` of which something was withheld, as far as the books have read."""
    [[upto]] = connection.execute(
        "SELECT position FROM read.positions WHERE projection = 'accounting'"
    ).fetchall()
    after = 0
    while after < upto:
        batch = log.read(connection, after, SIZE, upto, [e.tag(e.LoanDisbursed)])
        records = [
            (one.loan_id, one.event)
            for one in batch.events
            if isinstance(one.event, e.LoanDisbursed)
            and one.event.effective_on <= on
            and one.event.withheld_fees + one.event.withheld_interest
        ]
        owners = _owners(connection, [loan_id for loan_id, _ in records])
        yield from ((owners[loan_id], event) for loan_id, event in records)
        after = batch.upto


def _owners(connection: Connection[Any], loans: Sequence[UUID]) -> dict[UUID, Owner]:
    rows = connection.execute(
        "SELECT loan_id, currency, branch, product,"
        " least(closed_on, written_off_on, sold_on) FROM read.loans WHERE loan_id = ANY(%s)",
        [list(loans)],
    )
    return {loan_id: Owner(*row) for loan_id, *row in rows}

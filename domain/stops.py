"""Days on which something happens to a loan by itself, besides its due dates."""

from collections.abc import Iterator
from datetime import date, timedelta

from domain.fees import late_fee_days
from domain.loan import Loan


def stops(loan: Loan) -> Iterator[date]:
    """Where a stretch of passing time has to end, past days among them."""
    for day, _ in late_fee_days(loan):
        yield day
    for pause in loan.pauses:
        yield from pause
    if loan.cut_on:
        yield loan.cut_on
    if day_judged := judged_on(loan):
        yield day_judged


def judged_on(loan: Loan) -> date | None:
    """The morning after the due date of a statement that may be free of interest."""
    if not loan.spares or not loan.current:
        return None
    return loan.lines[loan.current - 1].due_on + timedelta(days=1)

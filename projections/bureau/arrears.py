"""What is a loan behind with on a day, since when, and was it ever?"""

from collections.abc import Iterator
from datetime import date, timedelta

from msgspec import Struct

from domain import events as e
from domain.loan import Line, Loan, Status
from domain.views import as_of

DAY = timedelta(days=1)


class Arrears(Struct, frozen=True, kw_only=True):
    """What a loan is behind with on a day."""

    past_due: int = 0
    interest: int = 0
    missed: int = 0
    days: int = 0
    paused: bool = False
    first_default_on: date | None = None
    late_since: date | None = None
    past_due_since: date | None = None


def arrears_of(loan: Loan, seen: Loan, on: date) -> Arrears:
    """The arrears of ``loan``, which is ``seen`` on that day.

    Of a debt that left the books unpaid they are those of the day before it did.
    """
    gone = _left_books(seen)
    return _arrears(seen, on) if gone is None else _arrears_before(loan, seen, gone, on)


def _left_books(loan: Loan) -> date | None:
    """When the debt left the books unpaid, if it did: written off, sold or forgiven at the end."""
    for fact in loan.facts:
        if isinstance(fact, e.LoanWrittenOff | e.LoanSold):
            return fact.effective_on
    if loan.closed_for == "forgiven":
        return max(f.effective_on for f in loan.facts if isinstance(f, e.DebtForgiven))
    return None


def _arrears_before(loan: Loan, seen: Loan, gone: date, on: date) -> Arrears:
    """Those of the day before the debt left the books; while a claim is left its days go on."""
    before = as_of(loan, max(gone - DAY, loan.opened_on))
    arrears = _arrears(before, gone - DAY)
    since = arrears.late_since
    if seen.status is not Status.WRITTEN_OFF:
        return arrears
    due_on = before.oldest_unpaid_due_on
    days = max(0, (on - due_on).days - before.paused_days(due_on, on)) if due_on else 0
    return Arrears(
        past_due=arrears.past_due,
        interest=arrears.interest,
        missed=sum(1 for line in before.rows if line.settled_on is None and line.due_on < on)
        if days
        else 0,
        days=days,
        first_default_on=arrears.first_default_on or (due_on if days else None),
        late_since=since or (due_on if days else None),
        past_due_since=arrears.past_due_since or _reached(before, on, days),
    )


def _arrears(loan: Loan, on: date) -> Arrears:
    missed = list(_missed(loan, on))
    first = missed[0].due_on if missed else None
    days = loan.days_past_due(on)
    if not days:
        waits = loan.status is Status.ACTIVE and any(_unpaid(line, on) for line in loan.rows)
        return Arrears(first_default_on=first, paused=waits)
    late = [line for line in loan.rows if _unpaid(line, on)]
    since = late[0].due_on
    for line in reversed(missed):  # arrears that overlap those after them are one spell
        if line.due_on < since and line.settled_on is not None and line.settled_on >= since:
            since = line.due_on
    return Arrears(
        past_due=sum(line.left for line in late),
        interest=sum(
            line.left - (line.owed.principal - line.paid.principal)
            for line in late
        ),
        missed=len(late),
        days=days,
        first_default_on=first,
        late_since=since,
        past_due_since=_reached(loan, on, days),
    )  # fmt: skip


def _reached(loan: Loan, on: date, days: int) -> date | None:
    """The day on which days past due came to those of stage 3."""
    threshold = loan.terms.stage_3_from
    return on - timedelta(days=days - threshold) if days >= threshold else None


def _unpaid(line: Line, on: date) -> bool:
    return line.due and line.due_on < on and line.settled_on is None


def _missed(loan: Loan, on: date) -> Iterator[Line]:
    """Instalments that were not paid by their due date, pauses aside.

    Of a loan taken over, those that owed nothing on that day were another lender's to report.
    """
    taken = next((f.effective_on for f in loan.facts if isinstance(f, e.LoanTakenOn)), None)
    for line in loan.rows:
        until = line.settled_on or on
        if not line.due or line.due_on >= until:
            continue
        if taken is not None and line.due_on <= taken and line.settled_on == taken:
            continue
        if (until - line.due_on).days > loan.paused_days(line.due_on, until):
            yield line

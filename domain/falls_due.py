"""What the day after the quiet ones comes to where it is an instalment that plainly falls due.

Plainly: it was not touched by any payment, the next one follows on the same terms, nothing else
happens on the day, and no charge is to fall due on a date of its own. Then the day is interest and
one `InstalmentFellDue`, and what runs afterwards is known ahead: the close counts such a day of
many loans at once.
"""

from datetime import date
from enum import IntEnum

from msgspec import Struct

from domain.daycount import elapsed
from domain.loan import NOTHING, Line, Loan, Status
from domain.quiet import MOST_EXACT, Quiet, Runs, other_ends, year_end
from domain.terms import InstalmentRule, LateBase, Terms


class Bears(IntEnum):
    """What late interest runs on of the instalment, once it is due; stored by number."""

    NOTHING = 0
    PRINCIPAL = 1
    WITH_INTEREST = 2


class FallsDue(Struct, frozen=True, kw_only=True):
    """The instalment, and what `Quiet` says once it is due: up to ``until`` what ran before, on the
    next instalment.

    Units: minor units. ``interest_apart`` and ``tax_apart`` are what the loan owes besides the
    interest (tax) of this instalment: all that runs until it is due is its own. ``bears`` is what
    interest then runs on.
    """

    instalment: int
    principal: int
    interest_apart: int
    tax_apart: int
    bears: int
    next_due_on: date
    until: date
    late: Bears

    @property
    def figures(self) -> list[int]:
        """All of it in order, dates by their ordinals: as the state row keeps it."""
        return [
            self.instalment, self.principal, self.interest_apart, self.tax_apart, self.bears,
            self.next_due_on.toordinal(), self.until.toordinal(), self.late.value,
        ]  # fmt: skip


def falls_due(loan: Loan, kept: Quiet) -> FallsDue | None:
    """What the day after ``kept.until`` brings; None where that is not known for sure."""
    if loan.status is not Status.ACTIVE or loan.current + 1 >= len(loan.lines):
        return None
    line, following = loan.lines[loan.current : loan.current + 2]
    if not (_simple(loan.terms) and _untouched(loan, line) and _fresh(line, following)):
        return None
    ends = list(other_ends(loan))
    if kept.until.toordinal() != line.due_on.toordinal() - 1 or min(ends, default=MOST_EXACT) < (
        line.due_on.toordinal()
    ):
        return None
    bears = _bears(loan, kept, following)
    if bears is None:
        return None
    late = _late(loan.terms)
    until = _until(loan, kept, line, following, ends, late=late)
    if not _in_reach(loan, kept, line, following, until, bears=bears):
        return None
    owed = loan.balances()
    return FallsDue(
        instalment=line.number,
        principal=line.owed.principal,
        interest_apart=owed.interest - line.owed.interest,
        tax_apart=owed.interest_tax - line.owed.interest_tax,
        bears=bears,
        next_due_on=following.due_on,
        until=until,
        late=late,
    )


def _simple(terms: Terms) -> bool:
    return (
        terms.instalment is not InstalmentRule.KEEPS_TOTAL
        and terms.revolving is None
        and terms.floating is None
        and not terms.period_charges
        and not terms.rate_steps
    )


def _untouched(loan: Loan, line: Line) -> bool:
    """All that it asks for is owed, nothing kept could clear it, no charge beside it is to come."""
    return (
        line.paid == NOTHING
        and line.owed.principal > 0
        and min(line.owed.interest, line.owed.interest_tax, line.owed.fee, line.owed.fee_tax) >= 0
        and not (line.deferred or line.deferred_tax)
        and not (loan.overpaid or loan.prepaid or loan.pauses or loan.next_apart)
    )


def _fresh(line: Line, following: Line) -> bool:
    """The next period begins as the line falls due, and nothing has run in it."""
    return (
        following.start_on == line.due_on < following.due_on
        and following.since is None
        and not following.numerator
    )


def _bears(loan: Loan, kept: Quiet, following: Line) -> int | None:
    """What interest runs on after it, by the rule that holds now; None if another one will."""
    nothing = loan.bears_no_interest(following)
    if loan.accrues_daily:
        runs = not nothing and loan.terms.rate_on(following.start_on) and loan.principal
        same = bool(runs) == (kept.runs is Runs.BY_DAYS)
        bears = loan.principal if runs else 0
    else:
        bears = 0 if nothing else following.planned_interest
        same = bool(bears) == (kept.runs is Runs.FIXED)
    return bears if same else None


def _late(terms: Terms) -> Bears:
    if not terms.late_rate:
        return Bears.NOTHING
    return Bears.WITH_INTEREST if terms.late_base is LateBase.INSTALMENT else Bears.PRINCIPAL


def _until(
    loan: Loan, kept: Quiet, line: Line, following: Line, ends: list[int], *, late: Bears
) -> date:
    due_on = line.due_on
    days = [*ends, following.due_on.toordinal() - 1]
    if loan.terms.late_fee:
        days.append(due_on.toordinal() + loan.terms.late_grace_days)
    if kept.runs:
        days.append(year_end(due_on, due_on))
    elif kept.late or late:
        days.append(year_end(due_on, kept.late[0].due_on if kept.late else due_on))
    return date.fromordinal(min(days))


def _in_reach(
    loan: Loan, kept: Quiet, line: Line, following: Line, until: date, *, bears: int
) -> bool:
    """No exact sum leaves an int64 until then, by far."""
    terms, due_on = loan.terms, line.due_on
    sums = [abs(bears) * (following.due_on - due_on).days]
    if kept.runs is Runs.BY_DAYS:
        sums = [bears * kept.rate * elapsed(terms.day_count, due_on, due_on, until)]
    for late in kept.late:
        units = elapsed(terms.day_count, late.due_on, loan.through, until)
        sums.append(abs(late.numerator) + late.base * terms.late_rate * units)
    base = line.owed.principal + line.owed.interest + line.planned_interest
    sums.append(base * terms.late_rate * elapsed(terms.day_count, due_on, due_on, until))
    return max(sums) <= MOST_EXACT // 4

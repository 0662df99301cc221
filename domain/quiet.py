"""How long nothing happens to a loan but interest running, and all that the close then needs of it.

Within that time every close of day records `InterestAccrued` and `LateInterestAccrued` at most, and
what is told here stays true: only the exact sums grow. `domain.arrays.quiet` counts such days for
many loans at once.
"""

from collections.abc import Iterator
from datetime import date
from enum import IntEnum

from msgspec import Struct, structs

from domain.accrual import accruing_line, bears_late_interest, overdue_lines
from domain.closing import standing
from domain.daycount import elapsed
from domain.loan import Line, Loan, Status
from domain.money import Rounding
from domain.rates import reset_days
from domain.stops import stops
from domain.terms import DayCount, LateBase

DAY_COUNTS = (
    DayCount.ACTUAL_360, DayCount.ACTUAL_364, DayCount.ACTUAL_365, DayCount.ACTUAL_ACTUAL,
    DayCount.ACTUAL_ACTUAL_YEAR_END, DayCount.THIRTY_360, DayCount.THIRTY_E_360,
    DayCount.ACTUAL_ACTUAL_ICMA,
)  # fmt: skip
"""By the number they are stored under: new ones come last."""

ROUNDINGS = (Rounding.HALF_EVEN, Rounding.HALF_UP)
"""As ``DAY_COUNTS``."""

LONGEST = 366
"""Days. What only ever runs is looked at again once a year, so that its sums stay in reach."""

MOST_EXACT = 2**62


class Runs(IntEnum):
    """What interest runs on a loan; stored by number."""

    NOTHING = 0
    BY_DAYS = 1
    PAST_DUE = 2
    """By days, on an instalment that is due already."""
    SPARED = 3
    """By days, owed only if the statement is not paid whole: its exact sum alone grows."""
    FIXED = 4
    """By the days of a period whose interest the schedule fixed."""


class Late(Struct, frozen=True):
    """An overdue instalment that late interest runs on; ``base`` in minor units."""

    instalment: int
    due_on: date
    base: int
    numerator: int


class Quiet(Struct, frozen=True, kw_only=True):
    """What runs on a loan up to and including ``until``.

    Units: ``bears`` is the principal (of fixed interest: what is still to be earned in the period)
    in minor units, ``rate`` millionths a year. ``begins_on`` is where the count of days begins, and
    ``ends_on`` where the fixed period ends. ``exact`` is the accruing line's numerator (of fixed
    interest: what was earned before ``begins_on``).
    """

    until: date
    runs: Runs = Runs.NOTHING
    instalment: int = 0
    bears: int = 0
    rate: int = 0
    begins_on: date
    ends_on: date
    exact: int = 0
    late: tuple[Late, ...] = ()


def quiet(loan: Loan) -> Quiet | None:
    """What runs on the loan from ``loan.through`` on, and for how long.

    None where it cannot be told ahead, or where its sums could leave an int64.
    """
    active = loan.status is Status.ACTIVE
    line = accruing_line(loan) if active else None
    if active and loan.terms.day_count is DayCount.ACTUAL_ACTUAL_ICMA:
        return None  # its units depend on the month they are counted in
    if line is not None and _may_turn(loan, line):
        return None
    running = _running(loan, line)
    late = tuple(_late(loan))
    ends = list(other_ends(loan))
    if (due_on := loan.next_due_on) is not None:
        ends.append(due_on.toordinal() - 1)
    if running.runs or late:
        since = running.begins_on if running.runs else late[0].due_on
        ends.append(year_end(loan.through, since))
    until = min([*ends, date.max.toordinal()])
    found = structs.replace(running, until=date.fromordinal(max(until, 1)), late=late)
    return found if _in_reach(loan, found) else None


def _may_turn(loan: Loan, line: Line) -> bool:
    """What runs from day to day does not follow one rule: rare, and left to the loan itself."""
    if not loan.accrues_daily:
        return line.since is not None and loan.through < line.since
    grows_base = loan.terms.late_base is LateBase.INSTALMENT and line.due
    return grows_base and line.owed.interest < line.due_interest


def _running(loan: Loan, line: Line | None) -> Quiet:
    nothing = Quiet(until=date.max, begins_on=loan.opened_on, ends_on=loan.opened_on)
    if line is None:
        return nothing
    if not loan.accrues_daily:
        begins_on, earned = (line.since, line.earned) if line.since else (line.start_on, 0)
        bears = line.planned_interest - earned
        if not bears or begins_on >= line.due_on:
            return nothing
        return structs.replace(
            nothing, runs=Runs.FIXED, instalment=line.number, bears=bears, begins_on=begins_on,
            ends_on=line.due_on, exact=earned,
        )  # fmt: skip
    if loan.bears_no_interest(line):
        return nothing
    rate = loan.terms.rate_on(loan.through)
    if not rate or not loan.principal:
        return nothing
    spared = Runs.SPARED if loan.spared(line) else Runs.BY_DAYS
    return structs.replace(
        nothing,
        runs=Runs.PAST_DUE if line.due else spared,
        instalment=line.number,
        bears=loan.principal,
        rate=rate,
        begins_on=line.due_on if line.due else line.start_on,
        exact=line.numerator,
    )


def _late(loan: Loan) -> Iterator[Late]:
    if loan.status is Status.ACTIVE and bears_late_interest(loan, loan.through):
        for line, base in overdue_lines(loan):
            yield Late(line.number, line.due_on, base, line.late_numerator)


def other_ends(loan: Loan) -> Iterator[int]:
    """The last quiet day before each thing that is to come, besides the next due date."""
    yield from (day.toordinal() for day in _ends(loan))
    yield from _stage_ends(loan)


def _ends(loan: Loan) -> Iterator[date]:
    through = loan.through
    for promise in loan.promises.values():
        if promise.state == "open":
            yield _later(promise.promised_for, promise.grace_days)
    if loan.status is not Status.ACTIVE:
        return
    coming = [day for day in stops(loan) if day > through]
    coming += [step.from_on for step in loan.terms.rate_steps if step.from_on > through]
    if (floating := loan.terms.floating) is not None:
        coming += reset_days(loan, floating, date.max)
    for day in coming:
        yield _later(day, -1)


def _stage_ends(loan: Loan) -> Iterator[int]:
    """The day before days past due move the stage or suspend interest."""
    due_on, terms, through = loan.oldest_unpaid_due_on, loan.terms, loan.through
    if loan.status is not Status.ACTIVE:
        return
    days = loan.days_past_due(through)
    if standing(terms, days) != (loan.stage, loan.suspended):
        yield through.toordinal() - 1
    if due_on is None or any(begin <= through < end for begin, end in loan.pauses):
        return
    uncounted = loan.paused_days(due_on, through)
    for limit in (terms.stage_2_from, terms.stage_3_from, terms.suspend_from):
        if limit is not None and limit > days:
            yield due_on.toordinal() + uncounted + limit - 1


def year_end(through: date, since: date) -> int:
    """Until when what runs since then is counted without another look at it."""
    years = (through - since).days // LONGEST + 1
    return since.toordinal() + years * LONGEST - 1


def _later(day: date, days: int) -> date:
    return date.fromordinal(min(max(day.toordinal() + days, 1), date.max.toordinal()))


def _in_reach(loan: Loan, found: Quiet) -> bool:
    """No exact sum leaves an int64 on the way."""
    terms, since, until = loan.terms, loan.through, found.until
    if found.runs is Runs.FIXED:
        sums = [abs(found.bears) * (found.ends_on - found.begins_on).days, abs(found.exact)]
    else:
        units = elapsed(terms.day_count, found.begins_on, since, until) if found.runs else 0
        sums = [abs(found.exact) + found.bears * found.rate * units]
    for line in found.late:
        units = elapsed(terms.day_count, line.due_on, since, until)
        sums.append(abs(line.numerator) + line.base * terms.late_rate * units)
    return max(sums) <= MOST_EXACT

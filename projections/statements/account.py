"""An account statement as figures: what was owed, what moved, what is owed, what comes next.

Balances are the loan's own on a date, which no close of day has to have recorded day by day: what
ran in between is what they differ by, less the movements.
Periods chain: a statement that was issued stays what it said. What is recorded later with a value
date in its days appears on the next one, with its own date (``late``). So each opening balance is
the closing balance before it, whatever the corrections.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import groupby

from msgspec.structs import astuple

from domain import events as e
from domain.fold import replay
from domain.loan import Loan, Status
from domain.views import ScheduleRow, as_of, payoff, schedule_rows
from ledger.log import Recorded
from projections.movements import (
    COMPONENTS,
    NOTHING,
    OFF_BOOKS,
    PRINCIPAL,
    Amounts,
    Movement,
    movements,
)
from projections.statements.period import NothingToState, Period, PeriodNotClosed

CORRECTION = "charge_correction"
TOLD = frozenset({"capitalisation", "application"})
"""Shown though the debt as a whole stays: the amount is in their words."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a statement ends: events dated up to ``on`` that were recorded up to ``position``."""

    on: date
    position: int

    def holds(self, on: date, position: int) -> bool:
        """Whether an event counts."""
        return on <= self.on and position <= self.position


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the account; one of ``charge`` and ``credit`` is above zero, or neither.

    ``concept`` is the kind of movement. ``since`` is the first of the days that a line adds up.
    ``parts`` are what a payment cleared, by component. ``amount`` is that of a line that changes
    no balance. ``late`` marks what belongs to days of an earlier statement.
    """

    on: date
    concept: str
    charge: int = 0
    credit: int = 0
    balance: int = 0
    since: date | None = None
    number: int | None = None
    reference: str = ""
    channel: str = ""
    parts: Amounts = NOTHING
    kept: int = 0
    amount: int = 0
    late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is owed at a moment, by component, and the money kept for the borrower."""

    owed: Amounts
    kept: int

    @property
    def balance(self) -> int:
        """What is owed less what is kept; negative where the borrower has money to get."""
        return sum(self.owed) - self.kept

    def of(self, *names: str) -> int:
        """The sum of some components."""
        return sum(self.owed[COMPONENTS.index(name)] for name in names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One loan in one period, in minor units. ``loan`` is as it stood at the cut-off."""

    period: Period
    cut: Cut
    loan: Loan
    opening: Standing
    closing: Standing
    rows: tuple[Row, ...]
    schedule: tuple[ScheduleRow, ...]
    days_past_due: int
    payoff: int | None
    average_principal: int
    course: tuple[tuple[date, int], ...] = field(repr=False)
    """The principal after each day that changed it, from the first one on."""

    @property
    def charges(self) -> int:
        """All that was charged."""
        return sum(row.charge for row in self.rows)

    @property
    def credits(self) -> int:
        """All that was paid or taken back."""
        return sum(row.credit for row in self.rows)

    def charged(self, *concepts: str) -> int:
        """The sum of some kinds of charges, less what was taken back of them."""
        return sum(row.charge - row.credit for row in self.rows if row.concept in concepts)

    @property
    def overdue(self) -> tuple[ScheduleRow, ...]:
        """Instalments due by the cut-off with something left to pay."""
        ends_on = self.period.ends_on
        return tuple(row for row in self.schedule if row.due_on <= ends_on and row.total > row.paid)

    @property
    def next(self) -> ScheduleRow | None:
        """The first instalment due after the cut-off, if the loan runs."""
        if self.loan.status is not Status.ACTIVE:
            return None
        return next((row for row in self.schedule if row.due_on > self.period.ends_on), None)

    @property
    def past_due(self) -> int:
        """What should have been paid by the cut-off."""
        return sum(row.total - row.paid for row in self.overdue)

    @property
    def to_pay(self) -> int:
        """What is past due and the next instalment."""
        coming = self.next
        return self.past_due + (max(0, coming.total - coming.paid) if coming else 0)


def standing(loan: Loan, on: date) -> tuple[Loan, Standing]:
    """The loan and what it owed at the end of ``on``, as far as ``loan`` knows."""
    if on < loan.opened_on:
        return loan, Standing(owed=NOTHING, kept=0)
    seen = as_of(loan, on)
    a, b, c, d, f, g, h = astuple(seen.balances())
    return seen, Standing(owed=(a, b, c, d, f, g, h), kept=seen.overpaid)


def statement(
    history: Sequence[Recorded],
    period: Period,
    cut: Cut,
    before: Cut | None = None,
    closed_through: date | None = None,
) -> Statement:
    """The statement of a loan's ``history`` at ``cut``.

    ``closed_through`` is the last day that was closed: a day on which nothing was to record left
    no event.
    ``before`` is the cut of the latest statement issued, if there is one; without it all that is
    dated before the period counts as opening balance.
    Errors: ``PeriodNotClosed``, ``NothingToState``.
    """
    loan = _known(history, cut)
    if loan is None or loan.opened_on > period.ends_on:
        raise NothingToState(_number(history), period)
    through = max(loan.through, closed_through or loan.through)
    if loan.status is Status.ACTIVE and through < period.ends_on:
        raise PeriodNotClosed(loan.loan_no, period.ends_on, through)
    seen, closing = standing(loan, period.ends_on)
    _, begun = standing(loan, period.before)
    opening, late = begun, []
    moved = [one for one in _moves(history) if cut.holds(one.movement.on, one.position)]
    own = [one for one in moved if one.movement.on >= period.begins_on]
    if before is not None:
        then = _known(history, before)
        opening = begun if then is None else standing(then, before.on)[1]
        late = [
            one
            for one in moved
            if one.movement.on < period.begins_on
            and not before.holds(one.movement.on, one.position)
        ]
    rows = [
        *_rows(late, _less(begun, opening), period.before, period.before, NOTHING, late=True),
        *_rows(
            own, _less(closing, begun), period.begins_on, period.ends_on, closing.owed, late=False
        ),
    ]
    if not rows and not opening.balance and not closing.balance:
        raise NothingToState(loan.loan_no, period)
    course = tuple(_course(moved))
    return Statement(
        period=period,
        cut=cut,
        loan=seen,
        opening=opening,
        closing=closing,
        rows=tuple(_balanced(opening.balance, rows)),
        schedule=schedule_rows(loan, period.ends_on),
        days_past_due=seen.days_past_due(period.ends_on),
        payoff=payoff(seen, period.ends_on).total if seen.status is Status.ACTIVE else None,
        average_principal=_average(course, period),
        course=course,
    )


def _known(history: Sequence[Recorded], cut: Cut) -> Loan | None:
    return replay(one.event for one in history if one.position <= cut.position)


def _number(history: Sequence[Recorded]) -> str:
    first = history[0].event
    return first.loan_no if isinstance(first, e.LoanOpened) else ""


@dataclass(frozen=True, slots=True)
class _Move:
    movement: Movement
    position: int

    @property
    def amounts(self) -> Amounts:
        """What it does to the debt, by component."""
        effect = self.movement.effect
        a, b, c, d, f, g, h = (effect * amount for amount in self.movement.amounts)
        return (a, b, c, d, f, g, h)

    @property
    def kept(self) -> int:
        """What it does to the money kept for the borrower."""
        return 0 if self.movement.effect == OFF_BOOKS else self.movement.overpaid

    @property
    def balance(self) -> int:
        return sum(self.amounts) - self.kept


def _moves(history: Iterable[Recorded]) -> list[_Move]:
    found = [_Move(one, told.position) for told in history for one in movements(told.event)]
    return sorted(found, key=lambda one: (one.movement.on, one.position))


def _less(one: Standing, other: Standing) -> list[int]:
    """By component, and the money kept."""
    pairs = zip((*one.owed, one.kept), (*other.owed, other.kept), strict=True)
    return [now - before for now, before in pairs]


def _rows(
    moves: Sequence[_Move], change: Sequence[int], since: date, upto: date, owed: Amounts,
    *, late: bool,
) -> list[Row]:  # fmt: skip
    """Movements one by one, and what ran besides them, by component, at the end of its days: where
    nothing is ``owed`` any more, before the movements of the day on which it ended.
    """
    rows = [row for move in moves for row in _shown(move, late=late)]
    left = list(change)
    for move in moves:
        for at, amount in enumerate((*move.amounts, move.kept)):
            left[at] -= amount
    for move in moves:  # corrections of charges are part of what ran
        if move.movement.kind == CORRECTION:
            for at, amount in enumerate(move.amounts):
                left[at] += amount
    last = [move.movement.on for move in moves if move.balance][-1:]
    ended = last[0] if last and not late and not any(owed) else upto
    ran = [
        Row(
            on=ended,
            since=since,
            concept=f"correction_{name}" if late or name == PRINCIPAL_NAME else name,
            charge=max(amount, 0),
            credit=max(-amount, 0),
            late=late,
        )
        for name, amount in reversed([*zip(COMPONENTS, left, strict=False), ("kept", -left[-1])])
        if amount
    ]
    told_before = [row for row in rows if row.on < ended]
    return [*told_before, *ran, *rows[len(told_before) :]] if ended < upto else [*rows, *ran]


PRINCIPAL_NAME = COMPONENTS[PRINCIPAL]
"""Of principal nothing runs: late news changed how much of what was overdue became principal."""


def _shown(move: _Move, *, late: bool) -> Iterator[Row]:
    movement = move.movement
    if movement.kind == "fee":
        for name, amount in zip(COMPONENTS, move.amounts, strict=True):
            if amount:
                yield Row(
                    on=movement.on, concept=name, reference=movement.reference, late=late,
                    number=movement.number, charge=max(amount, 0), credit=max(-amount, 0),
                )  # fmt: skip
    elif movement.kind != CORRECTION and (
        move.balance or movement.kind in TOLD or movement.effect == OFF_BOOKS
    ):
        yield Row(
            on=movement.on,
            concept=movement.kind,
            number=movement.number,
            reference=movement.reference,
            channel=movement.channel,
            parts=movement.amounts,
            kept=movement.overpaid,
            amount=movement.amount or sum(movement.amounts),
            late=late,
            charge=max(move.balance, 0),
            credit=max(-move.balance, 0),
        )


def _balanced(opening: int, rows: Iterable[Row]) -> Iterator[Row]:
    balance = opening
    for row in rows:
        balance += row.charge - row.credit
        yield replace(row, balance=balance)


def _course(moves: Sequence[_Move]) -> Iterator[tuple[date, int]]:
    principal = 0
    for day, some in groupby(moves, key=lambda move: move.movement.on):
        change = sum(move.amounts[PRINCIPAL] for move in some)
        if change:
            principal += change
            yield day, principal


def _average(course: Sequence[tuple[date, int]], period: Period) -> int:
    """The principal owed at the ends of the days of a period, on average."""
    total, principal, since = 0, 0, period.begins_on
    for day, after in course:
        if day > since:
            total += principal * (day - since).days
            since = day
        principal = after
    return (total + principal * ((period.ends_on - since).days + 1)) // period.days

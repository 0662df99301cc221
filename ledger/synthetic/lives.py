"""One loan's life as its borrower leads it: every fact by the domain's own commands, day by day."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from heapq import heappop, heappush
from itertools import count
from typing import TypeAlias

from domain import commands
from domain import events as e
from domain.calendar import due_dates
from domain.fold import replay
from domain.guards import Events
from domain.loan import Loan, Status
from domain.rates import IndexValue
from domain.schedule import schedule
from domain.views import as_of
from ledger.indices import rates_first
from ledger.synthetic.offers import OFFERS, agreement

DAY = timedelta(days=1)
CLOSE = "close-day"

Deed: TypeAlias = Callable[[date], None]
"""What somebody does about a loan on a day."""


@dataclass(frozen=True)
class Span:
    """The days that are told: loans running on ``since`` were taken over then from elsewhere."""

    since: date
    until: date
    daily: bool
    running: float
    """How many of the loans that can be taken over were running already."""


@dataclass(frozen=True)
class Append:
    """Events recorded at once on a day, by the command of that name."""

    on: date
    command: str
    events: Events


class Life:
    """A loan, what was recorded of it in order, and what is still to be done about it."""

    def __init__(
        self, product: str, chance: random.Random, span: Span, value_of: IndexValue
    ) -> None:
        self.product = product
        self.chance = chance
        self.span = span
        self.value_of = value_of
        self.appends: list[Append] = []
        self.closed_through: date | None = None
        self.loan = self._begin()
        self._agenda: list[tuple[date, int, Deed]] = []
        self._ticket = count()

    def plan(self, on: date, deed: Deed) -> None:
        """Have it done on that day, if it is still among those that are told."""
        if on <= self.span.until:
            heappush(self._agenda, (on, next(self._ticket), deed))

    def order(
        self,
        on: date,
        command: str,
        decide: Callable[[Loan], Sequence[e.AnyLoanEvent]],
        value_on: date | None = None,
    ) -> None:
        """What the domain answers to a command, recorded on ``on``."""
        events = tuple(rates_first(self.loan, value_on or on, self.value_of, decide))
        if events:
            replay(events, self.loan)
            self.appends.append(Append(on, command, events))

    def seen(self, on: date) -> Loan:
        """The loan at the end of the day, recorded or not."""
        return as_of(self.loan, on)

    def live(self) -> None:
        """Every deed on its day, and every close, through the last day told."""
        span = self.span
        day = self.loan.through
        while day <= span.until:
            self._do(day)
            if span.daily or day == span.until:
                self._close(day)
            if self.loan.status is Status.CLOSED and not self._agenda:
                return
            day = day + DAY if span.daily else self._next(day)

    def _next(self, day: date) -> date:
        """The next day on which there is something to do; the last one is closed in any case."""
        if self._agenda:
            return max(self._agenda[0][0], day + DAY)
        return self.span.until if day < self.span.until else day + DAY

    def _do(self, day: date) -> None:
        while self._agenda and self._agenda[0][0] <= day:
            _, _, deed = heappop(self._agenda)
            deed(day)

    def _close(self, day: date) -> None:
        if self.loan.status is not Status.CLOSED:
            self.order(day, CLOSE, lambda loan: commands.close_day(loan, on=day))
            self.closed_through = day

    def _begin(self) -> Loan:
        span, chance = self.span, self.chance
        if OFFERS[self.product].moves and chance.random() < span.running:
            return self._taken_on()
        days = (span.until - span.since).days
        opened_on = _lent(span.since + timedelta(days=chance.randrange(max(days, 1))))
        terms = agreement(self.product, chance, opened_on)
        events = commands.open_loan(
            loan_no=self.product, terms=terms, product=self.product, effective_on=opened_on
        )
        return self._first(opened_on, "open-loan", events)

    def _taken_on(self) -> Loan:
        """A loan paid for some while elsewhere, a few of them not to the last."""
        since, chance = self.span.since, self.chance
        terms = agreement(self.product, chance, since)
        days = (due_dates(terms, _lent(since))[-1] - since).days
        disbursed_on = _lent(since - timedelta(days=int(days * chance.uniform(0.02, 0.7))))
        rows = schedule(terms, terms.principal, disbursed_on)
        fallen = sum(row.due_on <= since for row in rows)
        missed = chance.choice((0,) * 14 + (1, 1, 2, 3))
        paid = max(fallen - missed, 0)
        events = commands.take_on(
            loan_no=self.product,
            terms=terms,
            disbursed_on=disbursed_on,
            effective_on=since,
            principal=sum(row.principal for row in rows[paid:]),
            product=self.product,
        )
        return self._first(since, "take-on", events)

    def _first(self, on: date, command: str, events: Events) -> Loan:
        self.appends.append(Append(on, command, events))
        loan = replay(events)
        assert loan is not None, "a life begins with an event"
        return loan


def _lent(on: date) -> date:
    """Not in the days before a payday: a first instalment due at once is no schedule."""
    return on - timedelta(days=6) if 11 <= on.day <= 15 or on.day >= 26 else on

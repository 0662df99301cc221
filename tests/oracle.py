"""A second opinion: one loan worked out from scratch, day by day, in exact fractions.

Slow and plain on purpose, and independent: of the domain it uses only the words of ``terms``. The
conventions it follows are written in ``docs/arithmetic.md``. Not covered: payments walked by
component or applied to the last instalment first, and what ``tests/oracle_schedule.py`` leaves out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from domain.terms import Component, InterestBasis, Method, Terms, Timing
from tests.oracle_schedule import ONE_DAY, a_day, plan, rounded

COMPONENTS = tuple(component.value for component in Component)


@dataclass(frozen=True)
class Fact:
    """Something that happened: ``kind`` is pay, fee, waive (the ``of``-th fee) or forgive.

    ``known_on``: the day it was learned, if later. ``undone_on``: the day it was reversed.
    """

    day: date
    kind: str
    amount: int = 0
    of: int = 0
    amounts: dict[str, int] = field(default_factory=dict)
    known_on: date | None = None
    undone_on: date | None = None

    def counts(self, on: date, known_on: date) -> bool:
        learned = self.known_on or self.day
        undone = self.undone_on is not None and self.undone_on <= known_on
        return self.day <= on and learned <= known_on and not undone


@dataclass
class Line:
    """One instalment: what is planned, what is owed so far, what is paid."""

    number: int
    start: date
    due: date
    principal: int
    interest: int
    tax: int
    exact_interest: Fraction = Fraction(0)
    exact_late: Fraction = Fraction(0)
    brought: int = 0
    brought_tax: int = 0
    owed: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COMPONENTS, 0))
    paid: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COMPONENTS, 0))
    given_up: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COMPONENTS, 0))

    def balance(self, component: str) -> int:
        """What is owed less what is paid; negative: interest paid before it was earned."""
        return self.owed[component] - self.paid[component] - self.given_up[component]

    def left(self, component: str) -> int:
        return max(0, self.balance(component))

    @property
    def total_left(self) -> int:
        return sum(self.left(component) for component in COMPONENTS)


@dataclass
class Position:
    """How the loan stands at the end of a day; ``allocated`` is by place in the facts given."""

    balances: dict[str, int]
    days_past_due: int
    overpaid: int
    closed: bool
    lines: list[Line]
    allocated: dict[int, dict[tuple[int, str], int]]


class Work:
    """The loan on the day reached so far."""

    def __init__(self, terms: Terms, disbursed_on: date) -> None:
        self.terms, self.disbursed_on = terms, disbursed_on
        self.lines = [
            Line(row.number, row.start, row.due, row.principal, row.interest, row.tax)
            for row in plan(terms, disbursed_on)
        ]
        for line in self.lines:
            line.owed["principal"] = line.principal
        self.fixed = terms.interest == InterestBasis.PER_PERIOD or terms.method == Method.FLAT
        self.prepaid = self.overpaid = 0
        self.closed = False
        self.fees: list[tuple[Line, int]] = []
        self.allocated: dict[int, dict[tuple[int, str], int]] = {}

    def rounded(self, exact: Fraction) -> int:
        return rounded(exact, self.terms.rounding)

    def tax(self, amount: int) -> int:
        return self.rounded(amount * Fraction(self.terms.tax_rate, 10**6))

    def running(self, day: date) -> Line:
        """The instalment whose period contains the night before ``day``."""
        return next((line for line in self.lines if day <= line.due), self.lines[-1])

    def night(self, day: date) -> None:
        """What one night adds: interest and late interest owed on the morning of ``day``."""
        terms, line = self.terms, self.running(day)
        matured = day > line.due
        if self.fixed:
            if not matured:
                part = Fraction((day - line.start).days, (line.due - line.start).days)
                interest = self.rounded(line.interest * part)
                line.owed["interest"], line.owed["interest_tax"] = interest, self.tax(interest)
        elif not matured or terms.interest_after_maturity == "accrues":
            principal = sum(each.left("principal") for each in self.lines)
            part = a_day(terms.day_count, line.due if matured else line.start, day)
            line.exact_interest += principal * Fraction(terms.annual_rate, 10**6) * part
            interest = self.rounded(line.exact_interest)
            line.owed["interest"] = line.brought + interest
            line.owed["interest_tax"] = line.brought_tax + self.tax(interest)
        for overdue in self.lines:
            principal, days_late = overdue.left("principal"), (day - overdue.due).days
            if not principal or days_late < 1:
                continue
            part = a_day(terms.day_count, overdue.due, day)
            overdue.exact_late += principal * Fraction(terms.late_rate, 10**6) * part
            if days_late > terms.late_grace_days:
                overdue.owed["late_interest"] = self.rounded(overdue.exact_late)
                overdue.owed["late_interest_tax"] = self.tax(overdue.owed["late_interest"])

    def fall_due(self, day: date) -> None:
        """Interest of a period moves on to the next if as much had been paid ahead."""
        line = next((line for line in self.lines if line.due == day), None)
        if line is None:
            return
        prepaid, self.prepaid = self.prepaid, 0
        interest, tax = line.left("interest"), line.left("interest_tax")
        if self.fixed or line is self.lines[-1] or not prepaid or not interest + tax:
            return
        if interest + tax > prepaid:
            moved = prepaid * interest // (interest + tax)
            interest, tax = moved, min(tax, prepaid - moved)
        line.owed["interest"] -= interest
        line.owed["interest_tax"] -= tax
        following = self.lines[line.number]
        following.brought, following.brought_tax = interest, tax
        following.owed["interest"], following.owed["interest_tax"] = interest, tax

    def clear(self, line: Line, component: str, money: int) -> int:
        part = min(money, line.left(component))
        line.paid[component] += part
        return part

    def pay(self, place: int, amount: int, day: date) -> None:
        allocated = self.allocated.setdefault(place, {})
        owed = sum(line.balance(c) for line in self.lines for c in COMPONENTS)
        if self.fixed and amount >= owed:  # paid off: interest paid ahead is taken back
            for line in self.lines:
                for component in COMPONENTS:
                    if part := line.balance(component):
                        allocated[line.number, component] = part
                    line.paid[component] += part
            self.overpaid += amount - owed
            return
        if self.fixed:  # planned interest may be paid before it is earned
            for line in self.lines:
                if line.due > day:
                    line.owed["interest"] = line.interest
                    line.owed["interest_tax"] = line.tax
        current = next((line for line in self.lines if line.due > day), None)
        for line in self.lines:
            timing = (
                Timing.PAST_DUE if line.due < day
                else Timing.DUE if line.due == day
                else Timing.IN_ADVANCE
            )  # fmt: skip
            for when, component in self.terms.allocation.order:
                part = self.clear(line, component, amount) if when == timing else 0
                if part:
                    allocated[line.number, component.value] = part
                    amount -= part
                    if current and line.number > current.number and component == "principal":
                        self.prepaid += part
        if self.fixed:  # back to what is earned so far
            for line in self.lines:
                if line.due > day:
                    spent = max(0, (day - line.start).days)
                    part = Fraction(spent, (line.due - line.start).days)
                    line.owed["interest"] = self.rounded(line.interest * part)
                    line.owed["interest_tax"] = self.tax(line.owed["interest"])
        self.overpaid += amount

    def happen(self, place: int, fact: Fact) -> None:
        day = fact.day
        if fact.kind == "pay":
            self.pay(place, fact.amount, day)
        elif fact.kind == "fee":
            line = self.running(day)
            line.owed["fee"] += fact.amount
            line.owed["fee_tax"] += self.tax(fact.amount)
            self.fees.append((line, fact.amount))
        elif fact.kind == "waive":
            line, amount = self.fees[fact.of - 1]
            line.given_up["fee"] += min(amount, line.left("fee"))
            line.given_up["fee_tax"] += min(self.tax(amount), line.left("fee_tax"))
        else:
            for component, wanted in fact.amounts.items():
                rest = wanted
                for line in self.lines:
                    part = min(rest, line.left(component))
                    line.given_up[component] += part
                    rest -= part
        self.closed = not any(line.total_left for line in self.lines)


def work_out(
    terms: Terms,
    disbursed_on: date,
    facts: Sequence[Fact],
    on: date,
    known_on: date | None = None,
) -> Position:
    """How the loan stands at the end of ``on``, from what was known by ``known_on`` (or ``on``)."""
    known = [(n, fact) for n, fact in enumerate(facts) if fact.counts(on, known_on or on)]
    work, day = Work(terms, disbursed_on), disbursed_on
    while True:
        if day > disbursed_on and not work.closed:
            work.night(day)
            work.fall_due(day)
        for place, fact in known:
            if fact.day == day:
                work.happen(place, fact)
        if day == on:
            break
        day += ONE_DAY
    lines = work.lines
    oldest = next((line.due for line in lines if line.due <= on and line.total_left), on)
    return Position(
        balances={c: sum(line.balance(c) for line in lines) for c in COMPONENTS},
        days_past_due=(on - oldest).days,
        overpaid=work.overpaid,
        closed=work.closed,
        lines=lines,
        allocated=work.allocated,
    )

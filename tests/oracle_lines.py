"""What the oracle is told of a loan, and what it keeps of it: facts, lines, how it stands.

Part of the oracle (``tests/oracle.py``).
"""

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from domain.money import Rounding
from domain.terms import Component, PaymentKind
from tests.oracle_dates import Period
from tests.oracle_schedule import Row

COMPONENTS = tuple(component.value for component in Component)


@dataclass(frozen=True)
class Fact:
    """Something that happened.

    ``kind`` is pay, fee, waive (the ``of``-th fee), forgive, tranche, rate, rest (no interest
    ``until``), truce (no days past due ``until``), refund, or back (of the ``of``-th payment).
    ``known_on``: the day it was learned, if later. ``undone_on``: the day it was reversed.
    """

    day: date
    kind: str
    amount: int = 0
    of: int = 0
    amounts: dict[str, int] = field(default_factory=dict)
    known_on: date | None = None
    undone_on: date | None = None
    until: date | None = None
    source: PaymentKind = PaymentKind.PAYMENT
    keeps: bool = False

    def counts(self, on: date, known_on: date) -> bool:
        learned = self.known_on or self.day
        undone = self.undone_on is not None and self.undone_on <= known_on
        return self.day <= on and learned <= known_on and not undone


@dataclass
class Line:
    """One instalment: what is planned, what is owed so far, what is paid."""

    row: Row
    principal: int
    exact_interest: Fraction = Fraction(0)
    exact_late: Fraction = Fraction(0)
    brought: int = 0
    brought_tax: int = 0
    fell_due: int = 0
    late_fee: bool = False
    owed: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COMPONENTS, 0))
    paid: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COMPONENTS, 0))
    given_up: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COMPONENTS, 0))

    @property
    def number(self) -> int:
        return self.row.number

    @property
    def start(self) -> date:
        return self.row.start

    @property
    def due(self) -> date:
        return self.row.due

    @property
    def interest(self) -> int:
        """As planned."""
        return self.row.interest

    @property
    def tax(self) -> int:
        return self.row.tax

    @property
    def period(self) -> Period:
        return self.row.period

    def earned(self, day: date, mode: Rounding) -> int:
        """Of the interest fixed for its period what is earned by a day."""
        return self.row.earned_by(day, mode)

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


def line_of(row: Row) -> Line:
    line = Line(row, row.principal)
    line.owed["principal"] = row.principal
    return line

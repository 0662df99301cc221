"""How an amount is spread over what a loan owes."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import groupby

from msgspec import structs

from domain import events as e
from domain.draft import fixed_interest
from domain.loan import COMPONENTS, Amounts, Line, Loan
from domain.money import share
from domain.terms import Component, InAdvance, Timing, Walk


class Allocation:
    """Portions of one amount; ``left`` is what found nothing to clear."""

    def __init__(self, loan: Loan, amount: int, on: date) -> None:
        self.loan = loan
        self.left = amount
        self._on = on
        self._taken: dict[int, Amounts] = {}

    @property
    def portions(self) -> tuple[e.Portion, ...]:
        """What was taken, in instalment order."""
        return tuple(as_portion(n, self._taken[n]) for n in sorted(self._taken))

    @property
    def prepaid(self) -> int:
        """Principal paid ahead of the current instalment, where that meets the next ones."""
        if not self.loan.accrues_daily or not _to_next(self.loan):
            return 0
        return sum(taken.principal for n, taken in self._taken.items() if n > self.loan.current + 1)

    def by_rule(self) -> None:
        """Follow the loan's allocation rule."""
        rule = self.loan.terms.allocation
        if rule.walk is Walk.BY_COMPONENT:
            for timing, component in rule.order:
                self._component(timing, component)
        else:
            for timing, entries in groupby(rule.order, key=lambda entry: entry[0]):
                self._instalments(timing, [component for _, component in entries])

    def pay_off(self) -> None:
        """Clear all that has accrued and all principal; interest paid ahead comes back."""
        for line in self.loan.lines:
            rest = line.owed.less(line.paid)
            if rest != Amounts():
                self._taken[line.number] = rest
                self.left -= rest.total

    def _component(self, timing: Timing, component: Component) -> None:
        lines = self._lines(timing)
        if timing is Timing.IN_ADVANCE and component is Component.PRINCIPAL:
            lines = self._principal_order(lines)
        self._take(lines, [component])

    def _instalments(self, timing: Timing, components: Sequence[Component]) -> None:
        lines = self._lines(timing)
        if timing is Timing.IN_ADVANCE and not _to_next(self.loan):
            self._take(lines, [c for c in components if c is not Component.PRINCIPAL])
            components = [c for c in components if c is Component.PRINCIPAL]
            lines = self._principal_order(lines)
        self._take(lines, components)

    def _principal_order(self, lines: Sequence[Line]) -> Sequence[Line]:
        return lines if _to_next(self.loan) else lines[::-1]

    def _lines(self, timing: Timing) -> Sequence[Line]:
        due = self.loan.lines[: self.loan.current]
        if timing is Timing.PAST_DUE:
            return [line for line in due if line.due_on < self._on]
        if timing is Timing.DUE:
            return [line for line in due if line.due_on == self._on]
        return self.loan.lines[self.loan.current :]

    def _take(self, lines: Iterable[Line], components: Sequence[Component]) -> None:
        for line in lines:
            for component in components:
                if not self.left:
                    return
                taken = self._taken.get(line.number) or Amounts()
                already = getattr(taken, component)
                part = min(self.left, payable(self.loan, line, component) - already)
                if part > 0:
                    setattr(taken, component, already + part)
                    self._taken[line.number] = taken
                    self.left -= part


def _to_next(loan: Loan) -> bool:
    return loan.terms.allocation.in_advance is InAdvance.NEXT_INSTALMENT


def as_portion(instalment: int, amounts: Amounts) -> e.Portion:
    """``amounts`` as a portion of one instalment."""
    return e.Portion(instalment=instalment, **structs.asdict(amounts))


def payable(loan: Loan, line: Line, component: Component) -> int:
    """What a payment may clear: what is owed, and of a fixed interest also what is to come."""
    owed: int = getattr(line.owed, component) - getattr(line.paid, component)
    if line.due or loan.accrues_daily:
        return owed
    if component is Component.INTEREST:
        return owed + line.planned_interest - fixed_interest(line, loan.through, loan)
    if component is Component.INTEREST_TAX:
        terms = loan.terms
        accrued = fixed_interest(line, loan.through, loan)
        return owed + line.planned_tax - share(accrued, terms.tax_rate, terms.rounding)
    return owed


def allocate(loan: Loan, amount: int, on: date) -> Allocation:
    """Spread a payment of ``amount`` received ``on`` over a loan caught up to that day.

    An amount that covers the payoff of a loan with fixed interest pays it off: interest of days
    to come is not charged.
    """
    allocation = Allocation(loan, amount, on)
    if not loan.accrues_daily and amount >= loan.balances().total:
        allocation.pay_off()
    else:
        allocation.by_rule()
    return allocation


def oldest_first(loan: Loan, component: Component, amount: int) -> Iterator[tuple[int, int]]:
    """(instalment, amount) that ``amount`` of one component takes, oldest instalment first."""
    for line in loan.lines:
        owed = getattr(line.owed, component) - getattr(line.paid, component)
        if (part := min(amount, owed)) > 0:
            amount -= part
            yield line.number, part


def portions_oldest_first(loan: Loan, amounts: dict[Component, int]) -> tuple[e.Portion, ...]:
    """``amounts`` by component, spread over the instalments that owe them, oldest first."""
    taken: dict[int, Amounts] = {}
    for component in COMPONENTS:
        for number, part in oldest_first(loan, component, amounts.get(component, 0)):
            setattr(taken.setdefault(number, Amounts()), component, part)
    return tuple(as_portion(n, taken[n]) for n in sorted(taken))

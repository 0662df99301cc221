"""How an amount is spread over what a loan owes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from functools import lru_cache
from itertools import groupby
from operator import attrgetter

from msgspec import structs

from domain import events as e
from domain.accrual import fixed_interest, tax_of
from domain.loan import COMPONENTS, NOTHING, Amounts, Line, Loan, Payment
from domain.money import divide, share
from domain.terms import (
    AllocationRule,
    Component,
    InAdvance,
    InstalmentRule,
    PaymentKind,
    Timing,
    Walk,
)
from domain.totals import keeps_total, last_open, payable_ahead


class Allocation:
    """Portions of one amount; ``left`` is what found nothing to clear."""

    def __init__(
        self, loan: Loan, amount: int, on: date, rule: AllocationRule, *, whole: bool = True
    ) -> None:
        self.loan = loan
        self.left = amount
        self.rule = rule
        self._whole = whole and rule.in_advance in WHOLE_ADVANCE
        self._on = on
        self._ahead = loan.to_come
        self._taken: dict[int, Amounts] = {}
        # what is not paid in advance whole pays no interest that has not accrued
        self._planned = self._whole and not loan.accrues_daily
        self._keeps = self._capped = loan.terms.instalment is InstalmentRule.KEEPS_TOTAL

    @property
    def portions(self) -> tuple[e.Portion, ...]:
        """What was taken, in instalment order."""
        return tuple(as_portion(n, self._taken[n]) for n in sorted(self._taken))

    @property
    def prepaid(self) -> int:
        """Principal paid ahead of the current instalment, where that meets the next ones."""
        by_day = self.loan.accrues_daily and not self._keeps
        if not by_day or self.rule.in_advance is not InAdvance.NEXT_INSTALMENT:
            return 0
        return self._principal_after(self.loan.current + 1)

    @property
    def principal_in_advance(self) -> int:
        """Principal taken that is not yet due."""
        return self._principal_after(self.loan.current)

    def _principal_after(self, number: int) -> int:
        """Taken of the schedule's rows after so many; rows apart are due by now."""
        taken = self._taken.items()
        return sum(part.principal for n, part in taken if number < n <= e.CHARGES)

    def by_rule(self) -> None:
        """Follow the rule."""
        for timing, components in _by_timing(self.rule.order):
            if timing is Timing.IN_ADVANCE:
                self._billed(components)
            if self.rule.walk is Walk.BY_COMPONENT:
                for component in components:
                    self._component(timing, component)
            else:
                self._instalments(timing, components)
        if self._keeps and self.rule.in_advance is not InAdvance.WAIT:
            self._past_totals()

    def pay_off(self) -> None:
        """Clear all that has accrued and all principal; interest paid ahead comes back."""
        for line in self.loan.rows:
            rest = line.owed.less(line.paid)
            if rest != Amounts():
                self._taken[line.number] = rest
                self.left -= rest.total

    def _past_totals(self) -> None:
        """Past the totals there is what the last instalment absorbs, and interest of those paid."""
        asked = {component for timing, component in self.rule.order if timing is Timing.IN_ADVANCE}
        lines = self.loan.lines[self.loan.current :]
        part = min(self.left, self._ahead)
        if part > 0 and lines and Component.PRINCIPAL in asked:
            self._taken.setdefault(last_open(self.loan).number, Amounts()).principal += part
            self._ahead -= part
            self.left -= part
        self._capped = False
        self._take(lines, [c for c in Component if c in asked and c is not Component.PRINCIPAL])

    def _billed(self, components: Sequence[Component]) -> None:
        """Of a line what its statement asks for comes first: its interest since then can wait."""
        billed = self.loan.billed
        lines = self.loan.lines[self.loan.current :][:1]
        if billed is None or not lines or self.rule.in_advance is InAdvance.WAIT:
            return
        paid = lines[0].paid
        asked = {
            Component.INTEREST: max(billed[0] - paid.interest, 0),
            Component.INTEREST_TAX: max(billed[1] - paid.interest_tax, 0),
        }
        for component in components:
            self._take(lines, [component], at_most=asked.get(component))

    def _component(self, timing: Timing, component: Component) -> None:
        lines = self._lines(timing)
        if timing is Timing.IN_ADVANCE and component is Component.PRINCIPAL:
            self._principal_in_advance(lines)
        else:
            self._take(lines, [component])

    def _instalments(self, timing: Timing, components: Sequence[Component]) -> None:
        lines = self._lines(timing)
        order = self.rule.in_advance
        if timing is not Timing.IN_ADVANCE or order is InAdvance.NEXT_INSTALMENT:
            self._take(lines, components)
            return
        if order is InAdvance.LAST_INSTALMENT and self._whole and not self.loan.accrues_daily:
            self._take(lines[::-1], components)  # each is paid whole, its interest with it
            return
        self._take(lines, [c for c in components if c is not Component.PRINCIPAL])
        if Component.PRINCIPAL in components:
            self._principal_in_advance(lines)

    def _principal_in_advance(self, lines: Sequence[Line]) -> None:
        """Pay principal not yet due, of the instalments that the rule prefers."""
        match self.rule.in_advance:
            case InAdvance.NEXT_INSTALMENT | InAdvance.WAIT:
                self._take(lines, [Component.PRINCIPAL])
            case InAdvance.LAST_INSTALMENT:
                self._take(lines[::-1], [Component.PRINCIPAL])
            case InAdvance.REAMORTIZE:
                self._take_evenly(lines)
            case InAdvance.REDUCE_INSTALMENT | InAdvance.REDUCE_TERM:
                self._lower()

    def _take_evenly(self, lines: Sequence[Line]) -> None:
        """An equal part of every instalment, odd cents of the last; what one lacks, the next."""
        open_lines = [line for line in lines if payable(self.loan, line, Component.PRINCIPAL) > 0]
        for n, line in enumerate(open_lines):
            part = divide(self.left, len(open_lines) - n, self.loan.terms.rounding)
            self._take([line], [Component.PRINCIPAL], at_most=part)
        self._take(open_lines, [Component.PRINCIPAL])

    def _lower(self) -> None:
        """Pay the running instalment's own, then lower what is to come: it is fitted anew."""
        lines = self.loan.lines[self.loan.current :]
        if not lines:
            return
        part = min(self.left, self._ahead)
        if part > 0:
            self._ahead -= part
            taken = self._taken.setdefault(lines[0].number, Amounts())
            taken.principal += part
            self.left -= part

    def _lines(self, timing: Timing) -> Sequence[Line]:
        due = self.loan.fallen_due
        if timing is Timing.PAST_DUE:
            return [line for line in due if line.due_on < self._on]
        if timing is Timing.DUE:
            return [line for line in due if line.due_on == self._on]
        if self.rule.in_advance is InAdvance.WAIT:
            return []
        return self.loan.in_order(self.loan.lines[self.loan.current :], due=False)

    def _take(
        self,
        lines: Iterable[Line],
        components: Sequence[Component],
        *,
        at_most: int | None = None,
    ) -> None:
        for line in lines:
            if not self.left:
                return
            planned = (self._planned or self._capped) and not line.due
            if planned or line.owed != line.paid:
                self._take_of(line, components, at_most, planned)

    def _take_of(
        self, line: Line, components: Sequence[Component], at_most: int | None, planned: bool
    ) -> None:
        taken = self._taken.get(line.number)
        for component in components:
            amount_of = AMOUNT_OF[component]
            owed = amount_of(line.owed) - amount_of(line.paid)
            if planned:
                owed = payable(self.loan, line, component)
            already = amount_of(taken) if taken is not None else 0
            if owed <= already:
                continue
            part = min(self.left, owed - already)
            if at_most is not None:
                part = min(part, at_most)
            ahead = component is Component.PRINCIPAL and not line.due
            if ahead:
                part = min(part, self._ahead)
            if part > 0:
                self._ahead -= part if ahead else 0
                taken = self._taken.setdefault(line.number, Amounts())
                setattr(taken, component, already + part)
                self.left -= part


@lru_cache(maxsize=1_000)
def _by_timing(
    order: tuple[tuple[Timing, Component], ...],
) -> tuple[tuple[Timing, tuple[Component, ...]], ...]:
    """The components of an order by stretches of one timing: a book has few orders."""
    return tuple(
        (timing, tuple(component for _, component in entries))
        for timing, entries in groupby(order, key=lambda entry: entry[0])
    )


AMOUNT_OF: dict[Component, Callable[[Amounts], int]] = {
    component: attrgetter(component.value) for component in Component
}
"""By the plain name, which is looked up in a third of the time that a member of the enum takes."""

WHOLE_ADVANCE = (InAdvance.NEXT_INSTALMENT, InAdvance.LAST_INSTALMENT)
"""Of a fixed interest these pay an instalment in advance whole."""


def as_portion(instalment: int, amounts: Amounts) -> e.Portion:
    """``amounts`` as a portion of one instalment."""
    return e.Portion(instalment=instalment, **structs.asdict(amounts))


def payable(loan: Loan, line: Line, component: Component) -> int:
    """What a payment may clear: what is owed, and of a fixed interest also what is to come."""
    owed: int = getattr(line.owed, component) - getattr(line.paid, component)
    if line.due:
        return owed
    if keeps_total(loan, line):
        left: int = getattr(payable_ahead(loan, line), component)
        return left
    if loan.accrues_daily:
        return owed
    if component is Component.INTEREST:
        return owed + line.planned_interest - fixed_interest(line, loan.through, loan)
    if component is Component.INTEREST_TAX:
        terms = loan.terms
        accrued = fixed_interest(line, loan.through, loan)
        return owed + line.planned_tax - share(accrued, terms.tax_rate, terms.rounding)
    return owed


def allocate(
    loan: Loan, amount: int, on: date, kind: PaymentKind = PaymentKind.PAYMENT
) -> Allocation:
    """Spread a payment of ``amount`` received ``on`` over a loan caught up to that day.

    An amount that covers the payoff of a loan with fixed interest pays it off: interest of days
    to come is not charged. What is held until due dates pays a loan off as well. An insurer pays
    what is owed that day: of a fixed interest nothing that is still to be earned. A security
    deposit is held.
    """
    whole = kind is not PaymentKind.INSURANCE_CLAIM
    allocation = Allocation(loan, amount, on, loan.terms.allocation_of(kind), whole=whole)
    if kind is PaymentKind.SECURITY_DEPOSIT:
        return allocation
    settles = not loan.accrues_daily or allocation.rule.in_advance is InAdvance.WAIT
    if settles and amount >= loan.balances().total:
        allocation.pay_off()
    else:
        allocation.by_rule()
    return allocation


def allocate_held(loan: Loan, amount: int, on: date, kind: PaymentKind) -> Allocation:
    """Spread money kept for the borrower over what is due, and no further."""
    rule = structs.replace(loan.terms.allocation_of(kind), in_advance=InAdvance.WAIT)
    allocation = Allocation(loan, amount, on, rule)
    allocation.by_rule()
    return allocation


def oldest_first(loan: Loan, component: Component, amount: int) -> Iterator[tuple[int, int]]:
    """(instalment, amount) that ``amount`` of one component takes, oldest instalment first."""
    for line in loan.rows:
        owed = getattr(line.owed, component) - getattr(line.paid, component)
        if (part := min(amount, owed)) > 0:
            amount -= part
            yield line.number, part


def unearned(loan: Loan, payment: Payment, last: int = 0) -> tuple[e.Portion, ...]:
    """What of the payment is interest that has not accrued, and its tax: as taken back.

    Up to the instalment ``last`` what the schedule still earns counts as accrued.
    It may have moved on to a later instalment than the one it was paid with.
    """
    found, cleared = [], Amounts()
    for line in loan.lines:
        if line.number == last + 1:
            cleared = Amounts()
        cleared.add(payment.allocation.get(line.number, NOTHING))
        left = _earned(loan, line, last).less(line.paid)
        part = Amounts(
            interest=-max(min(cleared.interest, -left.interest), 0),
            interest_tax=-max(min(cleared.interest_tax, -left.interest_tax), 0),
        )
        if part != NOTHING:
            cleared.add(part)
            found.append(as_portion(line.number, part))
    return tuple(found)


def _earned(loan: Loan, line: Line, last: int) -> Amounts:
    """What the line owes, up to ``last`` with the fixed interest that is still to accrue."""
    if line.due or line.number > last or loan.accrues_daily:
        return line.owed
    whole, accrued = line.planned_interest, fixed_interest(line, loan.through, loan)
    return structs.replace(
        line.owed,
        interest=line.owed.interest + whole - accrued,
        interest_tax=line.owed.interest_tax + tax_of(loan, whole) - tax_of(loan, accrued),
    )


def portions_oldest_first(loan: Loan, amounts: dict[Component, int]) -> tuple[e.Portion, ...]:
    """``amounts`` by component, spread over the instalments that owe them, oldest first."""
    taken: dict[int, Amounts] = {}
    for component in COMPONENTS:
        for number, part in oldest_first(loan, component, amounts.get(component, 0)):
            setattr(taken.setdefault(number, Amounts()), component, part)
    return tuple(as_portion(n, taken[n]) for n in sorted(taken))

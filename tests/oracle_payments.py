"""How the oracle clears what is owed with money.

Part of the oracle (``tests/oracle.py``). Amounts are centavos; ``Cleared`` is by line and part.
"""

from datetime import date
from fractions import Fraction

from domain.terms import AllocationRule, InAdvance, Timing, Walk
from tests.oracle_lines import COMPONENTS, Line
from tests.oracle_schedule import tax_on

REFITS = (InAdvance.REDUCE_INSTALMENT, InAdvance.REDUCE_TERM)
Cleared = dict[tuple[int, str], int]


class Money:
    """So much of one payment, and what it has cleared."""

    def __init__(self, amount: int, cleared: Cleared) -> None:
        self.amount, self.cleared = amount, cleared

    def clear(self, line: Line, component: str, at_most: int | None = None) -> int:
        part = min(self.amount, line.left(component))
        if at_most is not None:
            part = min(part, at_most)
        if part:
            line.paid[component] += part
            key = line.number, component
            self.cleared[key] = self.cleared.get(key, 0) + part
            self.amount -= part
        return part


def timing_of(line: Line, day: date) -> Timing:
    if line.due < day:
        return Timing.PAST_DUE
    return Timing.DUE if line.due == day else Timing.IN_ADVANCE


def pay_in_order(
    work, money: Money, rule: AllocationRule, day: date, *, due_only: bool = False
) -> None:
    """Past due and due by the walk of the rule; then in advance, principal as the rule says."""
    due = [line for line in work.lines if line.due <= day]
    early = [line for line in work.lines if line.due > day]
    if rule.walk == Walk.BY_COMPONENT:
        for when, component in rule.order:
            for line in due:
                if timing_of(line, day) == when:
                    money.clear(line, component)
    else:
        for line in due:
            for when, component in rule.order:
                if timing_of(line, day) == when:
                    money.clear(line, component)
    if due_only or rule.in_advance == InAdvance.WAIT or not early:
        return
    components = [component for when, component in rule.order if when == Timing.IN_ADVANCE]
    next_one = rule.in_advance == InAdvance.NEXT_INSTALMENT
    whole = work.fixed and next_one
    if whole:  # planned interest may be paid before it is earned
        for line in early:
            line.owed["interest"] = line.row.interest
            line.owed["interest_tax"] = line.row.tax
    before = [line.paid["principal"] for line in early]
    if next_one and rule.walk == Walk.BY_INSTALMENT:
        for line in early:
            for component in components:
                money.clear(line, component)
    else:
        for component in components:
            if component == "principal":
                ahead(money, rule.in_advance, early)
                continue
            for line in early:
                money.clear(line, component)
    for line, paid in zip(early[1:], before[1:], strict=True):
        work.prepaid += line.paid["principal"] - paid
    if whole:  # back to what is earned so far
        for line in early:
            earned = line.earned(max(day, line.start), work.terms.rounding)
            line.owed["interest"] = line.brought + earned
            line.owed["interest_tax"] = line.brought_tax + tax_on(work.terms, earned)


def spread(money: Money, lines: list[Line]) -> None:
    """An equal part of every instalment still open; odd cents to the last."""
    while money.amount and (still := [line for line in lines if line.left("principal")]):
        part = money.amount // len(still)
        for line in still[:-1]:
            money.clear(line, "principal", part)
        money.clear(still[-1], "principal")
        if not part:
            break


def ahead(money: Money, how: InAdvance, lines: list[Line]) -> None:
    """Principal that is not yet due, of ``lines``."""
    if how == InAdvance.REAMORTIZE:
        spread(money, lines)
    elif how == InAdvance.LAST_INSTALMENT:
        for line in reversed(lines):
            money.clear(line, "principal")
    elif how != InAdvance.WAIT:
        for line in lines:
            money.clear(line, "principal")


def fee_for(terms, principal: int) -> int:
    """The prepayment fee on so much principal, with its tax."""
    fee = prepayment_fee(terms, principal)
    return fee + tax_on(terms, fee)


def prepayment_fee(terms, principal: int) -> int:
    from tests.oracle_dates import rounded

    return rounded(principal * Fraction(terms.prepayment_fee_rate, 10**6), terms.rounding)


def all_of(lines: list[Line], money: Money) -> None:
    """Pay off: what is owed, and interest paid ahead is taken back."""
    for line in lines:
        for component in COMPONENTS:
            if part := line.balance(component):
                key = line.number, component
                money.cleared[key] = money.cleared.get(key, 0) + part
                money.amount -= part
            line.paid[component] += part

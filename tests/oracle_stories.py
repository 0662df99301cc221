"""One loan told to the domain and to the oracle, and how each sees it.

Part of the oracle (``tests/oracle.py``).
"""

from dataclasses import replace
from datetime import date, timedelta

from domain import commands
from domain.errors import LoanError, UnknownFee
from domain.fold import apply, replay
from domain.loan import Loan, Status
from domain.terms import Component, PaymentKind, Terms
from domain.views import as_of, schedule_rows
from tests.oracle import Fact, Position, work_out


class Story:
    """One loan told to the domain and, fact by fact, noted for the oracle."""

    def __init__(self, agreed: Terms, disbursed_on: date, lent: int | None = None) -> None:
        self.lent = lent or agreed.principal
        self.agreed, self.disbursed_on = agreed, disbursed_on
        self.facts: list[Fact] = []
        self.places: list[int] = []
        opened = replay(commands.open_loan(loan_no="1", terms=agreed, effective_on=disbursed_on))
        assert opened is not None
        self.loan: Loan = opened
        self.tell(commands.disburse(self.loan, principal=self.lent, effective_on=disbursed_on))

    def tell(self, events) -> None:
        for event in events:
            apply(self.loan, event)

    def pay(
        self, amount: int, on: date, known_on: date, source: PaymentKind = PaymentKind.PAYMENT
    ) -> None:
        if known_on > on:
            self.tell(commands.close_day(self.loan, on=known_on))
        try:
            events = commands.receive_payment(
                self.loan, amount=amount, effective_on=on, kind=source
            )
        except LoanError:
            # `known_on` may lie after the payoff that closed the loan: nothing else is refused.
            assert self.loan.status is Status.CLOSED or self.now(known_on).closed
            return
        self.tell(events)
        self.places.append(len(self.facts))
        self.facts.append(Fact(on, "pay", amount, known_on=known_on, source=source))

    def charge(self, amount: int, on: date) -> None:
        try:
            events = commands.charge_fee(self.loan, kind="visit", amount=amount, effective_on=on)
        except LoanError:
            assert self.loan.status is Status.CLOSED or self.now(on).closed
            return
        self.tell(events)
        self.facts.append(Fact(on, "fee", amount))

    def reverse(self, pick: int, on: date) -> None:
        if not self.places:
            return
        number = pick % len(self.places)
        place = self.places[number]
        if self.facts[place].undone_on:
            return
        self.tell(commands.reverse_payment(self.loan, payment=number + 1, reversed_on=on))
        self.facts[place] = replace(self.facts[place], undone_on=on)

    def close(self, today: date, *, nightly: bool) -> None:
        """Close the day, after every one since the last or in one go."""
        nights = (today - self.loan.through).days if nightly else 0
        for ahead in range(nights, 0, -1):
            self.tell(commands.close_day(self.loan, on=today - timedelta(days=ahead - 1)))
        self.tell(commands.close_day(self.loan, on=today))

    @property
    def relieved(self) -> bool:
        """A waiver or forgiveness fixes its portions: what lies before it may not change them."""
        return any(fact.kind in {"waive", "forgive"} for fact in self.facts)

    def waive(self, pick: int, on: date) -> None:
        """Take back a fee; a waived or paid one is refused."""
        fees = [fact for fact in self.facts if fact.kind == "fee"]
        if not fees or self.loan.status is Status.CLOSED:
            return
        of = 1 + pick % len(fees)
        try:
            events = commands.waive_fee(self.loan, fee=of, effective_on=on)
        except UnknownFee:
            return
        self.tell(events)
        self.facts.append(Fact(on, "waive", of=of))

    def forgive(self, component: Component, share: int, on: date) -> None:
        """Give up so many hundredths of what is owed of a component."""
        position = self.now(on)
        amount = position.balances[component] * share // 100
        if amount <= 0 or position.closed:
            return
        self.tell(commands.forgive(self.loan, amounts={component: amount}, effective_on=on))
        self.facts.append(Fact(on, "forgive", amounts={component.value: amount}))

    def now(self, on: date, known_on: date | None = None) -> Position:
        return work_out(self.agreed, self.disbursed_on, self.facts, on, known_on, self.lent)

    def do(self, command, fact: Fact, **arguments) -> bool:
        """Tell both, unless the domain refuses."""
        try:
            events = command(self.loan, effective_on=fact.day, **arguments)
        except LoanError:
            return False
        self.tell(events)
        self.facts.append(fact)
        return True


def seen_by_the_domain(loan: Loan, on: date):
    seen = as_of(loan, on)
    return {
        "balances": [
            {c.value: getattr(line.owed, c) - getattr(line.paid, c) for c in Component}
            for line in seen.lines
        ],
        "days_past_due": seen.days_past_due(on),
        "overpaid": seen.overpaid,
        "closed": seen.status is Status.CLOSED,
        "cleared": {
            (number, instalment, c.value): getattr(part, c)
            for number, payment in seen.payments.items()
            if not payment.reversed_on
            for instalment, part in payment.allocation.items()
            for c in Component
            if getattr(part, c)
        },
    }


def seen_by_the_oracle(story: Story, position: Position):
    return {
        "balances": [
            {c.value: line.balance(c.value) for c in Component} for line in position.lines
        ],
        "days_past_due": position.days_past_due,
        "overpaid": position.overpaid,
        "closed": position.closed,
        "cleared": {
            (number, instalment, component): part
            for number, place in enumerate(story.places, start=1)
            for (instalment, component), part in position.allocated.get(place, {}).items()
        },
    }


def rows_of_the_domain(loan: Loan, on: date):
    return [
        (row.number, row.principal, row.interest, row.fees, row.late_interest, row.tax, row.paid)
        for row in schedule_rows(loan, on)
        if row.due_on <= on
    ]


def rows_of_the_oracle(position: Position, on: date):
    return [
        (
            line.number,
            line.principal,
            line.owed["interest"],
            line.owed["fee"],
            line.owed["late_interest"],
            line.owed["interest_tax"] + line.owed["fee_tax"] + line.owed["late_interest_tax"],
            sum(line.paid.values()),
        )
        for line in position.lines
        if line.due <= on
    ]

"""How a loan stands for the books, and what an event means on a loan that stands so."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

from msgspec import Struct, field

from domain import events as e
from projections.accounting.facts import (
    ASIDE,
    OFF_ACCOUNTS,
    SUSPENDED,
    Fact,
    effects,
    facts_of,
)
from projections.movements import COMPONENTS

TURNS = (e.StageChanged, e.AccrualSuspended, e.AccrualResumed)
"""The events that change how a loan stands."""
_ACCRUED = frozenset({"interest", "late_interest"})
_BY_DAY = frozenset({"charge_correction"})
_OF_PAYMENTS = frozenset(
    {
        "payment",
        "goodwill",
        "reversal",
        "goodwill_reversal",
        "payment_correction",
        "application",
        "deposit_application",
    }
)


class Standing(Struct, omit_defaults=True):
    """Stage, whether accrual is suspended, and what is owed by component.

    ``owed`` is on the accounts; under ``suspended_...`` it holds interest kept off them.
    ``collected`` is, by payment, what it brought of interest off the accounts, so that a reversal
    takes back the same. While accrual is suspended a payment clears what is on the accounts first:
    it is older.
    """

    stage: int = 1
    suspended: bool = False
    since: date | None = None
    owed: dict[str, int] = field(default_factory=dict)
    collected: dict[int, dict[str, int]] = field(default_factory=dict)

    def book(self, event: e.AnyLoanEvent, until: date | None = None) -> list[Fact]:
        """What ``event`` means, valued up to ``until``; the loan then stands as that left it."""
        if isinstance(event, TURNS):
            facts = self._turn(event)
        else:
            facts = [
                part
                for fact in facts_of(event, self.stage)
                if until is None or fact.on <= until
                for part in (self._split(fact) if self.suspended else (fact,))
            ]
        if not self.suspended:
            for fact in facts:
                self._add(fact)
        return facts

    def _turn(self, event: e.StageChanged | e.AccrualSuspended | e.AccrualResumed) -> list[Fact]:
        on, before = event.effective_on, self.stage
        if isinstance(event, e.StageChanged):
            self.stage = event.after
            return [
                Fact(on, before, f"to_stage_{event.after}", name, self.owed[name])
                for name in COMPONENTS
                if self.owed.get(name)
            ]
        self.suspended = isinstance(event, e.AccrualSuspended)
        if self.suspended:
            self.since = on
            return []
        self.since, self.collected = None, {}
        return [
            Fact(on, before, "resumption", name, self.owed[name])
            for name in OFF_ACCOUNTS
            if self.owed.get(name)
        ]

    def _add(self, fact: Fact) -> None:
        for name, sign in effects(fact.kind, fact.component).items():
            owed = self.owed.get(name, 0) + sign * fact.amount
            if owed:
                self.owed[name] = owed
            else:
                self.owed.pop(name, None)

    def _split(self, fact: Fact) -> Iterator[Fact]:
        """The part on the accounts and the part off them, each added as it is told."""
        name = fact.component
        aside = self._aside(fact) if name in ASIDE and fact.kind != "taken_on" else 0
        for part in (
            fact._replace(amount=fact.amount - aside),
            fact._replace(component=f"{SUSPENDED}{name}", amount=aside),
        ):
            if part.amount:
                self._add(part)
                yield part

    def _aside(self, fact: Fact) -> int:
        """How much of a fact while accrual is suspended concerns what is off the accounts."""
        amount, name = fact.amount, fact.component
        there = max(self.owed.get(f"{SUSPENDED}{name}", 0), 0)
        if fact.kind in _ACCRUED:
            return amount
        if fact.kind in _BY_DAY:
            late = self.since is not None and fact.on > self.since
            return amount if late and amount > 0 else max(amount, -there) if late else 0
        if amount > 0:
            brought = min(max(amount - max(self.owed.get(name, 0), 0), 0), there)
            if brought and fact.kind in _OF_PAYMENTS:
                self._collect(fact.payment, name, brought)
            return brought
        back = min(-amount, self.collected.get(fact.payment or 0, {}).get(name, 0))
        if back:
            self._collect(fact.payment, name, -back)
        return -back

    def _collect(self, payment: int | None, name: str, amount: int) -> None:
        of_payment = Counter(self.collected.get(payment or 0, {}))
        of_payment[name] += amount
        left: dict[str, Any] = {one: n for one, n in of_payment.items() if n}
        if left:
            self.collected[payment or 0] = left
        else:
            self.collected.pop(payment or 0, None)

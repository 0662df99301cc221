"""The schedule of a loan paid out in tranches, with changes of rate and charges, as agreed.

What the loan itself comes to if every instalment is paid on its day.
"""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import TypeAlias

from msgspec import Struct, structs

from domain.calendar import due_dates
from domain.errors import InvalidDate, InvalidTerms, OverDisbursement
from domain.events import Instalment
from domain.limits import MAX_RATE, check_amount, check_terms
from domain.money import share
from domain.period import Period, exact_interest
from domain.schedule import (
    Opening,
    Place,
    approved_level,
    check_sum,
    down_payment,
    fitted,
    level_in,
)
from domain.terms import ChargesDue, FittedTo, Method, RateStep, Terms


class Tranche(Struct, frozen=True):
    """An amount (minor units) paid out ``on`` a day."""

    on: date
    amount: int


class Pause(Struct, frozen=True):
    """No interest runs from the night of ``from_on`` up to that of ``until``, exclusive."""

    from_on: date
    until: date


class Charge(Struct, frozen=True):
    """A fee (minor units, before tax) that falls due with the instalment of its day, or on it."""

    on: date
    kind: str
    amount: int
    falls_due: ChargesDue = ChargesDue.WITH_INSTALMENT


class Plan(Struct, frozen=True):
    """What is agreed beside the terms. Without ``tranches`` all is paid out on ``disbursed_on``."""

    terms: Terms
    disbursed_on: date
    tranches: tuple[Tranche, ...] = ()
    rate_changes: tuple[RateStep, ...] = ()
    pauses: tuple[Pause, ...] = ()
    charges: tuple[Charge, ...] = ()


Change: TypeAlias = Tranche | RateStep | Pause


def planned(plan: Plan) -> tuple[Instalment, ...]:
    """The rows, with charges among them.

    Errors: ``InvalidTerms``, ``InvalidAmount``, ``InvalidDate``, ``OverDisbursement`` naming the
    field at fault.
    """
    check_terms(plan.terms)
    tranches = _tranches(plan)
    _check_changes(plan, tranches)
    rows = _Rows(plan, tranches[0])
    changes: list[Change] = [*tranches[1:], *plan.rate_changes, *plan.pauses]
    for change in sorted(changes, key=_day_of):
        rows.change(change)
    found = rows.in_order()
    check_sum(found)
    return _charged(plan, found)


def _day_of(change: Change) -> tuple[date, bool]:
    """A change of rate holds for what is paid out that day."""
    return (change.on, True) if isinstance(change, Tranche) else (change.from_on, False)


def _tranches(plan: Plan) -> tuple[Tranche, ...]:
    """The payouts in order, all of them within the principal."""
    principal = plan.terms.principal
    tranches = plan.tranches or (Tranche(plan.disbursed_on, principal),)
    for tranche in tranches:
        check_amount(tranche.amount, "tranches")
        if tranche.on < plan.disbursed_on:
            rule = f"is before the disbursement ({plan.disbursed_on})"
            raise InvalidDate(tranche.on, rule, "tranches")
    ordered = tuple(sorted(tranches, key=lambda tranche: tranche.on))
    paid = 0
    for tranche in ordered:
        if tranche.amount > principal - paid:
            raise OverDisbursement(tranche.amount, principal - paid, "tranches")
        paid += tranche.amount
    return ordered


def _check_changes(plan: Plan, tranches: Sequence[Tranche]) -> None:
    for change in plan.rate_changes:
        if not 0 <= change.annual_rate <= MAX_RATE:
            rule = f"annual_rate {change.annual_rate} must be between 0 and {MAX_RATE}"
            raise InvalidTerms(rule, "rate_changes")
        if change.from_on < plan.disbursed_on:
            rule = f"is before the disbursement ({plan.disbursed_on})"
            raise InvalidDate(change.from_on, rule, "rate_changes")
    for pause in plan.pauses:
        if pause.from_on < plan.disbursed_on:
            rule = f"is before the disbursement ({plan.disbursed_on})"
            raise InvalidDate(pause.from_on, rule, "pauses")
        if pause.until <= pause.from_on:
            rule = f"is not after the {pause.from_on} it begins"
            raise InvalidDate(pause.until, rule, "pauses")
    for charge in plan.charges:
        check_amount(charge.amount, "charges")
        if not charge.kind.strip():
            raise InvalidTerms("a charge needs its kind", "charges")
        if charge.on < plan.disbursed_on:
            rule = f"is before the disbursement ({plan.disbursed_on})"
            raise InvalidDate(charge.on, rule, "charges")


_FIELDS = {Tranche: "tranches", RateStep: "rate_changes", Pause: "pauses"}


class _Rows:
    """The rows as changes fit them anew, one after the other."""

    def __init__(self, plan: Plan, first: Tranche) -> None:
        self.terms = plan.terms
        dues = due_dates(plan.terms, plan.disbursed_on)
        self.periods: list[Period] = list(pairwise((plan.disbursed_on, *dues)))
        self.down = down_payment(plan.terms, first.amount, plan.disbursed_on)
        self.financed = first.amount - sum(row.principal for row in self.down)
        opening = Opening(first.on) if first.on > plan.disbursed_on else None
        self.opening_of: tuple[int, Opening] | None = (0, opening) if opening else None
        self.pending = plan.terms.principal - first.amount
        self.level = approved_level(plan.terms, plan.disbursed_on)
        self.rows = fitted(
            plan.terms, self.financed, self.periods, self._place(0), first.on, opening, self.level
        )

    def change(self, change: Change) -> None:
        """Fit the rows that are not yet due on its day; over a pause the level one stays."""
        on = change.on if isinstance(change, Tranche) else change.from_on
        at = next((n for n, row in enumerate(self.rows) if row.due_on > on), None)
        if at is None:
            field = _FIELDS[type(change)]
            last = f"is not before the last instalment ({self.rows[-1].due_on})"
            raise InvalidDate(on, last, field)
        kept, left = self.rows[:at], sum(row.principal for row in self.rows[at:])
        opening, level = self._opening(at, on, left), self.level
        if isinstance(change, Tranche):
            self.pending -= change.amount
            down = down_payment(self.terms, change.amount, on)
            self.down += down
            financed = change.amount - sum(row.principal for row in down)
            left += financed
            self.financed += financed
        elif isinstance(change, Pause):
            level = self.level or self._level(at)
            self.terms = self.terms.at_rate(0, on, change.until)
        else:
            self.terms = self.terms.at_rate(change.annual_rate, on)
            if self.level is not None:
                level = self.level = self._fitted_to_all(left, at, on, opening)
        self.opening_of = (at, opening)
        running, *others = fitted(
            self.terms, left, self.periods[at:], self._place(at), on, opening, level
        )
        begun = self.rows[at]  # its charges were raised as it began
        running = structs.replace(running, fee=begun.fee, fee_tax=begun.fee_tax)
        self.rows = (*kept, running, *others)

    def _fitted_to_all(self, left: int, at: int, on: date, opening: Opening) -> int:
        """The instalment for what is left and what of the approved is still to be paid out."""
        terms = structs.replace(self.terms, fitted_to=FittedTo.DISBURSED)
        whole = left + self.pending
        return level_in(
            terms, fitted(terms, whole, self.periods[at:], self._place(at), on, opening)
        )

    def in_order(self) -> tuple[Instalment, ...]:
        """With the down payment of each payout: after what falls due that day already."""
        if not self.down:
            return self.rows
        return _by_day((*self.rows, *self.down))

    def _level(self, at: int) -> int | None:
        """What the instalments ask for, where they are level and another comes after this one."""
        if at >= len(self.rows) - 1:
            return None
        row, before = self.rows[-2], self.rows[-3] if len(self.rows) > 2 else None
        interest, tax = row.interest + row.deferred, row.tax + row.deferred_tax
        if before is not None:
            interest, tax = interest - before.deferred, tax - before.deferred_tax
        return self.terms.level_of(row.principal, interest, tax)

    def _opening(self, at: int, on: date, balance: int) -> Opening:
        """What the running period holds on the day."""
        start_on, _ = self.periods[at]
        before = self.rows[at - 1] if at else None
        known = self.opening_of[1] if self.opening_of and self.opening_of[0] == at else None
        known = known or Opening(
            start_on,
            brought=before.deferred if before else 0,
            brought_tax=before.deferred_tax if before else 0,
        )
        bears = self.financed if self.terms.method is Method.FLAT else balance
        if at < self.terms.grace.interest_free_periods:
            bears = 0
        to_end = exact_interest(self.terms, bears, self.periods[at], known.since)
        from_on = exact_interest(self.terms, bears, self.periods[at], on)
        return known._replace(since=on, numerator=known.numerator + to_end - from_on)

    def _place(self, at: int) -> Place:
        return Place(1 + at, at, self.financed)


def _by_day(rows: Sequence[Instalment]) -> tuple[Instalment, ...]:
    """The rows by due date, those of no period after the instalment of their day."""
    ordered = sorted(rows, key=lambda row: (row.due_on, row.start_on))
    return tuple(structs.replace(row, number=n) for n, row in enumerate(ordered, start=1))


def _charged(plan: Plan, rows: tuple[Instalment, ...]) -> tuple[Instalment, ...]:
    """Each charge with the row whose period holds its day; after the last, or where it falls due on
    its date, a row of its own.
    """
    found, apart = list(rows), []
    for charge in sorted(plan.charges, key=lambda charge: charge.on):
        tax = share(charge.amount, plan.terms.tax_rate, plan.terms.rounding)
        last = found[-1]
        if charge.falls_due is ChargesDue.ON_THEIR_DATE:
            row = Instalment(
                number=0, start_on=charge.on, due_on=charge.on, principal=0, interest=0,
                fee=charge.amount, fee_tax=tax,
            )  # fmt: skip
            apart.append(row)
            continue
        if charge.on > last.due_on:
            found.append(
                Instalment(
                    number=last.number + 1, start_on=last.due_on, due_on=charge.on, principal=0,
                    interest=0,
                )
            )  # fmt: skip
        regular = [n for n, row in enumerate(found) if row.start_on < row.due_on]
        at = next(n for n in regular if found[n].due_on >= charge.on)
        row = found[at]
        found[at] = structs.replace(row, fee=row.fee + charge.amount, fee_tax=row.fee_tax + tax)
    return _by_day((*found, *apart)) if apart else tuple(found)

"""A second opinion: one loan worked out from scratch, day by day, in exact fractions.

Slow and plain on purpose, and independent: of the domain it uses only the words of ``terms``. The
conventions it follows are written in ``docs/arithmetic.md``. Beside it: ``oracle_dates``,
``oracle_schedule`` (the table as agreed), ``oracle_payments`` and ``oracle_changes``.
"""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction

from domain.terms import InAdvance, LateBase, Method, PaymentKind, Terms
from tests.oracle_changes import Changes
from tests.oracle_dates import ONE_DAY, a_day, part, rounded
from tests.oracle_lines import COMPONENTS, Fact, Line, Position, line_of
from tests.oracle_payments import Cleared, Money, all_of, pay_in_order
from tests.oracle_schedule import Rates, is_fixed, plan, tax_on

__all__ = ["COMPONENTS", "Fact", "Line", "Position", "work_out"]


class Work(Changes):
    """The loan on the day reached so far."""

    def __init__(self, terms: Terms, disbursed_on: date, lent: int) -> None:
        self.terms, self.disbursed_on = terms, disbursed_on
        self.fixed = is_fixed(terms)
        rows = plan(terms, disbursed_on, lent)
        self.lines = [line_of(row) for row in rows]
        self.lent = sum(line.principal for line in self.lines if line.due > disbursed_on)
        steps = [(step.from_on, step.annual_rate) for step in terms.rate_steps]
        self.rates = Rates([(date.min, terms.annual_rate), *steps])
        self.pauses: list[tuple[date, date]] = []
        self.prepaid = 0
        self.kept: dict[int, int] = {}
        self.sources: dict[int, PaymentKind] = {}
        self.closed = False
        self.fees: list[tuple[Line, int, int]] = []
        self.allocated: dict[int, Cleared] = {}
        self.charge_period(disbursed_on)

    @property
    def overpaid(self) -> int:
        return sum(self.kept.values())

    def rounded(self, exact: Fraction) -> int:
        return rounded(exact, self.terms.rounding)

    def tax(self, amount: int) -> int:
        return tax_on(self.terms, amount)

    def running(self, day: date) -> Line:
        """The instalment whose period contains the night before ``day``."""
        regular = [line for line in self.lines if line.start < line.due]
        return next((line for line in regular if day <= line.due), regular[-1])

    def paused(self, since: date, until: date) -> int:
        return sum(max(0, (min(b, until) - max(a, since)).days) for a, b in self.pauses)

    def days_late(self, line: Line, day: date) -> int:
        return (day - line.due).days - self.paused(line.due, day)

    def charge_period(self, day: date) -> None:
        """The charges of the instalment whose period begins."""
        line = next((each for each in self.lines if each.start == day < each.due), None)
        if line is None:
            return
        balance = sum(each.balance("principal") for each in self.lines)
        balance -= sum(each.left("principal") for each in self.lines if each.due == day)
        for charge in self.terms.period_charges:
            base = balance if charge.of_balance else self.lent
            if charge.of_principal:
                base = max(line.owed["principal"], 0)
            amount = charge.amount + self.rounded(base * Fraction(charge.rate, 10**6))
            if charge.is_tax:
                line.owed["fee_tax"] += amount
                continue
            line.owed["fee"] += amount
            line.owed["fee_tax"] += self.tax(amount) if charge.taxed else 0

    def free(self, line: Line, day: date) -> bool:
        withheld = self.terms.method == Method.DISCOUNT and day <= line.due
        return withheld or line.row.index < self.terms.grace.interest_free_periods

    def night(self, day: date) -> None:
        """What one night adds: interest and late interest owed on the morning of ``day``."""
        terms, line = self.terms, self.running(day)
        matured = day > line.due
        if self.fixed:
            if not matured:
                interest = line.earned(day, terms.rounding)
                line.owed["interest"] = line.brought + interest
                line.owed["interest_tax"] = line.brought_tax + self.tax(interest)
        elif self.free(line, day):
            pass
        elif not matured or terms.interest_after_maturity == "accrues":
            principal = sum(each.balance("principal") for each in self.lines)
            begin, end = (line.due, None) if matured else (line.start, line.due)
            of_year = a_day(terms.day_count, begin, day, end)
            line.exact_interest += principal * self.rates.on(day - ONE_DAY) * of_year
            interest = self.rounded(line.exact_interest)
            line.owed["interest"] = line.brought + interest
            line.owed["interest_tax"] = line.brought_tax + self.tax(interest)
        for overdue in self.lines:
            if overdue.due < day:
                self.late_night(overdue, day)

    def late_night(self, overdue: Line, day: date) -> None:
        terms = self.terms
        base, days_late = overdue.left("principal"), self.days_late(overdue, day)
        if terms.late_base == LateBase.INSTALMENT:
            cleared = overdue.paid["interest"] + overdue.given_up["interest"]
            base += max(0, overdue.fell_due - cleared)
        if base and not self.paused(day - ONE_DAY, day):
            of_year = part(terms.day_count, overdue.due, day - ONE_DAY, day)
            overdue.exact_late += base * Fraction(terms.late_rate, 10**6) * of_year
        if base and days_late > terms.late_grace_days:
            overdue.owed["late_interest"] = self.rounded(overdue.exact_late)
            overdue.owed["late_interest_tax"] = self.tax(overdue.owed["late_interest"])
        late = days_late > terms.late_grace_days and overdue.total_left
        if terms.late_fee and late and not overdue.late_fee:
            overdue.late_fee = True
            overdue.owed["fee"] += terms.late_fee
            overdue.owed["fee_tax"] += self.tax(terms.late_fee)

    def fall_due(self, day: date) -> None:
        """Interest of a period moves on to the next if as much had been paid ahead, or in grace."""
        for line in self.lines:
            if line.due != day:
                continue
            prepaid, self.prepaid = self.prepaid, 0
            last = line is self.lines[-1]
            if line.row.index < self.terms.grace.interest_payment_periods and not last:
                interest, tax = line.balance("interest"), line.balance("interest_tax")
                if self.terms.grace.capitalise:
                    line.owed["interest"] -= interest
                    line.owed["interest_tax"] -= tax
                    line.owed["principal"] = 0
                else:
                    self.move(line, interest, tax)
            elif not self.fixed and not last and prepaid:
                interest, tax = line.left("interest"), line.left("interest_tax")
                if interest + tax > prepaid:
                    moved = prepaid * interest // (interest + tax)
                    interest, tax = moved, min(tax, prepaid - moved)
                self.move(line, interest, tax)
            line.fell_due = line.owed["interest"]

    def move(self, line: Line, interest: int, tax: int) -> None:
        line.owed["interest"] -= interest
        line.owed["interest_tax"] -= tax
        following = self.lines[self.lines.index(line) + 1]
        following.brought, following.brought_tax = interest, tax
        following.owed["interest"], following.owed["interest_tax"] = interest, tax

    def morning(self, day: date) -> None:
        self.night(day)
        self.fall_due(day)
        self.charge_period(day)
        due = sum(line.total_left for line in self.lines if line.due <= day)
        for place in sorted(self.kept):
            if due and self.kept[place]:
                money = Money(self.kept[place], self.allocated[place])
                rule = self.terms.allocation_of(self.sources[place])
                pay_in_order(self, money, rule, day, due_only=True)
                self.kept[place] = money.amount
        self.close()

    def close(self) -> None:
        """Nothing owed any more; a line of credit stays open all the same."""
        open_still = self.terms.method == Method.REVOLVING
        self.closed = not open_still and not any(line.total_left for line in self.lines)

    def pay(self, place: int, fact: Fact) -> None:
        cleared = self.allocated.setdefault(place, {})
        self.sources[place] = fact.source
        money, rule = Money(fact.amount, cleared), self.terms.allocation_of(fact.source)
        if fact.amount + self.overpaid >= self.owed():
            self.clear_with_kept()
        if (self.fixed or rule.in_advance == InAdvance.WAIT) and fact.amount >= self.owed():
            all_of(self.lines, money)
        else:
            pay_in_order(self, money, rule, fact.day)
        self.kept[place] = money.amount

    def clear_with_kept(self) -> None:
        """What was kept clears component by component, old instalments first."""
        for place in sorted(self.kept):
            usable = max(0, min(self.kept[place], self.owed()))
            money = Money(usable, self.allocated[place])
            for component in COMPONENTS:
                rest = sum(line.balance(component) for line in self.lines)
                for line in self.lines:
                    rest -= money.clear(line, component, max(0, rest))
            self.kept[place] -= usable - money.amount

    def owed(self) -> int:
        return sum(line.balance(c) for line in self.lines for c in COMPONENTS)

    def happen(self, place: int, fact: Fact) -> None:
        day = fact.day
        if fact.kind == "pay":
            self.pay(place, fact)
        elif fact.kind == "fee":
            line = self.running(day)
            tax = self.tax(fact.amount)
            line.owed["fee"] += fact.amount
            line.owed["fee_tax"] += tax
            self.fees.append((line, fact.amount, tax))
        elif fact.kind == "waive":
            line, amount, tax = self.fees[fact.of - 1]
            line.given_up["fee"] += min(amount, line.left("fee"))
            line.given_up["fee_tax"] += min(tax, line.left("fee_tax"))
        elif fact.kind == "forgive":
            for component, wanted in fact.amounts.items():
                rest = wanted
                for line in self.lines:
                    given = min(rest, line.left(component))
                    line.given_up[component] += given
                    rest -= given
        else:
            self.change(fact)
        self.close()


def work_out(
    terms: Terms,
    disbursed_on: date,
    facts: Sequence[Fact],
    on: date,
    known_on: date | None = None,
    lent: int | None = None,
) -> Position:
    """How the loan stands at the end of ``on``, from what was known by ``known_on`` (or ``on``)."""
    known = [(n, fact) for n, fact in enumerate(facts) if fact.counts(on, known_on or on)]
    work = Work(terms, disbursed_on, terms.principal if lent is None else lent)
    day = disbursed_on
    while True:
        if day > disbursed_on and not work.closed:
            work.morning(day)
        for place, fact in known:
            if fact.day == day:
                work.happen(place, fact)
        if day == on:
            break
        day += ONE_DAY
    lines = work.lines
    oldest = next((line for line in lines if line.due <= on and line.total_left), None)
    return Position(
        balances={c: sum(line.balance(c) for line in lines) for c in COMPONENTS},
        days_past_due=work.days_late(oldest, on) if oldest else 0,
        overpaid=work.overpaid,
        closed=work.closed,
        lines=lines,
        allocated=work.allocated,
    )

"""The schedule as agreed, worked out a second time: level instalments, grace, charges, rows.

Part of the oracle (``tests/oracle.py``): exact fractions, no cleverness, nothing of the domain but
the words of ``terms``.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from dataclasses import replace as other
from datetime import date
from fractions import Fraction

from domain.money import Rounding
from domain.terms import Annuity, InterestBasis, LastInstalment, Level, LevelRounding, Method, Terms
from tests.oracle_dates import PERIODS_A_YEAR, Period, part, periods, rounded

LEVEL = (Method.EQUAL_INSTALMENTS, Method.BALLOON, Method.GRADUATED)


class DoesNotAmortize(Exception):
    """A level instalment below a row's interest, or a first one due before there is a debt."""


@dataclass(frozen=True)
class Row:
    """One instalment as agreed; ``start`` to ``due`` is its interest period.

    ``interest`` and ``tax`` fall due with it, ``deferred`` ones with the next; ``own`` is what its
    own period earns. A negative principal is interest that becomes principal.
    """

    number: int
    start: date
    due: date
    principal: int
    interest: int
    tax: int
    deferred: int = 0
    deferred_tax: int = 0
    own: int = 0
    fee: int = 0
    fee_tax: int = 0
    index: int = 0
    period: Period | None = None
    since: date | None = None
    earned: int = 0

    def earned_by(self, day: date, mode: Rounding) -> int:
        """Of ``own`` what a day has: evenly from the start, or since the terms changed."""
        since = self.since or self.start
        if day >= self.due:
            return self.own
        share = Fraction((day - since).days, (self.due - since).days)
        return self.earned + rounded((self.own - self.earned) * share, mode)


def tax_on(terms: Terms, amount: int) -> int:
    return rounded(amount * Fraction(terms.tax_rate, 10**6), terms.rounding)


def to_multiple(terms: Terms, exact: Fraction) -> int:
    """An instalment, or an equal part of principal, as the multiple that the terms ask for."""
    units = exact / terms.instalment_multiple
    if terms.level_rounding == LevelRounding.UP:
        whole = -(-units.numerator // units.denominator)
    elif terms.level_rounding == LevelRounding.DOWN:
        whole = units.numerator // units.denominator
    else:
        whole = rounded(units, terms.rounding)
    return whole * terms.instalment_multiple


@dataclass
class Rates:
    """Which annual rate each night bears: (from, rate), later ones win."""

    steps: list[tuple[date, int]] = field(default_factory=list)

    def on(self, night: date) -> Fraction:
        found = [rate for since, rate in self.steps if since <= night]
        return Fraction(found[-1] if found else 0, 10**6)

    def stretches(self, period: Period) -> list[tuple[date, date, Fraction]]:
        """The parts of a period of one rate each."""
        inside = {since for since, _ in self.steps if period.start < since < period.due}
        cuts = [period.start, *sorted(inside), period.due]
        return [(a, b, self.on(a)) for a, b in itertools.pairwise(cuts)]


def agreed_rates(terms: Terms, known: date) -> Rates:
    """As if the rate of ``known`` held for ever."""
    steps = [(step.from_on, step.annual_rate) for step in terms.rate_steps if step.from_on <= known]
    return Rates([(date.min, terms.annual_rate), *steps])


def nominal(terms: Terms, period: Period, since: date, until: date) -> Fraction:
    """What part of a year's rate falls between two days: periods over the periods of a year."""
    whole = Fraction(terms.every * period.spans, PERIODS_A_YEAR.get(terms.frequency, 1))
    if terms.frequency == "daily" and (terms.skip_months or terms.business_day_rule != "none"):
        whole = Fraction((period.due - period.start).days, 365)
    return whole * Fraction((until - since).days, (period.due - period.start).days)


def by_days(terms: Terms, period: Period, since: date, until: date) -> Fraction:
    return part(terms.day_count, period.start, since, until, period.due)


def is_fixed(terms: Terms) -> bool:
    """Interest of a period is fixed by the schedule."""
    per_period = terms.interest == InterestBasis.PER_PERIOD and terms.method != Method.IRREGULAR
    return per_period or terms.method == Method.FLAT


def bears(
    terms: Terms, period: Period, index: int, rates: Rates, *, level: bool = False
) -> Fraction:
    """The interest of one unit over a period; as for the ``level`` instalment, or real."""
    if index < terms.grace.interest_free_periods or terms.method == Method.DISCOUNT:
        return Fraction(0)
    days = terms.annuity == Annuity.ACTUAL if level else not is_fixed(terms)
    measure = by_days if days else nominal
    return sum(
        (rate * measure(terms, period, a, b) for a, b, rate in rates.stretches(period)), Fraction(0)
    )


def growth_of(terms: Terms, index: int, since: int) -> Fraction:
    """How much a graduated instalment has grown since that of row ``since``."""
    if terms.graduation is None:
        return Fraction(1)
    grace, every = terms.grace.principal_periods, terms.graduation.every
    times = (index - grace) // every - (max(since, grace) - grace) // every
    return (1 + Fraction(terms.graduation.rate, 10**6)) ** times


def level_instalment(
    terms: Terms, balance: int, spans: Sequence[Period], index: int, rates: Rates
) -> int:
    """*A*: of which the worth today, discounted period by period, is the balance."""
    discount, worth = Fraction(1), Fraction(0)
    for n, period in enumerate(spans, start=index):
        r = bears(terms, period, n, rates, level=True)
        if terms.level == Level.WITH_TAX:
            r *= 1 + Fraction(terms.tax_rate, 10**6)
        discount /= 1 + r
        worth += growth_of(terms, n, index) * discount
    balloon = min(terms.balloon, balance) if terms.method == Method.BALLOON else 0
    return to_multiple(terms, (balance - balloon * discount) / worth)


def charges(terms: Terms, lent: int, balance: int, principal: int) -> tuple[int, int]:
    """The charges of a period that begins with that balance, and their tax."""
    fee = tax = 0
    for charge in terms.period_charges:
        base = balance if charge.of_balance else lent
        if charge.of_principal:
            base = max(0, principal)
        amount = charge.amount + rounded(base * Fraction(charge.rate, 10**6), terms.rounding)
        own_tax = tax_on(terms, amount) if charge.taxed else 0
        fee += 0 if charge.is_tax else amount
        tax += amount if charge.is_tax else own_tax
    return fee, tax


@dataclass
class Table:
    """What is to be fitted: ``balance`` over ``spans``, the first of them row ``index``."""

    terms: Terms
    balance: int
    spans: Sequence[Period]
    index: int
    first: int
    rates: Rates
    lent: int
    brought: tuple[int, int] = (0, 0)
    since: date | None = None
    earned: int = 0

    def fit(self) -> list[Row]:
        rows, level = self.rows(None)
        terms = self.terms
        paying = len(self.spans) - max(0, terms.grace.principal_periods - self.index)
        levelled = terms.last_instalment == LastInstalment.LEVELLED and terms.method in LEVEL
        if not levelled or terms.instalment_multiple > 1 or paying < 2:
            return rows
        for _ in range(3):
            apart = self.apart(rows, level)
            if abs(apart) * 2 <= paying:
                break
            moved = level + rounded(Fraction(apart, paying), terms.rounding)
            try:
                rest, _ = self.rows(moved)
            except DoesNotAmortize:
                break
            if abs(self.apart(rest, moved)) >= abs(apart):
                break
            rows, level = rest, moved
        return rows

    def apart(self, rows: list[Row], level: int) -> int:
        """How much more the last row asks for than the instalment of its place."""
        last = rows[-1]
        asked = last.principal + last.own
        if self.terms.level == Level.WITH_TAX:
            asked += tax_on(self.terms, last.own)
        if self.terms.method == Method.BALLOON:
            asked -= min(self.terms.balloon, sum(row.principal for row in rows))
        return asked - self.grown(level, last.index)

    def grown(self, level: int, index: int) -> int:
        growth = growth_of(self.terms, index, self.index)
        return level if growth == 1 else to_multiple(self.terms, level * growth)

    def rows(self, level: int | None) -> tuple[list[Row], int]:
        terms, balance, mode = self.terms, self.balance, self.terms.rounding
        grace = terms.grace
        brought, brought_tax = self.brought
        rows: list[Row] = []
        even: int | None = None
        for place, period in enumerate(self.spans):
            index, left = self.index + place, len(self.spans) - place
            bearing = self.lent if terms.method == Method.FLAT else balance
            own = rounded(bearing * bears(terms, period, index, self.rates), mode)
            tax = tax_on(terms, own)
            if left == 1:
                principal = balance
            elif index < grace.principal_periods:
                principal = 0
            elif terms.method in LEVEL:
                if level is None:
                    level = level_instalment(terms, balance, self.spans[place:], index, self.rates)
                principal = self.grown(level, index) - own
                principal -= tax if terms.level == Level.WITH_TAX else 0
            elif terms.method in {Method.EQUAL_PRINCIPAL, Method.FLAT}:
                if even is None:
                    even = to_multiple(terms, Fraction(balance, left))
                principal = even
            elif terms.method == Method.IRREGULAR:
                principal = terms.irregular[index].principal
            elif terms.revolving is not None:
                share = rounded(balance * Fraction(terms.revolving.minimum_rate, 10**6), mode)
                principal = max(share, terms.revolving.minimum_amount)
            else:
                principal = 0
            principal = min(principal, balance)
            if principal < 0 and self.index == 0:
                raise DoesNotAmortize(index)
            principal = max(principal, 0)  # a running loan goes on: it asks for more
            interest, interest_tax, deferred, deferred_tax = own + brought, tax + brought_tax, 0, 0
            if index < grace.interest_payment_periods and left > 1:
                if grace.capitalise:
                    principal -= own + tax
                else:
                    deferred, deferred_tax, interest, interest_tax = interest, interest_tax, 0, 0
            fee, fee_tax = charges(terms, self.lent, balance, principal)
            rows.append(
                Row(self.first + place, period.start, period.due, principal, interest, interest_tax,
                    deferred, deferred_tax, own, fee, fee_tax, index, period)
            )  # fmt: skip
            brought, brought_tax = deferred, deferred_tax
            balance -= principal
        rows[0] = other(rows[0], since=self.since, earned=self.earned)
        return rows, level or 0


def plan(terms: Terms, disbursed_on: date, lent: int | None = None) -> list[Row]:
    """The schedule as agreed. Errors: ``DoesNotAmortize``."""
    lent = terms.principal if lent is None else lent
    rows: list[Row] = []
    down = rounded(lent * Fraction(terms.down_payment_rate, 10**6), terms.rounding)
    if down:
        rows.append(Row(1, disbursed_on, disbursed_on, down, 0, 0))
    spans = periods(terms, disbursed_on)
    if spans[0].due <= disbursed_on:
        raise DoesNotAmortize(0)
    table = Table(
        terms, lent - down, spans, 0, 1 + len(rows), agreed_rates(terms, disbursed_on), lent - down
    )
    fitted = table.fit()
    for step in terms.rate_steps:
        if not disbursed_on < step.from_on < spans[-1].due:
            continue
        running = next(n for n, period in enumerate(spans) if step.from_on < period.due)
        fitted = [
            *fitted[:running],
            *other(
                table,
                balance=lent - down - sum(row.principal for row in fitted[:running]),
                spans=spans[running:],
                index=running,
                first=table.first + running,
                rates=agreed_rates(terms, step.from_on),
                brought=(fitted[running - 1].deferred, fitted[running - 1].deferred_tax)
                if running
                else (0, 0),
            ).fit(),
        ]
    return rows + fitted


def withheld(terms: Terms, disbursed_on: date, lent: int) -> tuple[int, int]:
    """The interest of a discounted loan, and its tax, taken from the payout."""
    period = periods(terms, disbursed_on)[0]
    measure = nominal if is_fixed(terms) else by_days
    rates = agreed_rates(terms, disbursed_on)
    exact = sum(rate * measure(terms, period, a, b) for a, b, rate in rates.stretches(period))
    interest = rounded(lent * exact, terms.rounding)
    return interest, tax_on(terms, interest)

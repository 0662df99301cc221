"""What lender and borrower agreed: the terms of one loan, as data."""

from datetime import date
from enum import StrEnum
from typing import Literal

from msgspec import Struct, structs

from domain.business_days import BusinessDayRule
from domain.money import Rounding


class Frequency(StrEnum):
    """How often an instalment falls due."""

    DAILY = "daily"
    WEEKLY = "weekly"
    FORTNIGHTLY = "fortnightly"
    FOUR_WEEKLY = "four_weekly"
    SEMI_MONTHLY = "semi_monthly"
    MONTHLY = "monthly"
    BIMONTHLY = "bimonthly"
    QUARTERLY = "quarterly"
    SEMIANNUAL = "semiannual"
    ANNUAL = "annual"
    SINGLE = "single"


class Method(StrEnum):
    """How principal is spread over the instalments."""

    EQUAL_INSTALMENTS = "equal_instalments"
    EQUAL_PRINCIPAL = "equal_principal"
    FLAT = "flat"
    INTEREST_ONLY = "interest_only"
    BALLOON = "balloon"
    SINGLE = "single"
    IRREGULAR = "irregular"
    GRADUATED = "graduated"
    DISCOUNT = "discount"
    REVOLVING = "revolving"


class DayCount(StrEnum):
    """How days become a fraction of a year."""

    ACTUAL_360 = "actual/360"
    ACTUAL_364 = "actual/364"
    ACTUAL_365 = "actual/365"
    ACTUAL_ACTUAL = "actual/actual"
    ACTUAL_ACTUAL_YEAR_END = "actual/actual_year_end"
    ACTUAL_ACTUAL_ICMA = "actual/actual_icma"
    THIRTY_360 = "30/360"
    THIRTY_E_360 = "30e/360"


class InterestBasis(StrEnum):
    """Interest day by day on the actual balance, or fixed per period by the schedule."""

    DAILY = "daily"
    PER_PERIOD = "per_period"


class Component(StrEnum):
    """What a debt is made of, in the usual order of payment."""

    FEE_TAX = "fee_tax"
    FEE = "fee"
    LATE_INTEREST_TAX = "late_interest_tax"
    LATE_INTEREST = "late_interest"
    INTEREST_TAX = "interest_tax"
    INTEREST = "interest"
    PRINCIPAL = "principal"


class Timing(StrEnum):
    """When an instalment is due, seen from the day of a payment."""

    PAST_DUE = "past_due"
    DUE = "due"
    IN_ADVANCE = "in_advance"


class Walk(StrEnum):
    """Clear one instalment before the next, or one component before the next."""

    BY_INSTALMENT = "by_instalment"
    BY_COMPONENT = "by_component"


class InAdvance(StrEnum):
    """What a payment in advance does.

    It pays the next instalments or the last ones, is spread evenly over all that remain
    (``reamortize``), lowers the level instalment, shortens the term, or waits for its date.
    """

    NEXT_INSTALMENT = "next_instalment"
    LAST_INSTALMENT = "last_instalment"
    REAMORTIZE = "reamortize"
    REDUCE_INSTALMENT = "reduce_instalment"
    REDUCE_TERM = "reduce_term"
    WAIT = "wait"


REFITTING = (InAdvance.REDUCE_INSTALMENT, InAdvance.REDUCE_TERM)
"""After these what is not yet due is fitted anew."""


class PaymentKind(StrEnum):
    """Where the money of a payment comes from; each kind may have an allocation of its own."""

    PAYMENT = "payment"
    GOODWILL_CREDIT = "goodwill_credit"
    MERCHANT_REFUND = "merchant_refund"
    PAYOUT_REFUND = "payout_refund"
    INSURANCE_CLAIM = "insurance_claim"
    RECOVERY = "recovery"


class ChargebackRule(StrEnum):
    """What is owed again after a chargeback: principal, or what the payment had cleared.

    Of that, taxes, fees and interest come first, or principal does.
    """

    AS_PRINCIPAL = "as_principal"
    AS_PAID = "as_paid"
    AS_PAID_PRINCIPAL_FIRST = "as_paid_principal_first"


class ChargesDue(StrEnum):
    """When a charge with a due date of its own is owed: with the instalment whose period holds the
    date, or on the date itself, as a row apart.
    """

    WITH_INSTALMENT = "with_instalment"
    ON_THEIR_DATE = "on_their_date"


class LateBase(StrEnum):
    """What late interest runs on: overdue principal, or the overdue instalment with interest."""

    PRINCIPAL = "principal"
    INSTALMENT = "instalment"


class LevelRounding(StrEnum):
    """Which multiple the level instalment becomes: the nearest, the next higher or lower."""

    NEAREST = "nearest"
    UP = "up"
    DOWN = "down"


class LastInstalment(StrEnum):
    """Where the cents that rounding leaves over go: to the last instalment as they are.

    Or the level instalment moves by cents as long as that brings the last one nearer to it.
    """

    ABSORBS = "absorbs"
    LEVELLED = "levelled"


class InstalmentRule(StrEnum):
    """What of a level instalment stays when interest comes out otherwise than planned.

    Its principal, and it asks for the interest there is; or its total, and principal is what the
    interest leaves of it.
    """

    KEEPS_PRINCIPAL = "keeps_principal"
    KEEPS_TOTAL = "keeps_total"


class FittedTo(StrEnum):
    """What the level instalment repays: what is paid out so far, or all that was approved."""

    DISBURSED = "disbursed"
    APPROVED = "approved"


class OverdueForecast(StrEnum):
    """Until when overdue principal bears interest in what is forecast of instalments to come.

    Until the next instalment falls due, or no longer: as if it were paid on the day of looking.
    """

    WITH_NEXT = "with_next"
    PAID_TODAY = "paid_today"


class Level(StrEnum):
    """What is level over the instalments: principal and interest, or these and the tax."""

    BEFORE_TAX = "before_tax"
    WITH_TAX = "with_tax"


class Annuity(StrEnum):
    """The level instalment from the nominal rate per period, or from each period's days."""

    NOMINAL = "nominal"
    ACTUAL = "actual"


class AllocationRule(Struct, frozen=True, kw_only=True, repr_omit_defaults=True):
    """The order in which a payment clears what is owed.

    ``order`` lists (timing, component); what is not listed is never paid by this rule.
    """

    walk: Walk = Walk.BY_INSTALMENT
    order: tuple[tuple[Timing, Component], ...] = tuple(
        (timing, component) for timing in Timing for component in Component
    )
    in_advance: InAdvance = InAdvance.NEXT_INSTALMENT


class IrregularInstalment(Struct, frozen=True, kw_only=True):
    """A due date and the principal (minor units) that falls due on it."""

    due_on: date
    principal: int


class RateStep(Struct, frozen=True, kw_only=True):
    """From the night of ``from_on`` the loan bears ``annual_rate`` (millionths)."""

    from_on: date
    annual_rate: int


class Grace(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The first instalments ask for less.

    ``principal_periods`` repay no principal. In ``interest_payment_periods`` interest runs but
    falls due with the first instalment after them, or becomes principal if they ``capitalise``.
    ``interest_free_periods`` bear none.
    """

    principal_periods: int = 0
    interest_payment_periods: int = 0
    interest_free_periods: int = 0
    capitalise: bool = False


class Graduation(Struct, frozen=True, kw_only=True):
    """Instalments grow by ``rate`` (millionths) after every ``every`` of them."""

    every: int
    rate: int


class PeriodCharge(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A fee of every instalment, such as insurance, charged as its period begins.

    ``amount`` in minor units; ``rate`` in millionths of the amount lent, of the principal
    outstanding as the period begins (``of_balance``), less what falls due that day, or of the
    instalment's own principal (``of_principal``). Both add up. ``is_tax``: it is no fee but a tax
    itself, as that on the principal of a rent.
    """

    kind: str
    amount: int = 0
    rate: int = 0
    of_balance: bool = False
    taxed: bool = True
    of_principal: bool = False
    is_tax: bool = False


class Floating(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A rate that follows an index: ``index`` plus ``spread``, within ``floor`` and ``cap``.

    Rates in millionths. It is fixed anew on every ``reset_every``-th due date.
    """

    index: str
    spread: int = 0
    floor: int = 0
    cap: int | None = None
    reset_every: int = 1


class Revolving(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a line bills: the minimum is a share (millionths) of principal, at least an amount.

    A statement is cut ``statement_days`` before each due date (0: none). ``interest_free``: who
    pays the whole statement by its due date owes no interest of that period; who does not owes all
    of it, and of the next periods day by day, until a statement is paid whole again.
    """

    minimum_rate: int = 0
    minimum_amount: int = 0
    statement_days: int = 0
    interest_free: bool = False


class Terms(Struct, frozen=True, kw_only=True, omit_defaults=True, repr_omit_defaults=True):
    """The agreement of one loan.

    Units: amounts in minor units of ``currency``; rates in millionths (per year for
    ``annual_rate`` and ``late_rate``, of the taxed amount for ``tax_rate``, of the amount lent
    for ``opening_fee_rate`` and ``down_payment_rate``, of the principal paid ahead for
    ``prepayment_fee_rate``).
    ``rate_steps`` rise by date; before the first the loan bears ``annual_rate``.
    ``skip_months`` (1 to 12) have no due date. ``late_fee`` is charged once per instalment late
    beyond its grace. ``allocations`` are those of other kinds of payment.
    ``every`` multiplies the frequency: 2 with ``weekly`` is every second week.
    ``month_days`` are the two due days of a semi-monthly loan; 31 stands for the month's last day.
    ``late_grace_days``: an instalment paid within them bears no late interest; past them late
    interest runs from the due date.
    ``stage_2_from`` and ``stage_3_from`` are days past due; from ``suspend_from`` on interest is
    no income until it is collected (None: always).
    """

    currency: str
    principal: int
    annual_rate: int
    instalments: int
    frequency: Frequency
    every: int = 1
    first_due_on: date | None = None
    month_days: tuple[int, int] = (15, 31)
    method: Method = Method.EQUAL_INSTALMENTS
    day_count: DayCount = DayCount.ACTUAL_360
    interest: InterestBasis = InterestBasis.DAILY
    interest_after_maturity: Literal["accrues", "stops"] = "accrues"
    rounding: Rounding = Rounding.HALF_EVEN
    annuity: Annuity = Annuity.NOMINAL
    level: Level = Level.BEFORE_TAX
    instalment_multiple: int = 1
    level_rounding: LevelRounding = LevelRounding.NEAREST
    last_instalment: LastInstalment = LastInstalment.ABSORBS
    instalment: InstalmentRule = InstalmentRule.KEEPS_PRINCIPAL
    fitted_to: FittedTo = FittedTo.DISBURSED
    overdue_forecast: OverdueForecast = OverdueForecast.WITH_NEXT
    balloon: int = 0
    irregular: tuple[IrregularInstalment, ...] = ()
    graduation: Graduation | None = None
    grace: Grace = Grace()
    down_payment_rate: int = 0
    rate_steps: tuple[RateStep, ...] = ()
    floating: Floating | None = None
    revolving: Revolving | None = None
    calendar: str = "none"
    business_day_rule: BusinessDayRule = BusinessDayRule.NONE
    skip_months: tuple[int, ...] = ()
    tax_rate: int = 0
    late_rate: int = 0
    late_base: LateBase = LateBase.PRINCIPAL
    late_grace_days: int = 0
    late_fee: int = 0
    opening_fee_rate: int = 0
    opening_fee_financed: bool = False
    prepayment_fee_rate: int = 0
    period_charges: tuple[PeriodCharge, ...] = ()
    allocation: AllocationRule = AllocationRule()
    chargeback: ChargebackRule = ChargebackRule.AS_PRINCIPAL
    charges_due: ChargesDue = ChargesDue.WITH_INSTALMENT
    allocations: tuple[tuple[PaymentKind, AllocationRule], ...] = ()
    promise_grace_days: int = 0
    stage_2_from: int = 31
    stage_3_from: int = 90
    suspend_from: int | None = None

    @property
    def fixed_per_period(self) -> bool:
        """Interest of a period is fixed by the schedule, not run day by day."""
        return self.method is Method.FLAT or (
            self.interest is InterestBasis.PER_PERIOD and self.method is not Method.IRREGULAR
        )

    def rate_on(self, day: date) -> int:
        """The annual rate (millionths) of the night of ``day``."""
        rate = self.annual_rate
        for step in self.rate_steps:
            if step.from_on > day:
                break
            rate = step.annual_rate
        return rate

    def at_rate(self, annual_rate: int, from_on: date, until: date | None = None) -> "Terms":
        """The terms that bear another rate from a night on, up to ``until`` if that is given."""
        steps = [step for step in self.rate_steps if step.from_on < from_on]
        steps.append(RateStep(from_on=from_on, annual_rate=annual_rate))
        if until is not None:
            steps.append(RateStep(from_on=until, annual_rate=self.rate_on(until)))
            steps += [step for step in self.rate_steps if step.from_on > until]
        return structs.replace(self, rate_steps=tuple(steps))

    def bearing_as(self, other: "Terms") -> "Terms":
        """The terms at the rates of ``other``."""
        return structs.replace(
            self,
            annual_rate=other.annual_rate,
            rate_steps=other.rate_steps,
            floating=other.floating,
        )

    def level_of(self, principal: int, interest: int, tax: int) -> int | None:
        """What of an instalment is level: all of it, its principal, or nothing."""
        match self.method:
            case Method.EQUAL_INSTALMENTS | Method.BALLOON:
                return principal + interest + (tax if self.level is Level.WITH_TAX else 0)
            case Method.EQUAL_PRINCIPAL | Method.FLAT:
                return principal
            case _:
                return None

    def allocation_of(self, kind: PaymentKind) -> AllocationRule:
        """The rule by which a payment of that kind clears what is owed.

        On a line nothing is planned that a payment could pay ahead: it lowers the balance.
        """
        rule = dict(self.allocations).get(kind, self.allocation)
        if self.method is Method.REVOLVING and rule.in_advance is InAdvance.NEXT_INSTALMENT:
            return structs.replace(rule, in_advance=InAdvance.REDUCE_INSTALMENT)
        return rule

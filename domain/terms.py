"""What lender and borrower agreed: the terms of one loan, as data."""

from datetime import date
from enum import StrEnum
from typing import Literal

from msgspec import Struct

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


class DayCount(StrEnum):
    """How days become a fraction of a year."""

    ACTUAL_360 = "actual/360"
    ACTUAL_365 = "actual/365"
    ACTUAL_ACTUAL = "actual/actual"
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
    """Which instalment's principal a payment in advance reduces first."""

    NEXT_INSTALMENT = "next_instalment"
    LAST_INSTALMENT = "last_instalment"


class Annuity(StrEnum):
    """The level instalment from the nominal rate per period, or from each period's days."""

    NOMINAL = "nominal"
    ACTUAL = "actual"


class AllocationRule(Struct, frozen=True, kw_only=True):
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


class Terms(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The agreement of one loan.

    Units: amounts in minor units of ``currency``; rates in millionths (per year for
    ``annual_rate`` and ``late_rate``, of the taxed amount for ``tax_rate``).
    ``every`` multiplies the frequency: 2 with ``weekly`` is every second week.
    ``month_days`` are the two due days of a semi-monthly loan; 31 stands for the month's last day.
    ``late_grace_days``: an instalment paid within them bears no late interest; past them late
    interest runs from the due date.
    ``stage_2_from`` and ``stage_3_from`` are days past due.
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
    instalment_multiple: int = 1
    balloon: int = 0
    irregular: tuple[IrregularInstalment, ...] = ()
    tax_rate: int = 0
    late_rate: int = 0
    late_grace_days: int = 0
    allocation: AllocationRule = AllocationRule()
    promise_grace_days: int = 0
    stage_2_from: int = 31
    stage_3_from: int = 90

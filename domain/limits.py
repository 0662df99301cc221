"""Which terms a schedule can follow, and which amounts the ledger holds."""

from itertools import pairwise

from domain.business_days import check_calendar
from domain.errors import InvalidAmount, InvalidTerms
from domain.level import LEVEL_METHODS
from domain.money import MILLION
from domain.terms import FittedTo, Frequency, InstalmentRule, Method, Terms

MAX_AMOUNT = 10**15
"""The largest amount, in minor units: ten million million pesos. It stays far below an int64, so
that sums of thousands of them over the book stay in it: a figure that no total could take would
stop the read models."""

MAX_RATE = 100_000_000
"""10,000 % a year, in millionths: above it a rate is a typing error."""

MAX_INSTALMENTS = 3_660
"""Ten years of daily instalments."""


def check_amount(amount: int, field: str = "amount") -> None:
    """Refuse what is not a payable amount: ``InvalidAmount`` if zero, negative or too large."""
    if amount <= 0:
        raise InvalidAmount(amount, field=field)
    if amount > MAX_AMOUNT:
        raise InvalidAmount(amount, "is more than the ledger holds", field)


def check_terms(terms: Terms) -> None:
    """Refuse impossible terms: ``InvalidTerms`` naming the field and the rule."""
    check_amount(terms.principal, "principal")
    for field in ("annual_rate", "late_rate", "tax_rate"):
        _between(field, getattr(terms, field), 0, MAX_RATE)
    _between("instalments", terms.instalments, 1, MAX_INSTALMENTS)
    _between("every", terms.every, 1, 366)
    _amount_between("instalment_multiple", terms.instalment_multiple, 1, terms.principal)
    _between("late_grace_days", terms.late_grace_days, 0, 366)
    _between("promise_grace_days", terms.promise_grace_days, 0, 366)
    _between("stage_2_from", terms.stage_2_from, 1, 9_999)
    _between("stage_3_from", terms.stage_3_from, terms.stage_2_from + 1, 9_999)
    if terms.suspend_from is not None:
        _between("suspend_from", terms.suspend_from, 1, 9_999)
    for day in terms.month_days:
        _between("month_days", day, 1, 31)
    if min(terms.month_days) >= 28 or terms.month_days[0] == terms.month_days[1]:
        raise InvalidTerms("month_days must be different days, in February too", "month_days")
    if len(set(terms.allocation.order)) != len(terms.allocation.order):
        raise InvalidTerms("allocation names an entry twice", "allocation")
    _check_method(terms)
    _check_totals(terms)
    _check_grace(terms)
    _check_rates(terms)
    _check_dates(terms)
    _check_charges(terms)


def _check_grace(terms: Terms) -> None:
    grace = terms.grace
    for field in ("principal_periods", "interest_payment_periods", "interest_free_periods"):
        _between(f"grace.{field}", getattr(grace, field), 0, terms.instalments)
    for field in ("principal_periods", "interest_payment_periods"):
        if getattr(grace, field) >= terms.instalments:
            raise InvalidTerms(
                f"grace.{field} leaves no instalment of {terms.instalments} to pay",
                f"grace.{field}",
            )
    if terms.method is Method.REVOLVING and grace.interest_payment_periods:
        rule = "interest on a line of credit is asked by its statements: none of it is put off"
        raise InvalidTerms(rule, "grace.interest_payment_periods")
    if grace.capitalise and not grace.interest_payment_periods:
        rule = "capitalise needs interest_payment_periods to capitalise the interest of"
        raise InvalidTerms(rule, "grace.capitalise")
    if grace.capitalise and grace.principal_periods < grace.interest_payment_periods:
        rule = "principal is not repaid while interest is capitalised: principal_periods is too low"
        raise InvalidTerms(rule, "grace.principal_periods")


def _check_rates(terms: Terms) -> None:
    for step in terms.rate_steps:
        _between("rate_steps", step.annual_rate, 0, MAX_RATE)
    if any(later.from_on <= step.from_on for step, later in pairwise(terms.rate_steps)):
        raise InvalidTerms("the dates of rate_steps must rise", "rate_steps")
    if (floating := terms.floating) is not None:
        if not floating.index.strip():
            raise InvalidTerms("a floating rate needs its index", "floating.index")
        _between("floating.spread", floating.spread, -MAX_RATE, MAX_RATE)
        _between("floating.floor", floating.floor, 0, MAX_RATE)
        if floating.cap is not None:
            _between("floating.cap", floating.cap, floating.floor, MAX_RATE)
        _between("floating.reset_every", floating.reset_every, 1, MAX_INSTALMENTS)


def _check_dates(terms: Terms) -> None:
    check_calendar(terms.calendar)
    for month in terms.skip_months:
        _between("skip_months", month, 1, 12)
    if len(set(terms.skip_months)) != len(terms.skip_months) or len(terms.skip_months) > 11:
        raise InvalidTerms("skip_months must name different months, and leave one", "skip_months")
    if terms.skip_months and terms.method in (Method.IRREGULAR, Method.SINGLE):
        raise InvalidTerms(f"skip_months do not go with {terms.method}", "skip_months")


def _check_charges(terms: Terms) -> None:
    if not 0 <= terms.down_payment_rate < MILLION:
        raise InvalidTerms("a down payment is from 0 to under 100 percent", "down_payment_percent")
    for field in ("opening_fee_rate", "prepayment_fee_rate"):
        _between(field, getattr(terms, field), 0, MILLION - 1)
    if not 0 <= terms.late_fee <= MAX_AMOUNT:
        check_amount(terms.late_fee, "late_fee")
    for charge in terms.period_charges:
        if not charge.kind.strip():
            raise InvalidTerms("a charge needs its kind", "period_charges")
        if not 0 <= charge.amount <= MAX_AMOUNT or not (charge.amount or charge.rate):
            check_amount(charge.amount, "period_charges")
        _between("period_charges", charge.rate, 0, MILLION)
        if charge.of_principal and charge.of_balance:
            raise InvalidTerms("a charge is of the balance or of the principal", "period_charges")
    for _, rule in terms.allocations:
        if len(set(rule.order)) != len(rule.order):
            raise InvalidTerms("an allocation names an entry twice", "allocations")


def _check_method(terms: Terms) -> None:
    single = Method.SINGLE, Frequency.SINGLE, Method.DISCOUNT
    if terms.method is Method.DISCOUNT and terms.instalments != 1:
        raise InvalidTerms("a discounted loan is paid at once: one instalment", "instalments")
    if (terms.method in single or terms.frequency in single) and terms.instalments != 1:
        raise InvalidTerms("a single payment has one instalment", "instalments")
    if terms.method is Method.BALLOON:
        _amount_between("balloon", terms.balloon, 1, terms.principal - 1)
    elif terms.balloon:
        raise InvalidTerms("balloon belongs to the balloon method only", "balloon")
    if (terms.method is Method.GRADUATED) is not (terms.graduation is not None):
        raise InvalidTerms("graduation belongs to the graduated method, and to it only",
                           "graduation")  # fmt: skip
    if terms.graduation is not None:
        _between("graduation.every", terms.graduation.every, 1, MAX_INSTALMENTS)
        _between("graduation.rate", terms.graduation.rate, -MILLION + 1, MILLION)
    if (terms.method is Method.REVOLVING) is not (terms.revolving is not None):
        raise InvalidTerms("revolving belongs to the revolving method, and to it only", "revolving")
    if terms.revolving is not None:
        _between("revolving.minimum_rate", terms.revolving.minimum_rate, 0, MILLION)
        if not 0 <= terms.revolving.minimum_amount <= MAX_AMOUNT:
            check_amount(terms.revolving.minimum_amount, "revolving.minimum_amount")
        _between("revolving.statement_days", terms.revolving.statement_days, 0, 366)
        if terms.revolving.interest_free and not terms.revolving.statement_days:
            rule = "interest_free needs statement_days: the days a statement may be paid in"
            raise InvalidTerms(rule, "revolving.interest_free")
        if terms.revolving.interest_free and terms.fixed_per_period:
            rule = "interest_free goes with daily interest"
            raise InvalidTerms(rule, "revolving.interest_free")
    if terms.method is Method.IRREGULAR:
        _check_irregular(terms)
    elif terms.irregular:
        raise InvalidTerms("irregular rows belong to the irregular method only", "irregular")


def _check_totals(terms: Terms) -> None:
    if terms.fitted_to is FittedTo.APPROVED and (
        terms.method is not Method.EQUAL_INSTALMENTS or terms.rate_steps
    ):
        rule = "approved goes with equal_instalments, and without rate_steps"
        raise InvalidTerms(rule, "fitted_to")
    if terms.instalment is InstalmentRule.KEEPS_PRINCIPAL:
        return
    if terms.method not in LEVEL_METHODS:
        rule = f"keeps_total needs a level instalment, which {terms.method} has not"
        raise InvalidTerms(rule, "instalment")
    if terms.fixed_per_period:
        raise InvalidTerms("keeps_total goes with daily interest", "instalment")


def _check_irregular(terms: Terms) -> None:
    rows = terms.irregular
    if len(rows) != terms.instalments:
        raise InvalidTerms(f"{len(rows)} irregular rows for {terms.instalments} instalments",
                           "irregular")  # fmt: skip
    if any(row.principal < 0 for row in rows):
        raise InvalidTerms("an irregular row has a negative principal", "irregular")
    if any(later.due_on <= row.due_on for row, later in pairwise(rows)):
        raise InvalidTerms("irregular due dates must rise", "irregular")
    repaid = sum(row.principal for row in rows)
    if repaid != terms.principal:
        rule = "irregular rows repay {repaid} of {principal}"
        raise InvalidTerms(rule, "irregular", repaid=repaid, principal=terms.principal)


def _between(field: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise InvalidTerms(f"{field} {value} must be between {low} and {high}", field)


def _amount_between(field: str, amount: int, low: int, high: int) -> None:
    if not low <= amount <= high:
        rule = f"{field} {{asked}} must be between {{low}} and {{high}}"
        raise InvalidTerms(rule, field, asked=amount, low=low, high=high)

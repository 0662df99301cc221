"""Which terms a schedule can follow, and which amounts the ledger holds."""

from itertools import pairwise

from domain.errors import InvalidAmount, InvalidTerms
from domain.terms import Frequency, Method, Terms

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
    for day in terms.month_days:
        _between("month_days", day, 1, 31)
    if min(terms.month_days) >= 28 or terms.month_days[0] == terms.month_days[1]:
        raise InvalidTerms("month_days must be different days, in February too", "month_days")
    if len(set(terms.allocation.order)) != len(terms.allocation.order):
        raise InvalidTerms("allocation names an entry twice", "allocation")
    _check_method(terms)


def _check_method(terms: Terms) -> None:
    single = Method.SINGLE, Frequency.SINGLE
    if (terms.method in single or terms.frequency in single) and terms.instalments != 1:
        raise InvalidTerms("a single payment has one instalment", "instalments")
    if terms.method is Method.BALLOON:
        _amount_between("balloon", terms.balloon, 1, terms.principal - 1)
    elif terms.balloon:
        raise InvalidTerms("balloon belongs to the balloon method only", "balloon")
    if terms.method is Method.IRREGULAR:
        _check_irregular(terms)
    elif terms.irregular:
        raise InvalidTerms("irregular rows belong to the irregular method only", "irregular")


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

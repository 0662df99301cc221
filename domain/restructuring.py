"""A running debt is put on other terms or dates, or falls due at once."""

from datetime import date

from msgspec import Struct, structs

from domain import events as e
from domain.errors import InvalidTerms, NotAllowedNow
from domain.guards import (
    Events,
    check_active,
    check_not_before_disbursement,
    check_not_before_recorded,
)
from domain.history import loan_on, told_now
from domain.limits import check_terms
from domain.loan import Loan
from domain.terms import Floating, Frequency, Grace, Graduation, IrregularInstalment, Method, Terms

MAX_HOLIDAY = 366


class NewTerms(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What changes in the terms; what is None stays as it is.

    ``instalments`` counts those still to come. ``first_due_on`` is the next due date. An
    ``annual_rate`` without ``floating`` ends a floating rate.
    """

    annual_rate: int | None = None
    floating: Floating | None = None
    instalments: int | None = None
    frequency: Frequency | None = None
    every: int | None = None
    first_due_on: date | None = None
    month_days: tuple[int, int] | None = None
    method: Method | None = None
    balloon: int | None = None
    irregular: tuple[IrregularInstalment, ...] | None = None
    graduation: Graduation | None = None
    grace: Grace | None = None
    late_rate: int | None = None


def restructure(
    loan: Loan,
    *,
    effective_on: date,
    new: NewTerms | None = None,
    kind: e.Revision = e.Revision.RESTRUCTURE,
    treatment: e.Treatment = e.Treatment.KEEP,
    approval: str = "",
    reason: str = "",
) -> Events:
    """Put the debt on other terms.

    ``RESTRUCTURE`` takes the whole debt, arrears included, and begins a new schedule (re-ageing);
    ``RESCHEDULE`` what is not yet due (extension, holiday, other dates); ``REAMORTIZATION`` spreads
    the arrears over what is not yet due. ``treatment`` says what becomes of the interest and fees
    of the arrears.
    Errors: ``NotAllowedNow`` unless active (or with nothing left to reschedule), ``InvalidDate`` in
    days before disbursement, ``InvalidTerms`` where no schedule fits.
    """
    check_active(loan, kind)
    check_not_before_disbursement(loan, effective_on)
    if kind is e.Revision.ACCELERATION:
        raise InvalidTerms("acceleration has a command of its own", "kind")
    keeps_dates = kind is not e.Revision.RESTRUCTURE
    then = loan_on(loan, effective_on)
    check_active(then, kind)
    new = new or NewTerms()
    if keeps_dates and then.current >= len(then.lines):
        raise NotAllowedNow(kind, "past its last instalment", "restructure it instead")
    fact = e.LoanRestructured(
        effective_on=effective_on,
        kind=kind,
        terms=_terms(then, new, keeps_dates=keeps_dates),
        keeps_rate=new.annual_rate is None and new.floating is None,
        schedule=(),
        instalments=0,
        first=0,
        treatment=treatment,
        approval=approval,
        reason=reason,
    )
    return tuple(told_now(loan, fact).events)


def payment_holiday(
    loan: Loan,
    *,
    effective_on: date,
    periods: int,
    interest_runs: bool = True,
    approval: str = "",
    reason: str = "",
) -> Events:
    """The next ``periods`` instalments ask for nothing and the term grows by as many.

    Interest runs on and falls due with the first instalment after them, unless it is given up.
    Errors: as ``restructure``; ``InvalidTerms`` for no period or more than a year of days.
    """
    check_active(loan, "grant a holiday")
    if not 1 <= periods <= MAX_HOLIDAY:
        raise InvalidTerms(f"periods {periods} must be between 1 and {MAX_HOLIDAY}", "periods")
    check_not_before_disbursement(loan, effective_on)
    then = loan_on(loan, effective_on)
    left = len(then.lines) - then.current
    grace = Grace(
        principal_periods=periods,
        interest_payment_periods=periods if interest_runs else 0,
        interest_free_periods=0 if interest_runs else periods,
    )
    return restructure(
        loan,
        effective_on=effective_on,
        new=NewTerms(instalments=left + periods, grace=grace),
        kind=e.Revision.RESCHEDULE,
        approval=approval,
        reason=reason,
    )


def accelerate(loan: Loan, *, effective_on: date, approval: str = "", reason: str = "") -> Events:
    """End the contract: all that is not yet due falls due on the day.

    Errors: ``NotAllowedNow`` unless active with something still to fall due, ``InvalidDate`` in
    days already recorded.
    """
    check_active(loan, "accelerate")
    check_not_before_recorded(loan, effective_on)
    then = loan_on(loan, effective_on)
    if then.current >= len(then.lines):
        raise NotAllowedNow("accelerate", "past its last instalment")
    fact = e.LoanRestructured(
        effective_on=effective_on,
        kind=e.Revision.ACCELERATION,
        terms=loan.terms,
        keeps_rate=True,
        schedule=(),
        instalments=0,
        first=0,
        approval=approval,
        reason=reason,
    )
    return tuple(told_now(loan, fact).events)


def _terms(loan: Loan, new: NewTerms, *, keeps_dates: bool) -> Terms:
    """The terms of today with the changes, for the instalments to come."""
    terms = loan.terms
    owed = max(loan.principal, 1)
    changes = {
        name: value
        for name in NewTerms.__struct_fields__
        if (value := getattr(new, name)) is not None
    }
    if new.annual_rate is not None:
        changes["rate_steps"] = ()
        changes.setdefault("floating", None)
    if keeps_dates:
        changes.setdefault("first_due_on", loan.lines[loan.current].due_on)
        changes.setdefault("instalments", len(loan.lines) - loan.current)
    else:
        changes.setdefault("first_due_on", None)
        changes.setdefault("instalments", max(len(loan.lines) - loan.current, 1))
    changes.setdefault("grace", Grace())
    balloon = min(terms.balloon, owed - 1)
    kept = structs.replace(terms, principal=owed, down_payment_rate=0, balloon=balloon)
    agreed = structs.replace(kept, **changes)
    check_terms(agreed)
    return agreed

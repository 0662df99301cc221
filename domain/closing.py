"""What passing days do to a loan, as the close of day records it."""

from datetime import date

from domain import events as e
from domain.draft import Draft
from domain.guards import Events
from domain.loan import Loan, Status
from domain.promises import judge_promises
from domain.terms import Terms


def accrue(loan: Loan, *, effective_on: date) -> Events:
    """Record what time has done up to ``effective_on``: nothing where it is recorded already."""
    draft = Draft(loan)
    draft.catch_up(effective_on)
    return tuple(draft.events)


def close_day(loan: Loan, *, on: date) -> Events:
    """All that the close of the business date records for one loan; nothing the second time.

    Accrual and late interest, instalments falling due, promises past their grace, stage, and
    whether interest still counts as income.
    """
    draft = Draft(loan)
    draft.catch_up(on)
    judge_promises(draft, on)
    _move_stage(draft, on)
    return tuple(draft.events)


def standing(terms: Terms, days: int) -> tuple[int, bool]:
    """(stage, whether interest is no income) of a loan so many days past due."""
    stage = 3 if days >= terms.stage_3_from else 2 if days >= terms.stage_2_from else 1
    return stage, terms.suspend_from is not None and days >= terms.suspend_from


def _move_stage(draft: Draft, on: date) -> None:
    loan, terms = draft.loan, draft.loan.terms
    if loan.status is not Status.ACTIVE or on < loan.through:
        return
    days = loan.days_past_due(on)
    stage, suspends = standing(terms, days)
    if stage != loan.stage:
        draft.record(
            e.StageChanged(effective_on=on, before=loan.stage, after=stage, days_past_due=days)
        )
    if suspends and not loan.suspended:
        draft.record(e.AccrualSuspended(effective_on=on, days_past_due=days))
    elif loan.suspended and not suspends:
        draft.record(e.AccrualResumed(effective_on=on, days_past_due=days))

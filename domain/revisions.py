"""What is not yet due, planned anew: the event that follows from another fact or a due date."""

from datetime import date

from msgspec import structs

from domain import events as e
from domain.loan import Loan, Status, brought_by
from domain.refit import level_to_come, row_at, with_rest
from domain.terms import InstalmentRule
from domain.totals import changed, fitted_anew, keeps_total, total_of


def revised(
    loan: Loan, on: date, reason: str, level: int | None = None
) -> e.ScheduleRevised | None:
    """The instalments fitted to what they now have to repay, at ``level`` where that stays."""
    if loan.status is not Status.ACTIVE or loan.current >= len(loan.lines):
        return None
    fitted = None
    if loan.fitted_level is not None:
        fitted = level_to_come(loan, on) if level is None else None
        level = fitted or loan.fitted_level
    rows = with_rest(loan, fitted_anew(loan, on, level=level))
    return e.ScheduleRevised(
        effective_on=on, reason=reason, schedule=rows, instalments=rows[-1].number, level=fitted
    )


def totals_kept(loan: Loan, on: date) -> e.ScheduleRevised | None:
    """Of instalments that keep their total, principal is what interest leaves of it now."""
    if loan.terms.instalment is not InstalmentRule.KEEPS_TOTAL:
        return None
    rows = changed(loan, on)
    return _changes(loan, on, "keeps_total", rows) if rows else None


def total_raised(loan: Loan, on: date, restored: e.Portion) -> e.ScheduleRevised | None:
    """The instalment asks for interest that is owed again on top of the total it keeps."""
    if not keeps_total(loan, loan.lines[restored.instalment - 1]):
        return None
    row = row_at(loan, restored.instalment - 1)
    brought, brought_tax = brought_by(loan.lines, row)
    row = structs.replace(
        row, interest=row.interest + restored.interest, tax=row.tax + restored.interest_tax,
        brought=brought + restored.interest, brought_tax=brought_tax + restored.interest_tax,
    )  # fmt: skip
    return _changes(loan, on, "chargeback", (row,))


def level_now(loan: Loan) -> int | None:
    """What the instalments to come ask for, where they are level; else their principal."""
    if loan.current >= len(loan.lines) - 1:
        return None
    line = loan.lines[-2]
    level = loan.terms.level_of(line.owed.principal, line.planned_interest, line.planned_tax)
    if level and loan.terms.instalment is InstalmentRule.KEEPS_TOTAL:
        return total_of(loan, line) or None
    return level


def _changes(
    loan: Loan, on: date, reason: str, rows: tuple[e.Instalment, ...]
) -> e.ScheduleRevised:
    """Other rows stay as they are."""
    return e.ScheduleRevised(
        effective_on=on, reason=reason, schedule=rows, instalments=len(loan.lines)
    )

"""What most commands check first."""

from datetime import date

from domain import events as e
from domain.errors import InvalidDate, NotAllowedNow
from domain.loan import Loan, Status

Events = tuple[e.AnyLoanEvent, ...]
"""What a command answers: the facts to record, in order."""


def check_active(loan: Loan, command: str) -> None:
    """``NotAllowedNow`` unless the loan is active, with what to do instead."""
    if loan.status is not Status.ACTIVE:
        instead = {
            Status.WRITTEN_OFF: "receive a recovery instead",
            Status.OPENED: "disburse it first",
        }.get(loan.status, "")
        raise NotAllowedNow(command, loan.status, instead)


def check_not_before_disbursement(loan: Loan, effective_on: date) -> None:
    """``InvalidDate`` before the loan was paid out or taken on."""
    first = loan.facts[0]
    name = "the loan was taken on" if isinstance(first, e.LoanTakenOn) else "disbursement"
    check_not_before(effective_on, first.effective_on, name)


def check_not_before_recorded(loan: Loan, effective_on: date) -> None:
    """``InvalidDate`` among days already recorded: the command cannot be backdated."""
    check_not_before(effective_on, loan.through, "the latest recorded day")


def check_not_before(given: date, earliest: date, what: str, field: str = "effective_on") -> None:
    """``InvalidDate`` if ``given`` lies before ``earliest``, which is ``what``."""
    if given < earliest:
        raise InvalidDate(given, f"is before {what} ({earliest})", field)

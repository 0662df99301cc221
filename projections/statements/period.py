"""Which days a statement covers, and the errors of asking for one."""

from calendar import monthrange
from datetime import date, timedelta
from typing import NamedTuple

from domain.calendar import month_named
from domain.errors import code_of

DAY = timedelta(days=1)


class StatementError(ValueError):
    """A document cannot be made, and what is wrong with the request; ``field`` is at fault.

    StatementError
        BadPeriod            not a month
        BadDocument          no document has that name
        PeriodNotOver        the business date has not passed the last day of the period
        PeriodNotClosed      the loan's days are not closed up to the end of the period
        NothingToState       the loan had no debt in the period
        NothingOwedLetter    a no-debt letter for a loan that still owes
        UnknownPayment       no payment of the loan has that number
        TemplateError        a template cannot be laid out, and why
            TemplateTooSlow  it took longer than allowed
        LenderError          the lender's file cannot be used, and why
    """

    field = "loan"

    @property
    def code(self) -> str:
        """A stable name for clients: the class in kebab-case."""
        return code_of(self)


class BadPeriod(StatementError):
    """The period is no month."""

    field = "period"

    def __init__(self, given: str) -> None:
        super().__init__(f"{given!r} is no month such as 2026-03")


class BadDocument(StatementError):
    """No document has that name."""

    field = "document"

    def __init__(self, given: str) -> None:
        super().__init__(
            f"{given[:60]!r} is no document such as 'statement 2026-03', 'receipt 3', 'schedule',"
            " 'payoff on 2026-03-31', 'no_debt'"
        )


class PeriodNotOver(StatementError):
    """A statement is made once its period is over."""

    field = "period"

    def __init__(self, ends_on: date, today: date) -> None:
        super().__init__(f"the period ends on {ends_on}, and the business date is {today}")


class PeriodNotClosed(StatementError):
    """The days of the loan must be closed first."""

    field = "period"

    def __init__(self, loan_no: str, ends_on: date, through: date) -> None:
        super().__init__(
            f"loan {loan_no} is closed through {through} only, the period ends on {ends_on}:"
            f" run `cartera close --through {ends_on}`"
        )


class NothingToState(StatementError):
    """Before it was paid out, or after it was settled, a loan has no statement."""

    field = "period"

    def __init__(self, loan_no: str, period: "Period") -> None:
        super().__init__(
            f"loan {loan_no} owed nothing and moved nothing from {period.begins_on}"
            f" to {period.ends_on}"
        )


class Period(NamedTuple):
    """Days from ``begins_on`` to ``ends_on``, the cut-off date, both included."""

    begins_on: date
    ends_on: date

    @property
    def days(self) -> int:
        """How many."""
        return (self.ends_on - self.begins_on).days + 1

    @property
    def before(self) -> date:
        """The last day of the period before."""
        return self.begins_on - DAY


def month(name: str) -> Period:
    """The calendar month called ``2026-03``. Errors: ``BadPeriod``."""
    first = month_named(name)
    if first is None:
        raise BadPeriod(name[:40])
    return Period(first, first.replace(day=monthrange(first.year, first.month)[1]))


class NothingOwedLetter(StatementError):
    """A loan that was not paid off has no no-debt letter."""

    field = "status"

    def __init__(self, loan_no: str, status: str) -> None:
        super().__init__(f"loan {loan_no} is {status}: the letter is for one that was paid off")


class UnknownPayment(StatementError):
    """A receipt is for a payment that stands."""

    field = "payment"

    def __init__(self, loan_no: str, number: int) -> None:
        super().__init__(f"loan {loan_no} has no payment {number}, or it was reversed")


class TemplateError(StatementError):
    """A template cannot be laid out."""

    field = "template"


class TemplateTooSlow(TemplateError):
    """Laying it out took longer than allowed."""

    def __init__(self, name: str, seconds: float) -> None:
        super().__init__(f"{name}: not laid out within {seconds:g} s; does it loop?")


class LenderError(StatementError):
    """The lender's file cannot be used."""

    field = "lender_file"

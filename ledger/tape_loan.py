"""One loan as a tape tells it, and the facts that bring it into this ledger."""

from datetime import date
from typing import Any

from msgspec import Struct

from domain import commands, takeover
from domain.events import AnyLoanEvent
from domain.fold import replay
from domain.terms import Terms
from ledger.forms import Fields, FormError

LONGEST_NUMBER = 64
BALANCES = ("interest", "interest_tax", "late_interest", "late_interest_tax", "fee", "fee_tax")
REFERENCES = ("borrower", "product", "branch", "officer")


class Running(Struct, frozen=True, omit_defaults=True):
    """What a running loan owes at the close of ``as_of``, in minor units; None is worked out."""

    as_of: date
    principal: int
    interest: int | None = None
    interest_tax: int | None = None
    late_interest: int = 0
    late_interest_tax: int = 0
    fee: int = 0
    fee_tax: int = 0


class TapeLoan(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a tape. Its content is what a repeated import is compared by."""

    loan_no: str
    terms: Terms
    disbursed_on: date
    borrower: str = ""
    product: str = ""
    branch: str = ""
    officer: str = ""
    running: Running | None = None

    def events(self) -> tuple[AnyLoanEvent, ...]:
        """The facts that bring the loan into this ledger. Errors: the ``LoanError`` family."""
        known: dict[str, Any] = {name: getattr(self, name) for name in REFERENCES}
        if (now := self.running) is not None:
            balances = {name: getattr(now, name) for name in ("principal", *BALANCES)}
            return takeover.take_on(
                loan_no=self.loan_no,
                terms=self.terms,
                disbursed_on=self.disbursed_on,
                effective_on=now.as_of,
                **balances,
                **known,
            )
        opened = commands.open_loan(
            loan_no=self.loan_no, terms=self.terms, effective_on=self.disbursed_on, **known
        )
        loan = replay(opened)
        assert loan is not None, "an opened loan has its first event"
        lent = self.terms.principal
        return opened + commands.disburse(loan, principal=lent, effective_on=self.disbursed_on)


def loan_number(fields: Fields) -> str:
    """The lender's number of a loan: short, printable text."""
    number = fields.text("loan_no")
    if len(number) > LONGEST_NUMBER or not number.isprintable():
        raise FormError("loan_no", f"must be at most {LONGEST_NUMBER} printable characters")
    return number

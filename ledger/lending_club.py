"""The public LendingClub extract as a loan tape: real loans, and two facts to check ours by.

Monthly loans in dollars with level instalments, interest fixed per month. The extract tells the
month of issue only, so every loan counts as disbursed on the 1st of it. The lender rounds the
instalment up to the cent.
"""

from datetime import date
from typing import Any

from domain import commands
from domain.errors import LoanError
from domain.fold import apply, replay
from domain.loan import Line, Loan
from domain.terms import AllocationRule, Component, Terms, Timing
from ledger.forms import Fields, FormError, terms_from
from ledger.tape_loan import Running, TapeLoan, loan_number

TRUE_AT = date(2018, 5, 31)
"""The extract's balances carry no date. By this one no loan it calls Current has an instalment
overdue, and those it calls late have one."""

TOLERANCE = 2  # cents
MOST_INSTALMENTS = 12

COLUMNS: dict[str, tuple[str, ...]] = {
    "loan_no": (),
    "loan_amount": (),
    "term": (),
    "interest_rate": (),
    "installment": (),
    "issue_month": (),
    "loan_status": (),
    "balance": (),
    "paid_total": (),
    "paid_principal": (),
    "paid_interest": (),
    "paid_late_fees": (),
    "state": (),
    "loan_purpose": (),
    "grade": (),
    "disbursement_method": (),
}
REQUIRED = ("loan_no", "loan_amount", "term", "interest_rate", "installment", "issue_month",
            "loan_status", "balance")  # fmt: skip
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

TO_PRINCIPAL = AllocationRule(
    order=(
        *((when, what) for when in (Timing.PAST_DUE, Timing.DUE) for what in Component),
        (Timing.IN_ADVANCE, Component.PRINCIPAL),
    )
)
"""What is paid ahead goes to principal, never to interest that has not run yet."""


class LendingClub:
    """Reads the extract's lines, and keeps count of how ours agree with the lender's figures."""

    columns = COLUMNS
    required = REQUIRED

    def __init__(self, as_of: date | None = None) -> None:
        self.as_of = as_of or TRUE_AT
        self.instalments = _Share()
        self.balances = _Share()

    def person(self, cells: dict[str, str]) -> None:
        """The extract names nobody."""

    def loan(self, cells: dict[str, str]) -> TapeLoan:
        """The loan of a line, taken on as of ``as_of``; one fully paid closes as it comes in."""
        fields = Fields({name: cell for name, cell in cells.items() if cell})
        terms = _terms(fields)
        balance = fields.amount("balance", "USD")
        loan = TapeLoan(
            loan_no=loan_number(fields),
            terms=terms,
            disbursed_on=_issued_on(fields),
            product=fields.text("loan_purpose", ""),
            branch=fields.text("state", ""),
            running=Running(as_of=self.as_of, principal=balance),
        )
        self._compare(fields, terms, loan.disbursed_on, balance)
        return loan

    def checks(self) -> dict[str, dict[str, Any]]:
        """The two shares, as counts and in percent."""
        return {
            "instalment_within_two_cents": self.instalments.told(),
            "current_balance_after_k_instalments": self.balances.told(),
        }

    def _compare(self, fields: Fields, terms: Terms, issued_on: date, balance: int) -> None:
        theirs = fields.amount("installment", "USD")
        try:
            loan = _disbursed(terms, issued_on)
        except LoanError:
            return  # the ledger refuses the line in its turn, with the reason
        first = loan.lines[0]
        ours = first.owed.principal + first.planned_interest
        self.instalments.add(abs(ours - theirs) <= TOLERANCE)
        if fields.text("loan_status") == "Current":
            self.balances.add(_reached(loan, theirs, balance))


class _Share:
    def __init__(self) -> None:
        self.matching = 0
        self.of = 0

    def add(self, matches: bool) -> None:
        self.matching += matches
        self.of += 1

    def told(self) -> dict[str, Any]:
        share = f"{100 * self.matching / self.of:.2f}" if self.of else None
        return {"matching": self.matching, "of": self.of, "percent": share}


def _terms(fields: Fields) -> Terms:
    term = fields.text("term")
    if term not in ("36", "60"):
        raise FormError("term", f"must be 36 or 60 months, not {term[:40]!r}")
    form = {
        "currency": "USD",
        "principal": fields.text("loan_amount"),
        "annual_rate": fields.text("interest_rate"),
        "instalments": int(term),
        "frequency": "monthly",
        "interest": "per_period",
        "day_count": "30/360",
        "allocation": {"order": [f"{when}_{what}" for when, what in TO_PRINCIPAL.order]},
    }
    return terms_from(form)


def _issued_on(fields: Fields) -> date:
    given = fields.text("issue_month")
    month, _, year = given.partition("-")
    if month.lower() not in MONTHS or not (year.isascii() and year.isdigit() and len(year) == 4):
        raise FormError("issue_month", f"must be a month such as Jan-2018, not {given[:40]!r}")
    return date(int(year), MONTHS.index(month.lower()) + 1, 1)


def _disbursed(terms: Terms, on: date) -> Loan:
    opened = commands.open_loan(loan_no="check", terms=terms, effective_on=on)
    loan = replay(opened)
    assert loan is not None, "an opened loan has its first event"
    for event in commands.disburse(loan, principal=terms.principal, effective_on=on):
        apply(loan, event)
    return loan


def _reached(loan: Loan, instalment: int, balance: int) -> bool:
    """Whether k instalments of the lender, each paid on its due date, lead to ``balance``."""
    due: list[Line] = loan.lines[:MOST_INSTALMENTS]
    for day in [line.due_on for line in due]:
        if loan.principal <= balance + TOLERANCE:
            break
        for event in commands.receive_payment(loan, amount=instalment, effective_on=day):
            apply(loan, event)
    return abs(loan.principal - balance) <= TOLERANCE

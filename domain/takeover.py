"""Taking on a loan that already runs in another system."""

from collections.abc import Sequence
from datetime import date

from domain import events as e
from domain.allocation import as_portion
from domain.daycount import elapsed, interest_of, rate_units
from domain.draft import Draft
from domain.errors import InvalidAmount, InvalidDate, InvalidTerms
from domain.guards import Events
from domain.limits import MAX_AMOUNT
from domain.loan import Amounts, Loan
from domain.money import divide, share
from domain.origination import open_loan
from domain.schedule import schedule
from domain.terms import InterestBasis, Method, Terms


def take_on(
    *,
    loan_no: str,
    terms: Terms,
    disbursed_on: date,
    effective_on: date,
    principal: int,
    interest: int | None = None,
    interest_tax: int | None = None,
    late_interest: int = 0,
    late_interest_tax: int = 0,
    fee: int = 0,
    fee_tax: int = 0,
    borrower: str = "",
    product: str = "",
    branch: str = "",
    officer: str = "",
) -> Events:
    """Open a loan disbursed elsewhere, with its balances at the close of ``effective_on``.

    Units: ``principal`` is what is outstanding, ``terms.principal`` what was lent; minor units.
    What was repaid is laid over the schedule oldest first, which gives the oldest unpaid
    instalment. Interest left out is worked out: that of wholly unpaid past instalments, and what
    the running period has accrued. Late interest and fees go to the oldest unpaid instalment.
    Errors: ``InvalidTerms``, ``InvalidAmount``, ``InvalidDate``.
    """
    opened = open_loan(
        loan_no=loan_no, terms=terms, effective_on=disbursed_on, borrower=borrower,
        product=product, branch=branch, officer=officer,
    )  # fmt: skip
    if effective_on < disbursed_on:
        raise InvalidDate(effective_on, f"is before disbursement ({disbursed_on})", "as_of")
    given = {
        "principal_balance": principal,
        "interest_balance": interest or 0,
        "interest_tax_balance": interest_tax or 0,
        "late_interest_balance": late_interest,
        "late_interest_tax_balance": late_interest_tax,
        "fee_balance": fee,
        "fee_tax_balance": fee_tax,
    }
    for field, amount in given.items():
        if not 0 <= amount <= MAX_AMOUNT:
            raise InvalidAmount(amount, "must be between 0 and what the ledger holds", field)
    if principal > terms.principal:
        rule = "is more than the {lent} lent"
        raise InvalidAmount(principal, rule, "principal_balance", lent=terms.principal)
    if terms.grace.capitalise or terms.down_payment_rate:
        rule = "a running loan is taken on by what is left: no down payment, nothing to capitalise"
        field = "down_payment_percent" if terms.down_payment_rate else "grace.capitalise"
        raise InvalidTerms(rule, field)
    rows = schedule(terms, terms.principal, disbursed_on)
    owed = _uncovered(rows, principal)
    running = next((row for row in rows if row.due_on > effective_on), None)
    numerator = _running(terms, running, principal, effective_on)
    _lay_interest(terms, rows, owed, running, numerator, effective_on, interest, interest_tax)
    oldest = next((row.number for row in rows if owed[row.number].principal), rows[-1].number)
    owed[oldest].late_interest += late_interest
    owed[oldest].late_interest_tax += late_interest_tax
    owed[oldest].fee += fee
    owed[oldest].fee_tax += fee_tax
    draft = Draft(Loan(opened=opened[0], through=disbursed_on, version=1))  # type: ignore[arg-type]
    draft.record(
        e.LoanTakenOn(
            effective_on=effective_on,
            principal=terms.principal,
            disbursed_on=disbursed_on,
            schedule=rows,
            opening=tuple(as_portion(n, left) for n, left in owed.items() if left != Amounts()),
            numerator=numerator if terms.interest is InterestBasis.DAILY else 0,
            late_numerators=tuple(_late(terms, rows, owed, effective_on)),
        )
    )
    draft.close_if_paid(effective_on)
    return (*opened, *draft.events)


def _uncovered(rows: Sequence[e.Instalment], outstanding: int) -> dict[int, Amounts]:
    """The principal each instalment still owes when the rest was repaid oldest first."""
    repaid = sum(row.principal for row in rows) - outstanding
    owed = {}
    for row in rows:
        covered = min(repaid, row.principal)
        repaid -= covered
        owed[row.number] = Amounts(principal=row.principal - covered)
    return owed


def _running(terms: Terms, row: e.Instalment | None, principal: int, on: date) -> int:
    if row is None or on <= row.start_on:
        return 0
    if row.number <= terms.grace.interest_free_periods or terms.method is Method.DISCOUNT:
        return 0
    return principal * rate_units(terms, row.start_on, row.start_on, on, row.due_on)


def _lay_interest(
    terms: Terms,
    rows: Sequence[e.Instalment],
    owed: dict[int, Amounts],
    running: e.Instalment | None,
    numerator: int,
    on: date,
    interest: int | None,
    interest_tax: int | None,
) -> None:
    """Spread interest over unpaid past instalments and the running one, and tax with it."""
    by_row: dict[int, int] = {}
    left = interest
    for row in rows:
        if row.due_on <= on and owed[row.number].principal == row.principal > 0:
            by_row[row.number] = row.interest if left is None else min(row.interest, left)
            left = None if left is None else left - by_row[row.number]
    last = (running or rows[-1]).number
    if left is not None:
        by_row[last] = by_row.get(last, 0) + left
    elif running is not None and any(amounts.principal for amounts in owed.values()):
        by_row[last] = _accrued(terms, running, numerator, on)
    taxes = {n: share(amount, terms.tax_rate, terms.rounding) for n, amount in by_row.items()}
    if interest_tax is not None:
        rest = interest_tax
        for number, tax in taxes.items():
            taxes[number] = min(tax, rest)
            rest -= taxes[number]
        taxes[last] = taxes.get(last, 0) + rest
    for number in by_row.keys() | taxes.keys():
        owed[number].interest += by_row.get(number, 0)
        owed[number].interest_tax += taxes.get(number, 0)


def _accrued(terms: Terms, row: e.Instalment, numerator: int, on: date) -> int:
    if terms.interest is InterestBasis.PER_PERIOD or terms.method is Method.FLAT:
        days = max((on - row.start_on).days, 0)
        return divide(row.interest * days, (row.due_on - row.start_on).days, terms.rounding)
    return interest_of(terms, numerator)


def _late(
    terms: Terms, rows: Sequence[e.Instalment], owed: dict[int, Amounts], on: date
) -> Sequence[tuple[int, int]]:
    """Where the late interest of overdue principal stands, so that its rounding goes on."""
    return [
        (row.number, numerator)
        for row in rows
        if row.due_on < on
        and (
            numerator := owed[row.number].principal
            * terms.late_rate
            * elapsed(terms.day_count, row.due_on, row.due_on, on)
        )
    ]

"""One document of one loan: its statement of a month, or a letter."""

from contextlib import closing
from datetime import date
from typing import NamedTuple

from domain.events import LoanClosed
from domain.fold import replay
from ledger import log
from ledger.database import connect
from ledger.settings import Settings
from projections.statements import records
from projections.statements.account import Cut, Statement, statement
from projections.statements.addressee import Addressees, Nobody, party
from projections.statements.documents import (
    account_statement,
    amortization_table,
    desk,
    no_debt_letter,
    payoff_letter,
    receipt,
)
from projections.statements.lender import lender
from projections.statements.period import Period, PeriodNotOver
from projections.statements.sheet import Letter, Sheet

NOBODY = Nobody()


class Told(NamedTuple):
    """One statement as figures and as a document."""

    statement: Statement
    sheet: Sheet


def one(
    settings: Settings, loan_no: str, period: Period, today: date, names: Addressees = NOBODY
) -> Told:
    """One loan's statement as it was issued, or as it would be issued now.

    Errors: ``UnknownLoan``, ``PeriodNotOver``, ``PeriodNotClosed``, ``NothingToState``.
    """
    if today <= period.ends_on:
        raise PeriodNotOver(period.ends_on, today)
    at = desk(lender(settings.lender_file))
    with closing(connect(settings, autocommit=True)) as connection:
        loan_id = records.loan_id(connection, loan_no)
        known = records.cuts(connection, [loan_id], period)[loan_id]
        cut = known.issued or Cut(period.ends_on, log.horizon(connection))
        history = log.facts(connection, loan_id)
    told = statement(history, period, cut, known.before, known.closed_through)
    found = names.known([told.loan.opened.borrower], f"statement {period.ends_on:%Y-%m}")
    to = party(told.loan, found, at.words)
    return Told(told, account_statement(at, told, history, to, known.paid_with))


def letter(
    settings: Settings,
    loan_no: str,
    kind: Letter,
    today: date,
    *,
    on: date | None = None,
    payment: int | None = None,
    names: Addressees = NOBODY,
) -> Sheet:
    """Another document of a loan.

    ``on`` is the day of a payoff or schedule (default: the business date), ``payment`` the number
    of a receipt's (default: the latest that stands).
    Errors: ``UnknownLoan``, ``UnknownPayment``, ``NothingOwedLetter``, and the domain's own.
    """
    at = desk(lender(settings.lender_file))
    with closing(connect(settings, autocommit=True)) as connection:
        loan_id = records.loan_id(connection, loan_no)
        history = log.facts(connection, loan_id)
        given = records.references(connection, [loan_id]).get(loan_id, {})
    loan = replay(recorded.event for recorded in history)
    assert loan is not None, loan_no
    to = party(loan, names.known([loan.opened.borrower], f"letter {kind.value}"), at.words)
    match kind:
        case Letter.SCHEDULE:
            return amortization_table(at, loan, on or max(today, loan.through), to)
        case Letter.PAYOFF:
            return payoff_letter(at, loan, on or max(today, loan.through), to, given)
        case Letter.RECEIPT:
            standing = [n for n, paid in loan.payments.items() if paid.reversed_on is None]
            return receipt(at, loan, payment or max(standing, default=0), to)
        case Letter.NO_DEBT:
            closed = [
                recorded.event.effective_on
                for recorded in history
                if isinstance(recorded.event, LoanClosed)
            ]
            return no_debt_letter(at, loan, max(closed, default=today), to)

"""Who answers for a loan: what its opening says, and who joined it since. Numbers, never names."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from msgspec import Struct
from psycopg import Connection
from psycopg.rows import TupleRow

from ledger.application import Ledger

BORROWER, GUARANTOR = "borrower", "guarantor"

JOINED = (
    "SELECT held.loan_no, b.borrower_no, held.role, held.joined_on"
    " FROM ledger.borrower_loans AS held JOIN ledger.borrowers AS b USING (borrower_id)"
    " WHERE held.loan_no = ANY (%s) AND held.joined_on <= %s"
    " AND (held.left_on IS NULL OR held.left_on > %s)"
    " ORDER BY held.loan_no, held.role, b.borrower_no"
)
"""Who had joined some loans by a day, and not left by it."""

KNOWN = "SELECT borrower_no FROM ledger.borrowers WHERE borrower_no = ANY (%s)"


class Party(Struct, frozen=True):
    """One who answers for a loan. ``known``: registered with his data, else only a reference."""

    borrower_no: str
    role: str
    since: date
    known: bool = True


class Opened(Struct, frozen=True):
    """What a loan's opening says of who answers for it."""

    loan_no: str
    opened_on: date
    borrower: str
    guarantors: tuple[str, ...]

    @property
    def named(self) -> tuple[str, ...]:
        """The numbers in it."""
        return tuple(number for number in (self.borrower, *self.guarantors) if number)


def parties_of(ledger: Ledger, loan_id: UUID) -> list[Party]:
    """Who answers for one loan today. Errors: ``UnknownLoan``."""
    loan, today = ledger.load(loan_id), ledger.clock.business_date()
    told = loan.opened
    opened = Opened(loan.loan_no, loan.opened_on, told.borrower, told.guarantors)

    def look(connection: Connection[TupleRow]) -> tuple[list[Any], list[Any]]:
        joined = connection.execute(JOINED, [[opened.loan_no], today, today]).fetchall()
        return joined, connection.execute(KNOWN, [list(opened.named)]).fetchall()

    joined, known = ledger.store.run(look)
    return arranged([opened], joined, {number for (number,) in known})[opened.loan_no]


def arranged(
    loans: Sequence[Opened], joined: Iterable[Sequence[Any]], known: set[str]
) -> Mapping[str, list[Party]]:
    """By loan number, its borrower first. ``joined`` are rows of ``JOINED``."""
    found = {loan.loan_no: _opened(loan, known) for loan in loans}
    for loan_no, number, role, since in joined:
        held = [(one.borrower_no, one.role) for one in found[loan_no]]
        if (number, role) not in held:
            found[loan_no].append(Party(number, role, since))
    return found


def _opened(loan: Opened, known: set[str]) -> list[Party]:
    named = [(loan.borrower, BORROWER), *((one, GUARANTOR) for one in loan.guarantors)]
    return [
        Party(number, role, loan.opened_on, number in known) for number, role in named if number
    ]

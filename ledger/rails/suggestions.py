"""Which loan may money be meant for? Suggestions for a person, never decided here.

Three traces: a reference that differs by a slip of the finger, an amount that a loan asks for these
days, a payer with the borrower's name. Each says why, so that one can look.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct
from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from domain.group_loans import instalment
from domain.loan import Loan, Status
from domain.views import as_of
from ledger.application import Ledger
from ledger.bank_line import reference_key
from ledger.borrowers.reading import Archive, Reader
from ledger.log import load_many
from ledger.money import text
from ledger.suspense import Suspended

SLIPS = 3
"""Digits or letters wrong, missing, too many or swapped."""
LEAST_LETTERS = 3  # right ones for each slip
MOST_WRITTEN = 12
LEAST_NAME = 75
MOST = 5
NEAR_DAYS = 10
MOST_LOOKED_AT = 400
WEIGHTS = {"reference": 50, "amount": 30, "name": 20}


class Suggestion(Struct, frozen=True):
    """A loan that the money may be meant for; ``score`` up to 100."""

    loan_id: UUID
    loan_no: str
    borrower: str
    score: int
    reasons: tuple[str, ...]


class _Known(NamedTuple):
    loan_id: UUID
    key: str


def suggest(
    ledger: Ledger, waiting: Suspended, archive: Archive | None = None, reader: Reader | None = None
) -> list[Suggestion]:
    """The likeliest loans first, at most five.

    Names are compared only for a reader who may know them, and leave a trace: each borrower whose
    name was looked at.
    """
    near = _by_reference(ledger, waiting)
    ids = list(dict.fromkeys([*near, *_due_near(ledger, waiting)]))[:MOST_LOOKED_AT]
    loans = ledger.store.run(lambda connection: load_many(connection, ids))
    names = _names(loans.values(), waiting, archive, reader) if waiting.payer else {}
    found = [
        _told(loan_id, loan, waiting, near.get(loan_id), names.get(loan.opened.borrower, 0))
        for loan_id, loan in loans.items()
        if loan.status in (Status.ACTIVE, Status.WRITTEN_OFF, Status.OPENED)
    ]
    likely = [one for one in found if one.reasons]
    return sorted(likely, key=lambda one: (-one.score, one.loan_no))[:MOST]


def _by_reference(ledger: Ledger, waiting: Suspended) -> dict[UUID, int]:
    """Loans whose number, or a reference given out, is a few slips from what was written."""
    written = _written(waiting)
    if not written:
        return {}
    rows = ledger.store.run(
        lambda connection: connection.execute(
            "SELECT loan_id, ledger.reference_key(loan_no) FROM ledger.loan_state UNION ALL"
            " SELECT loan_id, reference_key FROM ledger.payment_references"
        ).fetchall()
    )
    known = [_Known(*row) for row in rows]
    keys = [one.key for one in known]
    found: dict[UUID, int] = {}
    for text_ in written:
        for key, slips, place in process.extract(
            text_, keys, scorer=OSA.distance, score_cutoff=SLIPS, limit=20
        ):
            if slips * LEAST_LETTERS <= len(key):
                loan_id = known[place].loan_id
                found[loan_id] = min(int(slips), found.get(loan_id, SLIPS))
    return found


def _written(waiting: Suspended) -> list[str]:
    """What may be a reference: all that was written as one, and the words with digits in it."""
    words = waiting.remark.split()
    given = (waiting.reference, *waiting.remark.splitlines(), *words)
    keys = (reference_key(one) for one in given)
    likely = (key for key in keys if len(key) > SLIPS and any(one.isdigit() for one in key))
    return list(dict.fromkeys(likely))[:MOST_WRITTEN]


def _due_near(ledger: Ledger, waiting: Suspended) -> list[UUID]:
    """Loans of the currency that ask for something about the day the money came."""
    around = timedelta(days=NEAR_DAYS)
    first, last = waiting.paid_on - around, waiting.paid_on + around
    rows = ledger.store.run(
        lambda connection: connection.execute(
            "SELECT loan_id FROM ledger.loan_state WHERE currency = %(currency)s"
            " AND status = 'active' AND (next_due_on BETWEEN %(first)s AND %(last)s"
            " OR oldest_unpaid_due_on <= %(last)s"
            " OR principal + interest + interest_tax + late_interest + late_interest_tax + fee"
            " + fee_tax = %(amount)s) ORDER BY abs(coalesce(oldest_unpaid_due_on, next_due_on)"
            " - %(on)s::date), loan_id LIMIT %(most)s",
            {
                "currency": waiting.currency, "first": first, "last": last, "on": waiting.paid_on,
                "amount": waiting.amount, "most": MOST_LOOKED_AT,
            },
        ).fetchall()
    )  # fmt: skip
    return [loan_id for (loan_id,) in rows]


def _names(
    loans: Iterable[Loan], waiting: Suspended, archive: Archive | None, reader: Reader | None
) -> Mapping[str, int]:
    """How alike the payer's name and the borrowers' are, of 100."""
    if archive is None or reader is None:
        return {}
    numbers = sorted({loan.opened.borrower for loan in loans} - {""})
    seen = archive.read_many(numbers, reader, "name, for a suggestion")
    payer = _plain(waiting.payer)
    return {
        number: int(fuzz.token_sort_ratio(payer, _plain(one.borrower.person.full_name)))
        for number, one in seen.items()
        if one.borrower is not None
    }


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name.upper())
    return "".join(
        one if one.isalnum() else " " for one in letters if not unicodedata.combining(one)
    )


def _told(
    loan_id: UUID, loan: Loan, waiting: Suspended, slips: int | None, alike: int
) -> Suggestion:
    score, reasons = 0, []
    if slips is not None:
        score += WEIGHTS["reference"] * (SLIPS + 1 - slips) // (SLIPS + 1)
        reasons.append(f"reference differs by {slips} from {loan.loan_no}")
    if asked := _asks_for(loan, waiting):
        score += WEIGHTS["amount"]
        reasons.append(f"{text(waiting.amount, waiting.currency)} is its {asked}")
    if alike >= LEAST_NAME:
        score += WEIGHTS["name"] * alike // 100
        reasons.append(f"payer's name is {alike} % the borrower's")
    return Suggestion(loan_id, loan.loan_no, loan.opened.borrower, score, tuple(reasons))


def _asks_for(loan: Loan, waiting: Suspended) -> str | None:
    """What of the loan is exactly the amount, on the day it came."""
    day = waiting.paid_on
    if loan.status is not Status.ACTIVE or loan.terms.currency != waiting.currency:
        return None
    if day < loan.opened_on:
        return None
    seen = as_of(loan, day)
    asked = {
        "instalment": instalment(seen, day),
        "overdue amount": sum(line.left for line in seen.fallen_due),
        "whole debt": seen.balances().total,
    }
    return next((name for name, amount in asked.items() if amount == waiting.amount), None)

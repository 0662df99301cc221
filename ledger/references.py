"""Which loan does a bank's reference mean?"""

from collections.abc import Sequence
from uuid import UUID

from msgspec import Struct

from ledger.store import Store


class Match(Struct, frozen=True):
    """The loan a reference means, and the currency it is in."""

    loan_id: UUID
    currency: str


def matches(store: Store, keys: Sequence[str]) -> dict[str, tuple[Match, ...]]:
    """The loans that each `reference_key` means: by their number, or a reference given out."""
    wanted = sorted({*keys} - {""})
    rows = store.run(
        lambda connection: connection.execute(
            "SELECT ledger.reference_key(loan_no), loan_id, currency FROM ledger.loan_state"
            " WHERE ledger.reference_key(loan_no) = ANY (%s)"
            " UNION SELECT given.reference_key, loan_id, loan.currency"
            " FROM ledger.payment_references AS given"
            " JOIN ledger.loan_state AS loan USING (loan_id)"
            " WHERE given.reference_key = ANY (%s) ORDER BY loan_id",
            [wanted, wanted],
        ).fetchall()
    )
    found: dict[str, tuple[Match, ...]] = {}
    for key, loan_id, currency in rows:
        found[key] = (*found.get(key, ()), Match(loan_id, currency))
    return found

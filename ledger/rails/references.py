"""References given out for a loan: a CLABE of its own, or one with check digits for a window.

An algorithm that is not ours comes in as an entry point of the group `cartera.references`: a
function from the base (and keywords) to the whole reference.
"""

from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from importlib.metadata import entry_points
from typing import Any, cast
from uuid import UUID

from moneyed import Money
from msgspec import Struct
from psycopg import Connection, errors
from psycopg.rows import TupleRow

from domain.references import ALGORITHMS, Algorithm, InvalidReference, virtual_clabe
from ledger.application import Ledger
from ledger.bank_line import reference_key
from ledger.money import minor
from ledger.store import Store

CLABE = "clabe"
GROUP = "cartera.references"
BASE_DIGITS = 10
ATTEMPTS = 5


class Issued(Struct, frozen=True):
    """A reference that means a loan. ``repeated``: it had been given out before."""

    loan_id: UUID
    kind: str
    reference: str
    issued_at: datetime | None = None
    repeated: bool = False


class NoClabePrefix(InvalidReference):
    """No participant's prefix is set, so that no CLABE can be given out."""

    field = "clabe_prefix"

    def __init__(self) -> None:
        super().__init__("clabe_prefix: set CARTERA_CLABE_PREFIX to what your participant gave you")


class UnknownAlgorithm(InvalidReference):
    """No algorithm has that name."""

    field = "algorithm"

    def __init__(self, name: str) -> None:
        known = ", ".join(sorted(algorithms()))
        super().__init__(f"algorithm: {name[:40]!r} is none of {CLABE}, {known}")


class ReferenceTaken(InvalidReference):
    """Another loan has that reference, or its number reads the same."""

    def __init__(self, reference: str) -> None:
        super().__init__(f"reference: {reference} means another loan already")


@lru_cache(maxsize=1)
def algorithms() -> dict[str, Algorithm]:
    """Every algorithm by its name: ours, and those of installed plug-ins."""
    found = {one.name: cast("Algorithm", one.load()) for one in entry_points(group=GROUP)}
    return found | cast("dict[str, Algorithm]", ALGORITHMS)


def issue_clabe(ledger: Ledger, loan_id: UUID) -> Issued:
    """The loan's own CLABE, made the first time. Errors: ``NoClabePrefix``, ``InvalidReference``,
    ``UnknownLoan``.
    """
    ledger.load(loan_id)
    prefix = ledger.settings.clabe_prefix
    for known in issued(ledger.store, loan_id):
        if known.kind == CLABE:
            return known
    if prefix is None:
        raise NoClabePrefix

    def make(connection: Connection[TupleRow]) -> Issued:
        with connection.transaction():
            clabe = str(virtual_clabe(prefix, _next(connection, prefix)))
            return _kept(connection, loan_id, CLABE, clabe)

    for _ in range(ATTEMPTS):
        try:
            return ledger.store.run(make)
        except errors.UniqueViolation:  # its twin was first
            for known in issued(ledger.store, loan_id):
                if known.kind == CLABE:
                    return known
    raise ReferenceTaken(prefix)


def issue(
    ledger: Ledger,
    loan_id: UUID,
    algorithm: str,
    *,
    base: str | None = None,
    amount: Money | None = None,
    due_on: date | None = None,
) -> Issued:
    """A reference with check digits that means the loan; the same again answers the first.

    ``base`` is the lender's own part, a new number without one. ``amount`` and ``due_on`` are for
    algorithms that force them.
    Errors: ``UnknownAlgorithm``, ``InvalidReference``, ``ReferenceTaken``, ``UnknownLoan``.
    """
    ledger.load(loan_id)
    make = algorithms().get(algorithm)
    if make is None:
        raise UnknownAlgorithm(algorithm)
    more: dict[str, Any] = {}
    if algorithm == "bbva-10":
        if amount is None or due_on is None:
            missing = "amount" if amount is None else "due_on"
            raise InvalidReference(f"{missing}: bbva-10 forces an amount and a date", missing)
        more = {"amount": minor(amount), "due_on": due_on,
                "base_year": ledger.settings.bbva_base_year}  # fmt: skip

    def keep(connection: Connection[TupleRow]) -> Issued:
        with connection.transaction():
            given = base or f"{_next(connection, GROUP):0{BASE_DIGITS}}"
            return _kept(connection, loan_id, algorithm, make(given, **more))

    return ledger.store.run(keep)


def issue_all(
    ledger: Ledger, algorithm: str = CLABE, progress: Callable[[int, int], None] | None = None
) -> int:
    """A reference for each running loan that was given none of that kind; answers how many.

    Killed, the next run does what is left.
    Errors: as ``issue_clabe`` and ``issue``; of bbva-10 there is none for all.
    """
    missing = (
        "SELECT loan_id FROM ledger.loan_state AS loan WHERE status IN ('opened', 'active')"
        " AND NOT EXISTS (SELECT FROM ledger.payment_references AS given"
        " WHERE given.loan_id = loan.loan_id AND given.kind = %s) ORDER BY loan_no"
    )
    rows = ledger.store.run(lambda c: c.execute(missing, [algorithm]).fetchall())
    for done, (loan_id,) in enumerate(rows, start=1):
        if algorithm == CLABE:
            issue_clabe(ledger, loan_id)
        else:
            issue(ledger, loan_id, algorithm)
        if progress:
            progress(done, len(rows))
    return len(rows)


def issued(store: Store, loan_id: UUID) -> list[Issued]:
    """Every reference given out for the loan, oldest first."""
    rows = store.run(
        lambda connection: connection.execute(
            "SELECT loan_id, kind, reference, issued_at FROM ledger.payment_references"
            " WHERE loan_id = %s ORDER BY issued_at, reference_key",
            [loan_id],
        ).fetchall()
    )
    return [
        Issued(owner, kind, reference, issued_at, repeated=True)
        for owner, kind, reference, issued_at in rows
    ]


def _next(connection: Connection[TupleRow], prefix: str) -> int:
    [[number]] = connection.execute(
        "INSERT INTO ledger.reference_numbers AS of (prefix, last) VALUES (%s, 1)"
        " ON CONFLICT (prefix) DO UPDATE SET last = of.last + 1 RETURNING last",
        [prefix],
    ).fetchall()
    return int(number)


def _kept(connection: Connection[TupleRow], loan_id: UUID, kind: str, reference: str) -> Issued:
    """Errors: ``ReferenceTaken``, psycopg's ``UniqueViolation`` for a second CLABE."""
    key = reference_key(reference)
    taken = connection.execute(
        "SELECT FROM ledger.loan_state WHERE ledger.reference_key(loan_no) = %s AND loan_id <> %s",
        [key, loan_id],
    ).fetchall()
    if taken:
        raise ReferenceTaken(reference)
    made = connection.execute(
        "INSERT INTO ledger.payment_references (reference_key, reference, loan_id, kind)"
        " VALUES (%s, %s, %s, %s) ON CONFLICT (reference_key) DO NOTHING RETURNING issued_at",
        [key, reference, loan_id, kind],
    ).fetchall()
    if made:
        return Issued(loan_id, kind, reference, made[0][0])
    [(owner, issued_at)] = connection.execute(
        "SELECT loan_id, issued_at FROM ledger.payment_references WHERE reference_key = %s", [key]
    ).fetchall()
    if owner != loan_id:
        raise ReferenceTaken(reference)
    return Issued(loan_id, kind, reference, issued_at, repeated=True)

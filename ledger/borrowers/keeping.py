"""Keeping what is kept: chains recomputed, keys put under a new master key."""

from collections.abc import Iterator
from functools import partial

from msgspec import Struct
from psycopg import Connection
from psycopg.rows import TupleRow

from domain.borrower import borrower as borrowers
from ledger.borrowers import book
from ledger.borrowers.errors import BorrowerKeyUnknown, BorrowerKeyWrong
from ledger.borrowers.vault import Vault
from ledger.store import Store

BATCH = 500


class Finding(Struct, frozen=True):
    """What is not as it was recorded."""

    borrower_no: str
    version: int
    what: str


class Verified(Struct, frozen=True):
    """What a verification came to."""

    borrowers: int
    forgotten: int
    facts: int
    findings: tuple[Finding, ...]


def verify(store: Store, vault: Vault) -> Verified:
    """Recompute every chain, and open what can still be opened; the forgotten have chains too."""
    count = forgotten = seen = 0
    findings: list[Finding] = []
    for entry, facts in _all(store):
        count, forgotten = count + 1, forgotten + (entry.wrapped is None)
        seen += len(facts)
        findings += _broken(vault, entry, facts)
    return Verified(count, forgotten, seen, tuple(findings))


def _broken(vault: Vault, entry: book.Entry, facts: list[book.StoredFact]) -> Iterator[Finding]:
    number, before = entry.borrower_no, book.NO_CHAIN
    for nth, fact in enumerate(facts, start=1):
        if fact.version != nth or not fact.follows(before):
            yield Finding(number, nth, "is not what was recorded")
            return
        before = fact.chain
    if len(facts) != entry.version:
        yield Finding(number, len(facts) + 1, f"is missing: {entry.version} were recorded")
    if (entry.forgotten_at is None) is (entry.wrapped is None):
        yield Finding(number, entry.version, "has a key only if it is not forgotten")
    if entry.wrapped is None:
        return
    try:
        sealer = vault.open(entry.id, entry.wrapped)
        for fact in facts:
            fact.opened(sealer)
    except (BorrowerKeyUnknown, BorrowerKeyWrong) as error:
        yield Finding(number, entry.version, str(error))


def rewrap(store: Store, vault: Vault) -> int:
    """Put every data key that is under an older master key under the current one.

    Answers how many. Marks are made anew with it. Errors: ``BorrowerKeyUnknown``.
    """
    done = 0
    for entry, facts in _all(store):
        if entry.wrapped is None or entry.wrapped.master == vault.current:
            continue
        done += _rewrapped(store, vault, entry, facts)
    return done


def _rewrapped(store: Store, vault: Vault, entry: book.Entry, facts: list[book.StoredFact]) -> bool:
    assert entry.wrapped is not None, entry.borrower_no
    old, new = entry.wrapped.master, vault.rewrapped(entry.id, entry.wrapped)
    sealer = vault.open(entry.id, entry.wrapped)
    borrower = borrowers.replay(fact.opened(sealer) for fact in facts)
    assert borrower is not None, entry.borrower_no

    def write(connection: Connection[TupleRow]) -> bool:
        with connection.transaction():
            if not book.rekey(connection, entry.id, old, new):
                return False
            for kind, value in borrower.person.identities.items():
                book.set_mark(connection, entry.id, kind, vault.marks(kind, value)[0])
            return True

    return store.run(write)


def _all(store: Store) -> Iterator[tuple[book.Entry, list[book.StoredFact]]]:
    """Every borrower with his facts, by number, some at a time."""
    after = ""
    while True:
        batch = store.run(partial(_some, after=after))
        if not batch:
            return
        yield from batch
        after = batch[-1][0].borrower_no


def _some(
    connection: Connection[TupleRow], after: str
) -> list[tuple[book.Entry, list[book.StoredFact]]]:
    entries = book.all_entries(connection, after, BATCH)
    facts = book.facts(connection, [one.id for one in entries])
    return [(one, facts[one.id]) for one in entries]

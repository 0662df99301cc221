"""Loans by number: which life each one lived, and by which names and ids it did."""

import random
from collections.abc import Iterator
from datetime import date
from hashlib import blake2b
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct, structs

from domain import events as e
from domain.guards import Events
from domain.loan import Loan
from domain.rates import IndexValue
from ledger import state, upcasters
from ledger.state import StateRow
from ledger.synthetic.habits import Behaviour
from ledger.synthetic.lives import Life, Span
from ledger.synthetic.offers import deck

BRANCHES = (
    "AGS", "BJX", "CDMX", "CUL", "CUN", "GDL", "HMO", "LEO", "MEX", "MID", "MTY", "MZT", "OAX",
    "PAC", "PUE", "QRO", "SLP", "TAM", "TGZ", "TIJ", "TLC", "TOR", "VER", "ZAC",
)  # fmt: skip
OFFICERS = 8
EPOCH_MS = 1_767_225_600_000  # ids are of the seventh kind: those of one batch lie together


class Batch(Struct, frozen=True):
    """Loans number ``first`` to ``last`` of a seed; each life is that of so many ``twins``."""

    seed: int
    first: int
    last: int
    twins: int
    span: Span

    @property
    def loans(self) -> int:
        """How many."""
        return self.last - self.first + 1


class Booked(NamedTuple):
    """What was recorded at once: of each event's row all that is the same for twins."""

    on: date
    command: str
    ends: list[str]


class Told(NamedTuple):
    """One life as rows, and the loan it ends in."""

    booked: list[Booked]
    loan: Loan
    state: StateRow


class Twin(NamedTuple):
    """One loan that lived it."""

    number: int
    loan_id: UUID
    opened: e.LoanOpened
    told: Told

    @property
    def state(self) -> StateRow:
        """The loan's row of `ledger.loan_state`."""
        return structs.replace(self.told.state, loan_id=self.loan_id, loan_no=self.opened.loan_no)

    @property
    def loan(self) -> Loan:
        """The loan as its life left it."""
        return structs.replace(self.told.loan, opened=self.opened)


def loans_of(batch: Batch, value_of: IndexValue) -> Iterator[Twin]:
    """The loans of the batch with their lives told."""
    products = deck(batch.seed)
    known, told = -1, None
    for number in range(batch.first, batch.last + 1):
        nth = number // batch.twins
        if told is None or known != nth:
            chance = random.Random(f"{batch.seed}:{nth}")
            life = Life(products[nth % len(products)], chance, batch.span, value_of)
            Behaviour(life).begin()
            life.live()
            known, told = nth, _told(life)
        yield _twin(batch.seed, number, told)


def loan_number(seed: int, number: int) -> str:
    """The lender's number of a synthetic loan: no two seeds share one."""
    return f"S{seed}-{number:07d}"


def identity(seed: int, number: int, *what: object) -> UUID:
    """The same id for the same words; those of later numbers sort after it."""
    digest = blake2b(repr((seed, number, *what)).encode(), digest_size=10).digest()
    value = (EPOCH_MS + number) << 80 | int.from_bytes(digest, "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)


def copied(event: e.AnyLoanEvent) -> str:
    """The event's JSON as the text form of COPY has it."""
    return e.encode.encode(event).decode().replace("\\", "\\\\")


def _told(life: Life) -> Told:
    booked = [Booked(one.on, one.command, list(_ends(one.events))) for one in life.appends]
    nobody = UUID(int=0)
    return Told(booked, life.loan, state.row(nobody, life.loan, life.closed_through))


def _ends(events: Events) -> Iterator[str]:
    for more, event in zip(range(len(events) - 1, -1, -1), events, strict=True):
        tag = e.tag(event)
        yield f"{tag}\t{upcasters.revision(tag)}\t{more}\t{event.effective_on}\t{copied(event)}\n"


def _twin(seed: int, number: int, told: Told) -> Twin:
    digest = blake2b(f"{seed}:{number}".encode(), digest_size=8).digest()
    drawn = int.from_bytes(digest, "big")
    branch = BRANCHES[drawn % len(BRANCHES)]
    borrower = max(number - (drawn >> 8) % 5 // 4, 0)  # every fifth has a loan already
    opened = structs.replace(
        told.loan.opened,
        loan_no=loan_number(seed, number),
        borrower=f"S{seed}-P{borrower:07d}",
        branch=branch,
        officer=f"{branch}-{1 + (drawn >> 16) % OFFICERS}",
    )
    return Twin(number, identity(seed, number, "loan"), opened, told)

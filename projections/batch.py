"""A stretch of the log in columns, decoded once and shared by every projection."""

from collections.abc import Callable, Collection, Iterator
from datetime import date
from functools import cached_property
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias, TypeVar
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from domain import events as e
from ledger.log import Columns
from projections.movements import MOVING, NOTHING, Movement, movements
from projections.staging import day

Ints: TypeAlias = NDArray[np.int64]
Alike: TypeAlias = tuple[str, int, str]
"""Kind, effect and source of a movement: what says which sums and accounts it changes."""
T = TypeVar("T")

KINDS = {kind: number for number, kind in enumerate(e.AnyLoanEvent.__args__)}


class Accruals(NamedTuple):
    """One row per accrued line: which record it is in, what ran, whether on a due instalment."""

    at: Ints
    instalment: Ints
    interest: Ints
    tax: Ints
    due: Ints


class Batch:
    """Consecutive facts of the log. ``uuids`` are the loans met, 16 bytes each; ``place_of`` is
    the place of each fact's loan among them, ``codes`` the same as an array. Movements after
    ``until`` are left out.
    """

    def __init__(self, columns: Columns, until: date | None = None) -> None:
        self._columns, self.until = columns, until
        self.events = columns.events
        self.positions, self.versions = columns.positions, columns.versions
        self.days, self.instants = columns.days, columns.instants
        loans: list[bytes] = columns.loans.tolist()
        places = {loan: place for place, loan in enumerate(dict.fromkeys(loans))}
        self.place_of: list[int] = list(map(places.__getitem__, loans))
        self.codes: Ints = np.array(self.place_of, dtype=np.int64)
        self.uuids: NDArray[np.void] = np.frombuffer(b"".join(places), dtype="V16")
        self.kinds = np.fromiter(
            map(KINDS.__getitem__, map(type, self.events)), np.int8, len(self.events)
        )
        self._derived: dict[Callable[..., Any], Any] = {}
        self._loans: dict[int, UUID] = {}

    def valued(self, until: date) -> "Batch":
        """What has a value date up to ``until``."""
        return Batch(self._columns.chosen(self.days <= day(until)), until)

    def without(self, loans: Collection[bytes]) -> "Batch":
        """What happened to other loans."""
        if not loans:
            return self
        kept = np.array([loan not in loans for loan in self.uuids.tolist()], dtype=bool)
        return Batch(self._columns.chosen(kept[self.codes]), self.until)

    def has(self, *types: type) -> bool:
        """Whether any event is of ``types``."""
        return bool(self._among(types).any())

    def of(self, *types: type) -> list[int]:
        """Places of the events of ``types``, in the order of the log."""
        places: list[int] = np.flatnonzero(self._among(types)).tolist()
        return places

    def _among(self, types: tuple[type, ...]) -> NDArray[np.bool_]:
        wanted = np.zeros(len(KINDS), dtype=bool)
        wanted[[KINDS[one] for one in types]] = True
        return wanted[self.kinds]

    def each(self, *types: type) -> Iterator[tuple[UUID, Any]]:
        """(loan, event) of those types, in the order of the log."""
        for at in self.of(*types):
            yield self.loan_of(at), self.events[at]

    def loan(self, place: int) -> UUID:
        """The loan at ``place`` of ``uuids``."""
        if place not in self._loans:
            self._loans[place] = UUID(bytes=self.uuids[place].tobytes())
        return self._loans[place]

    def loan_of(self, at: int) -> UUID:
        """The loan of one event."""
        return self.loan(self.place_of[at])

    def derive(self, work: "Callable[[Batch], T]") -> T:
        """What pure ``work`` makes of the batch, worked out once."""
        if work not in self._derived:
            self._derived[work] = work(self)
        done: T = self._derived[work]
        return done

    @cached_property
    def moved(self) -> dict[int, list[Movement]]:
        """The movements of each record that has any, by its place."""
        found: dict[int, list[Movement]] = {}
        for at, movement in self.movements:
            found.setdefault(at, []).append(movement)
        return found

    @cached_property
    def movements(self) -> list[tuple[int, Movement]]:
        """(place of the record, movement), in the order of the log."""
        return [
            (at, movement)
            for at in self.of(*MOVING)
            for movement in movements(self.events[at])
            if self.until is None or movement.on <= self.until
        ]

    @cached_property
    def amounts(self) -> Ints:
        """Of each movement: its components, what it overpaid, and its amount."""
        rows = [(*one.amounts, one.overpaid, one.amount) for _, one in self.movements]
        return np.array(rows, dtype=np.int64).reshape(-1, len(NOTHING) + 2)

    @cached_property
    def alike(self) -> dict[Alike, list[int]]:
        """The numbers of the movements of each kind."""
        found: dict[Alike, list[int]] = {}
        for number, (_, one) in enumerate(self.movements):
            found.setdefault((one.kind, one.effect, one.source), []).append(number)
        return found

    @cached_property
    def interest(self) -> Accruals:
        """Every `InterestAccrued`."""
        at = np.flatnonzero(self._among((e.InterestAccrued,)))
        events = [self.events[place] for place in at.tolist()]
        columns = (
            np.fromiter(map(attrgetter(name), events), np.int64, len(events))
            for name in Accruals._fields[1:]
        )
        return Accruals(at, *columns)

    @cached_property
    def late_interest(self) -> Accruals:
        """Every line of every `LateInterestAccrued`."""
        rows = []
        for at in self.of(e.LateInterestAccrued):
            event = self.events[at]
            assert isinstance(event, e.LateInterestAccrued), event
            rows += [(at, line.instalment, line.interest, line.tax, True) for line in event.lines]
        return Accruals(*np.array(rows, dtype=np.int64).reshape(-1, 5).T)


def add_at(sums: Ints, places: Ints | tuple[Ints, ...], values: Ints) -> None:
    """``sums[places] += values`` with repeats; ``OverflowError`` if a sum is beyond int64."""
    if not values.size:
        return
    bound = np.abs(values.astype(np.float64)).sum() + np.abs(sums.astype(np.float64)).max()
    if bound < 2**62:
        np.add.at(sums, places, values)
        return
    exact = sums.astype(object)
    np.add.at(exact, places, values.astype(object))
    sums[...] = exact.astype(np.int64)

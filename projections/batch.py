"""A stretch of the log in columns, decoded once and shared by every projection."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias, TypeVar
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from domain import events as e
from ledger.log import Recorded
from projections.movements import MOVING, Movement, movements
from projections.staging import day, instant

Ints: TypeAlias = NDArray[np.int64]
T = TypeVar("T")


class Accruals(NamedTuple):
    """One row per accrued line: which record it is in, what ran, whether on a due instalment."""

    at: Ints
    instalment: Ints
    interest: Ints
    tax: Ints
    due: Ints


class Batch:
    """Consecutive facts of the log. ``loans`` numbers the loans met: ``codes`` are the places
    of each record's loan among them, ``place_of`` the same as a list.
    """

    def __init__(self, records: Sequence[Recorded]) -> None:
        self.records = records
        places: dict[int, int] = {}  # by number: an int hashes ten times as fast as a UUID
        self.place_of: list[int] = [
            places.setdefault(record.loan_id.int, len(places)) for record in records
        ]
        self.codes: Ints = np.array(self.place_of, dtype=np.int64)
        self.loans: list[UUID] = [UUID(int=number) for number in places]
        self._derived: dict[Callable[..., Any], Any] = {}
        self._by_type: dict[type, list[int]] = {}
        for at, record in enumerate(records):
            self._by_type.setdefault(type(record.event), []).append(at)

    def of(self, *types: type) -> list[int]:
        """Places of the records with events of ``types``, in the order of the log."""
        found = [at for one in types for at in self._by_type.get(one, ())]
        return sorted(found) if len(types) > 1 else found

    def each(self, *types: type) -> Iterator[tuple[UUID, Any]]:
        """(loan, event) of those types, in the order of the log."""
        for at in self.of(*types):
            record = self.records[at]
            yield record.loan_id, record.event

    def derive(self, work: "Callable[[Batch], T]") -> T:
        """What pure ``work`` makes of the batch, worked out once."""
        if work not in self._derived:
            self._derived[work] = work(self)
        done: T = self._derived[work]
        return done

    @cached_property
    def uuids(self) -> NDArray[np.void]:
        """The loans met, as 16 bytes each."""
        return np.frombuffer(b"".join(loan.bytes for loan in self.loans), dtype="V16")

    @cached_property
    def positions(self) -> Ints:
        return np.array([record.position for record in self.records], dtype=np.int64)

    @cached_property
    def versions(self) -> Ints:
        return np.array([record.version for record in self.records], dtype=np.int64)

    @cached_property
    def days(self) -> Ints:
        """Value dates as PostgreSQL counts them."""
        known: dict[Any, int] = {}
        found = []
        for record in self.records:
            on = record.event.effective_on
            number = known.get(on)
            if number is None:
                number = known[on] = day(on)
            found.append(number)
        return np.array(found, dtype=np.int64)

    @cached_property
    def instants(self) -> Ints:
        """Booking times as PostgreSQL counts them."""
        known: dict[Any, int] = {}
        found = []
        for record in self.records:
            at = record.recorded_at
            assert at is not None, f"event at position {record.position} has no booking time"
            number = known.get(at)
            if number is None:
                number = known[at] = instant(at)
            found.append(number)
        return np.array(found, dtype=np.int64)

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
            for movement in movements(self.records[at].event)
        ]

    @cached_property
    def interest(self) -> Accruals:
        """Every `InterestAccrued`."""
        places = self.of(e.InterestAccrued)
        records = self.records
        rows = [
            (event.instalment, event.interest, event.tax, event.due)
            for event in (records[at].event for at in places)
            if isinstance(event, e.InterestAccrued)
        ]
        return _accruals(places, rows)

    @cached_property
    def late_interest(self) -> Accruals:
        """Every line of every `LateInterestAccrued`."""
        places, rows = [], []
        for at in self.of(e.LateInterestAccrued):
            event = self.records[at].event
            assert isinstance(event, e.LateInterestAccrued), event
            for line in event.lines:
                places.append(at)
                rows.append((line.instalment, line.interest, line.tax, True))
        return _accruals(places, rows)


def _accruals(places: list[int], rows: list[tuple[int, int, int, bool]]) -> Accruals:
    table = np.array(rows, dtype=np.int64).reshape(-1, 4)
    return Accruals(np.array(places, dtype=np.int64), *table.T)


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

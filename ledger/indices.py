"""What an index was worth on a day, and the rates of floating loans that follow from it."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Protocol

from domain import commands
from domain.events import AnyLoanEvent
from domain.fold import replay
from domain.loan import Loan, copy
from domain.rates import IndexValue
from ledger.store import Store


class Indices(Protocol):
    """Where a ledger gets the values of indices from."""

    def on_day(self, index: str, day: date) -> int | None:
        """The value of that very day: what a unit of account needs."""
        ...

    def lookup(self) -> IndexValue:
        """What tells the values that fix rates."""
        ...


class GivenIndices:
    """Values of a story, or of a test: the ledger's own are not asked."""

    def __init__(self, value_of: IndexValue) -> None:
        self.value_of = value_of

    def on_day(self, index: str, day: date) -> int | None:
        return self.value_of(index, day)

    def lookup(self) -> IndexValue:
        return self.value_of


VALUES = """
    SELECT DISTINCT ON (on_day) on_day, value FROM ledger.index_values
    WHERE index = %s AND on_day BETWEEN %s AND %s AND recorded_at <= %s
    ORDER BY on_day, revision DESC
"""
"""What an index was worth from one day to another, as it was known at a moment."""

ALWAYS = "infinity"


class Series:
    """The values of one index, by day; one holds for so many days."""

    def __init__(self, rows: Sequence[tuple[date, int]], max_age: timedelta) -> None:
        self.days = [day for day, _ in rows]
        self.values = [value for _, value in rows]
        self.max_age = max_age

    def on(self, day: date) -> int | None:
        """The value of the day or the last before it; None where that is too old."""
        last = bisect_right(self.days, day) - 1
        return self.values[last] if last >= 0 and self.days[last] >= day - self.max_age else None


class PublishedIndices:
    """The values in `ledger.index_values`, as they are known now."""

    def __init__(self, store: Store, max_age_days: int) -> None:
        self.store = store
        self.max_age = timedelta(days=max_age_days)

    def on_day(self, index: str, day: date) -> int | None:
        """As ``Indices``; a value of another day is none."""
        return Series(self._read(index, day, day), self.max_age).on(day)

    def lookup(self) -> IndexValue:
        """The value of a day or the last before it, at most so many days old; else none.

        What it has read it remembers: ask for a new one wherever a value may have come since.
        """
        kept: dict[str, tuple[date, Series]] = {}

        def value_of(index: str, day: date) -> int | None:
            since = day - self.max_age
            if index not in kept or kept[index][0] > since:
                kept[index] = since, Series(self._read(index, since, date.max), self.max_age)
            return kept[index][1].on(day)

        return value_of

    def _read(self, index: str, since: date, until: date) -> list[tuple[date, int]]:
        return self.store.run(
            lambda connection: connection.execute(VALUES, [index, since, until, ALWAYS]).fetchall()
        )


def rates_first(
    loan: Loan,
    upto: date,
    value_of: IndexValue,
    decide: Callable[[Loan], Sequence[AnyLoanEvent]],
) -> Sequence[AnyLoanEvent]:
    """What ``decide`` answers once the rate is what the index made of it up to a date.

    Errors: those of ``decide``, and ``IndexWithoutValue``.
    """
    if loan.terms.floating is None:
        return decide(loan)
    resets = commands.reset_rate(loan, upto=upto, value_of=value_of)
    return (*resets, *decide(with_rates(loan, resets)))


def with_rates(loan: Loan, resets: Sequence[AnyLoanEvent]) -> Loan:
    """A copy of the loan with ``resets`` recorded; the loan itself where there are none."""
    if not resets:
        return loan
    after = replay(resets, copy(loan))
    assert after is not None
    return after

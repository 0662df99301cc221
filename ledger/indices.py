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


class PublishedIndices:
    """The values in `ledger.index_values`, as they are known now."""

    def __init__(self, store: Store, max_age_days: int) -> None:
        self.store = store
        self.max_age = timedelta(days=max_age_days)

    def on_day(self, index: str, day: date) -> int | None:
        """As ``Indices``; a value of another day is none."""
        days, values = self._read(index, day, day)
        return values[0] if days else None

    def lookup(self) -> IndexValue:
        """The value of a day or the last before it, at most so many days old; else none.

        What it has read it remembers: ask for a new one wherever a value may have come since.
        """
        kept: dict[str, tuple[date, list[date], list[int]]] = {}

        def value_of(index: str, day: date) -> int | None:
            since = day - self.max_age
            if index not in kept or kept[index][0] > since:
                kept[index] = (since, *self._read(index, since, date.max))
            _, days, values = kept[index]
            last = bisect_right(days, day) - 1
            return values[last] if last >= 0 and days[last] >= since else None

        return value_of

    def _read(self, index: str, since: date, until: date) -> tuple[list[date], list[int]]:
        rows = self.store.run(
            lambda connection: connection.execute(
                "SELECT DISTINCT ON (on_day) on_day, value FROM ledger.index_values"
                " WHERE index = %s AND on_day BETWEEN %s AND %s ORDER BY on_day, revision DESC",
                [index, since, until],
            ).fetchall()
        )
        return [day for day, _ in rows], [value for _, value in rows]


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

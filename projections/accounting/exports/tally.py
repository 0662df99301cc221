"""What went into a file: counts, sums and the keys of its entries, taken as they pass by."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import IO

from projections.accounting.entry import Entry

Told = Callable[[int], None]
Sieve = Callable[[list[str]], set[str]]
CHUNK = 2_000


class Tally:
    """Counts entries; their keys go to ``keys``, one a line, since memory must not grow."""

    def __init__(self, keys: IO[str], told: Told) -> None:
        self.entries = self.lines = self.debit = 0
        self.first: str | None = None
        self.last: str | None = None
        self._keys, self._told = keys, told
        self._digest = hashlib.sha256()

    def passing(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """The same entries, counted."""
        for entry in entries:
            assert "\n" not in entry.key and entry.key, entry.key  # noqa: PT018
            self.entries += 1
            self.lines += len(entry.lines)
            self.debit += sum(line.debit for line in entry.lines)
            self.first = self.first or entry.key
            self.last = entry.key
            line = f"{entry.key}\n"
            self._keys.write(line)
            self._digest.update(line.encode())
            if self.entries % CHUNK == 0:
                self._told(self.entries)
            yield entry
        self._told(self.entries)

    @property
    def digest(self) -> str:
        """SHA-256 over the keys in their order, each ended by a line feed."""
        return self._digest.hexdigest()


def sieved(entries: Iterable[Entry], kept: Sieve) -> Iterator[Entry]:
    """The entries whose keys ``kept`` gives back, asked some thousands at a time."""
    some: list[Entry] = []
    for entry in chain(entries, [None]):
        if entry is not None:
            some.append(entry)
        if some and (entry is None or len(some) == CHUNK):
            wanted = kept([one.key for one in some])
            yield from (one for one in some if one.key in wanted)
            some = []

"""What a projection is: the events it reads, and how a batch of them becomes rows."""

from collections.abc import Callable
from typing import Any, ClassVar

from psycopg import Cursor

from projections.batch import Batch


class Projection:
    """One question asked of the log, answered in tables of its own.

    Nothing in it asks the clock, the network or another projection's tables: a rebuild gives the
    same rows, whatever batches the log came in. Tables are named without schema: the search path
    is the live schema's or a rebuild's.
    """

    name: ClassVar[str]
    tables: ClassVar[tuple[str, ...]]
    reads: ClassVar[tuple[type, ...]]
    derives: ClassVar[tuple[Callable[[Batch], Any], ...]] = ()
    """Pure work on a batch that `apply` will ask for: done while the batch before is written."""

    def prepare(self, cursor: Cursor[Any]) -> None:
        """Make the staging tables of a new connection."""

    def apply(self, cursor: Cursor[Any], batch: Batch) -> None:
        """Add what ``batch`` says. The engine commits it together with the position."""
        raise NotImplementedError

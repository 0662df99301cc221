"""Feeds the log to every projection: one pass, each event exactly once, a failing one set aside."""

import gc
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple, TypeAlias

import psycopg
import structlog
from msgspec import Struct
from psycopg import Connection, Cursor, sql
from psycopg.pq import TransactionStatus

from ledger import log
from ledger.database import Pool
from ledger.settings import settings
from projections import positions
from projections.batch import Batch
from projections.positions import Lag, Place, lag, resume
from projections.read_ahead import read_ahead
from projections.registry import PROJECTIONS, Kinds

__all__ = ["Engine", "Lag", "Report", "catch_up", "lag", "resume"]

Progress: TypeAlias = Callable[[int, int], None]
"""Called after each step with (position reached, position aimed at)."""

logger = structlog.get_logger(__name__)


class Stopped(Struct, frozen=True):
    """A projection that failed: where it stands, and why it goes no further."""

    projection: str
    position: int
    error: str


class Report(Struct, frozen=True):
    """What one call of ``catch_up`` did. ``position`` is what every running projection has read."""

    events: int
    steps: int
    position: int
    stopped: tuple[Stopped, ...]


def catch_up(
    source: Pool | Connection[Any],
    upto: int | None = None,
    progress: Progress | None = None,
    *,
    batch_size: int | None = None,
    projections: Kinds = PROJECTIONS,
) -> Report:
    """Bring every projection up to ``upto`` (by default to the log's end at this moment).

    From a pool the log is read ahead on a second connection while the first one writes; who holds
    a connection of the pool already passes that one, and needs no second. Several engines may run
    at once: they take turns, and each event is applied once.
    """
    size = batch_size or settings().projection_batch_size
    if isinstance(source, Connection):
        return Engine(source, source, projections).run(upto, size, progress)
    if source.max_size < 2:
        with source.connection() as only:
            return Engine(only, only, projections).run(upto, size, progress)
    with source.connection() as writer, source.connection() as reader:
        return Engine(writer, reader, projections).run(upto, size, progress)


class Stretch(NamedTuple):
    """A batch in columns and the position where the next one begins."""

    columns: Batch
    upto: int


class Engine:
    """One writer's connection, its projections, and the schema they write to.

    ``hands`` are engines for some of its projections each, on connections of their own, that share
    the schema: they carry each step out at the same time.
    """

    def __init__(
        self,
        writer: Connection[Any],
        reader: Connection[Any],
        projections: Kinds = PROJECTIONS,
        schema: str = "read",
        *,
        hands: Sequence["Engine"] = (),
        shared: bool = False,
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._schema = schema
        self._hands = hands
        self._shared = shared
        self._projections = {one.name: one for one in (kind() for kind in projections)}

    def run(self, upto: int | None, size: int, progress: Progress | None = None) -> Report:
        """Step until every running projection has read up to ``upto``."""
        places = self._places()
        reached = self._horizon() if upto is None else min(upto, self._horizon())
        for hand in self._hands:
            hand._places()  # noqa: SLF001  one of us: its staging tables are of its connection
        with _no_search_for_cycles(), ThreadPoolExecutor(max(1, len(self._hands))) as threads:
            self._threads = threads
            events, steps, places = self._run(places, reached, size, progress)
        return self._report(events, steps, places)

    def _run(
        self, places: dict[str, Place], reached: int, size: int, progress: Progress | None
    ) -> tuple[int, int, dict[str, Place]]:
        events = steps = 0
        while (after := _furthest_behind(places)) is not None and after < reached:
            before, limit = places, _next_stop(places, after, reached)
            with self._batches(after, limit, size) as batches:
                for start, batch in batches:
                    if not self.step(start, batch):
                        break
                    events, steps = events + len(batch.columns.events), steps + 1
                    if progress is not None:
                        progress(batch.upto, reached)
            places = self._places()
            if places == before:
                break  # what is left up to `upto` is the beginning of an append
        return events, steps, places

    def step(self, start: int, batch: Stretch) -> bool:
        """Apply one batch to the projections that stand at ``start``, and commit.

        Answers whether any of them goes on: not if another engine was here meanwhile.
        """
        if self._hands:
            going = self._threads.map(lambda hand: hand.step(start, batch), self._hands)
            return any(list(going))
        with self._transaction() as cursor:
            positions.hold(cursor, self._schema, shared=self._shared)
            return self.apply(cursor, start, batch)

    def apply(self, cursor: Cursor[Any], start: int, batch: Stretch) -> bool:
        """The work of a step, in the caller's transaction; once in each."""
        places = positions.places(cursor, self._projections)
        due = [name for name, at in places.items() if at.running and at.position == start]
        if not due:
            return False
        failed = [name for name in due if not self._applied(cursor, name, batch.columns)]
        going = [name for name in due if name not in failed]
        positions.advance(cursor, going, batch.upto)
        return bool(going)

    def _applied(self, cursor: Cursor[Any], name: str, batch: Batch) -> bool:
        """Apply the batch or nothing of it: whether the projection can go on."""
        projection = self._projections[name]
        if not batch.has(*projection.reads):
            return True
        try:
            with self._writer.transaction():
                projection.apply(cursor, batch)
        except (psycopg.OperationalError, psycopg.InterfaceError):
            raise  # the server, not the projection: nothing is committed, the step is taken again
        except Exception as failure:
            error = f"{type(failure).__name__}: {failure}".strip()
            positions.stop(cursor, name, error)
            logger.exception("projection stopped", projection=name, error=error)
            return False
        return True

    @contextmanager
    def _transaction(self) -> Iterator[Cursor[Any]]:
        """One step. Its rows follow from the log, so a crash may lose it: no wait for the disk."""
        status = self._writer.info.transaction_status
        assert status == TransactionStatus.IDLE, f"connection is in a transaction: {status!r}"
        with self._writer.transaction(), self._writer.cursor() as cursor:
            use_schema(cursor, self._schema)
            cursor.execute("SET LOCAL synchronous_commit = off")
            yield cursor

    def _places(self) -> dict[str, Place]:
        with self._transaction() as cursor:
            for projection in self._projections.values():
                projection.prepare(cursor)
            return positions.places(cursor, self._projections)

    def _horizon(self) -> int:
        with self._reader.transaction():
            return log.horizon(self._reader)

    def read(self, after: int, upto: int | None, size: int) -> Stretch:
        """What stands after ``after``, as far as ``upto`` or the log's end at this moment."""
        with self._reader.transaction():
            batch = log.read(self._reader, after, size, upto)
        return Stretch(Batch(batch.columns), batch.upto)

    def _read_on(self, after: int, upto: int, size: int) -> Iterator[tuple[int, Stretch]]:
        """(position before, stretch) from ``after`` to ``upto``, with all that can be derived."""
        while after < upto:
            batch = self.read(after, upto, size)
            if batch.upto <= after:
                return
            for projection in self._projections.values():
                for work in projection.derives:
                    with suppress(Exception):  # raised again, and told, where it is asked for
                        batch.columns.derive(work)
            yield after, batch
            after = batch.upto

    @contextmanager
    def _batches(self, after: int, upto: int, size: int) -> Iterator[Iterator[tuple[int, Stretch]]]:
        """The batches, read ahead by a thread where the reader has a connection of its own."""
        found = self._read_on(after, upto, size)
        if self._reader is self._writer:
            yield found
        else:
            with read_ahead(found) as ahead:
                yield ahead

    def _report(self, events: int, steps: int, places: dict[str, Place]) -> Report:
        halted = [name for name, at in places.items() if not at.running]
        stopped: list[Stopped] = []
        if halted:
            with self._transaction() as cursor:
                cursor.execute(
                    "SELECT projection, position, error FROM positions"
                    " WHERE projection = ANY(%s) ORDER BY projection",
                    [halted],
                )
                stopped = [Stopped(*row) for row in cursor.fetchall()]
        running = [at.position for at in places.values() if at.running]
        return Report(events, steps, min(running, default=0), tuple(stopped))


@contextmanager
def _no_search_for_cycles() -> Iterator[None]:
    """Batches have none, and to look through millions of objects takes a third of the time."""
    searching = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searching:
            gc.enable()


def use_schema(cursor: Cursor[Any], schema: str) -> None:
    """Name tables in ``schema`` until the transaction ends."""
    cursor.execute(sql.SQL("SET LOCAL search_path = {}, pg_temp").format(sql.Identifier(schema)))


def _furthest_behind(places: dict[str, Place]) -> int | None:
    return min((at.position for at in places.values() if at.running), default=None)


def _next_stop(places: dict[str, Place], after: int, reached: int) -> int:
    """Up to where those furthest behind go alone: there the next ones join them."""
    others = [at.position for at in places.values() if at.running and at.position > after]
    return min([*others, reached])

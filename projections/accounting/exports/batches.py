"""Batches: each entry goes to a target once, and a batch's file is the same whenever it is asked.

A batch is recorded with its entries before its file appears under its name; the file is kept, and
made again from the record where it is lost.
"""

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import IO, Protocol, TypeAlias

import msgspec
from msgspec import Struct
from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from projections.accounting.entry import Account, AccountBalance, Entry
from projections.accounting.exports.errors import (
    BatchDiffers,
    EmptyPeriod,
    ExportedAlready,
    OpenPeriod,
    OtherGrouping,
    UnknownBatch,
)
from projections.accounting.exports.files import settle, sha256, whole
from projections.accounting.exports.formats import Format, format_named
from projections.accounting.exports.period import Documents, Period, Request
from projections.accounting.exports.settings import ExportSettings
from projections.accounting.exports.tally import Tally, Told, sieved

FIELDS = (
    "id", "format", "target", "period", "settings", "settings_sha256", "entries", "lines", "debit",
    "first_key", "last_key", "keys_sha256", "file_name", "file_bytes", "file_sha256",
    "known_at", "actor",
)  # fmt: skip
LOCK = "hashtextextended('accounting:' || %s, 8402)"


class Books(Protocol):
    """Where entries come from, as known at a moment. The same period and moment give the same
    entries, in the same order.
    """

    known_at: datetime

    def is_closed(self, period: Period) -> bool:
        """Whether nothing can be posted to it any more."""
        ...

    def accounts(self) -> Mapping[str, Account]:
        """The chart, by the company's numbers."""
        ...

    def balances(self, period: Period) -> Iterable[AccountBalance]:
        """The trial balance of the period."""
        ...

    def entries(self, period: Period) -> Iterator[Entry]:
        """What was posted to the period."""
        ...

    def documents(self) -> Documents:
        """Looks up the fiscal documents behind lines."""
        ...


OpenBooks: TypeAlias = Callable[[ExportSettings, datetime | None], AbstractContextManager[Books]]
"""Opens the books as they were known at a moment, or are now."""


class Batch(Struct, frozen=True, kw_only=True):
    """One file that was made. ``debit`` is the sum of its debits in minor units."""

    id: int
    format: str
    target: str
    period: str
    settings: str
    settings_sha256: str
    entries: int
    lines: int
    debit: int
    first_key: str | None
    last_key: str | None
    keys_sha256: str
    file_name: str
    file_bytes: int
    file_sha256: str
    known_at: datetime
    actor: str
    recorded_at: datetime


def silent(_: int) -> None:
    """Tells nobody how far an export is."""


def export(
    connection: Connection[TupleRow],
    books: Books,
    name: str,
    period: Period,
    settings: ExportSettings,
    *,
    folder: Path,
    actor: str,
    told: Told = silent,
) -> Batch:
    """Make the period's file of a format, with the entries no batch has yet; keep it in ``folder``.

    ``connection`` commits each statement; ``books`` read through another.
    Errors: ``OpenPeriod``, ``EmptyPeriod``, ``ExportedAlready``, the ``ExportRefused`` family.
    """
    made = format_named(name)
    if not books.is_closed(period):
        raise OpenPeriod(str(period))
    request = _request(books, period, settings)
    target = made.target(request)
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(connection, target), tempfile.TemporaryFile("w+", dir=folder) as keys:
        earlier = _earlier(connection, target, request)
        tally = Tally(keys, told)
        entries = books.entries(period) if made.entries else iter(())
        if earlier:
            entries = sieved(entries, lambda some: set(some) - _known(connection, target, some))
        part = folder / f".{target.replace('/', '-').replace(':', '-')}.new"  # ours: we are alone
        try:
            _write(made, request, tally.passing(entries), part, tally, earlier)
            with connection.transaction():
                batch = _record(connection, made, request, tally, part, (books.known_at, actor))
                _keep_keys(connection, batch, keys)
                settle(part, folder / kept_name(batch))
        finally:
            part.unlink(missing_ok=True)
    return batch


def _write(
    made: Format,
    request: Request,
    entries: Iterator[Entry],
    path: Path,
    tally: Tally,
    earlier: list[int],
) -> None:
    """Errors: as ``export``; an empty file is never made."""
    first = next(entries, None)
    if made.entries and first is None:
        if earlier:
            raise ExportedAlready(str(request.period), ", ".join(map(str, earlier)))
        raise EmptyPeriod(str(request.period))
    made.write(_again(first, entries), request, path)
    for _ in entries:  # a format of some entries only: all of them belong to the batch
        continue


def _again(first: Entry | None, rest: Iterator[Entry]) -> Iterator[Entry]:
    if first is not None:
        yield first
        yield from rest


def file_of(
    connection: Connection[TupleRow], opened: OpenBooks, number: int, *, folder: Path
) -> tuple[Batch, Path]:
    """A batch's file, as it was: the one kept, or made again.

    Errors: ``UnknownBatch``; ``BatchDiffers`` where it comes out otherwise.
    """
    batch = find(connection, number)
    kept = folder / kept_name(batch)
    if kept.exists() and sha256(kept) == batch.file_sha256:
        return batch, kept
    folder.mkdir(parents=True, exist_ok=True)
    settings = msgspec.json.decode(batch.settings, type=ExportSettings)
    made = format_named(batch.format)
    period = Period.parse(batch.period)
    with opened(settings, batch.known_at) as books, whole(kept) as part:
        entries: Iterator[Entry] = iter(())
        if made.entries:
            mine = partial(_known, connection, batch.target, batch=batch.id)
            entries = sieved(books.entries(period), mine)
        made.write(entries, _request(books, period, settings), part)
        found = sha256(part)
        if found != batch.file_sha256:
            raise BatchDiffers(batch.id, batch.file_sha256, found)
    return batch, kept


def find(connection: Connection[TupleRow], number: int) -> Batch:
    """Errors: ``UnknownBatch``."""
    for batch in _select(connection, "WHERE id = %s", [number]):
        return batch
    raise UnknownBatch(number)


def recent(connection: Connection[TupleRow], limit: int = 100) -> list[Batch]:
    """The newest first."""
    return _select(connection, "ORDER BY id DESC LIMIT %s", [limit])


def kept_name(batch: Batch) -> str:
    """What a batch's file is kept as."""
    return f"{batch.id:08d}-{batch.file_name}"


def _request(books: Books, period: Period, settings: ExportSettings) -> Request:
    return Request(
        period=period,
        settings=settings,
        accounts=books.accounts(),
        balances=books.balances(period),
        documents=books.documents(),
    )


@contextmanager
def _alone(connection: Connection[TupleRow], target: str) -> Iterator[None]:
    """One export to a target at a time: two would take the same entries."""
    connection.execute(f"SELECT pg_advisory_lock({LOCK})", [target])
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute(f"SELECT pg_advisory_unlock({LOCK})", [target])


def _earlier(connection: Connection[TupleRow], target: str, request: Request) -> list[int]:
    """Batches of the period that went to the target. Errors: ``OtherGrouping``."""
    rows = connection.execute(
        "SELECT id, settings::json ->> 'grouping' FROM ledger.accounting_batches"
        " WHERE target = %s AND period = %s ORDER BY id",
        [target, str(request.period)],
    ).fetchall()
    for number, grouping in rows:
        if grouping != request.settings.grouping.value:
            raise OtherGrouping(str(request.period), number, grouping)
    return [number for number, _ in rows]


def _known(
    connection: Connection[TupleRow], target: str, keys: list[str], batch: int | None = None
) -> set[str]:
    rows = connection.execute(
        "SELECT key FROM ledger.accounting_batch_entries WHERE target = %(target)s"
        " AND key = ANY(%(keys)s) AND (%(batch)s::bigint IS NULL OR batch = %(batch)s)",
        {"target": target, "keys": keys, "batch": batch},
    )
    return {key for (key,) in rows}


def _record(
    connection: Connection[TupleRow],
    made: Format,
    request: Request,
    tally: Tally,
    path: Path,
    origin: tuple[datetime, str],
) -> Batch:
    kept = request.settings.kept()
    values = (
        made.name, made.target(request), str(request.period), kept.decode(),
        hashlib.sha256(kept).hexdigest(), tally.entries, tally.lines, tally.debit, tally.first,
        tally.last, tally.digest, made.file_name(request), path.stat().st_size, sha256(path),
        *origin,
    )  # fmt: skip
    [(number,)] = connection.execute(
        f"INSERT INTO ledger.accounting_batches ({', '.join(FIELDS[1:])})"
        f" VALUES ({', '.join(['%s'] * len(values))}) RETURNING id",
        values,
    ).fetchall()
    return find(connection, number)


def _keep_keys(connection: Connection[TupleRow], batch: Batch, keys: IO[str]) -> None:
    keys.seek(0)
    statement = "COPY ledger.accounting_batch_entries (target, key, batch) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for key in keys:
            copy.write_row((batch.target, key.rstrip("\n"), batch.id))


def _select(connection: Connection[TupleRow], rest: str, values: list[int]) -> list[Batch]:
    query = f"SELECT {', '.join(FIELDS)}, recorded_at FROM ledger.accounting_batches {rest}"
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(query.encode(), values).fetchall()
    return [Batch(**row | {"debit": int(row["debit"])}) for row in rows]

"""Batches: nothing goes twice, everything can be had again, byte for byte."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, date, datetime

import psycopg
import pytest

from ledger.database import connect
from projections.accounting.entries import Grouping
from projections.accounting.entry import Line
from projections.accounting.exports import batches
from projections.accounting.exports.errors import (
    BatchDiffers,
    EmptyPeriod,
    ExportedAlready,
    OpenPeriod,
    OtherGrouping,
    TextTooLong,
    UnknownBatch,
    UnknownFormat,
)
from projections.accounting.exports.files import sha256
from projections.accounting.exports.formats import FORMATS
from projections.accounting.exports.period import Period
from projections.accounting.exports.settings import ExportSettings, Sap, Sat
from tests.projections.accounting.exports.books import CHART, RFC, balances, entry, lookup, month

JANUARY = Period(2026, 1)
OWN = ExportSettings(rfc=RFC, sat=Sat(request="AF", order_no="ABC1234567/26"))


class Listed:
    """Books that are a list."""

    known_at = datetime(2026, 2, 3, tzinfo=UTC)

    def __init__(self, entries, *, closed=True):
        self.made, self.closed = entries, closed

    def is_closed(self, period):
        return self.closed

    def accounts(self):
        return CHART

    def balances(self, period):
        return balances(self.made)

    def entries(self, period):
        return (one for one in self.made if period.holds(one.posted_on))

    def documents(self):
        return lookup


@pytest.fixture
def app(database):
    with connect(database, autocommit=True) as connection:
        connection.execute("SELECT 1")
        yield connection


@pytest.fixture
def export(app, tmp_path, request):
    """An export into a folder and, by the test's own prefix of keys, apart from other tests."""

    def run(books, name="csv", period=JANUARY, settings=OWN):
        return batches.export(
            app, books, name, period, settings, folder=tmp_path / "kept", actor="ana"
        )

    def again(books, number):
        opened = lambda *_: nullcontext(books)
        return batches.file_of(app, opened, number, folder=tmp_path / "kept")

    run.again = again
    run.folder = tmp_path / "kept"
    return run


def named(prefix, entries):
    return [
        entry(one.number, on=one.posted_on, kind=one.kind, text=one.text, lines=one.lines,
              key=f"{prefix}-{one.key}")
        for one in entries
    ]  # fmt: skip


def test_a_batch_says_what_it_holds(export):
    batch = export(Listed(named("says", month())))

    assert (batch.format, batch.period, batch.entries, batch.lines) == ("csv", "2026-01", 3, 8)
    assert batch.debit == 116_00 + 1_000_001_16 + 5
    assert (batch.first_key, batch.last_key) == ("says-key-1", "says-lent")
    assert batch.actor == "ana"
    _, path = export.again(None, batch.id)
    assert sha256(path) == batch.file_sha256
    assert path.stat().st_size == batch.file_bytes
    assert batch.settings_sha256 == OWN.digest()


def test_an_entry_goes_once_and_late_ones_make_another_batch(export, app):
    books = Listed(named("once", month()))
    first = export(books)

    with pytest.raises(ExportedAlready) as refused:
        export(books)
    assert str(first.id) in str(refused.value)
    books.made.insert(1, entry(7, key="once-late"))
    second = export(books)

    assert (second.entries, second.first_key, second.last_key) == (1, "once-late", "once-late")
    rows = app.execute(
        "SELECT key, count(*) FROM ledger.accounting_batch_entries"
        " WHERE target = 'csv' AND key LIKE 'once-%' GROUP BY key"
    ).fetchall()
    assert sorted(rows) == sorted((one.key, 1) for one in books.made)


def test_each_format_takes_the_same_entries(export):
    books = Listed(named("each", month()))

    made = {name: export(books, name) for name in ("contpaqi", "hledger", "sap-csv")}

    assert {batch.entries for batch in made.values()} == {3}


def test_each_request_of_sat_takes_the_same_entries(export):
    books = Listed(named("sat", month()))
    other = ExportSettings(rfc=RFC, sat=Sat(request="DE", procedure_no="AB123456789012"))

    export(books, "sat-entries")
    batch = export(books, "sat-entries", settings=other)

    assert batch.file_name == f"{RFC}202601PL.zip"
    with pytest.raises(ExportedAlready):
        export(books, "sat-entries", settings=other)


def test_charts_and_balances_may_go_as_often_as_asked(export):
    books = Listed(named("chart", month()))

    first, second = (export(books, "sat-balances") for _ in range(2))

    assert first.id != second.id
    assert first.file_sha256 == second.file_sha256
    assert (first.entries, first.first_key) == (0, None)


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "contpaqi-txt"])
def test_a_batch_whose_file_was_lost_is_made_again_byte_for_byte(name, export):
    books = Listed(named(f"again-{name}", month()))
    batch = export(books, name)
    _, path = export.again(books, batch.id)
    before = path.read_bytes()
    path.unlink()
    if FORMATS[name].entries and name != "sat-accounts":  # which holds balances as well
        books.made.append(entry(9, key=f"again-{name}-late"))
        export(books, name)

    found, path = export.again(books, batch.id)

    assert found == batch
    assert path.read_bytes() == before


def test_a_batch_is_made_again_by_the_settings_of_then(export):
    books = Listed(named("then", month()))
    batch = export(books, "sap-csv", settings=ExportSettings(sap=Sap(company_code="OLD")))
    _, path = export.again(books, batch.id)
    path.unlink()

    _, path = export.again(books, batch.id)

    assert b"OLD;SA;" in path.read_bytes()


def test_a_batch_that_would_come_out_otherwise_is_refused(export):
    books = Listed(named("differs", month()))
    batch = export(books)
    _, path = export.again(books, batch.id)
    path.write_bytes(b"tampered")
    books.made[0] = entry(1, key="differs-key-1", text="another text")

    with pytest.raises(BatchDiffers) as refused:
        export.again(books, batch.id)

    assert batch.file_sha256 in str(refused.value)
    assert path.read_bytes() == b"tampered"


@pytest.mark.parametrize(
    ("books", "name", "refusal"),
    [
        (Listed(month(), closed=False), "csv", OpenPeriod),
        (Listed([]), "parquet", EmptyPeriod),
        (Listed([]), "sat-documents", EmptyPeriod),
        (Listed(month()), "sap", UnknownFormat),
        (Listed([entry(text="x" * 26, key="refused")]), "sap-csv", TextTooLong),
    ],
)
def test_what_is_refused_leaves_no_batch_no_entry_and_no_file(books, name, refusal, export, app):
    count = "SELECT (SELECT count(*) FROM ledger.accounting_batches),"
    count += " (SELECT count(*) FROM ledger.accounting_batch_entries)"
    before = app.execute(count).fetchall()
    settings = ExportSettings(rfc=RFC, sat=Sat(request="AF", order_no="XYZ1234567/26"))

    with pytest.raises(refusal):
        export(books, name, Period(2026, 1) if books.made else Period(2026, 2), settings)

    assert app.execute(count).fetchall() == before
    assert not export.folder.exists() or not list(export.folder.iterdir())


def test_two_exports_at_once_take_each_entry_once(database, tmp_path):
    books = Listed([entry(nth, key=f"race-{nth}") for nth in range(1, 3001)])

    def run(_):
        with connect(database, autocommit=True) as connection:
            try:
                return batches.export(
                    connection, books, "csv", JANUARY, OWN, folder=tmp_path, actor="ana"
                ).entries
            except ExportedAlready:
                return 0

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(run, range(4))) == [0, 0, 0, 3000]


@pytest.mark.parametrize("table", ["accounting_batches", "accounting_batch_entries"])
@pytest.mark.parametrize("change", ["UPDATE {} SET target = 'x'", "DELETE FROM {}"])
def test_what_was_exported_is_never_changed(table, change, database):
    with (
        connect(database, owner=True) as owner,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"),
    ):
        owner.execute(change.format(f"ledger.{table}"))


def test_a_period_goes_in_one_grouping_only(export):
    books = Listed([entry(1, on=date(2026, 5, 1), key="grouped")])
    may = Period(2026, 5)
    export(books, period=may)
    books.made.append(entry(2, on=date(2026, 5, 1), key="event:7:2026-05-01"))

    with pytest.raises(OtherGrouping):
        export(books, period=may, settings=ExportSettings(grouping=Grouping.EVENT))


def test_a_batch_that_is_not_there_is_named(export):
    with pytest.raises(UnknownBatch):
        export.again(None, 10**9)


def test_an_entry_that_does_not_balance_is_never_made():
    with pytest.raises(AssertionError):
        entry(lines=[Line(account="1", debit=1)])

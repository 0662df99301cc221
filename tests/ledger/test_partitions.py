"""The log lies in partitions by position: made ahead, guarded alike, and found without a search."""

import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from urllib.parse import urlsplit

import psycopg
import pytest

from ledger import bulk, log, partitions
from ledger.application import Ledger
from ledger.clock import FixedClock
from ledger.close_of_day import close_through
from ledger.database import connect
from ledger.migrate import migrate
from ledger.servers import postgres_url
from ledger.settings import MIGRATIONS
from ledger.state import row
from ledger.streams import LOAD, load_streams
from tests.ledger.builders import CAUSE, START, TODAY, a_ledger, pay, running, stored

SMALL = 1_000
PARTITIONED = "20260101000019"


@pytest.fixture
def small(fresh_database):
    """Settings under which a partition takes only a thousand positions."""
    return fresh_database.model_copy(update={"partition_size": SMALL})


@pytest.fixture
def owner(fresh_database):
    with connect(fresh_database, owner=True, autocommit=True) as connection:
        yield connection


def leaves(connection):
    return [
        name
        for (name,) in connection.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits"
            " WHERE inhparent = 'ledger.events'::regclass ORDER BY inhrelid"
        )
    ]


def covered(connection):
    return connection.execute("SELECT ledger.partitioned_upto()").fetchone()[0]


def jump(connection, position):
    """Go on as if so many positions had been drawn."""
    connection.execute("SELECT setval('ledger.position', %s)", [position])


def spread(ledger, owner):
    """A loan whose events lie in four partitions, the last ones after a snapshot."""
    loan_id = running(ledger)
    for month in range(3):
        jump(owner, covered(owner) - 4)
        for day in range(1, 9):
            on = START + timedelta(days=30 * month + day)
            ledger.close_day(loan_id, on=on, cause=CAUSE)
    return loan_id


# Room


def test_a_new_book_has_room_for_as_many_events_as_a_partition_takes(owner, fresh_database):
    assert len(leaves(owner)) == 1
    assert covered(owner) == fresh_database.partition_size


def test_an_append_that_meets_no_partition_makes_it_and_goes_on(small, owner):
    with a_ledger(small) as ledger:
        loan_id = running(ledger)
        jump(owner, covered(owner) - 1)
        before = leaves(owner)

        pay(ledger, loan_id)
        pay(ledger, loan_id)

        assert len(leaves(owner)) > len(before)
        assert ledger.load(loan_id) == log.load_many(owner, [loan_id])[loan_id]


def test_a_batch_larger_than_what_was_made_for_it_finds_room(small, owner):
    with a_ledger(small) as ledger:
        loans = [running(ledger) for _ in range(10)]
        jump(owner, covered(owner))

        report = close_through(ledger, START + timedelta(days=520))

        assert report.events > 5 * SMALL
        assert (report.closed, report.set_aside, report.redone) == (10, [], 0)
        replayed = log.load_many(owner, loans)
        assert all(ledger.load(loan_id) == replayed[loan_id] for loan_id in loans)


def test_the_close_leaves_room_for_what_comes_next(small, owner):
    with a_ledger(small) as ledger:
        jump(owner, covered(owner) - 10)
        close_through(ledger, START)
    assert covered(owner) >= owner.execute("SELECT ledger.drawn()").fetchone()[0] + SMALL


def test_makers_that_come_together_make_each_partition_once(small, owner):
    jump(owner, covered(owner))
    before = len(leaves(owner))

    def make(_):
        with connect(small, autocommit=True) as connection:
            return partitions.make(connection, SMALL, 20 * SMALL)

    with ThreadPoolExecutor(4) as together:
        made = list(together.map(make, range(4)))

    assert sorted(made) == [0, 0, 0, 20]
    assert len(leaves(owner)) == before + 20


def test_making_room_waits_for_no_writer_and_no_writer_waits_for_it(small, owner):
    insert = (
        "INSERT INTO ledger.events (loan_id, version, type, revision, more, effective_on,"
        " command_id, state) VALUES (gen_random_uuid(), 1, 'x', 1, 0, '2026-01-01',"
        " gen_random_uuid(), '{}')"
    )
    jump(owner, covered(owner) - 100)
    with connect(small) as writer, connect(small) as maker:
        for connection in (writer, maker):
            connection.execute("SET lock_timeout = '3s'")
        writer.execute(insert)
        assert partitions.make(maker, SMALL, SMALL) == 1  # the writer has not committed
        writer.execute(insert)  # nor has the maker
        maker.commit()
        writer.execute(insert)
        writer.commit()


@pytest.mark.parametrize(("size", "ahead"), [(0, 1), (-1, 1), (999, 1), (1000, -1), (1000, 10**9)])
def test_partitions_out_of_measure_are_refused(size, ahead, small):
    with (
        connect(small, autocommit=True) as app,
        pytest.raises(psycopg.errors.InvalidParameterValue),
    ):
        partitions.make(app, size, ahead)


# The guard


@pytest.fixture
def filled(small, owner):
    """Each partition that holds a fact: the first, and one made later."""
    with a_ledger(small) as ledger:
        running(ledger)
        jump(owner, covered(owner))
        running(ledger)
    return [
        leaf for leaf in leaves(owner)
        if owner.execute(f"SELECT count(*) FROM {leaf}").fetchone() != (0,)
    ]  # fmt: skip


CHANGES = ["UPDATE {} SET state = '{{}}'", "DELETE FROM {}", "TRUNCATE {}"]
OTHERS = [
    "SELECT * FROM {}",
    (
        "INSERT INTO {} (loan_id, version, type, revision, more, effective_on, command_id, state)"
        " VALUES (gen_random_uuid(), 1, 'x', 1, 0, '2026-01-01', gen_random_uuid(), '{{}}')"
    ),
    "ALTER TABLE {} DISABLE TRIGGER ALL",
    "ALTER TABLE ledger.events DETACH PARTITION {}",
    "DROP TABLE {}",
]


@pytest.mark.parametrize("change", CHANGES + OTHERS)
def test_the_application_reaches_no_partition_by_its_own_name(change, small, filled):
    assert len(filled) == 2
    with connect(small, autocommit=True) as app:
        for leaf in filled:
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match=r"permission|must be"):
                app.execute(change.format(leaf))


@pytest.mark.parametrize("role", ["origin", "replica"])
@pytest.mark.parametrize("change", CHANGES)
def test_facts_are_changed_in_no_partition_by_anyone(change, role, owner, filled):
    owner.execute(f"SET session_replication_role = {role}")
    before = stored(owner)
    for leaf in [*filled, "ledger.events"]:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            owner.execute(change.format(leaf))
    assert stored(owner) == before


def test_an_owner_who_fills_a_partition_draws_its_positions_under_the_lock(owner, filled):
    for leaf in filled:
        triggers = owner.execute(
            "SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = %s::regclass ORDER BY 1",
            [leaf],
        ).fetchall()
        assert triggers == [("a_position_is_drawn_under_the_lock", "A"), ("append_only", "A")]


# Finding


def test_what_lies_in_many_partitions_reads_as_one_log(small, owner):
    with a_ledger(small) as ledger:
        ledger.snapshot_every = 10**9
        loan_id = spread(ledger, owner)
        every = log.facts(owner, loan_id)

        assert [fact.version for fact in every] == list(range(1, len(every) + 1))
        assert [fact.position for fact in every] == sorted(fact.position for fact in every)
        assert len({fact.position // SMALL for fact in every}) > 3
        assert log.read(owner, 0, 10_000).events == every
        assert [fact for fact, _ in log.history(owner, loan_id)] == every
        receipt = pay(ledger, loan_id, on=START + timedelta(days=80))
        assert log.outcome(owner, receipt) == ledger.recorded(receipt)
        assert [fact.version for fact in log.facts(owner, loan_id)][-len(receipt.events) :] == [
            *range(receipt.version - len(receipt.events) + 1, receipt.version + 1)
        ]
        assert ledger.load(loan_id) == log.load_many(owner, [loan_id])[loan_id]


def test_a_loan_goes_on_from_a_snapshot_in_an_older_partition(small, owner):
    with a_ledger(small) as ledger:
        ledger.snapshot_every = 10
        loan_id = spread(ledger, owner)
        [stream] = load_streams(owner, [loan_id])

        assert 0 < stream.snapshot_version < stream.version
        assert stream.loan == log.load_many(owner, [loan_id])[loan_id]
        assert ledger.load(loan_id, 3).version == 3


def _touched(owner, statement, values=()):
    """The partitions that a statement really looked into."""
    plan = owner.execute(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {statement}", values)
    ran = " ".join(line for (line,) in plan if "never executed" not in line)
    return set(re.findall(r" on (events_from_\d+) ", ran))


def test_readers_look_only_where_their_positions_are(small, owner):
    with a_ledger(small) as ledger:
        ledger.snapshot_every = 10
        loan_id = spread(ledger, owner)
        layout = owner.execute("SELECT layout FROM ledger.snapshots").fetchone()[0]
        last = leaves(owner)[-3]
        begins = int(last.rsplit("_", 1)[1])
        young = (jump(owner, covered(owner) - 500), running(ledger))[1]

        assert len(leaves(owner)) > 5
        assert len(_touched(owner, LOAD, [[loan_id], layout])) < len(leaves(owner)) - 2
        assert len(_touched(owner, LOAD, [[young], layout])) <= 2
        span = "SELECT * FROM ledger.events WHERE position > %s AND position <= %s ORDER BY 1"
        assert len(_touched(owner, span, [begins, begins + 10])) == 1


# A book of before


def test_a_book_of_the_version_before_goes_on_where_it_stands(
    database, server_settings, worker_id, tmp_path
):
    with a_ledger(database) as ledger:
        loan_id = running(ledger)
        close_through(ledger, START + timedelta(days=40))
        pay(ledger, loan_id)
        told = ledger.load(loan_id)
    settings = _book_of_before(server_settings, f"{worker_id}_before", tmp_path)
    with connect(database, owner=True) as old, connect(settings, owner=True) as new:
        for table in ("commands", "loan_state", "snapshots", "events"):
            _copy(old, new, f"ledger.{table}")
        new.execute("SELECT setval('ledger.position', (SELECT max(position) FROM ledger.events))")
        facts = stored(new)

    assert PARTITIONED in migrate(settings)

    with (
        connect(settings, owner=True, autocommit=True) as new,
        Ledger(settings, clock=FixedClock(TODAY)) as ledger,
    ):
        assert stored(new) == facts
        assert ledger.load(loan_id) == told
        pay(ledger, loan_id, on=date(2026, 3, 1))
        assert close_through(ledger, date(2026, 3, 2)).set_aside == []
        assert ledger.load(loan_id) == log.load_many(new, [loan_id])[loan_id]
        read = log.read(new, 0, 10_000).events
        assert len(read) == len(stored(new)) > len(facts)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            new.execute("DELETE FROM ledger.events_from_1")


def _book_of_before(server_settings, name, folder):
    url = postgres_url(server_settings)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name}")
    settings = server_settings.model_copy(
        update={"database_url": urlsplit(url)._replace(path=f"/{name}").geturl()}
    )
    for path in MIGRATIONS.glob("*.sql"):
        if path.name < PARTITIONED:
            shutil.copy(path, folder)
    migrate(settings, folder)
    return settings


def _copy(old, new, table):
    """Rows as they are, in the columns that both know."""
    found = [
        {
            name
            for (name,) in book.execute(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
                " AND NOT attisdropped",
                [table],
            )
        }
        for book in (old, new)
    ]
    columns = ", ".join(sorted(found[0] & found[1]))
    with (
        old.cursor().copy(f"COPY (SELECT {columns} FROM {table}) TO STDOUT") as out,
        new.cursor().copy(f"COPY {table} ({columns}) FROM STDIN") as into,
    ):
        for block in out:
            into.write(block)


def test_a_lost_race_across_partitions_is_lost(small, owner):
    """(loan, version) is unique in one partition only: the state row stands guard between them."""
    with a_ledger(small) as ledger:
        loan_id = running(ledger)
        [stale] = load_streams(owner, [loan_id])
        command = ledger.command("close-day", CAUSE)
        jump(owner, covered(owner))
        pay(ledger, loan_id)
        before = stored(owner, loan_id)

        entry = bulk.Entry(loan_id, stale.version, [], row(stale.id, stale.known))
        assert bulk.append(ledger.store, command, [entry]) == set()
        assert stored(owner, loan_id) == before

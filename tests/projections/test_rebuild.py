"""Whatever happened and however it was read: rebuilt, batched or live, the tables are the same."""

import threading
from datetime import date
from itertools import accumulate

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from domain import commands
from domain.errors import InvalidTerms
from ledger import database as db
from projections import engine
from projections.engine import Engine
from projections.rebuild import (
    EVERYTHING,
    SHADOW,
    RebuildFailed,
    RebuildRunning,
    lay_out,
    rebuild,
)
from projections.registry import PROJECTIONS
from projections.verify import verify
from tests.domain.histories import START, STEPS, agreements, terms
from tests.projections.stories import (
    EVERY_KIND,
    Log,
    catch_up,
    every_kind,
    everything,
    paid_out,
    played,
    read,
    taken_on,
)


def stories():
    return st.lists(st.tuples(agreements(), STEPS), min_size=1, max_size=3)


@pytest.fixture(scope="module")
def log(database):
    return Log(database)


@pytest.fixture(scope="module")
def pool(database):
    with db.pool(database, min_size=2, max_size=4) as pool:
        yield pool


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(told=stories(), order=st.lists(st.integers(0, 5), max_size=40), sizes=st.lists(
    st.integers(1, 30), min_size=1, max_size=4))  # fmt: skip
def test_tables_do_not_depend_on_how_the_log_was_cut(log, pool, told, order, sizes):
    try:
        log.append(*(played(agreed, steps) for agreed, steps in told), order=order)
    except InvalidTerms:
        assume(False)

    for size in sizes:
        [place] = read(log.settings, "SELECT coalesce(min(position), 0) AS at FROM read.positions")
        catch_up(log.settings, upto=place["at"] + size, batch_size=size // 2 + 1)
    assert not catch_up(log.settings, batch_size=sizes[0]).stopped
    live = everything(log.settings)
    rebuild(pool)

    assert everything(log.settings) == live
    with pool.connection() as connection:
        assert verify(connection) == []


@pytest.mark.parametrize("name", EVERY_KIND)
def test_wherever_a_story_is_cut_its_rows_are_the_same(fresh_database, name):
    story = every_kind(name)
    ends = list(accumulate(len(append) for append in story.appends))
    Log(fresh_database).append(story)
    catch_up(fresh_database, batch_size=1)
    live = everything(fresh_database)

    tables = [table for kind in PROJECTIONS for table in kind().tables]
    with db.connect(fresh_database) as connection:
        connection.execute("SET ROLE cartera_app")
        connection.commit()
        lay_out(connection, tables)
        for cut in ends[:-1]:
            made_anew = Engine(connection, connection, PROJECTIONS, SHADOW)
            made_anew.run(cut, EVERYTHING)
            assert not made_anew.run(None, EVERYTHING).stopped
            with connection.transaction():
                made = {
                    table: connection.execute(
                        f"SELECT one::text FROM {SHADOW}.{table} AS one ORDER BY 1"
                    ).fetchall()
                    for table in tables
                }
                for table in (*tables, "positions"):
                    connection.execute(f"DELETE FROM {SHADOW}.{table}")
            assert made == {table: live[table] for table in tables}
        connection.execute("RESET ROLE")
        connection.commit()
        assert verify(connection) == []


def test_a_rebuild_takes_in_what_comes_meanwhile(fresh_database):
    log = Log(fresh_database)
    log.append(*(paid_out() for _ in range(3)))
    late = paid_out()

    def arrive(done, whole):
        if late.appends:
            log.append(late)
            catch_up(fresh_database)

    with db.pool(fresh_database, min_size=2) as pool:
        rebuild(pool, arrive)

    assert len(read(fresh_database, "SELECT FROM read.loans")) == 4
    with db.connect(fresh_database, autocommit=True) as connection:
        assert {lag.behind for lag in engine.lag(connection)} == {0}
        assert verify(connection) == []


def test_readers_see_the_old_tables_or_the_new_ones_whole(fresh_database):
    log = Log(fresh_database)
    story = paid_out()
    story.do(commands.close_day, on=date(2026, 6, 1))
    log.append(story)
    catch_up(fresh_database)
    ended, seen = threading.Event(), set()

    def look():
        with db.connect(fresh_database, autocommit=True) as connection:
            while not ended.is_set():
                [row] = connection.execute(
                    "SELECT (SELECT count(*) FROM read.journal_lines),"
                    " (SELECT count(*) FROM read.schedule), (SELECT count(*) FROM read.positions)"
                ).fetchall()
                seen.add(row)

    reader = threading.Thread(target=look)
    reader.start()
    with db.pool(fresh_database, min_size=2) as pool:
        for _ in range(3):
            rebuild(pool)
    ended.set()
    reader.join()

    assert len(seen) == 1


def test_a_rebuild_that_fails_leaves_the_live_tables(fresh_database):
    Log(fresh_database).append(paid_out())
    catch_up(fresh_database)
    live = everything(fresh_database)

    class Broken(PROJECTIONS[1]):
        def apply(self, cursor, batch):
            raise ValueError("no such rule")

    kinds = (PROJECTIONS[0], Broken, *PROJECTIONS[2:])
    with db.pool(fresh_database, min_size=2) as pool:
        with pytest.raises(RebuildFailed, match="balances: ValueError: no such rule"):
            rebuild(pool, projections=kinds)

        assert everything(fresh_database) == live
        assert rebuild(pool).stopped == ()


def test_two_rebuilds_do_not_run_at_once(fresh_database):
    Log(fresh_database).append(paid_out())
    with db.pool(fresh_database, min_size=4, max_size=6) as pool:

        def again(done, whole):
            with pytest.raises(RebuildRunning):
                rebuild(pool)

        assert rebuild(pool, again).events


def test_a_rebuilt_table_is_laid_out_like_the_first_one(fresh_database):
    query = """
        SELECT indexdef FROM pg_indexes WHERE schemaname = 'read'
        UNION ALL SELECT concat(conname, pg_get_constraintdef(oid)) FROM pg_constraint
                  WHERE connamespace = 'read'::regnamespace
        UNION ALL SELECT concat_ws(' ', relname, relkind, reloptions, relowner::regrole)
                  FROM pg_class WHERE relnamespace = 'read'::regnamespace
        ORDER BY 1
    """
    before = read(fresh_database, query)
    with db.pool(fresh_database, min_size=2) as pool:
        rebuild(pool)

    assert read(fresh_database, query) == before


@pytest.mark.parametrize("principal", [0, 300_00, 10_000_00])
def test_a_loan_taken_on_is_read_as_replayed(fresh_database, principal):
    log = Log(fresh_database)
    story = taken_on(
        terms(), date(2026, 4, 20), disbursed_on=START, principal=principal,
        late_interest=7_00 if principal else 0, fee=50_00 if principal else 0,
    )  # fmt: skip
    if principal:
        story.do(commands.close_day, on=date(2026, 5, 20))
        story.do(commands.receive_payment, amount=900_00, effective_on=date(2026, 5, 25))
        story.do(commands.reverse_payment, payment=1, reversed_on=date(2026, 6, 2))
        story.do(commands.receive_payment, amount=1_800_00, effective_on=date(2026, 4, 28))
    log.append(story, paid_out())
    for upto in (1, 3, 8, None):
        catch_up(fresh_database, upto=upto)
    live = everything(fresh_database)

    with db.pool(fresh_database, min_size=2) as pool:
        rebuild(pool)
        with pool.connection() as connection:
            assert verify(connection) == []
    assert everything(fresh_database) == live


def test_aging_of_one_loan_reads_only_that_loan(fresh_database):
    Log(fresh_database).append(*(paid_out() for _ in range(50)))
    catch_up(fresh_database)
    with db.connect(fresh_database) as connection:
        connection.execute("SET LOCAL enable_seqscan = off")
        plan = connection.execute(
            "EXPLAIN SELECT * FROM read.aging_at('2026-05-01')"
            " WHERE loan_id = (SELECT loan_id FROM read.loans LIMIT 1)"
        ).fetchall()

    text = "\n".join(line for (line,) in plan)
    assert "Function Scan" not in text
    assert text.count("Index Cond: (loan_id = ") == 2

"""The whole book as it stood on a date or at a position, beside the live one."""

from datetime import date, timedelta

import psycopg
import pytest

from domain import commands
from domain.loan import Status
from domain.views import as_of
from ledger import database as db
from projections.books import (
    BadBooksName,
    DateInTheFuture,
    PositionBeyondLog,
    make,
)
from projections.movements import COMPONENTS
from projections.rebuild import rebuild
from tests.domain.histories import START, terms
from tests.projections.stories import (
    EVERY_KIND,
    TABLES,
    Log,
    catch_up,
    every_kind,
    everything,
    paid_out,
    read,
    taken_on,
)

TODAY = date(2027, 12, 31)


def daily(story, until):
    """The story, closed every day from where it stands."""
    day = story.loan.through
    while day < until and story.loan.status is Status.ACTIVE:
        day += timedelta(days=1)
        story.do(commands.close_day, on=day)
    return story


def backdated():
    """A story in which the past changes twice: a late payment, and one taken back."""
    story = daily(paid_out(terms(late_fee=120_00)), date(2026, 3, 20))
    story.do(commands.receive_payment, amount=900_00, effective_on=date(2026, 2, 10))
    daily(story, date(2026, 4, 10))
    story.do(commands.reverse_payment, payment=1, reversed_on=date(2026, 4, 10))
    return daily(story, date(2026, 5, 1))


def rows(settings, schema, table):
    with db.connect(settings) as connection:
        return connection.execute(
            f"SELECT one::text FROM {schema}.{table} AS one ORDER BY 1"
        ).fetchall()


@pytest.fixture
def pool(fresh_database):
    with db.pool(fresh_database, min_size=2, max_size=4) as pool:
        yield pool


@pytest.mark.parametrize("on", [date(2026, 2, 9), date(2026, 2, 10), date(2026, 3, 31)])
def test_books_of_a_date_are_what_each_loan_came_to(fresh_database, pool, on):
    stories = [backdated(), daily(paid_out(), date(2026, 5, 1)), paid_out(on=date(2026, 4, 1))]
    Log(fresh_database).append(*stories)
    catch_up(fresh_database)
    before = everything(fresh_database)

    make(pool, "then", TODAY, as_of=on)

    assert everything(fresh_database) == before
    balances = {
        row["loan_id"]: row for row in read(fresh_database, "SELECT * FROM read_then.balances")
    }
    headers = {row["loan_id"]: row for row in read(fresh_database, "SELECT * FROM read_then.loans")}
    assert (
        set(headers)
        == set(balances)
        == {one.loan_id for one in stories if on >= one.loan.opened_on}
    )
    for story in stories[:2]:
        seen, owed = as_of(story.loan, on), as_of(story.loan, on).balances()
        kept = balances[story.loan_id]
        assert {name: kept[name] for name in COMPONENTS} == {
            name: getattr(owed, name) for name in COMPONENTS
        }
        header = headers[story.loan_id]
        assert (header["principal"], header["stage"], header["next_due_on"]) == (
            seen.principal, seen.stage, seen.next_due_on,
        )  # fmt: skip
        lines = read(
            fresh_database,
            "SELECT * FROM read_then.schedule WHERE loan_id = %s ORDER BY instalment",
            story.loan_id,
        )
        assert [
            (line["due"], line["paid_principal"], line["paid_interest"], line["late_interest"])
            for line in lines
        ] == [
            (line.due, line.paid.principal, line.paid.interest, line.owed.late_interest)
            for line in seen.lines
        ]
    [sums] = read(
        fresh_database,
        "SELECT sum(debit)::bigint AS debit, sum(credit)::bigint AS credit,"
        " (SELECT sum(debit)::bigint FROM read_then.journal_lines) AS lines,"
        " (SELECT max(effective_on) FROM read_then.journal) AS last FROM read_then.journal_totals",
    )
    assert sums["debit"] == sums["credit"] == sums["lines"] > 0
    assert sums["last"] <= on


@pytest.mark.parametrize("on", [date(2026, 4, 15), date(2026, 5, 1), date(2026, 6, 15)])
def test_books_of_a_date_hold_every_kind_of_story(fresh_database, pool, on):
    stories = [every_kind(name) for name in EVERY_KIND]
    Log(fresh_database).append(*stories, taken_on(terms(), START, disbursed_on=START,
                                                  principal=300_00))  # fmt: skip

    report = make(pool, "then", TODAY, as_of=on)

    assert report.stopped == ()
    [told] = read(
        fresh_database,
        "SELECT (SELECT sum(principal)::bigint FROM read_then.loans) AS loans,"
        " (SELECT sum(principal)::bigint FROM read_then.balances) AS balances,"
        " (SELECT count(*) FROM read_then.loans) AS number",
    )
    assert told["loans"] == told["balances"] > 0
    assert told["number"] == len(stories) + 1


def test_books_of_a_position_are_what_the_log_came_to_there(fresh_database, pool):
    log = Log(fresh_database)
    log.append(backdated())
    rebuild(pool)
    then = everything(fresh_database)
    reached = read(fresh_database, "SELECT max(position) AS at FROM ledger.events")[0]["at"]
    log.append(paid_out())
    catch_up(fresh_database)

    report = make(pool, "earlier", TODAY, to_position=reached)
    again = make(pool, "earlier", TODAY, to_position=reached)

    assert report == again
    assert {table: rows(fresh_database, "read_earlier", table) for table in TABLES} == then


@pytest.mark.parametrize("name", ["", "Then", "1st", "shadow", "a b", 'x"; DROP', "a" * 41])
def test_a_name_that_is_no_schemas_is_refused(fresh_database, pool, name):
    with pytest.raises(BadBooksName, match="no name for books"):
        make(pool, name, TODAY, to_position=1)


def test_what_is_not_known_yet_is_refused_and_nothing_is_made(fresh_database, pool):
    Log(fresh_database).append(paid_out())
    with pytest.raises(DateInTheFuture, match="after the business date 2027-12-31"):
        make(pool, "then", TODAY, as_of=date(2028, 1, 1))
    for position in (0, -1, 10_000):
        with pytest.raises(PositionBeyondLog, match=f"position {position} is not in the log"):
            make(pool, "then", TODAY, to_position=position)

    with pytest.raises(psycopg.errors.UndefinedTable):
        read(fresh_database, "SELECT FROM read_then.loans")

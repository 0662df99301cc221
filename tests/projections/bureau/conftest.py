from datetime import date

import pytest

from domain import commands
from ledger import database as db
from projections.bureau.desk import Job
from tests.projections.bureau.portfolio import CUT_OFF, lender, loan, paying, portfolio
from tests.projections.stories import Log, catch_up


@pytest.fixture
def pool(fresh_database):
    with db.pool(fresh_database, min_size=2, max_size=4) as pool:
        yield pool


@pytest.fixture(scope="module")
def book(database):
    """The whole portfolio in a database that the module's tests share."""
    Log(database).append(*portfolio().values())
    catch_up(database)
    with db.pool(database, min_size=2, max_size=4) as pool:
        yield pool


@pytest.fixture(scope="session")
def job():
    def made(form, **changes):
        given = {"form": form, "cut_off": CUT_OFF, "today": CUT_OFF, "lender": lender(),
                 "lender_bytes": b"as read", "actor": "tests"}  # fmt: skip
        return Job(**(given | changes))

    return made


@pytest.fixture
def books(fresh_database, pool):
    """A loan that is late, one that pays, and the log they are in."""
    late, good = loan(4), loan(1)
    paying(good, date(2026, 2, 15), date(2026, 3, 15))
    log = Log(fresh_database)

    def to(on):
        for story in (late, good):
            story.do(commands.close_day, on=on)
        log.append(late, good)
        catch_up(fresh_database)

    return to, late, good

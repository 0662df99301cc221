import pytest

from ledger import database as db
from projections.bureau.write import Job
from tests.projections.bureau.portfolio import CUT_OFF, lender, portfolio
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

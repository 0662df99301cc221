import pytest

from ledger.database import connect
from tests.faults.portfolio import portfolio


@pytest.fixture(scope="module")
def undisturbed(database):
    portfolio(database)
    return database


@pytest.fixture
def app(fresh_database, redis_url):
    portfolio(fresh_database)
    with connect(fresh_database, autocommit=True) as connection:
        yield connection

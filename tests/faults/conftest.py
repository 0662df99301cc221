import pytest

from ledger import servers
from ledger.database import connect
from ledger.migrate import migrate
from ledger.settings import Settings
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


@pytest.fixture
def own(short_var):
    """A PostgreSQL and a Valkey of this test alone, by URL as an operator would give them."""
    embedded = Settings(var_dir=short_var, database_url=None, redis_url=None)
    migrate(embedded)
    return embedded.model_copy(
        update={
            "database_url": servers.postgres_url(embedded),
            "redis_url": servers.redis_url(embedded),
        }
    )

import pytest

from ledger.database import connect
from tests.ledger.builders import a_ledger


@pytest.fixture
def ledger(database):
    with a_ledger(database) as ledger:
        yield ledger


@pytest.fixture
def app(database):
    """A connection with the application's rights, committing each statement."""
    with connect(database, autocommit=True) as connection:
        yield connection


@pytest.fixture
def owner(database):
    with connect(database, owner=True, autocommit=True) as connection:
        yield connection

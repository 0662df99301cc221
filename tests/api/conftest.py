"""One running API per module of tests."""

import pytest

from tests.api.harness import served


@pytest.fixture(scope="module")
def client(database):
    """The API as every role may ask it."""
    with served(database) as client:
        yield client

"""Real servers for the tests: one embedded pair per run, a database of its own per module.

A migrated template is made once; a database from it costs tens of milliseconds.
"""

import os
import re
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
from hypothesis import Phase
from hypothesis import settings as hypothesis_settings

from ledger.migrate import migrate
from ledger.servers import postgres_url, stop
from ledger.servers import redis_url as queue_url
from ledger.settings import Settings, override

TEMPLATE = "cartera_template"

# Machines are noisy: a property fails for what it finds, never for how long it took.
# CI tries the same examples each time and says what a change broke; `deep` is for the search.
hypothesis_settings.register_profile(
    "default", deadline=None, print_blob=True, derandomize="CI" in os.environ
)
hypothesis_settings.register_profile(  # finds, and does not shrink
    "quick",
    deadline=None,
    derandomize="CI" in os.environ,
    max_examples=150,
    phases=[Phase.explicit, Phase.generate],
)
hypothesis_settings.register_profile("deep", deadline=None, print_blob=True, max_examples=3_000)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_configure(config):
    """The run's own data directory; xdist workers inherit it, a developer's ./var stays out."""
    if hasattr(config, "workerinput"):
        return
    config.stash_var = tempfile.mkdtemp(prefix="cartera-tests-")
    os.environ["CARTERA_VAR"] = config.stash_var
    os.environ["CARTERA_BORROWER_DEVELOPMENT_KEY"] = "true"  # nobody real is in a test
    os.environ.pop("DATABASE_URL", None)
    os.environ.pop("REDIS_URL", None)


def pytest_unconfigure(config):
    if hasattr(config, "stash_var"):
        stop(Settings(var_dir=config.stash_var))
        shutil.rmtree(config.stash_var, ignore_errors=True)


def named(url, dbname):
    return urlsplit(url)._replace(path=f"/{dbname}").geturl()


def admin(url):
    return psycopg.connect(url, autocommit=True)


@pytest.fixture(scope="session")
def server_settings():
    """The run's embedded servers, before any database of ours is chosen."""
    return Settings(var_dir=os.environ["CARTERA_VAR"], database_url=None, redis_url=None)


@pytest.fixture(scope="session")
def _template(server_settings):
    url = postgres_url(server_settings)
    with admin(url) as connection:
        connection.execute("SELECT pg_advisory_lock(8400)")  # the first worker makes it
        made = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [TEMPLATE])
        if not made.fetchone():
            connection.execute("DROP DATABASE IF EXISTS half_made")
            connection.execute("CREATE DATABASE half_made")
            migrate(server_settings.model_copy(update={"database_url": named(url, "half_made")}))
            connection.execute(f"ALTER DATABASE half_made RENAME TO {TEMPLATE}")
    return url


@contextmanager
def _database(url, name, queue):
    """Settings for a clean, migrated database; `settings()` answers them meanwhile."""
    with admin(url) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE {TEMPLATE}')
    ours = Settings(
        var_dir=os.environ["CARTERA_VAR"], database_url=named(url, name), redis_url=queue
    )
    try:
        with override(ours):
            yield ours
    finally:
        with admin(url) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _name(worker_id, node):
    return f"{worker_id}_{re.sub(r'[^a-z0-9]+', '_', node.lower())[-45:]}"


@pytest.fixture(scope="session")
def database_url(_template, worker_id, _queue):
    """URL of this worker's own migrated database, for tests that leave no rows behind."""
    with _database(_template, f"{worker_id}_session", _queue) as ours:
        yield ours.database_url


@pytest.fixture(scope="module")
def database(_template, request, worker_id, _queue):
    """`Settings` on a clean, migrated database that this module's tests share."""
    with _database(_template, _name(worker_id, request.node.nodeid), _queue) as ours:
        yield ours


@pytest.fixture
def fresh_database(_template, request, worker_id, _queue):
    """`Settings` on a clean, migrated database for one test alone."""
    name = _name(worker_id, f"{request.node.name}_one")
    with _database(_template, name, _queue) as ours:
        yield ours


@pytest.fixture
def second_database(_template, request, worker_id, _queue):
    """`Settings` on another clean, migrated database for the same test."""
    name = _name(worker_id, f"{request.node.name}_two")
    with _database(_template, name, _queue) as ours:
        yield ours


@pytest.fixture(scope="session")
def _queue(server_settings, worker_id):
    number = int(worker_id.removeprefix("gw")) + 1 if worker_id != "master" else 0
    return queue_url(server_settings).replace("db=0", f"db={number % 16}")


@pytest.fixture
def redis_url(_queue):
    """URL of this worker's own Valkey database, empty at the start of each test."""
    with redis.Redis.from_url(_queue) as client:
        client.flushdb()
    return _queue


@pytest.fixture
def short_var():
    """A data directory under the system's temporary one: servers of a test's own, ended with it."""
    path = Path(tempfile.mkdtemp(prefix="cartera-test-"))
    yield path
    stop(Settings(var_dir=path))
    shutil.rmtree(path)

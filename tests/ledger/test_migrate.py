"""The schema is brought up to date once, by whoever comes first, or the reason is told."""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import psycopg
import pytest

from ledger.database import connect
from ledger.migrate import MigrationFailed, dbmate_url, migrate, pending
from ledger.servers import postgres_url


def written(folder, **files):
    for name, sql in files.items():
        (folder / f"{name[1:]}.sql").write_text(f"-- migrate:up\n{sql}\n-- migrate:down\n")
    return folder


@pytest.fixture
def empty(server_settings, worker_id):
    """Settings on a database that no migration has touched."""
    url, name = postgres_url(server_settings), f"{worker_id}_unmigrated"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name}")
    target = urlsplit(url)._replace(path=f"/{name}").geturl()
    return server_settings.model_copy(update={"database_url": target})


def test_what_is_pending_is_applied_in_order_and_only_once(empty, tmp_path):
    folder = written(
        tmp_path, _0001_a="CREATE TABLE a (n int);", _0002_b="ALTER TABLE a ADD m int;"
    )
    assert pending(empty, folder) == ["0001", "0002"]

    assert migrate(empty, folder) == ["0001", "0002"]

    assert pending(empty, folder) == []
    assert migrate(empty, folder) == []
    with connect(empty, owner=True) as connection:
        assert connection.execute("SELECT n, m FROM a").fetchall() == []


def test_a_folder_without_migrations_changes_nothing(empty, tmp_path):
    assert migrate(empty, tmp_path) == []
    assert pending(empty, tmp_path) == []


def test_a_failing_migration_is_told_in_the_tools_words_and_leaves_no_trace(empty, tmp_path):
    folder = written(tmp_path, _0001_a="CREATE TABLE a (n int); SELECT nonsense;")

    with pytest.raises(MigrationFailed, match="nonsense"):
        migrate(empty, folder)

    assert pending(empty, folder) == ["0001"]
    with connect(empty, owner=True) as connection:
        assert connection.execute("SELECT to_regclass('a')").fetchone() == (None,)


def test_processes_that_migrate_together_apply_each_migration_once(empty, tmp_path):
    folder = written(tmp_path, _0001_a="SELECT pg_sleep(0.2); CREATE TABLE a (n int);")

    with ThreadPoolExecutor(4) as together:
        applied = list(together.map(lambda _: migrate(empty, folder), range(4)))

    assert sorted(applied) == [[], [], [], ["0001"]]


@pytest.mark.parametrize(
    ("given", "for_dbmate"),
    [
        (
            "postgresql://postgres@/loans?host=%2Frun%2Fpg",
            "postgres://postgres@/loans?host=%2Frun%2Fpg&sslmode=disable",
        ),
        (
            "postgresql://me:p%40ss@db:6432/loans?sslmode=verify-full&keepalives=1",
            "postgres://me:p%40ss@db:6432/loans?sslmode=verify-full",
        ),
        ("host=db user=me dbname=loans", "postgres://me@db/loans?sslmode=prefer"),
        ("postgresql://me@[::1]/loans", "postgres://me@[::1]/loans?sslmode=prefer"),
    ],
)
def test_every_spelling_of_a_database_reaches_the_tool(given, for_dbmate):
    assert dbmate_url(given) == for_dbmate


def test_the_house_template_has_nothing_pending(fresh_database):
    assert pending(fresh_database) == []

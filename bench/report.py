"""What a benchmark answers: our figure, the limit measured in the same run, and the ratio."""

import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import TypedDict
from uuid import uuid4

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ledger.migrate import migrate
from ledger.servers import postgres_url, stop
from ledger.settings import Settings
from ledger.settings import settings as current_settings


class BenchResult(TypedDict):
    """``ratio`` is ours to the limit; ``work`` says what one unit is, ``others`` what else ran."""

    name: str
    unit: str
    ours: float
    limit: float
    ratio: float
    others: dict[str, float]
    work: str
    machine: str


def result(
    name: str, unit: str, *, ours: float, limit: float, others: dict[str, float], work: str
) -> BenchResult:
    """A result with its ratio and machine filled in; figures keep what can be told apart."""
    return BenchResult(
        name=name,
        unit=unit,
        ours=_plain(ours),
        limit=_plain(limit),
        ratio=round(ours / limit, 3),
        others={what: _plain(figure) for what, figure in others.items()},
        work=work,
        machine=machine(),
    )


def machine() -> str:
    """The machine in a line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30
    return (
        f"{os.cpu_count()} cores, {memory} GB, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}"
    )


def shown(found: BenchResult) -> str:
    """A result as lines for people."""
    lines = [
        f"{found['name']}: {found['ours']:,} {found['unit']}  ({found['work']})",
        f"  limit {found['limit']:,}, ratio {found['ratio']}",
        *(f"  {what}: {figure:,}" for what, figure in found["others"].items()),
        f"  {found['machine']}",
    ]
    return "\n".join(lines)


@contextmanager
def scratch() -> Iterator[Settings]:
    """A migrated database of the benchmark's own, on the server given by URL or an embedded one."""
    given = current_settings()
    if given.database_url is None:
        var = Path(mkdtemp(prefix="cartera-bench-"))
        settings = given.model_copy(update={"var_dir": var, "redis_url": None})
        try:
            migrate(settings)
            yield settings.model_copy(update={"database_url": postgres_url(settings)})
        finally:
            stop(settings)
            shutil.rmtree(var, ignore_errors=True)
        return
    name = f"cartera_bench_{uuid4().hex[:12]}"
    with psycopg.connect(given.database_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    try:
        url = make_conninfo(given.database_url, dbname=name)
        settings = given.model_copy(update={"database_url": url, "redis_url": None})
        migrate(settings)
        yield settings
    finally:
        with psycopg.connect(given.database_url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def target(settings: Settings) -> dict[str, str]:
    """Host, port, user, password and database of the benchmark's database."""
    assert settings.database_url is not None
    return {k: str(v) for k, v in conninfo_to_dict(settings.database_url).items() if v is not None}


def _plain(figure: float) -> float:
    return float(round(figure)) if figure >= 100 else round(figure, 4)

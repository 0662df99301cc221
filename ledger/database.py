"""Connections to PostgreSQL, as the application's role unless the owner is asked for."""

from typing import Any, TypeAlias

import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from ledger.servers import postgres_url
from ledger.settings import Settings
from ledger.settings import settings as current_settings

APPLICATION_ROLE = "cartera_app"  # made by a migration: may add to the log, never change it

Pool: TypeAlias = ConnectionPool[Connection[TupleRow]]


def conninfo(
    settings: Settings | None = None, *, owner: bool = False, application_name: str = "cartera"
) -> str:
    """What to connect with: for pools of other shapes, such as psycopg's asynchronous one."""
    given = conninfo_to_dict(postgres_url(settings or current_settings()))
    given.setdefault("application_name", application_name)
    if not owner:
        role = f"-c role={APPLICATION_ROLE}"  # with the first packet, so without a round trip
        given["options"] = f"{given.get('options') or ''} {role}".strip()
    return make_conninfo("", **given)


def read_conninfo(settings: Settings, application_name: str) -> str:
    """As ``conninfo``, for reading: the replica's where there is one."""
    read_at = settings.read_database_url or settings.database_url
    chosen = settings.model_copy(update={"database_url": read_at})
    return conninfo(chosen, application_name=application_name)


def connect(
    settings: Settings | None = None,
    *,
    owner: bool = False,
    autocommit: bool = False,
    application_name: str = "cartera",
) -> Connection[TupleRow]:
    """One connection; leaving its `with` block commits or rolls back, and closes it."""
    target = conninfo(settings, owner=owner, application_name=application_name)
    return psycopg.connect(target, autocommit=autocommit)


def pool(
    settings: Settings | None = None,
    *,
    owner: bool = False,
    autocommit: bool = False,
    application_name: str = "cartera",
    min_size: int | None = None,
    max_size: int | None = None,
) -> Pool:
    """An open pool; each connection is checked as it is lent, so a restarted server is met again.

    Close it, or use it in a `with` block: its threads outlive a forgotten one.
    """
    chosen = settings or current_settings()
    kwargs: dict[str, Any] = {"autocommit": autocommit}
    least = chosen.pool_min_size if min_size is None else min_size
    return ConnectionPool(
        conninfo(chosen, owner=owner, application_name=application_name),
        kwargs=kwargs,
        min_size=least,
        max_size=max(least, max_size or chosen.pool_max_size),
        timeout=chosen.pool_timeout_seconds,
        check=ConnectionPool.check_connection,
        name=application_name,
        open=True,
    )

"""What a running API holds: the ledger, its pools, and the thread that brings read models up."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import Request
from psycopg_pool import ConnectionPool

from api.catch_up import CatchUp
from api.graphql.budget import Budget
from api.graphql.redis_store import RedisStore
from api.graphql.shared import Shared
from api.graphql.snapshot import RECONNECT_SECONDS, WAIT_SECONDS, ReadPool, plan_pool, read_pool
from api.settings import ApiSettings
from ledger.application import Ledger
from ledger.borrowers.reading import Archive
from ledger.borrowers.vault import Vault
from ledger.clock import Clock
from ledger.database import Pool, conninfo, read_conninfo
from ledger.servers import redis_url
from ledger.settings import Settings
from projections import engine
from projections.statements.render import Press


@dataclass(frozen=True)
class Running:
    """Shared by all requests of one process."""

    settings: Settings
    options: ApiSettings
    ledger: Ledger
    pool: Pool
    reads: ReadPool
    plans: ReadPool
    log: ReadPool
    catch_up: CatchUp
    budget: Budget | None
    shared: Shared | None
    press: Press

    def archive(self) -> Archive:
        """Where borrowers' data is read. Errors: those of the vault."""
        return Archive(self.ledger.store, Vault.of(self.settings))


@asynccontextmanager
async def started(
    settings: Settings, options: ApiSettings, clock: Clock | None = None
) -> AsyncIterator[Running]:
    """Everything open for the length of the block; a database that is away is met later."""
    ledger = Ledger(settings, clock=clock)
    requests = _pool(settings)
    target = read_conninfo(settings, "cartera-reads")
    reads = read_pool(target, settings, options.graphql_statement_seconds)
    plans = plan_pool(target, settings, options.graphql_statement_seconds)
    primary = conninfo(settings, application_name="cartera-log")
    log = plan_pool(primary, settings, options.graphql_statement_seconds)
    for one in (reads, plans, log):
        await one.open()
    press = Press.of(settings)
    store, budget, shared = None, None, None
    if options.graphql_budget or options.graphql_shared:
        store = RedisStore(redis_url(settings))
        budget = Budget(store, options.graphql_budget) if options.graphql_budget else None
        shared = Shared(store) if options.graphql_shared else None
    size = settings.projection_batch_size
    catch_up = CatchUp(
        lambda: engine.catch_up(requests, batch_size=size), settings.projection_poll_seconds
    )
    if options.api_catch_up:
        catch_up.start()
    try:
        yield Running(
            settings, options, ledger, requests, reads, plans, log, catch_up, budget, shared,
            press,
        )  # fmt: skip
    finally:
        press.close()
        if store is not None:
            await store.close()
        catch_up.stop()
        for one in (reads, plans, log):
            await one.close()
        requests.close()
        ledger.close()


def _pool(settings: Settings) -> Pool:
    """For keys, jobs and receipts; it meets a database that comes back at the next request."""
    return ConnectionPool(
        conninfo(settings, application_name="cartera-api"),
        kwargs={"autocommit": True},
        min_size=settings.pool_min_size,
        max_size=max(2, settings.pool_max_size),  # catching up takes two
        timeout=min(settings.pool_timeout_seconds, WAIT_SECONDS),
        reconnect_timeout=RECONNECT_SECONDS,
        check=ConnectionPool.check_connection,
        name="cartera-api",
        open=True,
    )


def running(request: Request) -> Running:
    """The dependency that hands it to an endpoint."""
    here = request.app.state.running
    assert isinstance(here, Running), "the application was not started: run its lifespan"
    return here

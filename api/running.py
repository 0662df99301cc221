"""What a running API holds: the ledger, its pools, and the thread that brings read models up."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import Request

from api.catch_up import CatchUp
from api.graphql.snapshot import ReadPool, read_pool
from api.settings import ApiSettings
from ledger.application import Ledger
from ledger.clock import Clock
from ledger.database import Pool, conninfo, pool
from ledger.settings import Settings
from projections import engine


@dataclass(frozen=True)
class Running:
    """Shared by all requests of one process."""

    settings: Settings
    options: ApiSettings
    ledger: Ledger
    pool: Pool
    reads: ReadPool
    catch_up: CatchUp


@asynccontextmanager
async def started(
    settings: Settings, options: ApiSettings, clock: Clock | None = None
) -> AsyncIterator[Running]:
    """Everything open for the length of the block; a database that is away is met later."""
    ledger = Ledger(settings, clock=clock)
    requests = pool(settings, autocommit=True, application_name="cartera-api")
    reads = read_pool(conninfo(settings, application_name="cartera-reads"), settings)
    await reads.open()
    catch_up = CatchUp(lambda: engine.catch_up(requests), settings.projection_poll_seconds)
    if options.api_catch_up:
        catch_up.start()
    try:
        yield Running(settings, options, ledger, requests, reads, catch_up)
    finally:
        catch_up.stop()
        await reads.close()
        requests.close()
        ledger.close()


def running(request: Request) -> Running:
    """The dependency that hands it to an endpoint."""
    here = request.app.state.running
    assert isinstance(here, Running), "the application was not started: run its lifespan"
    return here

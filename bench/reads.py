"""GraphQL reads: planned, beside the same SQL behind a bare route, and beside PostGraphile 5."""

import json
import os
import random
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import gettempdir, mkdtemp
from typing import Any, NamedTuple

from api.graphql.cursors import cursor
from api.graphql.planned.answer import Planner
from api.graphql.schema import schema
from bench import postgraphile
from bench.project import book, store
from bench.reads_asked import NESTED, PAGE, Query, queries
from bench.reads_found import PEER, Measured, compare, ratios
from bench.reads_served import STATEMENTS
from bench.report import BenchResult, result, scratch, target
from bench.web import answer, load, request
from ledger import database
from ledger.api_keys import issue_key
from ledger.settings import Settings
from projections import engine

SEED = 20_260_101
CLIENTS = (1, 8, 32)
READY_SECONDS = 90


def run(quick: bool = False) -> BenchResult:
    """Each server in turn, one process, on the same database; each answer read anew.

    Errors: ``RuntimeError`` where two servers do not answer the same.
    """
    loans, seconds, pages = (3_000, 0.3, 40) if quick else (30_000, 4.0, 400)
    measured, skipped = Measured(), ""
    with scratch() as settings:
        _fill(settings, loans)
        key, asked = _asked(settings, pages)
        with _ours(settings) as (url, pid):
            bodies = {
                query.name: [_body(query.ours, given) for given in query.each] for query in asked
            }
            ours = {"Authorization": f"Bearer {key}"}
            _measure(measured, "ours", Server(url, pid, ours), bodies, seconds)
        with _bare(settings, asked) as (url, pid):
            bodies = {
                query.name: [_bare_body(settings, query, given) for given in query.each]
                for query in asked
            }
            _measure(measured, "bare", Server(url, pid), bodies, seconds)
        try:
            with _peer(settings, fetch=not quick) as (url, pid):
                bodies = {
                    query.name: [_body(query.peer, given) for given in query.peer_each]
                    for query in asked
                    if query.peer is not None
                }
                _measure(measured, PEER, Server(url, pid), bodies, seconds)
        except postgraphile.NotMeasured as reason:
            skipped = f"; PostGraphile not measured: {reason}"
    compare(measured.answers)
    return result(
        "reads",
        "requests/s",
        ours=measured.per_second("ours", NESTED),
        limit=measured.per_second("bare", NESTED),
        others={**ratios(measured, f"page {pages}"), **measured.figures()},
        work=f"{NESTED}, 8 clients, {loans:,} loans; limit: the same SQL behind a bare route,"
        f" its answers the same bytes{skipped}",
    )


def _fill(settings: Settings, loans: int) -> None:
    store(settings, book(loans, 0))
    with database.pool(settings, min_size=2, max_size=4) as pool:
        engine.catch_up(pool)
    with database.connect(settings, owner=True, autocommit=True) as owner:
        owner.execute("VACUUM ANALYZE")
        postgraphile.related(owner)


def _asked(settings: Settings, pages: int) -> tuple[str, list[Query]]:
    with database.connect(settings) as connection:
        key = issue_key(connection, "bench", ["auditor"])
        found = [
            (str(loan_id), number)
            for loan_id, number in connection.execute(
                "SELECT loan_id, loan_no FROM read.loans ORDER BY loan_no, loan_id"
            )
        ]
    loan_id, number = found[(pages - 1) * PAGE - 1]
    deep = cursor("loans:loan_no:asc", [number, loan_id])
    some = random.Random(SEED).sample([loan_id for loan_id, _ in found], min(2_000, len(found)))
    return key, queries(some, deep, pages)


class Server(NamedTuple):
    """Where one answers, its process, and what every request carries."""

    url: str
    pid: int
    headers: dict[str, str] = {}


def _measure(
    measured: Measured, name: str, server: Server, bodies: dict[str, list[bytes]], seconds: float
) -> None:
    for query, each in bodies.items():
        sent = [request(server.url, body, server.headers) for body in each]
        measured.answers[name, query] = answer(server.url, each[0], server.headers)
        for clients in CLIENTS:
            measured.loads[name, query, clients] = load(server.url, sent, clients, seconds)
    measured.memory[name] = _memory(server.pid)


def _body(document: str, variables: dict[str, Any]) -> bytes:
    return json.dumps({"query": document, "variables": variables}).encode()


def _bare_body(settings: Settings, query: Query, variables: dict[str, Any]) -> bytes:
    _, values = _statement(settings, query, variables)
    return json.dumps({"name": query.name, "values": values}, default=str).encode()


def _statement(
    settings: Settings, query: Query, variables: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    """The one statement behind a question, and what it binds."""
    global _planner
    if _planner is None:
        _planner = Planner(schema(settings), settings, introspection=True)
    plan = _planner.read(query.ours, None, variables, date.today()).plan
    assert plan is not None, query.name
    return f"SELECT {plan.data}", plan.values


_planner: Planner | None = None


@contextmanager
def _ours(settings: Settings) -> Iterator[tuple[str, int]]:
    with _served("ours", settings, {}) as (base, pid):
        yield f"{base}/graphql", pid


@contextmanager
def _bare(settings: Settings, asked: list[Query]) -> Iterator[tuple[str, int]]:
    path = Path(mkdtemp(prefix="cartera-bench-")) / "statements.json"
    path.write_text(
        json.dumps({query.name: _statement(settings, query, query.each[0])[0] for query in asked})
    )
    try:
        with _served("bare", settings, {STATEMENTS: str(path)}) as (base, pid):
            yield f"{base}/bare", pid
    finally:
        path.unlink()
        path.parent.rmdir()


@contextmanager
def _served(factory: str, settings: Settings, more: dict[str, str]) -> Iterator[tuple[str, int]]:
    port = _free_port()
    assert settings.database_url is not None
    environment = {**os.environ, "DATABASE_URL": settings.database_url, **more}
    command = [
        sys.executable, "-m", "uvicorn", "--factory", f"bench.reads_served:{factory}",
        "--host", "127.0.0.1", "--port", str(port), "--log-level", "warning", "--no-access-log",
    ]  # fmt: skip
    process = subprocess.Popen(command, env=environment)
    try:
        _await(port, process)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait(timeout=20)


@contextmanager
def _peer(settings: Settings, *, fetch: bool) -> Iterator[tuple[str, int]]:
    home = postgraphile.installed(Path(gettempdir()) / "cartera-bench-postgraphile", fetch=fetch)
    port = _free_port()
    with postgraphile.serving(home, target(settings), port) as process:
        _await(port, process)
        yield f"http://127.0.0.1:{port}/graphql", process.pid


def _await(port: int, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError(f"no server came up on port {port}")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _memory(pid: int) -> float:
    """Resident memory in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"no VmRSS of {pid}")

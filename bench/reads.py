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
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import gettempdir, mkdtemp
from typing import Any

from api.graphql.cursors import cursor
from api.graphql.planned.answer import Planner
from api.graphql.portfolio import BOOK, AgingBy
from api.graphql.schema import schema
from bench import postgraphile
from bench.project import book, store
from bench.reads_served import STATEMENTS
from bench.report import BenchResult, result, scratch, target
from bench.web import Load, load, request
from ledger import database
from ledger.api_keys import issue_key
from ledger.settings import Settings
from projections import engine

SEED = 20_260_101
CLIENTS = (1, 8, 32)
PAGE = 50
READY_SECONDS = 90

LINES = """{ number dueOn
    charged { principal { amount } interest { amount } interestTax { amount } }
    paid { total { amount } } left { amount } settledOn }"""
HEADER = """loanNo borrower product branch officer currency status stage approved { amount }
    disbursed { amount } openedOn disbursedOn firstDueOn maturityOn"""
PEER_LINES = """{ nodes { instalment dueOn principal interest interestTax paidPrincipal paidInterest
    settledOn } }"""
PEER_HEADER = """loanNo borrower product branch officer currency status stage approved disbursed
    openedOn disbursedOn firstDueOn maturityOn"""


@dataclass(frozen=True)
class Query:
    """What is asked, of us and of the peer; ``each`` makes the variables of each request."""

    name: str
    ours: str
    peer: str | None = None
    each: list[dict[str, Any]] = field(default_factory=lambda: [{}])
    peer_each: list[dict[str, Any]] = field(default_factory=lambda: [{}])


def queries(loan_ids: list[str], deep: str, pages: int) -> list[Query]:
    """The questions measured; ``deep`` is the cursor before the last of ``pages``."""
    each = [{"id": loan_id} for loan_id in loan_ids]
    listed = "loans(first: %d%s) { nodes { %s } }"
    return [
        Query(
            "one loan in full",
            f"query($id: ID!) {{ loan(id: $id) {{ {HEADER} schedule {LINES} }} }}",
            f"query($id: UUID!) {{ loanByLoanId(loanId: $id) {{ {PEER_HEADER}"
            f" schedulesByLoanId {PEER_LINES} }} }}",
            each,
            each,
        ),
        Query(
            "50 loans flat",
            "{ " + listed % (PAGE, "", HEADER) + " }",
            f"{{ allLoans(first: {PAGE}) {{ nodes {{ {PEER_HEADER} }} }} }}",
        ),
        Query(
            "50 loans with 12 instalments",
            "{ " + listed % (PAGE, "", f"{HEADER} schedule {LINES}") + " }",
            f"{{ allLoans(first: {PAGE}) {{ nodes {{ {PEER_HEADER}"
            f" schedulesByLoanId {PEER_LINES} }} }} }}",
        ),
        Query(
            f"page {pages}",
            "query($at: String) { " + listed % (PAGE, ", after: $at", HEADER) + " }",
            f"query($offset: Int) {{ allLoans(first: {PAGE}, offset: $offset)"
            f" {{ nodes {{ {PEER_HEADER} }} }} }}",
            [{"at": deep}],
            [{"offset": (pages - 1) * PAGE}],
        ),
        Query(
            "aging by branch",
            "{ aging(by: BRANCH) { name loans principal { amount }"
            " buckets { bucket loans principal { amount } } } }",
        ),
    ]


@dataclass
class Measured:
    """Requests a second and latencies, by server, query and number of clients."""

    loads: dict[tuple[str, str, int], Load] = field(default_factory=dict)
    memory: dict[str, float] = field(default_factory=dict)

    def per_second(self, server: str, query: str, clients: int = 8) -> float:
        """Of one combination; nan if it was not run."""
        found = self.loads.get((server, query, clients))
        return found.per_second if found else float("nan")

    def figures(self) -> dict[str, float]:
        """All of them, by a name each."""
        found: dict[str, float] = {}
        for (server, query, clients), one in self.loads.items():
            named = f"{query}, {clients} clients, {server}"
            found[f"{named}: requests/s"] = one.per_second
            found[f"{named}: p50 ms"] = one.p50
            found[f"{named}: p99 ms"] = one.p99
            found[f"{named}: bytes"] = one.size
        return found | {f"{server}: MB": mb for server, mb in self.memory.items()}


def run(quick: bool = False) -> BenchResult:
    """Each server in turn, one process, on the same database; each answer read anew."""
    loans, seconds, pages = (3_000, 0.5, 40) if quick else (30_000, 4.0, 400)
    measured, skipped = Measured(), ""
    with scratch() as settings:
        _fill(settings, loans)
        key, asked = _asked(settings, pages)
        with _ours(settings) as (url, pid):
            ours = {"Authorization": f"Bearer {key}"}
            for query in asked:
                bodies = [_body(query.ours, given) for given in query.each]
                _measure(measured, "ours", query, url, bodies, ours, seconds)
            measured.memory["ours"] = _memory(pid)
        with _bare(settings, asked) as (url, pid):
            for query in asked:
                bodies = [_bare_body(settings, query, given) for given in query.each]
                _measure(measured, "bare", query, url, bodies, {}, seconds)
            measured.memory["bare"] = _memory(pid)
        try:
            with _peer(settings) as (url, pid):
                for query in asked:
                    if query.peer is None:
                        continue
                    bodies = [_body(query.peer, given) for given in query.peer_each]
                    _measure(measured, "PostGraphile", query, url, bodies, {}, seconds)
                measured.memory["PostGraphile"] = _memory(pid)
        except postgraphile.NotMeasured as reason:
            skipped = f"; PostGraphile not measured: {reason}"
    nested = "50 loans with 12 instalments"
    return result(
        "reads",
        "requests/s",
        ours=measured.per_second("ours", nested),
        limit=measured.per_second("bare", nested),
        others=measured.figures(),
        work=f"{nested}, 8 clients, {loans:,} loans; limit: the same SQL behind a bare route"
        f"{skipped}",
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


def _measure(
    measured: Measured, server: str, query: Query, url: str, bodies: list[bytes],
    headers: dict[str, str], seconds: float,
) -> None:  # fmt: skip
    sent = [request(url, body, headers) for body in bodies]
    for clients in CLIENTS:
        measured.loads[server, query.name, clients] = load(url, sent, clients, seconds)


def _body(document: str, variables: dict[str, Any]) -> bytes:
    return json.dumps({"query": document, "variables": variables}).encode()


def _bare_body(settings: Settings, query: Query, variables: dict[str, Any]) -> bytes:
    _, values = _statement(settings, query, variables)
    return json.dumps({"name": query.name, "values": values}, default=str).encode()


def _statement(
    settings: Settings, query: Query, variables: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    """The one statement behind a question: the plan's, or that of the resolver."""
    global _planner
    if _planner is None:
        _planner = Planner(schema(settings), settings, introspection=True)
    plan = _planner.read(query.ours, None, variables, date.today()).plan
    if plan is not None:
        return f"SELECT {plan.data}", plan.values
    aging = BOOK.format(group=AgingBy.BRANCH.value).replace("%s", "current_date")
    return f"SELECT json_agg(row_to_json(book))::text FROM ({aging}) AS book", {}


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
def _peer(settings: Settings) -> Iterator[tuple[str, int]]:
    home = postgraphile.installed(Path(gettempdir()) / "cartera-bench-postgraphile")
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

"""Who reads while the read models are rebuilt sees the old tables or the new ones, whole."""

import asyncio
import re
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
from psycopg.errors import LockNotAvailable

from api.graphql import snapshot as snapshots
from api.graphql.snapshot import TABLES, read_pool, snapshot
from ledger.database import connect, conninfo, pool
from projections.rebuild import rebuild

DOCUMENT = """{
  loans(first: 50) { totalCount nodes { loanNo schedule { number } payments { totalCount }
                     recordedBalances { owed { total { amount } } } } }
  portfolio { loans principal { amount } } trialBalance { debit { amount } } position
}"""


def test_no_reader_ever_sees_half_a_rebuild(client, database):
    for nth in range(5):
        client.pay(client.running(f"R-{nth}"), "100.00", "2026-02-15")
    client.settled()
    headers = {"Authorization": f"Bearer {client.tokens['auditor']}"}
    seen = []

    async def read(until):
        while not until.is_set():
            answer = await client.http.post("/graphql", json={"query": DOCUMENT}, headers=headers)
            assert answer.status_code == 200, answer.text
            seen.append(answer.text)

    def rebuild_often():
        with pool(database) as connections:
            for _ in range(8):
                with suppress(LockNotAvailable):  # readers never let go
                    rebuild(connections)

    async def both():
        done = asyncio.Event()
        readers = [asyncio.create_task(read(done)) for _ in range(4)]
        await asyncio.to_thread(rebuild_often)
        done.set()
        await asyncio.gather(*readers)

    client.run(both())
    assert len(seen) > 20
    assert set(seen) == {seen[0]}
    assert '"totalCount":5' in seen[0]


def test_a_snapshot_holds_every_table_before_it_is_taken(client, database):
    async def held():
        pool = read_pool(conninfo(database), database, 5.0)
        async with pool, snapshot(pool, database, date(2026, 6, 30)):
            for table in TABLES:
                with connect(database, owner=True) as other, pytest.raises(LockNotAvailable):
                    other.execute(f"LOCK TABLE read.{table} IN ACCESS EXCLUSIVE MODE NOWAIT")

    client.run(held())


def test_every_table_that_is_read_is_held():
    named = {
        name
        for module in Path(snapshots.__file__).parent.glob("*.py")
        for name in re.findall(r"\bread\.([a-z_]+)\b(?!\()", module.read_text())
    }
    assert {"loans", "schedule", "positions"} <= named - {"py"} <= set(TABLES)

"""An export killed at random instants: no entry goes twice, none is left out, no file is half."""

import csv
import random
import subprocess
from datetime import date

from ledger.close_of_day import close_through
from ledger.database import connect
from ledger.orders import Cause
from ledger.periods import close_period
from ledger.store import Store
from projections.accounting.entries import Grouping, entries
from projections.accounting.rules import load_rules
from projections.engine import catch_up
from tests.faults.kills import KILLS, PATIENCE, SEED, kill, run, started
from tests.ledger.builders import CAUSE, a_ledger, running

TODAY = date(2026, 3, 31)


def test_an_export_killed_at_random_goes_once_and_whole(fresh_database, tmp_path):
    chance = random.Random(SEED)
    own = tmp_path / "files.yaml"
    own.write_text("grouping: event\n")
    chosen = fresh_database.model_copy(update={"accounting_files": own})
    with a_ledger(chosen, TODAY) as ledger:
        for _ in range(60):
            running(ledger)
        close_through(ledger, TODAY, cause=CAUSE)
    store = Store(chosen)
    for month in (1, 2):
        close_period(store, date(2026, month, 1), TODAY, Cause("bea", "test"))
    store.close()
    with connect(chosen) as connection:
        catch_up(connection)
        connection.commit()
        spans = {1: (date(2026, 1, 1), date(2026, 1, 31)), 2: (date(2026, 2, 1), date(2026, 2, 28))}
        expected = {
            month: [one.key for one in entries(connection, load_rules(), *span, Grouping.EVENT)]
            for month, span in spans.items()
        }
    words = ["accounting", "export", "csv", "--to", tmp_path / "out.csv", "--period"]
    longest = run(chosen, [*words, "2026-01"])
    out = tmp_path / "out.csv"
    assert keys(out) == expected[1]
    out.unlink()

    for _ in range(4 * KILLS):  # each time from where the last one left it
        process = started(chosen, [*words, "2026-02"])
        try:
            process.communicate(timeout=chance.uniform(0.5 * longest, longest))
        except subprocess.TimeoutExpired:
            kill(process, chance)
            process.communicate(timeout=PATIENCE)
        assert not out.exists() or keys(out) == expected[2]
        if process.returncode in (0, 2):
            break

    with connect(chosen) as connection:
        batches = connection.execute(
            "SELECT id FROM ledger.accounting_batches WHERE period = '2026-02'"
        ).fetchall()
    if not batches:
        run(chosen, [*words, "2026-02"])
    else:
        [(batch,)] = batches
        run(chosen, ["accounting", "re-export", str(batch), "--to", out])
    assert keys(out) == expected[2]
    with connect(chosen) as connection:
        sent = connection.execute("SELECT key FROM ledger.accounting_batch_entries").fetchall()
    assert sorted(key for (key,) in sent) == sorted([*expected[1], *expected[2]])


def keys(path):
    """The entries of the file, each once, in order."""
    with path.open(newline="") as file:
        return list(dict.fromkeys(row["key"] for row in csv.DictReader(file)))

"""Values of the indices that synthetic loans follow: a rate that wanders, a unit that grows."""

import random
from datetime import date, timedelta

from psycopg import Connection
from psycopg.rows import TupleRow

from ledger.store import Store

EVERY_DAYS = 7
FIRST_DAY = date(2010, 1, 3)
RATE, LOWEST, HIGHEST, STEP = 85_000, 45_000, 120_000, 500
UNIT, GROWTH = 8_000_000, 1_000_800
"""Of the unit on ``FIRST_DAY``, and what a week makes of a million."""


def publish(store: Store, seed: int, since: date, until: date) -> None:
    """Give each index its value of every week from ``since`` to ``until``, where it has none.

    A close after ``until`` wants later values for floating loans.
    """
    rows = [(name, day, value) for name, day, value in _values(seed, until) if day >= since]

    def insert(connection: Connection[TupleRow]) -> None:
        with connection.transaction():
            connection.cursor().executemany(
                "INSERT INTO ledger.index_values (index, on_day, value, recorded_by)"
                " VALUES (%s, %s, %s, 'synthetic') ON CONFLICT DO NOTHING",
                rows,
            )

    store.run(insert)


def _values(seed: int, until: date) -> list[tuple[str, date, int]]:
    chance, day, rate, unit = random.Random(f"{seed}:indices"), FIRST_DAY, RATE, UNIT
    found = []
    while day <= until:
        found += [("TIIE_28", day, rate), ("UDI", day, unit)]
        rate = min(max(rate + chance.choice((-STEP, 0, 0, 0, STEP)), LOWEST), HIGHEST)
        unit = unit * GROWTH // 1_000_000
        day += timedelta(days=EVERY_DAYS)
    return found

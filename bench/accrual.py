"""How many loans a second accrue one day: the arithmetic alone, on a whole book at once."""

import random
import time
from collections.abc import Callable
from datetime import date, timedelta

import numpy as np

from bench.report import BenchResult, result
from domain.arrays import accrual as vectorised
from domain.daycount import CONVENTIONS, elapsed
from domain.money import MILLION, Rounding, divide, share
from domain.terms import DayCount

SEED = 20_260_101
LOANS = 250_000
ROUNDS = 10
ON = date(2026, 3, 16)
SINCE = ON - timedelta(days=1)
DAY_COUNT = DayCount.ACTUAL_360
BASIS = CONVENTIONS[DAY_COUNT][1]
ROUNDING = Rounding.HALF_EVEN


def run(*, quick: bool = False) -> BenchResult:
    """Ours as the close of day calls it; the limit is one multiplication and one division."""
    seconds = 2.0 if quick else 10.0
    chance = random.Random(SEED)
    book = [_loan(chance) for _ in range(LOANS)]
    starts, *figures = zip(*book, strict=True)
    start_on = np.array(starts, "M8[D]")
    principal, rate, numerator, tax_rate = (np.array(column, np.int64) for column in figures)
    wide = np.where(np.arange(LOANS) % 100, numerator, 2**63 - 1)

    def step(numerator: vectorised.Exact) -> vectorised.Accrued:
        units = vectorised.elapsed(DAY_COUNT, start_on, SINCE, ON)
        return vectorised.accrue(principal, rate, units, numerator, BASIS, ROUNDING, tax_rate)

    def scalar() -> list[tuple[int, int, int]]:
        return [_accrued(*loan) for loan in book]

    same = zip(*(column.tolist() for column in step(numerator)), strict=True)
    assert list(same) == scalar()
    rates = _rates(
        {
            "ours": lambda: step(numerator),
            "limit": lambda: principal * rate // (BASIS * MILLION),
            "scalar": scalar,
            "wide": lambda: step(wide),
        },
        seconds,
    )
    return result(
        "accrual",
        "loans/s",
        ours=rates["ours"],
        limit=rates["limit"],
        others={
            "scalar": rates["scalar"],
            "times scalar": rates["ours"] / rates["scalar"],
            "with one loan in a hundred beyond int64": rates["wide"],
        },
        work=f"a day's interest and tax of {LOANS:,} loans, arrays to arrays, one thread; limit:"
        " one multiplication and one floor division of the same arrays",
    )


def _loan(chance: random.Random) -> tuple[date, int, int, int, int]:
    """Start of the period, principal, rate, numerator so far, tax rate."""
    start_on = SINCE - timedelta(days=chance.randrange(30))
    principal = chance.randrange(1_000_00, 500_000_00)
    rate = chance.choice((145_000, 360_000, 720_000))
    numerator = principal * rate * (SINCE - start_on).days
    return start_on, principal, rate, numerator, chance.choice((0, 160_000))


def _accrued(
    start_on: date, principal: int, rate: int, numerator: int, tax_rate: int
) -> tuple[int, int, int]:
    added = principal * rate * elapsed(DAY_COUNT, start_on, SINCE, ON)
    before = divide(numerator, BASIS * MILLION, ROUNDING)
    after = divide(numerator + added, BASIS * MILLION, ROUNDING)
    tax = share(after, tax_rate, ROUNDING) - share(before, tax_rate, ROUNDING)
    return after - before, tax, added


def _rates(works: dict[str, Callable[[], object]], seconds: float) -> dict[str, float]:
    """Loans a second of each, its best round: they take turns, so that noise falls on all."""
    best = dict.fromkeys(works, 0.0)
    for _ in range(ROUNDS):
        for name, work in works.items():
            done, start = 0, time.perf_counter()
            while (spent := time.perf_counter() - start) < seconds / ROUNDS:
                work()
                done += LOANS
            best[name] = max(best[name], done / spent)
    return best

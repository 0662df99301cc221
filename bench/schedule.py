"""How many schedules of 36 instalments a second: a whole portfolio at once, and one by one."""

import random
import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from importlib.util import find_spec
from statistics import median

import numpy as np

from bench.report import BenchResult, result
from domain.arrays.schedules import Asked, schedules
from domain.schedule import schedule
from domain.terms import DayCount, Frequency, Method, Terms

SEED = 20_260_101
LOANS = 100_000
INSTALMENTS = 36
ONE_BY_ONE = 500
METHODS = (Method.EQUAL_INSTALMENTS, Method.EQUAL_PRINCIPAL, Method.FLAT, Method.INTEREST_ONLY)
FREQUENCIES = (Frequency.WEEKLY, Frequency.SEMI_MONTHLY, Frequency.MONTHLY)
DAY_COUNTS = (DayCount.ACTUAL_360, DayCount.ACTUAL_ACTUAL, DayCount.THIRTY_360)


def run(*, quick: bool = False) -> BenchResult:
    """Medians of rounds in which all take turns, so that noise falls on all."""
    chance = random.Random(SEED)
    book = [_loan(chance) for _ in range(LOANS)]
    mixed = [_loan(chance, mixed=True) for _ in range(LOANS)]
    few = book[:ONE_BY_ONE]
    _check_equal(few + mixed[:ONE_BY_ONE])
    principal = np.array([one for _, one, _ in book], np.float64)
    rate = np.array([terms.annual_rate for terms, _, _ in book]) / 12e6
    works: dict[str, tuple[int, Callable[[], object]]] = {
        "ours": (LOANS, lambda: schedules(book)),
        "mixed": (LOANS, lambda: schedules(mixed)),
        "scalar": (ONE_BY_ONE, lambda: [schedule(*one) for one in few]),
        "limit": (LOANS, lambda: _recurrence(principal, rate)),
    }
    left_out = "; numpy-financial is not installed, so it is left out"
    if find_spec("numpy_financial"):
        works["theirs"] = (ONE_BY_ONE, lambda: [_theirs(*one[:2]) for one in few])
        left_out = ""
    rates = _rates(works, rounds=3 if quick else 9)
    others = {
        f"seconds for {LOANS:,} schedules": LOANS / rates["ours"],
        "a portfolio of 36 kinds of terms": rates["mixed"],
        "one by one (domain.schedule)": rates["scalar"],
        "times one by one": rates["ours"] / rates["scalar"],
    }
    if theirs := rates.get("theirs"):
        others["numpy-financial"] = theirs
        others["times numpy-financial"] = rates["ours"] / theirs
        others["one by one, times numpy-financial"] = rates["scalar"] / theirs
    return result(
        "schedule",
        "schedules/s",
        ours=rates["ours"],
        limit=rates["limit"],
        others=others,
        work=f"{INSTALMENTS} level monthly instalments with dates, interest by actual/360 and tax"
        f" of {LOANS:,} loans, terms to columns, seconds of one processor; numpy-financial: pmt,"
        " ipmt and ppmt in floats, no dates, days or tax; limit: that recurrence in floats on"
        f" arrays of all loans{left_out}",
    )


def _loan(chance: random.Random, *, mixed: bool = False) -> Asked:
    principal = chance.randrange(1_000_00, 500_000_00)
    terms = Terms(
        currency="MXN",
        principal=principal,
        annual_rate=chance.choice((145_000, 240_000, 360_000)),
        instalments=INSTALMENTS,
        frequency=chance.choice(FREQUENCIES) if mixed else Frequency.MONTHLY,
        method=chance.choice(METHODS) if mixed else Method.EQUAL_INSTALMENTS,
        day_count=chance.choice(DAY_COUNTS) if mixed else DayCount.ACTUAL_360,
        tax_rate=160_000,
    )
    return terms, principal, date(2026, 1, 1) + timedelta(days=chance.randrange(365))


def _check_equal(loans: Sequence[Asked]) -> None:
    made = schedules(loans)
    columns = (made.due_on, made.principal, made.interest, made.tax, made.fee)
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == [
        (row.due_on, row.principal, row.interest, row.tax, row.fee)
        for one in loans
        for row in schedule(*one)
    ]


def _theirs(terms: Terms, principal: int) -> list[tuple[int, float, float, float]]:
    """(number, principal, interest, instalment) of each row."""
    import numpy_financial as npf

    rate, numbers = terms.annual_rate / 12e6, np.arange(1, INSTALMENTS + 1)
    level = npf.pmt(rate, INSTALMENTS, -principal)
    interest = npf.ipmt(rate, numbers, INSTALMENTS, -principal)
    repaid = npf.ppmt(rate, numbers, INSTALMENTS, -principal)
    return [
        (number, one, other, level)
        for number, one, other in zip(
            numbers.tolist(), repaid.tolist(), interest.tolist(), strict=True
        )
    ]


def _recurrence(
    principal: np.ndarray[tuple[int], np.dtype[np.float64]],
    rate: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> object:
    """Interest and principal of all rows: nothing but the arithmetic, in floats."""
    interest, repaid = np.empty((2, INSTALMENTS, principal.size))
    level = principal * rate / (1 - (1 + rate) ** -INSTALMENTS)
    balance = principal.copy()
    for k in range(INSTALMENTS):
        np.multiply(balance, rate, out=interest[k])
        np.subtract(level, interest[k], out=repaid[k])
        balance -= repaid[k]
    return interest, repaid


def _rates(works: dict[str, tuple[int, Callable[[], object]]], rounds: int) -> dict[str, float]:
    """Schedules a second of one processor: the median of the rounds of each."""
    seen: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, (loans, work) in works.items():
            start = time.process_time()
            work()
            seen[name].append(loans / (time.process_time() - start))
    return {name: median(rates) for name, rates in seen.items()}

"""Every report, made from the ends of months.

Definitions follow CGAP's consensus guidelines (Definitions of Selected Financial Terms, Ratios, and
Adjustments for Microfinance, 2003) as far as they are named there: portfolio at risk is the whole
outstanding principal of loans with a payment more than so many days late, over the outstanding
principal of all loans; restructured loans stand apart, counted where they are not late by as much;
a write-off ratio divides what was written off by the portfolio.
"""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from projections.portfolio import BUCKETS
from projections.reports.month_end import Book, Column, ReportError
from projections.reports.report import Field, Kind, Report, ReportName, rate

BY = ("product", "branch", "officer", "stage", "bucket", "status", "currency")
LATE = (30, 60, 90)
GONE = "gone"
WRITTEN_OFF = "written off"
NEW = "new"
LARGEST = 10

COUNT, MONEY, RATE = Kind.COUNT, Kind.MONEY, Kind.RATE


def portfolio(book: Book, by: str) -> Report:
    """Loans and principal by a field, with what is at risk."""
    fields = [
        Field("currency"), Field(by), Field("loans", COUNT), Field("principal", MONEY),
        Field("share", RATE), Field("past_due_loans", COUNT),
        *(Field(f"par{days}", RATE) for days in LATE), Field("restructured", MONEY),
        Field("total_risk", RATE), Field("written_off", MONEY), Field("written_off_rate", RATE),
    ]  # fmt: skip
    rows = []
    for currency, whole in _each(book, "currency"):
        all_principal = _sum(whole.principal)
        for value, part in _each(whole, by):
            principal = _sum(part.principal)
            late = [_sum(part.principal[part.days > days]) for days in LATE]
            changed = _sum(part.principal[part.restructured])
            apart = _sum(part.principal[part.restructured & (part.days <= LATE[0])])
            lost = _sum(part.written_off)
            rows.append((
                currency, value, int((part.status == "active").sum()), principal,
                rate(principal, all_principal), int((part.days > 0).sum()),
                *(rate(amount, principal) for amount in late), changed,
                rate(late[0] + apart, principal), lost, rate(lost, principal + lost),
            ))  # fmt: skip
    return Report("portfolio", tuple(fields), tuple(rows), _source(book), (by, "principal"))


def risk(books: Sequence[Book]) -> Report:
    """Portfolio at risk over the months."""
    fields = (
        Field("currency"), Field("month"), Field("loans", COUNT), Field("principal", MONEY),
        *(Field(f"par{days}", RATE) for days in LATE), Field("restructured", RATE),
        Field("total_risk", RATE), Field("written_off", MONEY),
    )  # fmt: skip
    rows = []
    for book in books:
        for currency, part in _each(book, "currency"):
            principal = _sum(part.principal)
            late = [_sum(part.principal[part.days > days]) for days in LATE]
            apart = _sum(part.principal[part.restructured & (part.days <= LATE[0])])
            rows.append((
                currency, _month(book), int((part.status == "active").sum()), principal,
                *(rate(amount, principal) for amount in late), rate(apart, principal),
                rate(late[0] + apart, principal), _sum(part.written_off),
            ))  # fmt: skip
    return Report("risk", fields, tuple(rows), _source(*books), ("month", "par30", "total_risk"))


def concentration(book: Book, by: str, largest: int = LARGEST) -> Report:
    """The largest parts of the portfolio, and the index of all of them.

    The Herfindahl-Hirschman index is the sum of the squared shares, here in millionths of one.
    """
    fields = (
        Field("currency"), Field(by), Field("loans", COUNT), Field("principal", MONEY),
        Field("share", RATE), Field("cumulative", RATE),
    )  # fmt: skip
    rows: list[tuple[Any, ...]] = []
    for currency, whole in _each(book, "currency"):
        total = _sum(whole.principal)
        parts = [(value, part) for value, part in _each(whole, by) if _sum(part.principal)]
        parts.sort(key=lambda one: (-_sum(one[1].principal), str(one[0])))
        running = 0
        for value, part in parts[:largest]:
            principal = _sum(part.principal)
            running += principal
            loans = int((part.principal > 0).sum())
            rows.append(
                (currency, value, loans, principal, rate(principal, total), rate(running, total))
            )
        squares = sum(_sum(part.principal) ** 2 for _, part in parts)
        index = squares * 1_000_000 // total**2 if total else None
        rows.append((currency, "index", len(parts), total, index, None))
    return Report("concentration", fields, tuple(rows), _source(book), (by, "share"))


def roll(before: Book, after: Book) -> Report:
    """Where the loans of each bucket were a month later, by number and by principal before.

    ``cured`` says that a loan past due is current.
    """
    fields = (
        Field("currency"), Field("from"), Field("to"), Field("loans", COUNT),
        Field("principal", MONEY), Field("rate", RATE), Field("cured"),
    )  # fmt: skip
    place = {loan: at for at, loan in enumerate(after.loan_no.tolist())}
    was = before.where(before.status == "active")
    now = np.array([place.get(loan, -1) for loan in was.loan_no.tolist()], dtype=np.int64)
    to = np.full(len(now), GONE, dtype=object)
    there = now >= 0
    to[there] = after.bucket[now[there]]
    lost = there.copy()
    lost[there] = after.status[now[there]] == "written_off"
    to[lost] = WRITTEN_OFF
    rows = []
    for currency, since in _groups(was.currency):
        for bucket in BUCKETS:
            begun = since & (was.bucket == bucket)
            total = _sum(was.principal[begun])
            for end in (*BUCKETS, WRITTEN_OFF, GONE):
                moved = begun & (to == end)
                if moved.any():
                    amount = _sum(was.principal[moved])
                    cured = bucket != BUCKETS[0] and end == BUCKETS[0]
                    rows.append((
                        currency, bucket, end, int(moved.sum()), amount, rate(amount, total),
                        "yes" if cured else "",
                    ))  # fmt: skip
    return Report("roll", fields, tuple(rows), _source(before, after))


def vintages(books: Sequence[Book]) -> Report:
    """How the loans of each month of origin did, month by month since.

    ``par30`` and ``written_off_rate`` are shares of what was paid out to the loans of the vintage
    that are known at any of the months' ends.
    """
    fields = (
        Field("currency"), Field("vintage"), Field("month"), Field("age", COUNT),
        Field("loans", COUNT), Field("disbursed", MONEY), Field("principal", MONEY),
        Field("par30", RATE), Field("written_off_rate", RATE),
    )  # fmt: skip
    known: dict[tuple[str, str], dict[str, int]] = {}
    for book in books:
        for loan, currency, on, paid_out in zip(
            book.loan_no, book.currency, book.booked_on, book.disbursed, strict=True
        ):
            known.setdefault((currency, f"{on:%Y-%m}"), {})[loan] = int(paid_out)
    rows = []
    for book in books:
        origin = np.array([f"{on:%Y-%m}" for on in book.booked_on], dtype=object)
        for (currency, vintage), loans in sorted(known.items()):
            of = (book.currency == currency) & (origin == vintage)
            if not of.any():
                continue
            part, paid_out = book.where(of), sum(loans.values())
            late = _sum(part.principal[part.days > LATE[0]])
            rows.append((
                currency, vintage, _month(book), _age(vintage, book.frozen.month), len(loans),
                paid_out, _sum(part.principal), rate(late, paid_out),
                rate(_sum(part.written_off), paid_out),
            ))  # fmt: skip
    return Report("vintages", fields, tuple(rows), _source(*books), ("age", "par30"))


REPORTS = tuple(ReportName)


def months_of(name: str, asked: int) -> int:
    """How many months' ends a report is made from."""
    return {"roll": 2, "risk": asked, "vintages": asked}.get(name, 1)


def make(name: str, books: Sequence[Book], by: str = "product") -> Report:
    """The report of that name from months' ends, the latest last. Errors: ``ReportError``."""
    if name not in REPORTS:
        raise ReportError(f"{name!r} is none of {', '.join(REPORTS)}")
    if name in ("portfolio", "concentration") and by not in (*BY, "borrower"):
        raise ReportError(f"by {by!r} is none of {', '.join((*BY, 'borrower'))}")
    if not books or (name == "roll" and len(books) < 2):
        raise ReportError(f"{name} needs {2 if name == 'roll' else 1} months")
    one: dict[str, Callable[[], Report]] = {
        "portfolio": lambda: portfolio(books[-1], by),
        "concentration": lambda: concentration(books[-1], by),
        "risk": lambda: risk(books),
        "roll": lambda: roll(books[-2], books[-1]),
        "vintages": lambda: vintages(books),
    }
    return one[name]()


def _groups(column: Column) -> list[tuple[Any, NDArray[np.bool_]]]:
    return [(value, column == value) for value in sorted(set(column.tolist()))]


def _each(book: Book, by: str) -> list[tuple[Any, Book]]:
    groups = _groups(getattr(book, by))
    if by == "bucket":
        groups.sort(key=lambda group: BUCKETS.index(group[0]))
    return [(value, book.where(chosen)) for value, chosen in groups]


def _sum(column: Column) -> int:
    return int(column.sum())


def _month(book: Book) -> str:
    return f"{book.frozen.month:%Y-%m}"


def _age(vintage: str, month: date) -> int:
    return (month.year - int(vintage[:4])) * 12 + month.month - int(vintage[5:])


def _source(*books: Book) -> tuple[str, ...]:
    return tuple(f"{_month(book)} {book.frozen.digest}" for book in books)

"""Reports of a book, against the same figures worked out loan by loan from the loans themselves."""

import csv
import io
from collections import Counter, defaultdict
from datetime import date

import openpyxl
import polars as pl
import psycopg
import pytest

from domain.loan import Status
from domain.views import as_of
from ledger import log
from ledger.database import connect
from ledger.synthetic import fill
from projections.engine import catch_up
from projections.reports.files import FORMATS
from projections.reports.made import LATE, make
from projections.reports.month_end import (
    AlreadyFrozen,
    MonthNotClosed,
    MonthNotOver,
    NotFrozen,
    ReportError,
    book,
    check,
    freeze,
    frozen,
    up_to,
)
from projections.statements.period import month
from tests.faults.kills import run

MAY, JUNE = month("2026-05"), month("2026-06")
TODAY = date(2026, 7, 3)


@pytest.fixture(scope="module")
def connection(database):
    fill(database, loans=120, seed=11, until=MAY.ends_on, days=120, processes=1)
    with connect(database, autocommit=True) as connection:
        catch_up(connection)
        freeze(connection, MAY, TODAY, "ana")
        run(database, ["close", "--through", str(JUNE.ends_on)])
        freeze(connection, JUNE, TODAY, "ana")
        yield connection


@pytest.fixture(scope="module")
def books(connection):
    return [book(connection, one) for one in up_to(connection, JUNE.ends_on, 12)]


@pytest.fixture(scope="module")
def loans(connection):
    """Every loan as it stood at each of the two ends, told from its own events."""
    ids = [one for (one,) in connection.execute("SELECT loan_id FROM ledger.loan_state")]
    known = log.load_many(connection, ids)
    return {
        period.ends_on: {
            loan.loan_no: as_of(loan, period.ends_on)
            for loan in known.values()
            if loan.opened_on <= period.ends_on
        }
        for period in (MAY, JUNE)
    }


def active(seen):
    return {no: loan for no, loan in seen.items() if loan.status is Status.ACTIVE}


@pytest.mark.parametrize("at", [0, 1])
def test_a_month_s_end_has_each_loan_as_it_stood(at, books, loans):
    one, on = books[at], (MAY, JUNE)[at].ends_on
    expected = active(loans[on])
    rows = {no: at for at, no in enumerate(one.loan_no) if one.status[at] == "active"}

    assert rows.keys() == expected.keys()
    for number, loan in expected.items():
        row = rows[number]
        assert one.principal[row] == loan.balances().principal, number
        assert one.days[row] == loan.days_past_due(on), number
        assert one.stage[row] == loan.stage, number
        assert one.disbursed[row] == loan.disbursed, number


def test_portfolio_at_risk_is_that_of_the_loans(books, loans):
    report = make("portfolio", books, "product")
    principal, late = Counter(), defaultdict(Counter)
    for loan in active(loans[JUNE.ends_on]).values():
        owed = loan.balances().principal
        principal[loan.opened.product] += owed
        for days in LATE:
            if loan.days_past_due(JUNE.ends_on) > days:
                late[days][loan.opened.product] += owed

    at = [field.name for field in report.fields]
    for row in report.rows:
        told = dict(zip(at, row, strict=True))
        product = told["product"]
        assert told["principal"] == principal[product]
        for days in LATE:
            if principal[product]:
                share = late[days][product] * 1_000_000 // principal[product]
                assert told[f"par{days}"] == share


def test_every_loan_of_the_first_month_is_somewhere_in_the_next(books, loans):
    report = make("roll", books)
    at = [field.name for field in report.fields]
    told = [dict(zip(at, row, strict=True)) for row in report.rows]

    assert sum(row["loans"] for row in told) == len(active(loans[MAY.ends_on]))
    shares = defaultdict(int)
    for row in told:
        if row["rate"] is not None:
            shares[row["currency"], row["from"]] += row["rate"]
    assert all(abs(share - 1_000_000) < len(told) for share in shares.values())
    gone = sum(row["loans"] for row in told if row["to"] == "gone")
    assert gone == len(active(loans[MAY.ends_on]).keys() - loans_there(loans[JUNE.ends_on]))


def loans_there(seen):
    return {no for no, one in seen.items() if one.status in (Status.ACTIVE, Status.WRITTEN_OFF)}


def test_vintages_and_risk_count_each_loan_once(books):
    risk = make("risk", books)
    vintages = make("vintages", books)

    assert {row[1] for row in risk.rows} == {"2026-05", "2026-06"}
    for currency, month_name, _, total, *_ in risk.rows:
        of = [row[6] for row in vintages.rows if (row[0], row[2]) == (currency, month_name)]
        assert sum(of) == total
    assert all(row[3] >= 0 for row in vintages.rows)


def test_concentration_adds_up_and_its_index_is_the_sum_of_squares(books):
    report = make("concentration", books, "borrower")
    *largest, index = [row for row in report.rows if row[0] == "MXN"]

    pesos = books[-1].where(books[-1].currency == "MXN")
    total = int(pesos.principal.sum())
    squares = Counter()
    for borrower, amount in zip(pesos.borrower, pesos.principal, strict=True):
        squares[borrower] += int(amount)
    assert index[3] == total
    assert index[4] == sum(amount**2 for amount in squares.values()) * 1_000_000 // total**2
    assert [row[3] for row in largest] == sorted((row[3] for row in largest), reverse=True)
    assert largest[-1][5] == sum(row[3] for row in largest) * 1_000_000 // total


def test_files_are_read_back_by_others_with_the_same_figures(books):
    report = make("portfolio", books, "branch")
    shown = list(report.shown())

    read = list(csv.DictReader(io.StringIO(FORMATS["csv"](report).decode())))
    assert [row["principal"] for row in read] == [row["principal"] for row in shown]
    sheet = openpyxl.load_workbook(io.BytesIO(FORMATS["xlsx"](report)))["portfolio"]
    head, *rows = list(sheet.iter_rows(values_only=True))
    assert [f"{row[head.index('principal')]:.2f}" for row in rows] == [
        row["principal"] for row in shown
    ]
    frame = pl.read_parquet(io.BytesIO(FORMATS["parquet"](report)))
    assert frame["principal"].to_list() == [row[3] for row in report.rows]
    assert FORMATS["svg"](report).startswith(b"<svg")
    assert FORMATS["png"](report).startswith(b"\x89PNG")
    for form in FORMATS.values():
        assert form(report) == form(report)


def test_what_is_frozen_stays_and_its_hash_is_checked(connection, database):
    [first, _] = frozen(connection)

    with pytest.raises(AlreadyFrozen, match=first.digest):
        freeze(connection, MAY, TODAY, "eve")
    with (
        connect(database, owner=True) as owner,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"),
    ):
        owner.execute("UPDATE ledger.month_end_loans SET principal = 0")
    assert check(connection, first.month)


def test_months_that_are_not_over_closed_or_frozen_are_refused(connection):
    july = month("2026-07")
    with pytest.raises(MonthNotOver):
        freeze(connection, july, TODAY, "ana")
    with pytest.raises(MonthNotClosed, match="cartera close --through 2026-07-31"):
        freeze(connection, july, date(2026, 8, 1), "ana")
    with pytest.raises(NotFrozen, match="cartera month-end freeze 2026-07"):
        book(connection, july.ends_on)
    assert len(frozen(connection)) == 2


@pytest.mark.parametrize(
    ("name", "by", "few"),
    [("poem", "product", False), ("portfolio", "colour", False), ("roll", "product", True)],
)
def test_reports_that_there_are_not_are_refused(books, name, by, few):
    with pytest.raises(ReportError):
        make(name, books[:1] if few else books, by)

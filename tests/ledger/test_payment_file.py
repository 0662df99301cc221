"""A bank's line reaches its loan once, waits in suspense, or comes back with a reason."""

import csv
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.loan import Status
from ledger.bank_line import reference_key
from ledger.close_of_day import close_through
from ledger.forms import FormError
from ledger.payment_file import import_payments
from ledger.suspense import waiting
from tests.ledger.builders import CAUSE, a_ledger, mxn, opened, pay, running

HEADER = "date,reference,amount,channel,transaction_id"
DUE = date(2026, 2, 15)


@pytest.fixture
def ledger(fresh_database):
    with a_ledger(fresh_database) as ledger:
        yield ledger


def written(tmp_path, *lines, header=HEADER, name="bank.csv"):
    path = tmp_path / name
    path.write_text("".join(f"{line}\n" for line in (header, *lines)), encoding="utf-8")
    return path


def rejects(report):
    if report.rejects is None:
        return []
    with Path(report.rejects).open(encoding="utf-8", newline="") as file:
        return [(int(row["line"]), row["field"], row["reason"]) for row in csv.DictReader(file)]


def suspended(ledger):
    return [(one.line_key, one.code, one.reason) for one in waiting(ledger.store)]


def counts(report):
    names = ("applied", "recovered", "suspended", "repeated", "rejected")
    return {name: getattr(report, name) for name in names if getattr(report, name)}


def events(ledger):
    [[count]] = ledger.store.run(
        lambda connection: connection.execute("SELECT count(*) FROM ledger.events").fetchall()
    )
    return count


def test_a_line_becomes_a_payment_with_its_date_channel_and_reference(ledger, tmp_path):
    loan_id = running(ledger, "CDMX-00001")

    report = import_payments(ledger, written(tmp_path, "2026-02-15,CDMX-00001,1054.22,SPEI,T1"))

    assert counts(report) == {"applied": 1}
    assert report.amounts == {"applied": {"MXN": "1054.22"}}
    [payment] = ledger.load(loan_id).payments.values()
    assert (payment.amount, payment.effective_on) == (1054_22, DUE)
    assert (payment.channel, payment.reference) == ("SPEI", "CDMX-00001")


@pytest.mark.parametrize("reference", ["CDMX-00001", "cdmx 00001", "CDMX00001", " cdmx/0.0001 "])
def test_a_reference_is_matched_whatever_its_case_and_punctuation(ledger, tmp_path, reference):
    running(ledger, "CDMX-00001")

    report = import_payments(ledger, written(tmp_path, f"2026-02-15,{reference},10.00,SPEI,T1"))

    assert counts(report) == {"applied": 1}


@given(st.text(max_size=40))
def test_the_database_reads_a_reference_as_we_do(database_url_connection, reference):
    plain = reference.replace("\x00", "")
    plain = plain.encode("utf-8", "ignore").decode()
    [[theirs]] = database_url_connection.execute(
        "SELECT ledger.reference_key(%s)", [plain]
    ).fetchall()
    assert theirs == reference_key(plain)


@pytest.fixture(scope="module")
def database_url_connection(database):
    from ledger.database import connect

    with connect(database, autocommit=True) as connection:
        yield connection


def test_the_same_file_again_applies_nothing(ledger, tmp_path):
    running(ledger, "A-1")
    path = written(tmp_path, "2026-02-15,A-1,10.00,SPEI,T1", "2026-02-15,NOBODY,5.00,SPEI,T2")
    import_payments(ledger, path)
    before = events(ledger)

    again = import_payments(ledger, path)

    assert counts(again) == {"repeated": 2}
    assert events(ledger) == before
    assert len(suspended(ledger)) == 1


def test_a_transaction_id_with_another_body_is_a_reject(ledger, tmp_path):
    loan_id = running(ledger, "A-1")
    running(ledger, "A-2")
    import_payments(ledger, written(tmp_path, "2026-02-15,A-1,10.00,SPEI,T1"))

    report = import_payments(
        ledger,
        written(
            tmp_path,
            "2026-02-15,A-1,11.00,SPEI,T1",
            name="other.csv",
        ),
    )
    elsewhere = import_payments(
        ledger, written(tmp_path, "2026-02-15,A-2,10.00,SPEI,T1", name="third.csv")
    )
    nobody = import_payments(
        ledger, written(tmp_path, "2026-02-15,NOBODY,10.00,SPEI,T1", name="fourth.csv")
    )

    for one in (report, elsewhere, nobody):
        assert rejects(one) == [(2, "transaction_id", "T1 was imported before with other content")]
    assert len(ledger.load(loan_id).payments) == 1
    assert suspended(ledger) == []


def test_a_line_twice_in_one_file_is_applied_once(ledger, tmp_path):
    loan_id = running(ledger, "A-1")
    line = "2026-02-15,A-1,10.00,SPEI,T1"

    report = import_payments(ledger, written(tmp_path, line, line, line.replace("10.00", "9.00")))

    assert counts(report) == {"applied": 1, "repeated": 1, "rejected": 1}
    assert rejects(report) == [(4, "transaction_id", "T1 stands with other content on line 2")]
    assert len(ledger.load(loan_id).payments) == 1


def test_what_no_loan_can_take_waits_in_suspense_with_its_reason(ledger, tmp_path):
    opened(ledger, "OPEN-1")
    running(ledger, "A-1")
    running(ledger, "A1")
    import_payments(
        ledger,
        written(
            tmp_path,
            "2026-02-15,NOBODY,10.00,SPEI,T1",
            "2026-02-15,,20.00,SPEI,T2",
            "2026-02-15,a 1,30.00,SPEI,T3",
            "2026-02-15,OPEN-1,40.00,SPEI,T4",
            "2026-01-02,A-1,50.00,SPEI,T5",
        ),
    )

    assert [(key, code) for key, code, _ in sorted(suspended(ledger))] == [
        ("bank:T1", "unknown-reference"),
        ("bank:T2", "unknown-reference"),
        ("bank:T3", "ambiguous-reference"),
        ("bank:T4", "not-allowed-now"),
        ("bank:T5", "ambiguous-reference"),
    ]


def test_money_dated_before_disbursement_waits_in_suspense(ledger, tmp_path):
    running(ledger, "A-1")

    import_payments(ledger, written(tmp_path, "2026-01-02,A-1,50.00,SPEI,T5"))

    [(_, code, reason)] = suspended(ledger)
    assert code == "invalid-date"
    assert "before disbursement" in reason


def test_money_on_a_written_off_loan_is_a_recovery_and_more_than_that_waits(ledger, tmp_path):
    loan_id = running(ledger, "A-1")
    ledger.write_off(loan_id, effective_on=date(2026, 9, 1), cause=CAUSE)

    report = import_payments(
        ledger,
        written(
            tmp_path,
            "2026-09-02,A-1,100.00,SPEI,T1",
            "2026-09-03,A-1,99999.00,SPEI,T2",
        ),
    )

    assert counts(report) == {"recovered": 1, "suspended": 1}
    assert ledger.load(loan_id).recovered.total == 100_00
    assert suspended(ledger)[0][1] == "over-recovery"


def test_money_on_a_repaid_loan_is_kept_for_the_borrower(ledger, tmp_path):
    loan_id = running(ledger, "A-1")
    pay(ledger, loan_id, "10500.00", DUE)
    assert ledger.load(loan_id).status is Status.CLOSED

    kept = ledger.load(loan_id).overpaid

    import_payments(ledger, written(tmp_path, "2026-02-16,A-1,10.00,SPEI,T1"))

    loan = ledger.load(loan_id)
    assert (loan.status, loan.overpaid - kept) == (Status.CLOSED, 10_00)
    assert suspended(ledger) == []


@pytest.mark.parametrize(
    ("line", "field", "reason"),
    [
        ("2026-02-31,A-1,10.00,SPEI,T9", "date", "not a day of the calendar"),
        ("15/02/2026,A-1,10.00,SPEI,T9", "date", "must be a date"),
        (",A-1,10.00,SPEI,T9", "date", "is missing"),
        ("2031-02-15,A-1,10.00,SPEI,T9", "date", "in the future"),
        ("2026-02-15,A-1,0.00,SPEI,T9", "amount", "must be more than zero"),
        ("2026-02-15,A-1,-5.00,SPEI,T9", "amount", "must be more than zero"),
        ("2026-02-15,A-1,10.001,SPEI,T9", "amount", "more than the 2 decimals"),
        ("2026-02-15,A-1,99999999999999999999.00,SPEI,T9", "amount", "more than the ledger"),
        ('2026-02-15,A-1,"1,000.00",SPEI,T9', "amount", "plain decimal"),
        ("2026-02-15,A-1,NaN,SPEI,T9", "amount", "plain decimal"),
        ("2026-02-15,A-1,,SPEI,T9", "amount", "is missing"),
        ("2026-02-15,A-1,10.00,SPEI,", "transaction_id", "is missing"),
        (f"2026-02-15,A-1,10.00,SPEI,{'9' * 151}", "transaction_id", "at most 150"),
        ("2026-02-15,A-1,10.00", "line", "has 3 cells where the header has 5"),
    ],
)
def test_a_line_that_cannot_be_read_is_rejected_and_the_others_land(
    ledger, tmp_path, line, field, reason
):
    running(ledger, "A-1")

    report = import_payments(
        ledger,
        written(tmp_path, "2026-02-15,A-1,1.00,SPEI,T1", line, "2026-02-15,A-1,1.00,SPEI,T2"),
    )

    assert counts(report) == {"applied": 2, "rejected": 1}
    [(number, at, told)] = rejects(report)
    assert (number, at) == (3, field)
    assert reason in told


def test_a_line_in_another_currency_than_its_loan_waits(ledger, tmp_path):
    running(ledger, "A-1")

    import_payments(
        ledger, written(tmp_path, "2026-02-15,A-1,10.00,SPEI,T1,USD", header=f"{HEADER},moneda")
    )

    assert suspended(ledger) == [
        ("bank:T1", "wrong-currency", "the line is in USD, the loan in MXN")
    ]


def test_a_missing_column_refuses_the_file_naming_it(ledger, tmp_path):
    path = written(tmp_path, "2026-02-15,A-1,10.00", header="fecha,referencia,importe")

    with pytest.raises(FormError) as refusal:
        import_payments(ledger, path)

    assert refusal.value.field == "transaction_id"


def test_only_the_days_asked_for_are_taken(ledger, tmp_path):
    running(ledger, "A-1")
    path = written(
        tmp_path, "2026-02-15,A-1,1.00,SPEI,T1", "2026-02-16,A-1,2.00,SPEI,T2",
        "2026-02-17,A-1,3.00,SPEI,T3",
    )  # fmt: skip

    report = import_payments(ledger, path, since=date(2026, 2, 16), through=date(2026, 2, 16))

    assert (report.applied, report.later, report.lines) == (1, 2, 3)


def test_two_imports_at_once_apply_each_line_once(ledger, tmp_path, fresh_database):
    loan_ids = [running(ledger, f"A-{n}") for n in range(5)]
    path = written(
        tmp_path, *(f"2026-02-{15 + n // 5},A-{n % 5},1.00,SPEI,T{n}" for n in range(40))
    )

    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(lambda _: import_payments(ledger, path), range(2)))

    assert sum(report.applied for report in reports) == 40
    assert sum(report.repeated for report in reports) == 40
    assert sum(len(ledger.load(loan_id).payments) for loan_id in loan_ids) == 40


def test_a_file_imported_before_the_closes_gives_the_figures_of_daily_work(ledger, tmp_path):
    first, last = date(2026, 1, 16), date(2026, 5, 31)
    lines = [(date(2026, 2, 12), "600.00"), (date(2026, 3, 20), "1400.00"),
             (date(2026, 4, 15), "1054.00"), (date(2026, 5, 28), "300.00")]  # fmt: skip
    for name in ("ONCE", "DAILY"):
        loan_id = running(ledger, name)
        ledger.make_promise(
            loan_id, amount=mxn("900.00"), promised_for=date(2026, 3, 10),
            effective_on=date(2026, 1, 20), cause=CAUSE,
        )  # fmt: skip
    once = written(
        tmp_path, *(f"{on},ONCE,{amount},SPEI,O{n}" for n, (on, amount) in enumerate(lines))
    )
    daily = written(
        tmp_path, *(f"{on},DAILY,{amount},SPEI,D{n}" for n, (on, amount) in enumerate(lines)),
        name="daily.csv",
    )  # fmt: skip

    day = first
    while day <= last:
        import_payments(ledger, daily, since=day, through=day)
        _close_alone(ledger, "DAILY", day)
        day += timedelta(days=1)
    import_payments(ledger, once)
    close_through(ledger, last)

    assert _figures(ledger, "ONCE") == _figures(ledger, "DAILY")


def _close_alone(ledger, loan_no, on):
    ledger.close_day(ledger.find(loan_no), on=on, cause=CAUSE)


def _figures(ledger, loan_no):
    loan = ledger.load(ledger.find(loan_no))
    return (
        loan.balances(), loan.stage, loan.overpaid, loan.next_due_on, loan.oldest_unpaid_due_on,
        [line.paid for line in loan.lines], [line.settled_on for line in loan.lines],
        [promise.state for promise in loan.promises.values()],
    )  # fmt: skip

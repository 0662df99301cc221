"""An employer's remittance reaches each of its loans once, and adds up to what he paid."""

from datetime import date

import msgspec
import pytest
from moneyed import Money

from domain.errors import InvalidDate
from ledger.errors import WrongCurrency
from ledger.forms import FormError
from ledger.index_file import import_index
from ledger.payment_file import import_payments
from ledger.payroll import import_payroll
from tests.ledger.builders import CAUSE, START, TERMS, TODAY, a_ledger, opened, running
from tests.ledger.test_payment_file import counts, events, rejects, suspended

ON = date(2026, 2, 15)
HEADER = "loan_no,amount,retained_on"


@pytest.fixture
def ledger(fresh_database):
    with a_ledger(fresh_database) as ledger:
        yield ledger


def written(tmp_path, *lines, header=HEADER, name="payroll.csv"):
    path = tmp_path / name
    path.write_text("".join(f"{line}\n" for line in (header, *lines)), encoding="utf-8")
    return path


def taken(ledger, path, **given):
    return import_payroll(ledger, path, **{"employer": "ACME", "on": ON, **given})


def test_each_line_pays_its_loan(ledger, tmp_path):
    first, second = running(ledger, "A-1"), running(ledger, "A-2")

    report = taken(ledger, written(tmp_path, "A-1,100.00,", "a 2,250.50,2026-02-13"))

    assert counts(report) == {"applied": 2}
    assert report.amounts == {"applied": {"MXN": "350.50"}}
    [one], [other] = (ledger.load(loan_id).payments.values() for loan_id in (first, second))
    assert (one.amount, one.effective_on, one.channel) == (100_00, ON, "payroll")
    assert (other.amount, other.effective_on) == (250_50, date(2026, 2, 13))
    assert (one.reference, other.reference) == ("ACME 2026-02-15", "ACME 2026-02-15")


def test_retained_on_and_english_headers_are_optional(ledger, tmp_path):
    running(ledger, "A-1")
    path = written(tmp_path, "A-1;100.00", header="Crédito;Importe")
    assert counts(taken(ledger, path)) == {"applied": 1}


def test_the_same_remittance_again_applies_nothing(ledger, tmp_path):
    running(ledger, "A-1")
    path = written(tmp_path, "A-1,100.00,", "NOBODY,5.00,")
    first = taken(ledger, path)
    before = events(ledger)

    again = taken(ledger, path)

    assert counts(first) == {"applied": 1, "suspended": 1}
    assert counts(again) == {"repeated": 2}
    assert events(ledger) == before


def test_a_corrected_file_adds_the_new_lines_and_refuses_changed_ones(ledger, tmp_path):
    for number in ("A-1", "A-2", "A-3"):
        running(ledger, number)
    taken(ledger, written(tmp_path, "A-1,100.00,", "A-2,100.00,"))

    report = taken(ledger, written(tmp_path, "A-3,70.00,", "A-1,100.00,", "A-2,120.00,"))

    assert counts(report) == {"applied": 1, "repeated": 1, "rejected": 1}
    [(line, field, reason)] = rejects(report)
    assert (line, field) == (4, "loan_no")
    assert "with other content" in reason


def test_another_fortnight_employer_or_file_is_another_remittance(ledger, tmp_path):
    running(ledger, "A-1")
    path = written(tmp_path, "A-1,100.00,")
    others = [{"on": date(2026, 2, 28)}, {"employer": "BETA"}, {"file_id": "2"},
              {"employer": "ACME:2", "file_id": "x"}, {"file_id": "2:x"}]  # fmt: skip
    for given in ({}, *others):
        assert counts(taken(ledger, path, **given)) == {"applied": 1}


def test_a_loan_stands_once_in_a_file_unless_the_days_differ(ledger, tmp_path):
    running(ledger, "A-1")
    path = written(
        tmp_path, "A-1,100.00,2026-01-31", "A-1,100.00,2026-02-15", "a1,100.00,2026-02-15"
    )
    report = taken(ledger, path)
    assert counts(report) == {"applied": 2, "rejected": 1}
    assert "stands on line 3 too" in rejects(report)[0][2]


def test_what_no_loan_can_take_waits_in_suspense(ledger, tmp_path):
    opened(ledger, "OPEN-1")
    report = taken(ledger, written(tmp_path, "NOBODY,5.00,", "OPEN-1,5.00,"))
    assert counts(report) == {"suspended": 2}
    assert [(key, code) for key, code, _ in suspended(ledger)] == [
        ("payroll:ACME:2026-02-15:NOBODY:", "unknown-reference"),
        ("payroll:ACME:2026-02-15:OPEN1:", "not-allowed-now"),
    ]


def test_a_bank_and_an_employer_never_share_a_line(ledger, tmp_path):
    running(ledger, "A-1")
    bank = written(
        tmp_path, "2026-02-15,A-1,100.00,ACME:2026-02-15:A1:", name="bank.csv",
        header="date,reference,amount,transaction_id",
    )  # fmt: skip
    assert counts(import_payments(ledger, bank)) == {"applied": 1}
    assert counts(taken(ledger, written(tmp_path, "A-1,100.00,"))) == {"applied": 1}


@pytest.mark.parametrize(
    ("line", "field", "reason"),
    [
        ("A-1,0.00,", "amount", "more than zero"),
        ("A-1,-5.00,", "amount", "more than zero"),
        ("A-1,1.001,", "amount", "decimals"),
        ("A-1,,", "amount", "is missing"),
        (",5.00,", "loan_no", "is missing"),
        (f"{'x' * 65},5.00,", "loan_no", "at most 64"),
        ("A-1,5.00,15/02/2026", "retained_on", "must be a date"),
        ("A-1,5.00,2030-01-01", "retained_on", "in the future"),
        ("A-1,5.00", "line", "cells"),
    ],
)
def test_a_bad_line_is_rejected_and_the_others_go_on(ledger, tmp_path, line, field, reason):
    running(ledger, "A-1")
    running(ledger, "A-2")
    report = taken(ledger, written(tmp_path, line, "A-2,5.00,"))
    assert counts(report) == {"applied": 1, "rejected": 1}
    [(number, at, told)] = rejects(report)
    assert (number, at) == (2, field)
    assert reason in told


@pytest.mark.parametrize(("total", "fits"), [("105.00", True), ("105", True), ("104.99", False)])
def test_lines_that_do_not_add_up_to_the_total_are_not_taken(ledger, tmp_path, total, fits):
    running(ledger, "A-1")
    path = written(tmp_path, "A-1,100.00,", "NOBODY,5.00,")
    before = events(ledger)
    if fits:
        assert counts(taken(ledger, path, total=total)) == {"applied": 1, "suspended": 1}
        return
    with pytest.raises(FormError, match=r"104.99 is not the 105.00") as refused:
        taken(ledger, path, total=total)
    assert refused.value.field == "total"
    assert events(ledger) == before
    assert suspended(ledger) == []


@pytest.mark.parametrize("line", ["A-1,x,", "A-1,5.00", "A-1,,"])
def test_a_total_cannot_be_checked_over_a_line_that_cannot_be_read(ledger, tmp_path, line):
    running(ledger, "A-1")
    with pytest.raises(FormError, match="cannot be checked") as refused:
        taken(ledger, written(tmp_path, "A-1,5.00,", line), total="5.00")
    assert refused.value.field == "total"
    assert suspended(ledger) == []


@pytest.mark.parametrize(
    ("given", "field"),
    [({"employer": " "}, "employer"), ({"employer": "x" * 61}, "employer"),
     ({"file_id": "a\nb"}, "file_id"), ({"total": "1,000.00"}, "total")],
)  # fmt: skip
def test_a_remittance_without_its_names_is_refused(ledger, tmp_path, given, field):
    with pytest.raises(FormError) as refused:
        taken(ledger, written(tmp_path, "A-1,5.00,"), **given)
    assert refused.value.field == field


def test_no_remittance_comes_from_the_future(ledger, tmp_path):
    with pytest.raises(InvalidDate):
        taken(ledger, written(tmp_path, "A-1,5.00,"), on=TODAY.replace(year=2028))


def test_files_bring_pesos_to_loans_in_udi(ledger, tmp_path):
    """A bank knows no UDI: an amount without a currency is in pesos."""
    terms = msgspec.structs.replace(TERMS, currency="MXV", tax_rate=0)
    loan_id = opened(ledger, "U-1", terms=terms)
    ledger.disburse(loan_id, principal=Money("10000.00", "MXV"), effective_on=START, cause=CAUSE)
    udi = written(tmp_path, "UDI,2026-02-15,8.000000", header="index,day,value", name="udi.csv")
    import_index(ledger.store, udi)
    bank = written(
        tmp_path, "2026-02-15,U-1,800.00,T1,", "2026-02-15,U-1,8.00,T2,MXV",
        "2026-02-16,U-1,800.00,T3,", "2026-02-15,U-1,1.00,T4,USD", name="bank.csv",
        header="date,reference,amount,transaction_id,currency",
    )  # fmt: skip

    report = import_payments(ledger, bank)

    assert report.amounts["applied"] == {"MXN": "800.00", "MXV": "8.00"}
    assert [(code) for _, code, _ in suspended(ledger)] == [
        WrongCurrency("amount", "USD", "MXV").code, "index-without-value",
    ]  # fmt: skip
    assert counts(taken(ledger, written(tmp_path, "U-1,80.00,"))) == {"applied": 1}
    payments = ledger.load(loan_id).payments.values()
    assert [payment.amount for payment in payments] == [100_00, 8_00, 10_00]
    assert [payment.reference for payment in payments] == [
        "U-1; MXN 800.00 @ 8.000000", "U-1", "ACME 2026-02-15; MXN 80.00 @ 8.000000",
    ]  # fmt: skip

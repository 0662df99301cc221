"""A loan tape lands line by line: once, in full, with every bad line told."""

import csv
import os
from datetime import date
from pathlib import Path

import pytest

from domain.loan import Status
from ledger.csv_lines import MAX_LINE_BYTES
from ledger.forms import FormError
from ledger.tape import import_loans
from tests.ledger.builders import a_ledger, opened

HEADER = (
    "loan_no,principal,annual_rate,instalments,frequency,disbursed_on,"
    "as_of,principal_balance,branch"
)
NEW = "10000.00,36.00,12,monthly,2026-01-15,,,CDMX"
RUNNING = "10000.00,36.00,12,monthly,2025-09-15,2026-01-31,7000.00,GDL"
REAL_TAPE = os.environ.get("CARTERA_REAL_TAPE")


@pytest.fixture
def ledger(fresh_database):
    with a_ledger(fresh_database) as ledger:
        yield ledger


def written(tmp_path, *lines, header=HEADER, encoding="utf-8"):
    path = tmp_path / "tape.csv"
    path.write_bytes("".join(f"{line}\n" for line in (header, *lines)).encode(encoding))
    return path


def rejects(report):
    if report.rejects is None:
        return []
    with Path(report.rejects).open(encoding="utf-8", newline="") as file:
        return [(int(row["line"]), row["field"], row["reason"]) for row in csv.DictReader(file)]


def loan(ledger, loan_no):
    return ledger.load(ledger.find(loan_no))


def test_a_new_loan_is_opened_and_disbursed_in_full(ledger, tmp_path):
    report = import_loans(ledger, written(tmp_path, f"N-1,{NEW}"))

    assert (report.lines, report.opened, report.taken_on, report.rejected) == (1, 1, 0, 0)
    found = loan(ledger, "N-1")
    assert (found.status, found.disbursed) == (Status.ACTIVE, 10_000_00)
    assert (found.disbursed_on, found.opened.branch) == (date(2026, 1, 15), "CDMX")


def test_a_running_loan_is_taken_on_with_its_balance_and_date(ledger, tmp_path):
    report = import_loans(ledger, written(tmp_path, f"R-1,{RUNNING}"))

    assert (report.taken_on, report.principal) == (1, {"MXN": "7000.00"})
    found = loan(ledger, "R-1")
    assert (found.principal, found.through) == (7_000_00, date(2026, 1, 31))
    assert found.oldest_unpaid_due_on is not None


def test_given_balances_by_component_are_taken_as_they_are(ledger, tmp_path):
    header = (
        "loan_no,principal,annual_rate,instalments,frequency,disbursed_on,as_of,principal_balance,"
        "interest_balance,interest_tax_balance,late_interest_balance,late_interest_tax_balance,"
        "fee_balance,fee_tax_balance"
    )
    line = (
        "R-1,10000.00,36.00,12,monthly,2025-09-15,2026-01-31,"
        "7000.00,80.10,12.82,5.00,0.80,50.00,8.00"
    )

    import_loans(ledger, written(tmp_path, line, header=header))

    owed = loan(ledger, "R-1").balances()
    assert (owed.interest, owed.interest_tax) == (80_10, 12_82)
    assert (owed.late_interest, owed.late_interest_tax) == (5_00, 80)
    assert (owed.fee, owed.fee_tax) == (50_00, 8_00)


def test_headers_may_be_spanish_accented_and_capital(ledger, tmp_path):
    header = "Número de Crédito;Monto Otorgado;Tasa Anual;Plazo;PERIODICIDAD;Fecha de Disposición"
    path = written(tmp_path, "C-1;5000.00;48;6;monthly;2026-02-01", header="\ufeff" + header)

    assert import_loans(ledger, path).opened == 1
    assert loan(ledger, "C-1").terms.annual_rate == 480_000


def test_columns_nobody_knows_are_ignored_and_told(ledger, tmp_path):
    path = written(tmp_path, f"N-1,{NEW},blue", header=f"{HEADER},colour")

    assert import_loans(ledger, path).ignored_columns == ["colour"]


def test_the_same_file_again_adds_nothing(ledger, tmp_path):
    path = written(tmp_path, f"N-1,{NEW}", f"R-1,{RUNNING}")
    import_loans(ledger, path)
    [[before]] = ledger.store.run(
        lambda c: c.execute("SELECT count(*) FROM ledger.events").fetchall()
    )

    again = import_loans(ledger, path)

    assert (again.repeated, again.opened, again.taken_on, again.rejected) == (2, 0, 0, 0)
    [[after]] = ledger.store.run(
        lambda c: c.execute("SELECT count(*) FROM ledger.events").fetchall()
    )
    assert after == before


def test_changed_content_of_a_loan_is_a_reject_and_never_an_update(ledger, tmp_path):
    import_loans(ledger, written(tmp_path, f"R-1,{RUNNING}"))

    changed = import_loans(ledger, written(tmp_path, f"R-1,{RUNNING.replace('7000', '6000')}"))

    assert changed.rejected == 1
    [(line, field, reason)] = rejects(changed)
    assert (line, field) == (2, "loan_no")
    assert "imported before with other content" in reason
    assert loan(ledger, "R-1").principal == 7_000_00


def test_a_number_that_a_loan_has_already_is_a_reject(ledger, tmp_path):
    opened(ledger, "N-1")

    report = import_loans(ledger, written(tmp_path, f"N-1,{NEW}"))

    assert rejects(report) == [(2, "loan_no", "there is already a loan number N-1")]


@pytest.mark.parametrize(
    ("line", "field", "reason"),
    [
        (f",{NEW}", "loan_no", "is missing"),
        (f"{'9' * 65},{NEW}", "loan_no", "at most 64"),
        ("B,1e4,36.00,12,monthly,2026-01-15,,,X", "principal", "plain decimal"),
        ("B,-5.00,36.00,12,monthly,2026-01-15,,,X", "principal", "must be more than zero"),
        ("B,10000.00,3600000.00,12,monthly,2026-01-15,,,X", "annual_rate", "between 0 and 10000"),
        ("B,10000.00,36.00,twelve,monthly,2026-01-15,,,X", "instalments", "whole number"),
        ("B,10000.00,36.00,0,monthly,2026-01-15,,,X", "instalments", "between 1 and"),
        ("B,10000.00,36.00,12,daily-ish,2026-01-15,,,X", "frequency", "is not one of"),
        ("B,10000.00,36.00,12,monthly,15/01/2026,,,X", "disbursed_on", "must be a date"),
        ("B,10000.00,36.00,12,monthly,,,,X", "disbursed_on", "is missing"),
        ("B,10000.00,36.00,12,monthly,2031-01-15,,,X", "disbursed_on", "in the future"),
        ("B,10000.00,36.00,12,monthly,2025-01-15,,500.00,X", "as_of", "is missing"),
        ("B,10000.00,36.00,12,monthly,2025-01-15,2026-01-31,,X", "principal_balance", "is missing"),
        ("B,10000.00,36.00,12,monthly,2025-01-15,2024-01-31,5.00,X", "as_of", "before disburse"),
        ("B,10000.00,36.00,12,monthly,2025-01-15,2031-01-31,5.00,X", "as_of", "in the future"),
        ("B,10000.00,36.00,12,monthly,2025-01-15,2026-01-31,10000.01,X", "principal_balance",
         "is more than the 10000"),
        ("B,10000.00,36.00,12", "line", "has 4 cells where the header has 9"),
        ('B,"10000.00,36.00,12,monthly,2026-01-15,,,X', "line", "is not CSV"),
    ],
)  # fmt: skip
def test_a_bad_line_is_rejected_with_line_field_and_reason_and_the_good_ones_land(
    ledger, tmp_path, line, field, reason
):
    report = import_loans(ledger, written(tmp_path, f"N-1,{NEW}", line, f"R-1,{RUNNING}"))

    assert (report.lines, report.opened, report.taken_on, report.rejected) == (3, 1, 1, 1)
    [(number, at, told)] = rejects(report)
    assert (number, at) == (3, field)
    assert reason in told


def test_a_reject_file_holds_the_original_line(ledger, tmp_path):
    path = written(tmp_path, f"N-1,{NEW.replace('monthly', 'often')}")
    elsewhere = tmp_path / "bad lines.csv"

    report = import_loans(ledger, path, rejects=elsewhere)

    assert report.rejects == str(elsewhere)
    with elsewhere.open(newline="") as file:
        [row] = csv.DictReader(file)
    assert row["original"] == f"N-1,{NEW.replace('monthly', 'often')}"


def test_a_reject_file_of_an_earlier_run_goes_once_its_lines_are_good(ledger, tmp_path):
    report = import_loans(ledger, written(tmp_path, f"N-1,{NEW.replace('monthly', 'often')}"))
    assert Path(report.rejects).exists()

    again = import_loans(ledger, written(tmp_path, f"N-1,{NEW}"))

    assert again.rejects is None
    assert not Path(report.rejects).exists()


def test_a_number_twice_in_one_file_is_rejected_the_second_time(ledger, tmp_path):
    report = import_loans(ledger, written(tmp_path, f"N-1,{NEW}", f"N-1,{RUNNING}"))

    assert rejects(report) == [(3, "loan_no", "N-1 stands already on line 2")]
    assert loan(ledger, "N-1").disbursed == 10_000_00


def test_a_line_longer_than_allowed_is_passed_over_without_being_held(ledger, tmp_path):
    path = tmp_path / "tape.csv"
    with path.open("wb") as file:
        file.write(f"{HEADER}\nN-1,{NEW}\n".encode())
        for _ in range(64):
            file.write(b"x" * MAX_LINE_BYTES)
        file.write(f"\nR-1,{RUNNING}\n".encode())

    report = import_loans(ledger, path)

    assert (report.opened, report.taken_on) == (1, 1)
    assert rejects(report) == [(3, "line", f"is longer than {MAX_LINE_BYTES} bytes")]


def test_a_latin_1_line_is_rejected_unless_the_encoding_is_declared(ledger, tmp_path):
    path = written(tmp_path, f"N-1,{NEW.replace('CDMX', 'Peñón')}", encoding="latin-1")

    report = import_loans(ledger, path)
    assert rejects(report) == [(2, "line", "is not utf-8 text at byte 46; see --encoding")]

    assert import_loans(ledger, path, encoding="latin-1").opened == 1
    assert loan(ledger, "N-1").opened.branch == "Peñón"


@pytest.mark.parametrize(
    ("raw", "field", "rule"),
    [
        (b"", "file", "is empty"),
        (b"\n", "file", "is empty"),
        (b"\xff\xfel\x00o\x00", "file", "UTF-16"),
        (b"PK\x03\x04rest", "file", "spreadsheet"),
        (b"\x1f\x8b\x08rest", "file", "compressed"),
        (b"loan_no,principal\n", "annual_rate", "the file has no such column"),
        (HEADER.encode() + b",monto\n", "principal", "two columns"),
        (b"cr\xe9dito,principal\n", "header", "is not utf-8 text"),
        (b"x" * (MAX_LINE_BYTES + 5), "header", "is longer"),
        (b"loan_no,principal\rN-1,5\r", "header", "lines must end in"),
    ],
)
def test_a_file_that_cannot_be_read_as_a_whole_is_refused(ledger, tmp_path, raw, field, rule):
    path = tmp_path / "tape.csv"
    path.write_bytes(raw)

    with pytest.raises(FormError) as refusal:
        import_loans(ledger, path)

    assert refusal.value.field == field
    assert rule in refusal.value.rule


def test_the_date_of_balances_may_come_with_the_order(ledger, tmp_path):
    path = written(tmp_path, f"R-1,{RUNNING.replace('2026-01-31', '')}")

    import_loans(ledger, path, as_of=date(2025, 12, 31))

    assert loan(ledger, "R-1").through == date(2025, 12, 31)


def test_progress_ends_at_the_size_of_the_file(ledger, tmp_path):
    path = written(tmp_path, f"N-1,{NEW}", f"R-1,{RUNNING}")
    seen = []

    import_loans(ledger, path, progress=lambda done, total: seen.append((done, total)))

    assert seen[-1] == (path.stat().st_size, path.stat().st_size)


LENDING_CLUB = """\
loan_no,loan_amount,term,interest_rate,installment,issue_month,loan_status,balance
7,28000,60,14.07,652.53,Mar-2018,Current,27015.86
8,2400,36,6.08,73.1,Jan-2018,Fully Paid,0.0
9,5000,48,6.08,73.1,Jan-2018,Current,10.0
10,5000,36,6.08,152.29,Smarch-2018,Current,10.0
"""


def test_a_lending_club_line_becomes_a_monthly_loan_in_dollars(ledger, tmp_path):
    path = tmp_path / "extract.csv"
    path.write_text(LENDING_CLUB)

    report = import_loans(ledger, path, form="lending-club")

    assert report.taken_on == 2
    assert [(line, field) for line, field, _ in rejects(report)] == [
        (4, "term"),
        (5, "issue_month"),
    ]
    current = loan(ledger, "7")
    assert (current.terms.currency, current.principal) == ("USD", 27_015_86)
    assert (current.disbursed_on, current.through) == (date(2018, 3, 1), date(2018, 5, 31))
    assert loan(ledger, "8").status is Status.CLOSED


@pytest.mark.skipif(
    not REAL_TAPE, reason="CARTERA_REAL_TAPE names no tape of real loans (see docs/guides)"
)
def test_real_loans_land_and_our_figures_are_the_lenders(ledger, tmp_path):
    report = import_loans(
        ledger, Path(REAL_TAPE), form="lending-club", rejects=tmp_path / "rejects.csv"
    )

    instalments = report.checks["instalment_within_two_cents"]
    balances = report.checks["current_balance_after_k_instalments"]
    print(f"instalment within two cents: {instalments}; Current balances reached: {balances}")
    assert report.rejected == 0, rejects(report)[:5]
    assert report.taken_on == report.lines == instalments["of"]
    assert instalments["matching"] >= 0.999 * instalments["of"]
    assert balances["matching"] >= 0.9 * balances["of"]


def test_blank_lines_above_the_header_are_passed_over_and_counted(ledger, tmp_path):
    path = tmp_path / "tape.csv"
    path.write_text(f"\n  \n{HEADER}\n\nN-1,{NEW}\nN-2\n")

    report = import_loans(ledger, path)

    assert report.opened == 1
    assert [(line, field) for line, field, _ in rejects(report)] == [(6, "line")]

"""Indices, remittances and refinancings from the command line; calendars known to every command."""

import json

import pytest

from ledger.settings import override, settings

TAPE = """\
loan_no,principal,annual_rate,instalments,frequency,disbursed_on,tax_rate
A-1,10000.00,36.00,12,monthly,2026-01-15,16.00
A-2,5000.00,48.00,24,semi_monthly,2026-01-20,16.00
"""
TERMS = """\
principal: "20000.00"
annual_rate: "30.00"
instalments: 24
frequency: monthly
first_due: 2026-03-10
tax_rate: "16.00"
"""


@pytest.fixture(scope="module")
def book(database, tmp_path_factory, cartera):
    folder = tmp_path_factory.mktemp("money")
    files = {
        "loans.csv": TAPE,
        "terms.yaml": TERMS,
        "index.csv": "index,day,value\nTIIE28,2026-01-15,11.2450\nUDI,2026-01-15,8.123456\n",
        "other.csv": "index,day,value\nTIIE28,2026-01-15,11.3000\n",
        "payroll.csv": "loan_no,amount\nA-2,100.00\nNOBODY,7.00\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    assert cartera("import", "loans", folder / "loans.csv").code == 0
    return folder


def test_an_index_is_imported_and_listed(cartera, book):
    told = cartera("index", "import", book / "index.csv", "--json")
    assert told.json == {"lines": 2, "added": 2, "corrected": 0, "repeated": 0}
    found = cartera("index", "list", "--json").json
    assert [(one["index"], one["days"], one["until"], one["value"]) for one in found] == [
        ("TIIE28", 1, "2026-01-15", "11.245"), ("UDI", 1, "2026-01-15", "8.123456"),
    ]  # fmt: skip
    assert "8.123456" in cartera("index", "list").out
    assert (
        "0 added, 0 corrected, 2 known already"
        in cartera("index", "import", book / "index.csv").out
    )


def test_another_value_is_refused_until_it_is_a_correction(cartera, book):
    told = cartera("index", "import", book / "other.csv")
    assert told.code == 2
    assert "line 2: TIIE28 has the value 11.245 on 2026-01-15, not 11.30" in told.err
    told = cartera("index", "import", book / "other.csv", "--correct", "--actor", "bea", "--json")
    assert (told.code, told.json["corrected"]) == (0, 1)


def test_a_file_that_is_none_is_refused(cartera, book):
    assert cartera("index", "import", book / "none.csv").code == 2
    told = cartera("index", "import", book / "loans.csv")
    assert (told.code, "error index" in told.err) == (2, True)


def test_a_remittance_lands_once(cartera, book):
    arguments = ("import", "payroll", book / "payroll.csv", "--employer", "ACME",
                 "--on", "2026-02-05", "--total", "107.00", "--json")  # fmt: skip
    first = cartera(*arguments)
    assert first.code == 0
    assert (first.json["applied"], first.json["suspended"]) == (1, 1)
    assert cartera(*arguments).json["repeated"] == 2
    [waiting] = cartera("suspense", "--json").json
    assert waiting["line_key"] == "payroll:ACME:2026-02-05:NOBODY:"


def test_a_remittance_that_does_not_add_up_is_refused(cartera, book):
    told = cartera(
        "import", "payroll", book / "payroll.csv", "--employer", "ACME", "--on", "2026-02-20",
        "--total", "1.00",
    )  # fmt: skip
    assert told.code == 2
    assert "error total: 1.00 is not the 107.00 that the lines add up to" in told.err


def test_a_refinancing_is_known_by_the_number_of_the_new_loan(cartera, book):
    arguments = ("refinance", "A-1", "--loan-no", "N-1", "--terms", book / "terms.yaml",
                 "--on", "2026-02-10", "--json")  # fmt: skip
    first = cartera(*arguments)
    assert first.code == 0, first.err
    assert first.json["currency"] == "MXN"
    [paid] = first.json["paid_off"]
    cents = [int(text.replace(".", "")) for text in (paid["amount"], first.json["paid_out"])]
    assert sum(cents) == 20000_00
    again = cartera(*arguments)
    assert again.json == {**first.json, "repeated": True}
    told = json.loads(cartera("replay", "A-1", "--json").out)
    assert (told["standing"]["status"], told["events"][-1]["type"]) == ("closed", "loan-closed")


def test_a_refinancing_for_people_says_where_the_money_went(cartera, book):
    told = cartera("refinance", "A-2", "--loan-no", "N-2", "--terms", book / "terms.yaml",
                   "--on", "2026-02-10")  # fmt: skip
    assert told.code == 0, told.err
    assert "A-2 paid off with" in told.out
    assert "MXN paid out by N-2" in told.out


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"loan": "NOBODY"}, "error loan: there is no loan NOBODY"),
        ({"loan": "A-1"}, "error status: "),  # paid off above
        ({"terms": "loans.csv"}, "error"),
        ({"terms": "none.yaml"}, "none.yaml"),
    ],
)
def test_a_refinancing_that_cannot_be_is_one_line(cartera, book, changes, told):
    given = {"loan": "N-1", "terms": "terms.yaml", **changes}
    answer = cartera("refinance", given["loan"], "--loan-no", "N-9", "--terms",
                     book / given["terms"], "--on", "2026-02-12")  # fmt: skip
    assert answer.code in (2, 3)
    assert told in answer.err
    assert len(answer.err.splitlines()) == 1


PLAN = {"currency": "MXN", "principal": "1000.00", "annual_rate": "36.00", "instalments": 2,
        "frequency": "monthly", "disbursed_on": "2026-01-15", "calendar": "cli_acme"}  # fmt: skip


def test_a_command_without_a_ledger_knows_the_lenders_calendars(cartera, tmp_path):
    (tmp_path / "acme.yaml").write_text(
        "name: cli_acme\nyears: [2026]\nholidays: [2026-02-16]\nbase: weekends\n"
    )
    ask = json.dumps(PLAN)
    assert "unknown calendar" in cartera("schedule", stdin=ask).out
    with override(settings().model_copy(update={"calendars_dir": tmp_path})):
        told = cartera("schedule", stdin=ask)
    assert told.json["instalments"][0]["due"] == "2026-02-17"  # Sunday, then a holiday


def test_a_calendar_that_cannot_be_read_stops_a_command_but_not_the_servers_end(cartera, tmp_path):
    (tmp_path / "bad.yaml").write_text("name: x\n")
    with override(settings().model_copy(update={"calendars_dir": tmp_path})):
        told = cartera("schedule", stdin=json.dumps(PLAN))
        assert (told.code, told.out) == (2, "")
        assert "bad.yaml" in told.err
    with override(settings().model_copy(update={"calendars_dir": tmp_path / "none"})):
        told = cartera("suspense")
        assert told.code == 2
        assert "is no folder of calendars" in told.err

"""What an operator looks at first, and a stopped projection set going again."""

import pytest

from ledger.database import connect

TAPE = """\
loan_no,principal,annual_rate,instalments,frequency,disbursed_on
S-1,10000.00,36.00,12,monthly,2026-01-15
S-2,5000.00,48.00,24,semi_monthly,2026-01-20
"""


@pytest.fixture
def book(cartera, fresh_database, tmp_path):
    (tmp_path / "loans.csv").write_text(TAPE)
    cartera("import", "loans", tmp_path / "loans.csv")
    return fresh_database


def change(settings, statement):
    with connect(settings, owner=True) as connection:
        connection.execute(statement)


def test_a_book_in_order_has_nothing_behind_and_exit_code_0(cartera, book):
    told = cartera("status", "--json")

    assert told.code == 0
    assert told.json["schema"].isdigit()
    assert told.json["book"] == {
        "position": told.json["book"]["position"], "loans": {"active": 2}, "jobs": {},
        "close_failures": 0, "suspense": 0,
    }  # fmt: skip
    assert {one["status"] for one in told.json["projections"]} == {"running"}
    assert {one["behind"] for one in told.json["projections"]} == {0}
    assert "2 active" in cartera("status").out


def test_what_waits_is_counted_and_a_loan_set_aside_makes_exit_code_1(cartera, book):
    change(book, "INSERT INTO ledger.jobs (id, kind, arguments) VALUES"
                 " (gen_random_uuid(), 'close-day', '{}')")  # fmt: skip
    change(book, "INSERT INTO ledger.close_failures SELECT '2026-02-01', loan_id, 'x', 'y'"
                 " FROM ledger.loan_state LIMIT 1")  # fmt: skip

    told = cartera("status", "--json")

    assert told.code == 1
    assert (told.json["book"]["jobs"], told.json["book"]["close_failures"]) == ({"waiting": 1}, 1)


def test_a_stopped_projection_is_told_and_resumed_once_it_is_mended(cartera, book):
    change(book, "UPDATE read.positions SET status = 'stopped', error = 'no [room]', position = 0"
                 " WHERE projection = 'balances'")  # fmt: skip
    change(book, "TRUNCATE read.balances")

    stopped = cartera("status", "--json")
    [row] = [one for one in stopped.json["projections"] if one["projection"] == "balances"]
    shown = cartera("status")
    resumed = cartera("resume", "balances", "--json")

    assert (stopped.code, shown.code, row["status"], row["behind"]) == (1, 1, "stopped", 4)
    assert "no [room]" in shown.out
    assert (resumed.code, resumed.json["status"], resumed.json["behind"]) == (0, "running", 0)
    assert cartera("status").code == 0
    assert cartera("verify").code == 0


def test_a_projection_that_stops_again_makes_exit_code_1(cartera, book):
    change(book, "UPDATE read.positions SET status = 'stopped', error = 'x', position = 0"
                 " WHERE projection = 'balances'")  # fmt: skip
    change(book, "ALTER TABLE read.balances RENAME TO hidden")

    told = cartera("resume", "balances")

    assert told.code == 1
    assert told.err.startswith("error projection: balances stopped at 0: ")


def test_a_projection_nobody_knows_is_bad_input(cartera, book):
    told = cartera("resume", "aging")

    assert told.code == 2
    assert told.err.startswith("error projection: 'aging' is none; there are accounting, balances,")


def test_books_of_a_position_are_made_and_asked_beside_the_live_ones(cartera, book):
    last = cartera("status", "--json").json["book"]["position"]

    made = cartera("rebuild", "--to-position", str(last), "--into", "before", "--json")
    asked = cartera("query", "--books", "before", "{ position loans { totalCount } }")

    assert (made.code, made.json["position"]) == (0, last)
    assert asked.json["data"] == {"position": last, "loans": {"totalCount": 2}}
    assert cartera("query", "--books", "other", "{ position }").code == 2


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (("--to-position", "999999"), "to_position"),
        (("--as-of", "2999-01-01"), "as_of"),
        (("--to-position", "1", "--into", "No!"), "into"),
        (("--into", "then"), "into"),
    ],
)
def test_books_that_cannot_be_made_are_refused_by_field(cartera, book, given, field):
    told = cartera("rebuild", *given)

    assert told.code == 2
    assert f"{field}: " in told.err

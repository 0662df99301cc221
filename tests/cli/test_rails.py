"""References, statements and waiting money from the command line."""

import pytest

from ledger.settings import override
from tests.ledger.builders import a_ledger, running

CSV = "Fecha,Abono,Ref,Ordenante\n2026-02-15,100.00,L-1,\n2026-02-16,50.00,L-11,ANA GOMEZ\n"
LAYOUT = """\
account: "1"
currency: MXN
columns: {date: Fecha, amount: Abono, reference: Ref, payer: Ordenante}
"""


@pytest.fixture(scope="module")
def bank(database, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bank")
    (folder / "moves.csv").write_text(CSV)
    (folder / "our-bank.yaml").write_text(LAYOUT)
    chosen = database.model_copy(update={"clabe_prefix": "6461801118", "bank_layouts_dir": folder})
    with override(chosen):
        with a_ledger(chosen) as ledger:
            running(ledger, "L-1")
        yield folder


def test_a_clabe_is_given_and_taken_apart(cartera, bank):
    told = cartera("reference", "give", "L-1", "--json")
    assert told.code == 0, told.err
    clabe = told.json["reference"]
    assert cartera("reference", "give", "L-1").out.startswith(clabe)
    assert cartera("reference", "check", clabe, "--json").json["bank"] == "646"
    wrong = cartera("reference", "check", clabe[:-1] + str((int(clabe[-1]) + 1) % 10))
    assert (wrong.code, "check digit" in wrong.err) == (2, True)
    due = cartera("reference", "give", "L-1", "--algorithm", "bbva-10", "--base", "5", "--amount",
                  "10.00", "--due-on", "2026-07-01", "--json")  # fmt: skip
    assert due.code == 0, due.err
    assert [one["kind"] for one in cartera("reference", "list", "L-1", "--json").json] == [
        "clabe", "bbva-10",
    ]  # fmt: skip
    assert cartera("reference", "give", "L-1", "--algorithm", "x").code == 2
    assert cartera("reference", "give-all", "--json").json["given"] == 0
    assert cartera("reference", "give-all", "--algorithm", "luhn", "--json").json["given"] == 1
    assert cartera("reference", "give-all", "--algorithm", "luhn", "--json").json["given"] == 0


def test_a_statement_lands_by_layout_and_the_rest_is_settled_by_hand(cartera, bank):
    told = cartera("import", "statement", bank / "moves.csv", "--form", "our-bank", "--json")
    assert told.code == 0, told.err
    assert (told.json["payments"]["applied"], told.json["payments"]["suspended"]) == (1, 1)
    again = cartera("import", "statement", bank / "moves.csv", "--form", bank / "our-bank.yaml")
    assert "the same file had come before" in again.out

    listed = cartera("deposit", "list", "--json").json
    [waits] = listed["deposits"]
    assert (waits["reference"], waits["payer"]) == ("L-11", "ANA GOMEZ")
    assert list(listed["totals"]) == ["MXN"]
    assert "L-11" in cartera("deposit", "list").out
    assert cartera("deposit", "suggest", waits["line_key"]).code == 0

    done = cartera("deposit", "assign", waits["line_key"], "L-1", "--json")
    assert done.code == 0, done.err
    assert done.json["events"][-1] == "payment-received"
    assert cartera("deposit", "list", "--json").json["deposits"] == []
    twice = cartera("deposit", "assign", waits["line_key"], "L-1")
    assert (twice.code, "settled already" in twice.err) == (2, True)
    assert cartera("deposit", "return", waits["line_key"]).code == 2
    assert cartera("deposit", "return", waits["line_key"], "--yes").code == 2


def test_bad_input_is_one_line_that_names_the_field(cartera, bank):
    told = cartera("import", "statement", bank / "moves.csv", "--form", "elsewhere")
    assert (told.code, told.err.count("\n"), "our-bank" in told.err) == (2, 1, True)
    told = cartera("import", "statement", bank / "moves.csv", "--form", "mt940")
    assert (told.code, "file" in told.err) == (2, True)

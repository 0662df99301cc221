"""People from the command line: registered, changed, shown, forgotten."""

import json

import pytest

from ledger.borrowers.forms import person_form
from tests.ledger.people import a_person, curp, somebody


@pytest.fixture(scope="module")
def people(database, cartera, tmp_path_factory):
    folder = tmp_path_factory.mktemp("people")
    for name, person in (("ana", a_person()), ("luz", somebody(1))):
        (folder / f"{name}.json").write_text(json.dumps(person_form(person)))
    (folder / "moved.yaml").write_text('phones: ["3312345678"]\nemail: null\n')
    told = cartera("borrower", "register", "B-1", folder / "ana.json", "--on", "2026-01-15",
                   "--key", "a", "--json")  # fmt: skip
    assert told.code == 0, told.err
    assert told.json["events"] == ["borrower-registered"]
    return folder


def test_the_same_order_again_answers_the_first(cartera, people):
    order = ["borrower", "register", "B-1", people / "ana.json", "--on", "2026-01-15", "--key", "a"]
    assert cartera(*order, "--json").json["repeated"] is True
    assert "was recorded before" in cartera(*order).out
    told = cartera("borrower", "register", "B-1", people / "luz.json")
    assert (told.code, "borrower_no" in told.err or "B-1" in told.err) == (2, True)


def test_a_change_is_shown_before_and_after_and_readings_are_noted(cartera, people):
    told = cartera("borrower", "change", "B-1", people / "moved.yaml", "--reason", "moved")
    assert told.code == 0, told.err
    assert cartera("borrower", "show", "B-1", "--json").json["person"]["phones"] == ["3312345678"]
    assert "3312345678" in cartera("borrower", "show", "B-1").out
    last = cartera("borrower", "history", "B-1", "--json").json[-1]
    assert last["before"] == {"phones": ["5512345678"], "email": "ana@example.mx"}
    assert "borrower-changed" in cartera("borrower", "history", "B-1").out
    whats = [one["what"] for one in cartera("borrower", "readings", "B-1", "--json").json]
    assert whats == ["history", "history", "person", "person"]


def test_a_person_is_found_verified_and_forgotten(cartera, people):
    cartera("borrower", "register", "B-2", people / "luz.json")
    assert cartera("borrower", "find", "--curp", somebody(1).curp, "--json").json == {
        "borrower_no": "B-2"
    }
    assert cartera("borrower", "find", "--curp", curp(letters="GXXX")).code == 1
    assert cartera("borrower", "forget", "B-2", "--ground", "request").code == 2
    told = cartera("borrower", "forget", "B-2", "--ground", "request", "--yes")
    assert told.code == 0, told.err
    gone = cartera("borrower", "show", "B-2")
    assert (gone.code, "was forgotten" in gone.err) == (2, True)
    found = cartera("borrower", "verify", "--json").json
    assert (found["forgotten"], found["findings"]) == (1, [])
    assert cartera("borrower", "rewrap", "--json").json == {"rewrapped": 0}


def test_bad_input_is_one_line_that_names_the_field(cartera, people):
    bad = people / "bad.yaml"
    bad.write_text("first_name: Ana\npaternal: Paz\naddresses: [{street: S, postal_code: '00100'}]")
    told = cartera("borrower", "register", "B-3", bad)
    assert (told.code, told.err.count("\n")) == (2, 1)
    assert "addresses[0].postal_code" in told.err
    assert cartera("borrower", "show", "B-3").code == 2


def test_a_file_of_people_is_imported(cartera, people):
    path = people / "people.csv"
    path.write_text("borrower_no,nombre,apellido paterno,cp\nB-7,Eva,Sol,\nB-8,Leo,,\n")
    told = cartera("import", "borrowers", path, "--json")
    assert (told.code, told.json["registered"], told.json["rejected"]) == (1, 1, 1)


def test_a_master_key_can_be_made(cartera):
    one, two = (cartera("borrower", "new-key").out.strip() for _ in range(2))
    assert len(one) == 44
    assert one != two

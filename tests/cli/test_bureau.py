"""`cartera bureau` from the draft to the bureau's rejects."""

import json

import msgspec
import pytest

from tests.projections.bureau.portfolio import consumers, late, paid_off
from tests.projections.stories import Log

LENDER = """
buro: {key: ZZ12340001, name: Prestamos Uno}
products: {"": {buro: PL, circulo: PP}}
"""


@pytest.fixture
def folder(fresh_database, tmp_path):
    """A book of three loans, a lender file, and the borrowers that are known."""
    Log(fresh_database).append(late(3, 2), late(4, 1), paid_off(7), late(22, 1))
    (tmp_path / "lender.yaml").write_text(LENDER)
    with (tmp_path / "people.jsonl").open("wb") as people:
        for one in consumers().values():
            people.write(msgspec.json.encode(one) + b"\n")
    return tmp_path


def write(cartera, folder, *more, form="buro-intf", name="april.txt"):
    return cartera(
        "bureau", "write", form, "--cut-off", "2026-04-30", "--to", folder / name,
        "--lender", folder / "lender.yaml", "--consumers", folder / "people.jsonl", *more,
    )  # fmt: skip


def test_a_file_goes_from_draft_to_answered_rejects(cartera, folder):
    told = write(cartera, folder, "--json")
    assert told.code == 1  # one cannot be sent, and is listed
    assert (told.json["records"], told.json["unsendable"]) == (3, 1)
    assert (
        "L-0022,B-22,borrower,borrower,is not known"
        in (folder / "april.txt.unsendable.csv").read_text()
    )

    checked = cartera("bureau", "validate", folder / "april.txt", "--json")
    assert (checked.code, checked.json) == (0, {"format": "buro-intf", "findings": []})

    report = cartera("bureau", "report", told.json["file"], "--json")
    assert report.code == 0
    [tie] = report.json["ties"]
    assert tie["unexplained"] == 0
    assert "could not be sent" in [step["reason"] for step in tie["steps"]]
    shown = cartera("bureau", "report", told.json["file"])
    assert "owed by the ledger on 2026-04-30" in shown.out
    assert "1 tradelines could not be sent: borrower 1" in shown.out

    assert cartera("bureau", "sent", folder / "april.txt").code == 0
    [known] = cartera("bureau", "files", "--json").json
    assert (known["sent"], known["cut_off"]) == (True, "2026-04-30")

    again = write(cartera, folder, name="again.txt")
    assert again.code == 2
    assert "was sent to buro: write a correction (--correction)" in " ".join(again.err.split())

    (folder / "layout.yaml").write_text("{delimiter: ';', columns: {account: 1, code: 2}}")
    (folder / "rejects.txt").write_text("L-0004;401\n")
    taken = cartera("bureau", "rejects", folder / "rejects.txt", "--file", known["file"],
                    "--layout", folder / "layout.yaml", "--json")  # fmt: skip
    assert [one["loan_no"] for one in taken.json] == ["L-0004"]
    corrected = write(cartera, folder, "--correction", "--json", name="correction.txt")
    assert corrected.json["records"] == 1


def test_what_is_wrong_is_told_by_its_field(cartera, folder):
    (folder / "bad.txt").write_text("INTF14")
    for told, field in (
        (write(cartera, folder, form="burro"), "format: 'burro' is no format"),
        (cartera("bureau", "report", "99"), "file: no file was written here of number 99"),
        (cartera("bureau", "sent", folder / "bad.txt"), "file: no file was written here"),
        (cartera("bureau", "validate", folder / "lender.yaml"), "format: "),
        (cartera("bureau", "validate", folder / "nowhere"), "file: "),
    ):
        assert told.code == 2
        assert field in " ".join(told.err.split())

    (folder / "people.jsonl").write_text(json.dumps({"reference": "B-1", "sex": "?"}))
    assert "consumers: line 1: Invalid enum value '?'" in write(cartera, folder).err
    (folder / "lender.yaml").write_text("buro: {key: 1}")
    assert "lender: " in write(cartera, folder).err
    broken = cartera("bureau", "validate", folder / "bad.txt")
    assert broken.code == 1
    assert "the file ends where 150 characters should follow" in broken.out


def test_every_format_is_listed(cartera):
    formats = cartera("bureau", "formats", "--json").json

    assert formats == ["buro-intf", "buro-csv", "buro-companies", "circulo-xml",
                       "circulo-delimited", "metro2"]  # fmt: skip

"""Files of fixed positions, read back by a parser of slices written apart from the layouts."""

from datetime import date

import pytest
from hypothesis import given, settings

from ledger.money import FormError
from projections.accounting.entry import Line
from projections.accounting.exports import contpaqi_txt, peoplesoft
from projections.accounting.exports.errors import (
    AmountTooWide,
    MissingPart,
    TextNotWritable,
    TextTooLong,
)
from projections.accounting.exports.settings import Contpaqi, PeopleSoft
from tests.projections.accounting.exports.books import UUID_1, entries, entry, month, request, sides

OWN = PeopleSoft(business_unit="MX001", ledger_group="ACTUALS", ledger="LOCAL", source="CAR")


def minor(text):
    sign = -1 if text.strip().startswith("-") else 1
    whole, _, part = text.strip().lstrip("-").partition(".")
    assert len(part) == 2, text
    return sign * (int(whole) * 100 + int(part))


def test_peoplesoft_headings_stand_where_the_manual_says(tmp_path):
    path = tmp_path / "journal.dat"

    peoplesoft.write(month(), request(peoplesoft=OWN), path)

    lines = path.read_text(encoding="cp1252").splitlines()
    headings = [line for line in lines if line[0] == "H"]
    assert len(headings) == 3
    for heading, on in zip(headings, ("01312026", "01312026", "01022026"), strict=True):
        assert heading[1:6] == "MX001"
        assert heading[6:16] == "NEXT      "
        assert heading[16:24] == on
        assert heading[24:25] == "N"
        assert heading[36:46] == "ACTUALS   "
        assert heading[46:56] == "LOCAL     "


@settings(max_examples=40)
@given(made=entries())
def test_peoplesoft_lines_hold_every_amount_with_its_sign(made, tmp_path_factory):
    path = tmp_path_factory.mktemp("peoplesoft") / "journal.dat"
    plain = [
        entry(one.number, kind=one.kind, key=one.key, text="x", lines=[
            Line(account=line.account, debit=line.debit, credit=line.credit) for line in one.lines
        ])
        for one in made
    ]  # fmt: skip

    peoplesoft.write(plain, request(peoplesoft=OWN), path)

    lines = [line for line in path.read_text().splitlines() if line[0] == "L"]
    found = [(line[25:35].rstrip(), minor(line[187:215])) for line in lines]
    assert found == [(account, debit - credit) for account, debit, credit in sides(made)]
    numbers = [int(line[6:15]) for line in lines]
    assert numbers == [nth for one in made for nth in range(1, len(one.lines) + 1)]


def test_a_site_brings_its_own_layout(tmp_path):
    layout = tmp_path / "ours.yaml"
    layout.write_text("""
name: ours
encoding: cp1252
line_end: "\\n"
records:
  header:
    - {name: record, start: 1, length: 1, value: H}
    - {name: id, start: 7, length: 10, source: journal_id}
    - {name: text, start: 20, length: 6, source: text, cut: true}
  line:
    - {name: amount, start: 3, length: 12, source: amount, format: digits, pad: left, fill: "0"}
    - {name: debit, start: 15, length: 12, source: debit_amount, format: plain, pad: left}
""")
    own = PeopleSoft(layout=str(layout), journal_id="reference")

    with pytest.raises(AssertionError):  # digits have no sign
        peoplesoft.write(month()[:1], request(peoplesoft=own), tmp_path / "out.txt")
    layout.write_text(layout.read_text().replace("format: digits", "format: signed"))
    peoplesoft.write(month()[:1], request(peoplesoft=own), tmp_path / "out.txt")

    assert (tmp_path / "out.txt").read_text(encoding="cp1252").splitlines() == [
        "H     D260100001   Deveng",
        "  000000116.00      116.00",
        "  -00000100.00        0.00",
        "  -00000016.00        0.00",
    ]


FIELD = "{name: a, start: 1, length: 5, source: account}"


@pytest.mark.parametrize(
    ("line", "field", "rule"),
    [
        ("{name: a, start: 5, length: 2, source: account}", "records.line.a", "inside"),
        ("{name: a, start: 9, length: 2, source: nothing}", "records.line.a", "none of"),
        ("{name: a, start: 9, length: 2}", "records.line.a", "either"),
        ("{name: a, start: 9, length: 2, value: abc}", "records.line.a", "longer"),
        ("{name: a, start: 9, length: 2, source: amount}", "records.line.a", "format"),
        ("{name: a, start: 0, length: 2, value: a}", "records[...][1].start", ">= 1"),
        (
            "{name: a, start: 9, length: 2, value: a, width: 1}",
            "records[...][1]",
            "width",
        ),
    ],
)
def test_a_layout_that_cannot_be_is_refused_by_record_and_field(line, field, rule, tmp_path):
    layout = tmp_path / "ours.yaml"
    layout.write_text(f"name: ours\nrecords:\n  line:\n    - {FIELD}\n    - {line}\n")

    with pytest.raises(FormError) as refused:
        peoplesoft.write(
            month(), request(peoplesoft=PeopleSoft(layout=str(layout))), tmp_path / "out"
        )

    assert refused.value.field.removeprefix("ours.yaml: ") == field
    assert rule in refused.value.rule


def wide(amount, text="x"):
    return entry(text=text, lines=[
        Line(account="1", debit=amount), Line(account="2", credit=amount),
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("one", "refusal"),
    [
        (wide(10**16 - 1), None),
        (wide(10**26), AmountTooWide),
        (wide(1, "x" * 30), None),
        (wide(1, "x" * 31), TextTooLong),
        (wide(1, "an arrow →"), TextNotWritable),
    ],
)
def test_what_a_field_cannot_hold_is_named(one, refusal, tmp_path):
    if refusal is None:
        peoplesoft.write([one], request(peoplesoft=OWN), tmp_path / "out")
        return

    with pytest.raises(refusal) as refused:
        peoplesoft.write([one], request(peoplesoft=OWN), tmp_path / "out")

    assert one.key in str(refused.value)


def test_contpaqis_text_file_is_off_until_its_layout_was_compared(tmp_path):
    with pytest.raises(MissingPart) as refused:
        contpaqi_txt.write(month(), request(), tmp_path / "out.txt")
    assert refused.value.field == "contpaqi.txt"


@settings(max_examples=25)
@given(made=entries())
def test_contpaqis_text_file_holds_every_line(made, tmp_path_factory):
    path = tmp_path_factory.mktemp("contpaqi") / "out.txt"

    contpaqi_txt.write(made, request(contpaqi=Contpaqi(txt=True)), path)

    lines = path.read_bytes().decode("cp1252").split("\r\n")
    movements = [line for line in lines if line[:2] == "M1"]
    found = [
        (line[3:33].rstrip(), *((minor(line[47:67]), 0) if line[45] == "0"
                                else (0, minor(line[47:67]))))
        for line in movements
    ]  # fmt: skip
    assert found == [(a.replace("-", ""), debit, credit) for a, debit, credit in sides(made)]
    headings = [line for line in lines if line[:2] == "P "]
    assert [line[3:11] for line in headings] == [f"{one.posted_on:%Y%m%d}" for one in made]
    assert {len(line) for line in headings} == {184}


def test_contpaqis_text_file_names_the_documents(tmp_path):
    contpaqi_txt.write(month()[:1], request(contpaqi=Contpaqi(txt=True)), tmp_path / "out.txt")

    lines = (tmp_path / "out.txt").read_text(encoding="cp1252").splitlines()
    assert [line for line in lines if line[0] == "A"] == [
        f"AM {UUID_1}", f"AM {UUID_1}", f"AD {UUID_1}",
    ]  # fmt: skip
    assert date(2026, 1, 31).strftime("%Y%m%d") == lines[0][3:11]

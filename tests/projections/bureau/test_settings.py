"""Consumers, codes and choices are read whole, or refused by their line or key."""

import msgspec
import pytest

from projections.bureau.catalogues import buro, circulo, states
from projections.bureau.consumer import ConsumerFile
from projections.bureau.errors import BadConsumers, BadLenderFile, BadTable, TotalTooWide
from projections.bureau.formats import metro2
from projections.bureau.formats.registry import FORMATS, format_of
from projections.bureau.lender import Choices, Lender, Member, read_lender
from projections.bureau.reported import Totals
from tests.projections.bureau.portfolio import consumers, lender


def test_people_of_a_file_are_found_where_they_stand(tmp_path):
    path = tmp_path / "people.jsonl"
    known = consumers()
    path.write_bytes(b"\n".join(msgspec.json.encode(one) for one in known.values()) + b"\n\n")

    file = ConsumerFile(path)

    assert file.known(["B-90", "B-1", "nobody"]) == {"B-90": known["B-90"], "B-1": known["B-1"]}
    assert file.joined(["L-0001"], None) == {}


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (b'{"reference": "B-1"', "truncated"),
        (b'{"paternal": "X"}', "reference"),
        (b'{"reference": "B-1", "rfk": ""}', "rfk"),
        (b'{"reference": "B-1", "born_on": "1980-02-31"}', "date"),
        (b'{"reference": "\xff"}', "utf-8"),
        (b'{"reference": "B-0"}', "'B-0' stands twice"),
    ],
)
def test_a_line_that_is_nobody_is_named(tmp_path, line, rule):
    path = tmp_path / "people.jsonl"
    path.write_bytes(b'{"reference": "B-0"}\n' + line + b"\n")

    with pytest.raises(BadConsumers, match=rf"(?i)line 2: .*{rule}"):
        ConsumerFile(path)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("buro: {key: 12}", "buro.key"),
        ("buro: {key: A}", "name"),
        ("burro: {}", "burro"),
        ("buro: {key: A, name: B, choices: {separator: tab}}", "tab"),
        ("marks: {L-1: stolen}", "stolen"),
        ("products: {'': {buro: PL, kind: cards}}", "cards"),
        ("- a", "array"),
        ("{", "parsing"),
    ],
)
def test_a_lender_file_that_cannot_be_read_names_the_key(tmp_path, text, rule):
    path = tmp_path / "lender.yaml"
    path.write_text(text)

    with pytest.raises(BadLenderFile, match=f"(?i){rule}"):
        read_lender(path)


@pytest.mark.parametrize(
    ("form", "wrong", "rule"),
    [
        ("buro-intf", Lender(buro=Member(key="A" * 11, name="X")), "buro.key"),
        ("buro-intf", Lender(buro=Member(key="A", name="X" * 17)), "buro.name"),
        ("buro-csv", Lender(buro=Member(key="A", name="X", choices=Choices(no_employer="NADIE"))),
         "no_employer"),
        ("circulo-xml", Lender(circulo=Member(key="1", name="X")), "circulo.key"),
        ("circulo-delimited", Lender(), "circulo"),
        ("metro2", Lender(), "metro2"),
        ("buro-companies", Lender(), "buro_companies"),
    ],
)  # fmt: skip
def test_settings_that_do_not_fit_a_format_are_refused_by_their_key(form, wrong, rule):
    with pytest.raises(BadLenderFile, match=rule):
        format_of(form)(wrong)


@pytest.mark.parametrize(
    ("form", "totals"),
    [
        ("buro-intf", Totals(balance=10**14)),
        ("buro-intf", Totals(past_due=10**14)),
        ("buro-companies", Totals(balance=10**30)),
        ("metro2", Totals(records=10**9)),
    ],
)
def test_a_total_that_does_not_fit_is_refused(form, totals):
    with pytest.raises(TotalTooWide, match="digits of the format"):
        format_of(form)(lender()).end(totals)


def test_every_code_of_a_table_is_one_of_its_own():
    for codes in (buro(), circulo()):
        letters = {one for known in codes.frequencies.values() for one in known.values()}
        assert set(codes.responsibilities) == {"borrower", "co_borrower", "guarantor"}
        if codes.monthly:
            assert letters | {codes.other_frequency} <= set(codes.monthly)
    assert len(states()) == 32
    assert all(len(one.buro) <= 4 and len(one.circulo) <= 4 for one in states().values())
    known = metro2.codes()
    assert set(known.closed) == {"paid", "forgiven", "recovered", "cancelled", "insured",
                                 "refinanced", "sold"}  # fmt: skip


def test_a_table_that_cannot_be_read_names_its_key(monkeypatch, tmp_path):
    from projections.bureau import catalogues

    (tmp_path / "states.yaml").write_text("AGU: {name: X}")
    monkeypatch.setattr(catalogues, "TABLES", tmp_path)

    with pytest.raises(BadTable, match=r"states.yaml: .*buro"):
        catalogues.table("states", dict[str, catalogues.State])


def test_formats_are_made_anew_for_each_file():
    for form in FORMATS:
        made = format_of(form)
        assert made(lender()) is not made(lender())

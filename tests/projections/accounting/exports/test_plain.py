"""CSV, Parquet, SAP's two files and hledger's journal."""

import csv
import json
import shutil
import subprocess
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings

from projections.accounting.entry import Line
from projections.accounting.exports import hledger, plain, sap
from projections.accounting.exports.errors import (
    AmountTooWide,
    ExportRefused,
    TextTooLong,
    TooManyLines,
)
from projections.accounting.exports.files import sha256
from projections.accounting.exports.settings import Sap
from tests.projections.accounting.exports.books import entries, entry, month, request, sides


def cents(text):
    whole, _, part = text.partition(".")
    assert len(part) == 2, text
    return int(whole + part)


@settings(max_examples=30)
@given(made=entries())
def test_csv_and_parquet_hold_every_line(made, tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")

    plain.write_csv(made, request(), folder / "out.csv")
    plain.write_parquet(made, request(), folder / "out.parquet")

    with (folder / "out.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["account"], cents(row["debit"]), cents(row["credit"])) for row in rows] == sides(
        made
    )
    frame = pl.read_parquet(folder / "out.parquet")
    assert frame["text"].to_list() == [one.text for one in made for _ in one.lines]
    assert frame["posted_on"].to_list() == [one.posted_on for one in made for _ in one.lines]
    found = frame.select("account", "debit", "credit").rows()
    assert [(a, int(debit * 100), int(credit * 100)) for a, debit, credit in found] == sides(made)
    assert sorted(path.name for path in folder.iterdir()) == ["out.csv", "out.parquet"]


def test_parquet_is_the_same_byte_for_byte(tmp_path):
    for name in ("one", "two"):
        plain.write_parquet(month() * 500, request(), tmp_path / f"{name}.parquet")

    assert sha256(tmp_path / "one.parquet") == sha256(tmp_path / "two.parquet")


def test_csv_says_all_there_is_to_an_entry(tmp_path):
    plain.write_csv(month()[2:], request(), tmp_path / "out.csv")

    assert (tmp_path / "out.csv").read_text().splitlines()[1] == (
        "lent,E202601000001,expense,1,2026-01-02,2025-12-30,MXN,Préstamo; entregado,1,1060-001,"
        "0.05,0.00,,,,,"
    )


def sap_rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter=";"))


@settings(max_examples=30)
@given(made=entries())
def test_sap_documents_balance_each_and_hold_every_line(made, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sap")

    sap.write_csv(made, request(), folder / "out.csv")
    sap.write_json(made, request(), folder / "out.json")

    rows = sap_rows(folder / "out.csv")
    assert [(r["HKONT"], cents(r["WRBTR_S"]), cents(r["WRBTR_H"])) for r in rows] == sides(made)
    documents = json.loads((folder / "out.json").read_text(), parse_float=Decimal)
    assert len(documents) == len(made)
    for document, one in zip(documents, made, strict=True):
        amounts = [Decimal(row["AMT_DOCCUR"]) for row in document["CURRENCYAMOUNT"]]
        assert sum(amounts) == 0
        assert amounts == [Decimal(line.debit - line.credit) / 100 for line in one.lines]
        items = [row["ITEMNO_ACC"] for row in document["ACCOUNTGL"]]
        assert items == [row["ITEMNO_ACC"] for row in document["CURRENCYAMOUNT"]]
        assert items == [f"{nth:010d}" for nth in range(1, len(items) + 1)]


def test_sap_says_company_document_and_dates(tmp_path):
    sap.write_csv(month()[2:], request(sap=Sap(company_code="MX01")), tmp_path / "out.csv")

    first = sap_rows(tmp_path / "out.csv")[0]
    assert first == {
        "BUKRS": "MX01", "BLART": "SA", "BLDAT": "20251230", "BUDAT": "20260102",
        "XBLNR": "E202601000001", "BKTXT": "Préstamo; entregado", "HKONT": "1060-001",
        "SGTXT": "Préstamo; entregado", "WRBTR_S": "0.05", "WRBTR_H": "0.00", "WAERS": "MXN",
        "MWSKZ": "",
    }  # fmt: skip


def long_entry(lines):
    debits = [Line(account="1", debit=nth) for nth in range(1, lines)]
    return entry(lines=[*debits, Line(account="2", credit=sum(range(1, lines)))])


@pytest.mark.parametrize(("lines", "documents"), [(999, 1), (1000, 2), (3000, 4)])
def test_a_document_of_more_than_999_lines_is_parted_into_balanced_ones(lines, documents, tmp_path):
    sap.write_csv([long_entry(lines)], request(sap=Sap(split_account="9")), tmp_path / "out.csv")

    by_document = {}
    for row in sap_rows(tmp_path / "out.csv"):
        by_document.setdefault(row["XBLNR"], []).append(row)
    assert len(by_document) == documents
    for rows in by_document.values():
        assert len(rows) <= 999
        assert sum(cents(row["WRBTR_S"]) - cents(row["WRBTR_H"]) for row in rows) == 0
    rows = [row for some in by_document.values() for row in some]
    carried = [cents(r["WRBTR_S"]) - cents(r["WRBTR_H"]) for r in rows if r["HKONT"] == "9"]
    assert sum(carried) == 0
    assert len([row for row in rows if row["HKONT"] != "9"]) == lines


def test_a_long_document_is_refused_where_no_account_may_part_it(tmp_path):
    with pytest.raises(TooManyLines) as refused:
        sap.write_csv([long_entry(1000)], request(), tmp_path / "out.csv")

    assert "sap.split_account" in str(refused.value)


@pytest.mark.parametrize(
    ("one", "refusal"),
    [
        (entry(text="x" * 26), TextTooLong),
        (entry(lines=[Line(account="1" * 11, debit=1), Line(account="2", credit=1)]), TextTooLong),
        (entry(lines=[Line(account="1", debit=10**24), Line(account="2", credit=10**24)]),
         AmountTooWide),
    ],
)  # fmt: skip
def test_what_saps_fields_cannot_hold_is_named(one, refusal, tmp_path):
    with pytest.raises(refusal) as refused:
        sap.write_json([one], request(), tmp_path / "out.json")

    assert one.key in str(refused.value)


HLEDGER = shutil.which("hledger")


def totals(made):
    found = {}
    for account, debit, credit in sides(made):
        found[account] = found.get(account, 0) + debit - credit
    return {account: amount for account, amount in found.items() if amount}


def hledger_totals(path):
    told = subprocess.run(
        [HLEDGER, "-f", path, "balance", "--flat", "--no-total", "-O", "csv"],
        check=True, capture_output=True, text=True, env={"LANG": "C.UTF-8"},
    ).stdout  # fmt: skip
    rows = csv.DictReader(told.splitlines())
    return {row["account"]: cents(row["balance"].removeprefix("MXN ").replace("MXN", ""))
            for row in rows}  # fmt: skip


@pytest.mark.skipif(HLEDGER is None, reason="hledger is not installed (Debian package hledger)")
@settings(max_examples=10)
@given(made=entries())
def test_hledger_reads_our_journal_and_gives_the_same_trial_balance(made, tmp_path_factory):
    path = tmp_path_factory.mktemp("hledger") / "out.journal"

    hledger.write(made, request(), path)

    assert hledger_totals(path) == totals(made)


@pytest.mark.skipif(HLEDGER is None, reason="hledger is not installed (Debian package hledger)")
def test_hledger_reads_semicolons_names_and_days(tmp_path):
    path = tmp_path / "out.journal"

    hledger.write(month(), request(), path)

    assert hledger_totals(path) == totals(month())
    told = subprocess.run(
        [HLEDGER, "-f", path, "print", "tag:value=2025-12-30"],
        check=True, capture_output=True, text=True, env={"LANG": "C.UTF-8"},
    ).stdout  # fmt: skip
    assert told.startswith("2026-01-02 * (E202601000001) Préstamo, entregado")


@pytest.mark.parametrize("account", ["(1020)", "a  b", "; x", "1020;"])
def test_an_account_that_hledger_would_misread_is_refused(account, tmp_path):
    made = [entry(lines=[Line(account=account, debit=1), Line(account="2", credit=1)])]

    with pytest.raises(ExportRefused) as refused:
        hledger.write(made, request(), tmp_path / "out.journal")

    assert refused.value.field == "account"

"""The Excel files, read back by another library than wrote them."""

from decimal import Decimal

import openpyxl
import pytest
from hypothesis import given, settings

from projections.accounting.entry import Line
from projections.accounting.exports import aspel_coi, contpaqi
from projections.accounting.exports.errors import (
    AmountTooWide,
    ExportRefused,
    OtherCurrency,
    TextNotWritable,
    TextTooLong,
    TooManyLines,
    UnknownDocument,
)
from projections.accounting.exports.files import sha256
from projections.accounting.exports.settings import AspelCoi, Contpaqi
from tests.projections.accounting.exports.books import (
    RFC,
    UUID_1,
    UUID_2,
    entries,
    entry,
    month,
    request,
    sides,
)


def rows(path):
    sheet = openpyxl.load_workbook(path).active
    found = [list(row) for row in sheet.iter_rows(values_only=True)]
    for row in found:
        while row and row[-1] is None:
            row.pop()
    return found


def cents(value):
    return int(Decimal(str(value)).scaleb(2).to_integral_exact())


def contpaqi_sides(found, accounts):
    """Our accounts again from the digits, and the amounts on their sides."""
    by_digits = {account.replace("-", ""): account for account in accounts}
    return [
        (by_digits[row[1]], *((cents(row[4]), 0) if row[3] == "0" else (0, cents(row[4]))))
        for row in found
        if row[0] == "M1"
    ]


def test_contpaqi_rows_are_those_of_the_vendors_template(tmp_path):
    path = tmp_path / "polizas.xlsx"

    contpaqi.write(month(), request(contpaqi=Contpaqi(mask=10)), path)

    assert rows(path)[:8] == [
        ["P", "20260131", 3, 1, 1, 0, "Devengo de intereses", 11, "0", "0"],
        ["M1", "1060005000", "L-1", "0", 116, 0, 0, "Interés", None, None, "20260131"],
        ["AM", UUID_1],
        ["M1", "4010032000", "L-1", "1", 100, 0, 0, "Devengo de intereses", None, None, "20260131"],
        ["M1", "2090001000", "L-1", "1", 16, 0, 0, "Devengo de intereses", None, None, "20260131"],
        ["AM", UUID_1],
        ["AD", UUID_1],
        ["P", "20260131", 1, 1, 1, 0, "Pago recibido", 11, "0", "0"],
    ]
    assert [row for row in rows(path) if row[0] == "AD"] == [
        ["AD", UUID_1], ["AD", UUID_1], ["AD", UUID_2],
    ]  # fmt: skip
    assert [row[2] for row in rows(path) if row[0] == "P"] == [3, 1, 2]


def test_aspel_coi_rows_are_those_of_its_interface(tmp_path):
    path = tmp_path / "polizas.xlsx"

    aspel_coi.write(month()[:1], request(), path)

    text = "Devengo de intereses"
    document = [
        [None, None, "INICIO_CFDI"],
        [None, None, "31/01/26", None, 0, RFC, "XAXX010101000", 116, UUID_1],
        [None, None, "FIN_CFDI"],
    ]
    assert rows(path) == [
        [],
        ["|||"],
        ["Dr", 1, text, 31],
        [None, "1060-005", "0", "Interés", 1, 116, 0],
        *document,
        [None, "4010-032", "0", text, 1, 0, 100],
        [None, "2090-001", "0", text, 1, 0, 16],
        *document,
        [None, "FIN_PARTIDAS"],
    ]


@settings(max_examples=25)
@given(made=entries())
def test_both_excel_files_hold_every_line_to_the_cent(made, tmp_path_factory):
    folder = tmp_path_factory.mktemp("excel")

    contpaqi.write(made, request(), folder / "contpaqi.xlsx")
    aspel_coi.write(made, request(), folder / "coi.xlsx")

    found = rows(folder / "contpaqi.xlsx")
    assert contpaqi_sides(found, [account for account, *_ in sides(made)]) == sides(made)
    lines = [row for row in rows(folder / "coi.xlsx") if len(row) > 6]
    assert [(row[1], cents(row[5]), cents(row[6])) for row in lines] == sides(made)


@pytest.mark.parametrize("write", [contpaqi.write, aspel_coi.write])
def test_the_same_entries_give_the_same_bytes(write, tmp_path, monkeypatch):
    write(month(), request(), tmp_path / "one.xlsx")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    write(month(), request(), tmp_path / "two.xlsx")

    assert sha256(tmp_path / "one.xlsx") == sha256(tmp_path / "two.xlsx")


def test_texts_that_look_like_formulas_or_numbers_stay_texts(tmp_path):
    made = [entry(text='=HYPERLINK("x")', lines=[
        Line(account="001", debit=1, text="0012"), Line(account="002", credit=1),
    ])]  # fmt: skip

    contpaqi.write(made, request(), tmp_path / "file.xlsx")

    assert [row[6] for row in rows(tmp_path / "file.xlsx")[:1]] == ['=HYPERLINK("x")']
    assert [row[1] for row in rows(tmp_path / "file.xlsx")[1:]] == ["001", "002"]


def two(amount, text="x", account="1"):
    return entry(text=text, lines=[
        Line(account=account, debit=amount), Line(account="2", credit=amount),
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("one", "refusal", "field"),
    [
        (two(10**15 - 1), None, ""),
        (two(10**15), AmountTooWide, "amount"),
        (two(1, "x" * 100), None, ""),
        (two(1, "x" * 101), TextTooLong, "text"),
        (two(1, "two\nlines"), TextNotWritable, "text"),
        (two(1, account="A-1"), ExportRefused, "account"),
        (entry(currency="USD"), OtherCurrency, "currency"),
    ],
)
def test_what_contpaqi_cannot_hold_is_named(one, refusal, field, tmp_path):
    path = tmp_path / "file.xlsx"
    if refusal is None:
        contpaqi.write([one], request(), path)
        return

    with pytest.raises(refusal) as refused:
        contpaqi.write([one], request(), path)

    assert refused.value.field == field
    assert one.key in str(refused.value)


def test_long_texts_are_cut_where_the_company_says_so(tmp_path):
    contpaqi.write([two(1, "x" * 101)], request(long_text="cut"), tmp_path / "file.xlsx")

    assert rows(tmp_path / "file.xlsx")[0][6] == "x" * 100


def test_an_account_longer_than_the_mask_is_refused(tmp_path):
    with pytest.raises(TextTooLong) as refused:
        contpaqi.write(month(), request(contpaqi=Contpaqi(mask=6)), tmp_path / "file.xlsx")

    assert refused.value.width == 6


def test_a_document_that_was_never_issued_is_named(tmp_path):
    with pytest.raises(UnknownDocument) as refused:
        aspel_coi.write(month(), request(documents=lambda _: {}), tmp_path / "file.xlsx")

    assert refused.value.uuid == UUID_1
    aspel_coi.write(
        month(), request(documents=lambda _: {}, aspel_coi=AspelCoi(documents=False)),
        tmp_path / "file.xlsx",
    )  # fmt: skip


def test_more_rows_than_a_sheet_holds_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("projections.accounting.exports.sheet.ROWS", 7)

    with pytest.raises(TooManyLines):
        contpaqi.write(month(), request(), tmp_path / "file.xlsx")

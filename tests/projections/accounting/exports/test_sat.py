"""SAT's Contabilidad Electrónica, read back with lxml and checked against the shipped schemas."""

import zipfile
from datetime import date
from decimal import Decimal
from importlib.resources import files
from io import BytesIO

import pytest
from hypothesis import given, settings
from lxml import etree

from projections.accounting.chart import load_chart
from projections.accounting.entry import Account, Nature
from projections.accounting.exports.errors import (
    EmptyPeriod,
    ExportRefused,
    MissingPart,
    NotValid,
    OtherCurrency,
    UnknownAccount,
    UnmappedAccount,
)
from projections.accounting.exports.files import sha256
from projections.accounting.exports.formats import FORMATS
from projections.accounting.exports.period import Period
from projections.accounting.exports.settings import Sat
from tests.projections.accounting.exports.books import (
    BORROWER,
    CHART,
    RFC,
    UUID_1,
    UUID_2,
    audited,
    balances,
    entries,
    entry,
    month,
    request,
    sides,
)

SCHEMAS = files("satcfdi") / "transform/schemas/www.sat.gob.mx/esquemas/ContabilidadE/1_3"


def made(name, entries, asked, folder):
    """The XML of the archive, parsed apart; and what the file and its content are called."""
    path = folder / FORMATS[name].file_name(asked)
    FORMATS[name].write(iter(entries), asked, path)
    with zipfile.ZipFile(path) as archive:
        [inside] = archive.namelist()
        tree = etree.parse(BytesIO(archive.read(inside)))
    [schema] = [
        one
        for folder in SCHEMAS.iterdir()
        for one in folder.iterdir()
        if one.name.endswith("_1_3.xsd")
        and f'targetNamespace="{etree.QName(tree.getroot()).namespace}"' in one.read_text()
    ]
    etree.XMLSchema(etree.parse(str(schema))).assertValid(tree)
    return tree.getroot(), path.name, inside


def cents(text):
    return int(Decimal(text).scaleb(2).to_integral_exact())


def local(root, name):
    return [one for one in root.iter() if etree.QName(one).localname == name]


def test_the_chart_carries_sats_codes(tmp_path):
    root, name, inside = made("sat-chart", (), request(), tmp_path)

    assert (name, inside) == (f"{RFC}202601CT.zip", f"{RFC}202601CT.xml")
    assert dict(root.attrib) | {} == {
        **root.attrib, "Version": "1.3", "RFC": RFC, "Mes": "01", "Anio": "2026",
    }  # fmt: skip
    assert [(one.get("NumCta"), one.get("CodAgrup"), one.get("Natur")) for one in root] == [
        ("1020-001", "102.01", "D"), ("1060-001", "106.01", "D"), ("1060-005", "106.05", "D"),
        ("2090-001", "209.01", "A"), ("4010-032", "401.32", "A"),
    ]  # fmt: skip


@settings(max_examples=15)
@given(entries=entries())
def test_the_trial_balance_adds_up_by_nature(entries, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sat")

    root, name, _ = made("sat-balances", (), request(balances=balances(entries)), folder)

    assert name == f"{RFC}202601BN.zip"
    assert root.get("TipoEnvio") == "N"
    found = {one.get("NumCta"): one for one in root}
    for number, row in found.items():
        opening, debit, credit, closing = (
            cents(row.get(name)) for name in ("SaldoIni", "Debe", "Haber", "SaldoFin")
        )
        sign = 1 if CHART[number].nature is Nature.DEBIT else -1
        assert closing == opening + sign * (debit - credit)
        assert debit == sum(d for account, d, _ in sides(entries) if account == number)
        assert credit == sum(c for account, _, c in sides(entries) if account == number)


def test_a_corrected_balance_says_when_it_was_changed(tmp_path):
    sent = Sat(sending="C", changed_on=date(2026, 2, 20))

    root, name, _ = made(
        "sat-balances", (), request(balances=balances(month()), sat=sent), tmp_path
    )

    assert name == f"{RFC}202601BC.zip"
    assert (root.get("TipoEnvio"), root.get("FechaModBal")) == ("C", "2026-02-20")


def test_the_closing_month_has_a_balance_of_its_own(tmp_path):
    asked = request(balances=balances(month()), period=Period.parse("2026-13"))

    root, name, _ = made("sat-balances", (), asked, tmp_path)

    assert (name, root.get("Mes")) == (f"{RFC}202613BN.zip", "13")


@settings(max_examples=15)
@given(entries=entries())
def test_entries_balance_each_and_hold_every_line(entries, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sat")

    root, name, _ = made("sat-entries", entries, request(sat=audited()), folder)

    assert name == f"{RFC}202601PL.zip"
    assert (root.get("TipoSolicitud"), root.get("NumOrden")) == ("AF", "ABC1234567/26")
    lines = local(root, "Transaccion")
    assert [
        (one.get("NumCta"), cents(one.get("Debe")), cents(one.get("Haber"))) for one in lines
    ] == sides(entries)
    for poliza in root:
        assert sum(cents(one.get("Debe")) - cents(one.get("Haber")) for one in poliza) == 0
    numbers = [poliza.get("NumUnIdenPol") for poliza in root]
    assert len(set(numbers)) == len(numbers) == len(entries)


def test_entries_carry_the_documents_behind_their_lines(tmp_path):
    root, *_ = made("sat-entries", month(), request(sat=audited()), tmp_path)

    found = [
        (one.getparent().get("NumCta"), one.get("UUID_CFDI"), one.get("RFC"), one.get("MontoTotal"))
        for one in local(root, "CompNal")
    ]
    assert found == [
        ("1060-005", UUID_1, BORROWER, "116.00"), ("2090-001", UUID_1, BORROWER, "116.00"),
        ("1060-005", UUID_1, BORROWER, "116.00"), ("1060-005", UUID_2, BORROWER, "58.00"),
    ]  # fmt: skip


def test_documents_are_listed_by_entry(tmp_path):
    root, name, _ = made("sat-documents", month(), request(sat=audited()), tmp_path)

    assert name == f"{RFC}202601XF.zip"
    assert [
        (one.get("NumUnIdenPol"), [document.get("UUID_CFDI") for document in one]) for one in root
    ] == [("D202601000001", [UUID_1]), ("I202601000001", [UUID_1, UUID_2])]


@settings(max_examples=15)
@given(entries=entries(most=12))
def test_each_account_holds_its_lines_between_its_balances(entries, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sat")
    asked = request(balances=balances(entries), sat=audited())

    root, name, _ = made("sat-accounts", entries, asked, folder)

    assert name == f"{RFC}202601XC.zip"
    accounts = [one.get("NumCta") for one in root]
    assert accounts == sorted({account for account, *_ in sides(entries)})
    for account in root:
        number = account.get("NumCta")
        moved = [(cents(one.get("Debe")), cents(one.get("Haber"))) for one in account]
        assert moved == [(d, c) for known, d, c in sides(entries) if known == number]
        sign = 1 if CHART[number].nature is Nature.DEBIT else -1
        change = sign * sum(debit - credit for debit, credit in moved)
        assert cents(account.get("SaldoFin")) == cents(account.get("SaldoIni")) + change
    assert [one.name for one in folder.iterdir()] == [name]


def test_what_is_written_in_pieces_is_one_file(tmp_path, monkeypatch):
    monkeypatch.setattr("projections.accounting.exports.sat_entries.DETAILS", 2)
    many = [entry(nth, key=f"k{nth}") for nth in range(1, 1204)]
    asked = request(balances=balances(many), sat=audited())

    polizas, *_ = made("sat-entries", many, asked, tmp_path)
    accounts, *_ = made("sat-accounts", many, asked, tmp_path)

    assert len(polizas) == 1203
    assert [len(one) for one in accounts] == [1203] * 3


@pytest.mark.parametrize("name", [name for name in FORMATS if name.startswith("sat-")])
def test_the_same_books_give_the_same_bytes(name, tmp_path):
    asked = request(balances=balances(month()), sat=audited())
    for file in ("one", "two"):
        FORMATS[name].write(month(), asked, tmp_path / file)

    assert sha256(tmp_path / "one") == sha256(tmp_path / "two")


UNMAPPED = CHART | {"9": Account(internal="x", number="9", name="Sin código", nature=Nature.DEBIT)}
UNKNOWN_CODE = CHART | {
    "9": Account(internal="x", number="9", name="x", nature=Nature.DEBIT, sat_code="999.99")
}


def test_every_account_without_a_code_is_named_at_once_and_where_the_code_is_written(tmp_path):
    more = {f"9-{nth:02}": Account(internal="x", number=f"9-{nth:02}", name="Otra",
                                   nature=Nature.DEBIT) for nth in range(12)}  # fmt: skip

    with pytest.raises(UnmappedAccount) as refused:
        FORMATS["sat-chart"].write(iter([]), request(accounts=CHART | more), tmp_path / "x")

    told = str(refused.value)
    assert told.startswith("account 9-00 Otra, 9-01 Otra, ")
    assert "9-09 Otra and 2 more: no SAT grouping code" in told
    assert "`sat`" in told
    assert "CARTERA_ACCOUNTING_CHART" in told
    assert len(refused.value.accounts) == 12


def test_the_shipped_codes_are_sats_own_and_headings_gather_what_is_theirs():
    """Against SAT's catalogue, read from the schema that SAT publishes."""
    [catalogue] = SCHEMAS.rglob("CatalogosParaEsqContE.xsd")
    xs = "{http://www.w3.org/2001/XMLSchema}"
    [codes] = [
        {one.get("value") for one in kind.iter(f"{xs}enumeration")}
        for kind in etree.parse(str(catalogue)).iter(f"{xs}simpleType")
        if kind.get("name") == "c_CodAgrup"
    ]
    chart = load_chart()
    heading = {one.number: one.sat_code for one in chart.headings}

    for one in chart.accounts():
        assert one.sat_code in codes, one.number
        above = heading.get(one.parent, one.sat_code)
        assert one.sat_code.split(".")[0] == above, one.number


@pytest.mark.parametrize(
    ("name", "entries", "given", "refusal", "field"),
    [
        ("sat-chart", [], {"accounts": UNMAPPED}, UnmappedAccount, "account"),
        ("sat-chart", [], {"accounts": UNKNOWN_CODE}, NotValid, "CT"),
        ("sat-chart", [], {"rfc": ""}, MissingPart, "rfc"),
        ("sat-balances", [], {"sat": Sat(sending="C")}, MissingPart, "sat.changed_on"),
        ("sat-balances", [], {}, EmptyPeriod, "period"),
        ("sat-entries", month(), {}, MissingPart, "sat.request"),
        ("sat-entries", month(), {"sat": Sat(request="AF")}, MissingPart, "sat.order_no"),
        ("sat-entries", month(), {"sat": Sat(request="DE")}, MissingPart, "sat.procedure_no"),
        ("sat-entries", [], {"sat": audited()}, EmptyPeriod, "period"),
        ("sat-entries", [entry(currency="USD")], {"sat": audited()}, OtherCurrency, "currency"),
        ("sat-entries", month(), {"sat": audited(), "accounts": {}}, UnknownAccount, "account"),
        ("sat-entries", month(), {"sat": audited(), "period": Period(2026, 13)}, NotValid, "PL"),
        ("sat-accounts", month(), {"sat": audited()}, UnknownAccount, "account"),
        ("sat-documents", month()[2:], {"sat": audited()}, EmptyPeriod, "period"),
    ],
)
def test_what_sat_would_not_take_is_refused_and_leaves_nothing(
    name, entries, given, refusal, field, tmp_path
):
    with pytest.raises(refusal) as refused:
        FORMATS[name].write(entries, request(**given), tmp_path / "out.zip")

    assert refused.value.field == field
    assert isinstance(refused.value, ExportRefused)
    assert list(tmp_path.iterdir()) == []

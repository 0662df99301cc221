"""A month goes from loans to an accountant's files: by command, and with what is refused named."""

import csv
import json
import shutil
import subprocess
import zipfile
from contextlib import ExitStack
from datetime import UTC, date, datetime

import openpyxl
import pytest
from lxml import etree
from pydantic import SecretStr

from ledger.close_of_day import close_through
from ledger.settings import override
from projections.accounting.chart import SHIPPED
from tests.ledger.builders import CAUSE, TERMS, a_ledger, mxn, pay
from tests.projections.accounting.cfdi.provider_server import provider
from tests.projections.accounting.cfdi.tools import (
    PASSWORD,
    RFC,
    certificate,
    key_file,
    private_key,
)

HLEDGER = shutil.which("hledger")


@pytest.fixture(scope="module")
def book(database, tmp_path_factory, cartera):
    """Two loans through March 2026; January and February closed."""
    folder = tmp_path_factory.mktemp("accounting")
    with a_ledger(database, date(2026, 3, 31)) as ledger:
        for nth, borrower in enumerate(("B-1", "B-2")):
            loan_id = ledger.open_loan(
                loan_no=f"L-{nth}", terms=TERMS, effective_on=date(2026, 1, 15), borrower=borrower,
                product="personal", branch="centro", cause=CAUSE,
            ).loan_id  # fmt: skip
            ledger.disburse(
                loan_id, principal=mxn("10000"), effective_on=date(2026, 1, 15), cause=CAUSE
            )
            pay(ledger, loan_id, "200.00", date(2026, 1, 28))
        close_through(ledger, date(2026, 3, 31), cause=CAUSE)
        pay(ledger, loan_id, "1000.00", date(2026, 2, 16))
    (folder / "event.yaml").write_text(f"""
rfc: {RFC}
grouping: event
sat: {{request: AF, order_no: ABC1234567/26}}
""")
    for month in ("2026-01", "2026-02"):
        told = cartera("accounting", "close-period", month)
        assert told.code == 0, told.err
    return folder


@pytest.fixture
def fresh_settings(database):
    """Other settings for the commands of one test."""
    with ExitStack() as stack:
        yield lambda **given: stack.enter_context(override(database.model_copy(update=given)))


def balance(cartera, last="2026-01-31"):
    [found] = cartera("accounting", "trial-balance", "--to", last, "--json").json
    return {one["number"]: (one["debit"], one["credit"]) for one in found["accounts"]}


def summed(rows):
    """Debit and credit in cents, by account."""
    found = {}
    for account, debit, credit in rows:
        kept = found.setdefault(account, [0, 0])
        kept[0] += debit
        kept[1] += credit
    return {account: tuple(sums) for account, sums in found.items() if any(sums)}


def cents(text):
    return int(text.replace(".", ""))


def expected(cartera):
    return {
        number: (cents(debit), cents(credit))
        for number, (debit, credit) in balance(cartera).items()
        if cents(debit) or cents(credit)
    }


def test_a_months_csv_adds_up_to_the_trial_balance(cartera, book, tmp_path):
    path = tmp_path / "january.csv"

    told = cartera("accounting", "export", "csv", "--period", "2026-01", "--to", path, "--json")

    assert told.code == 0, told.err
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    found = summed((row["account"], cents(row["debit"]), cents(row["credit"])) for row in rows)
    assert found == expected(cartera)
    assert told.json["lines"] == len(rows)
    assert {row["posted_on"][:7] for row in rows} == {"2026-01"}


def test_a_months_excel_file_adds_up_to_the_trial_balance(cartera, book, tmp_path):
    path = tmp_path / "january.xlsx"

    told = cartera("accounting", "export", "contpaqi", "--period", "2026-01", "--to", path)

    assert told.code == 0, told.err
    rows = [row for row in openpyxl.load_workbook(path).active.iter_rows(values_only=True)
            if row[0] == "M1"]  # fmt: skip
    numbers = {number.replace("-", ""): number for number in balance(cartera)}
    amounts = [(numbers[row[1]], round(row[4] * 100)) for row in rows]
    found = summed(
        (account, amount if row[3] == "0" else 0, amount if row[3] == "1" else 0)
        for (account, amount), row in zip(amounts, rows, strict=True)
    )
    assert found == expected(cartera)


@pytest.mark.skipif(HLEDGER is None, reason="hledger is not installed (Debian package hledger)")
def test_hledger_gives_the_same_trial_balance_as_the_books(cartera, book, tmp_path):
    paths = [tmp_path / f"{month}.journal" for month in ("2026-01", "2026-02")]
    for path in paths:
        told = cartera("accounting", "export", "hledger", "--period", path.stem, "--to", path)
        assert told.code == 0, told.err

    files = [part for path in paths for part in ("-f", path)]
    told = subprocess.run(
        [HLEDGER, *files, "balance", "--flat", "--no-total", "-O", "csv"],
        check=True, capture_output=True, text=True, env={"LANG": "C.UTF-8"},
    ).stdout  # fmt: skip
    [books] = cartera("accounting", "trial-balance", "--to", "2026-02-28", "--json").json
    natures = {one["number"]: one["nature"]
               for one in cartera("accounting", "accounts", "--json").json}  # fmt: skip
    mine = {
        one["number"]: cents(one["closing"]) * (1 if natures[one["number"]] == "debit" else -1)
        for one in books["accounts"]
    }
    found = {row["account"]: cents(row["balance"].removeprefix("MXN "))
             for row in csv.DictReader(told.splitlines())}  # fmt: skip
    assert found == {number: amount for number, amount in mine.items() if amount}


def test_what_went_once_does_not_go_again_but_can_be_had_again(cartera, book, tmp_path):
    first, again = tmp_path / "first.json", tmp_path / "again.json"
    told = cartera("accounting", "export", "aspel-coi", "--period", "2026-02", "--to", first,
                   "--actor", "bea", "--json")  # fmt: skip
    assert told.code == 0, told.err
    batch = told.json["id"]

    told = cartera("accounting", "export", "aspel-coi", "--period", "2026-02", "--to", again)
    assert told.code == 2
    assert f"batch {batch} can be exported again" in told.err
    assert not again.exists()

    assert cartera("accounting", "re-export", batch, "--to", again).code == 0
    assert again.read_bytes() == first.read_bytes()
    listed = cartera("accounting", "exports", "--json").json
    assert [one["actor"] for one in listed if one["id"] == batch] == ["bea"]
    assert "aspel-coi" in cartera("accounting", "exports").out


def test_a_lost_file_is_made_again_from_the_books(cartera, book, tmp_path, database):
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    told = cartera("accounting", "export", "csv", "--period", "2026-02", "--to", one, "--json")
    assert told.code == 0, told.err
    for kept in database.exports.glob(f"{told.json['id']:08d}-*"):
        kept.unlink()

    assert cartera("accounting", "re-export", told.json["id"], "--to", two).code == 0
    assert two.read_bytes() == one.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing", "--period", "2026-01"], "format: 'nothing' is none of contpaqi"),
        (["csv", "--period", "January"], "period: must be a month such as 2026-01"),
        (["csv", "--period", "2026-03"], "period: 2026-03 is open; close it"),
        (["sat-chart", "--period", "2026-01"], "rfc: is needed in files for SAT"),
        (["contpaqi-txt", "--period", "2026-01"], "contpaqi.txt: is off"),
    ],
)
def test_what_cannot_be_exported_is_named(cartera, book, arguments, said, tmp_path):
    path = tmp_path / "out"
    told = cartera("accounting", "export", *arguments, "--to", path)

    assert told.code == 2
    assert said in told.err
    assert not path.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rfc: no", "rfc"),
        ("sap: {lines: 1000}", "sap.lines"),
        ("sap: {colour: blue}", "colour"),
        ("grouping: week", "grouping"),
        (": [", "cannot be read"),
    ],
)
def test_settings_that_cannot_be_are_named(cartera, book, text, said, tmp_path, fresh_settings):
    path = tmp_path / "settings.yaml"
    path.write_text(text)
    fresh_settings(accounting_files=path)

    told = cartera("accounting", "export", "csv", "--period", "2026-01", "--to", tmp_path / "out")

    assert told.code == 2
    assert said in told.err


def issuing(folder, url, **given):
    (folder / "csd.cer").write_bytes(certificate())
    (folder / "csd.key").write_bytes(key_file())
    (folder / "receivers.csv").write_text(
        "borrower,rfc,name,postal_code,regime\nB-1,CACX7605101P8,XOCHILT CASAS CHAVEZ,36257,612\n"
    )
    path = folder / "cfdi.yaml"
    path.write_text(
        json.dumps(
            {
                "issuer": {"rfc": RFC, "name": "ESCUELA KEMPER URGATE", "regime": "601",
                           "postal_code": "42501"},
                "certificate": "csd.cer", "key": "csd.key", "receivers": "receivers.csv",
                "provider_url": url, "other_form": "03", **given,
            }
        )
    )  # fmt: skip
    return path


def test_a_first_user_is_led_to_a_chart_that_sat_takes(cartera, book, fresh_settings, tmp_path):
    asked = ("accounting", "export", "sat-chart", "--period", "2026-01")
    path = tmp_path / f"{RFC}202601CT.zip"
    own = tmp_path / "chart.yaml"
    fresh_settings(accounting_files=book / "event.yaml")

    refused = cartera(*asked, "--to", path)
    told = cartera("accounting", "check")
    assert (refused.code, path.exists()) == (2, False)
    assert "1065 Intereses" not in refused.err
    assert "1070 Comisiones e impuestos por cobrar" in refused.err
    assert "CARTERA_ACCOUNTING_CHART" in refused.err
    assert f"copy {SHIPPED}" in told.out.replace("\n", "")
    lines = SHIPPED.read_text().splitlines()
    own.write_text("\n".join(
        one if "number:" not in one or "sat:" in one else one.replace("}", ', sat: "899.01"}')
        for one in lines
    ))  # fmt: skip
    fresh_settings(accounting_files=book / "event.yaml", accounting_chart=own)
    assert "0 accounts without SAT's code" in cartera("accounting", "check").out
    made = cartera(*asked, "--to", path)
    assert made.code == 0, made.err
    with zipfile.ZipFile(path) as archive:
        root = etree.fromstring(archive.read(f"{RFC}202601CT.xml"))
    assert len(root) == sum("number:" in one for one in lines)


CANNOT = [
    ({"begins": datetime(2024, 1, 1, tzinfo=UTC), "days": 30}, None, "expired on"),
    ({}, 1, "certificate: does not match its private key"),
    ({"rfc": "CACX7605101P8"}, None, "not of the issuer"),
]


@pytest.mark.parametrize(("changed", "key", "said"), CANNOT)
def test_a_certificate_that_cannot_seal_stops_all(
    cartera, book, fresh_settings, tmp_path, changed, key, said
):
    with provider() as (pac, url):
        fresh_settings(
            cfdi=issuing(tmp_path, url), cfdi_key_password=SecretStr(PASSWORD),
            cfdi_provider_token=SecretStr("t"),
        )  # fmt: skip
        (tmp_path / "csd.cer").write_bytes(certificate(**changed))
        if key is not None:
            (tmp_path / "csd.key").write_bytes(key_file(private_key(key)))
        told = cartera("accounting", "cfdi", "issue")

    assert (told.code, pac.calls) == (2, [])
    assert said in told.err


def test_stamped_documents_reach_sats_entries(cartera, book, fresh_settings, tmp_path):
    with provider() as (pac, url):
        fresh_settings(
            accounting_files=book / "event.yaml", cfdi=issuing(tmp_path, url),
            cfdi_key_password=SecretStr(PASSWORD), cfdi_provider_token=SecretStr("t"),
        )  # fmt: skip
        told = cartera("accounting", "cfdi", "issue", "--json")
        assert (told.code, told.json["stamped"], told.json["refused"]) == (1, 1, 2), told.err
        assert "of borrower B-2 is not known" in cartera("accounting", "cfdi", "list").out
        pac.mode = "away"
        known = tmp_path / "xochilt.yaml"
        known.write_text(
            "{first_name: Xochilt, paternal: Casas, maternal: Chavez, rfc: CACX7605101P8}"
        )
        assert cartera("borrower", "register", "B-2", known).code == 0
        assert cartera("accounting", "cfdi", "issue").code == 1
        [listed, _] = cartera("accounting", "cfdi", "list", "--json").json
        assert (listed["loan_no"], listed["reason"]) == (
            "L-1", "receiver.postal_code of borrower B-2 is not known, nor regime",
        )  # fmt: skip
        known.write_text(
            "{first_name: Xochilt, paternal: Casas, maternal: Chavez, rfc: CACX7605101P8,"
            ' tax_regime: "612", addresses: [{street: Luna 1, postal_code: "36257"}]}'
        )
        assert cartera("borrower", "change", "B-2", known, "--reason", "told").code == 0
        told = cartera("accounting", "cfdi", "issue")
        assert (told.code, "provider" in told.err) == (3, True)
        assert "waits for the stamping provider" in cartera("accounting", "cfdi", "list").out
        pac.mode = "ok"
        assert cartera("accounting", "cfdi", "issue").code == 0
        readings = cartera("borrower", "readings", "B-2", "--json").json
        assert {one["what"] for one in readings} == {"fiscal-document"}
        told = cartera("accounting", "cfdi", "check", "--json")
        assert (told.code, told.json) == (0, {"loans": 2, "apart": []})
        assert cartera("verify").code == 0

    path = tmp_path / f"{RFC}202601PL.zip"
    told = cartera("accounting", "export", "sat-entries", "--period", "2026-01", "--to", path)
    assert told.code == 0, told.err
    with zipfile.ZipFile(path) as archive:
        root = etree.fromstring(archive.read(f"{RFC}202601PL.xml"))
    found = {one.get("UUID_CFDI") for one in root.iter() if one.tag.endswith("CompNal")}
    assert found < set(pac.stamped.values())
    assert len(found) == 2  # the third was paid in February
    debit = [cents(one.get("Debe")) for one in root.iter() if one.tag.endswith("Transaccion")]
    assert sum(debit) == sum(debit for debit, _ in expected(cartera).values())

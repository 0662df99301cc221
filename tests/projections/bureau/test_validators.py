"""The readers find what is wrong with a file: every rule has a file that breaks it."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.bureau.validators import buro_intf
from projections.bureau.validators.registry import CHECKS, kind_of

GOLDEN = Path(__file__).parents[2] / "golden" / "bureau"


@pytest.fixture
def broken(tmp_path):
    """What the reader of a format finds once the golden file is changed."""

    def found(form, change):
        before = (GOLDEN / form).read_bytes().decode("latin-1")
        after = change(before)
        assert after != before, "the change does not meet the file"
        path = tmp_path / form
        path.write_bytes(after.encode("latin-1"))
        return list(CHECKS[form](path))

    return found


def tag(account, name, value):
    """Another value for a tag of the TL of an account, its length set right."""

    def change(text):
        head, rest = text.split(f"0406{account}", 1)
        line, end = rest.split("9903FIN", 1)
        at, seen = 0, []
        while at < len(line):
            size = int(line[at + 2 : at + 4])
            seen.append((line[at : at + 2], line[at + 4 : at + 4 + size]))
            at += 4 + size
        seen = [(one, value if one == name else old) for one, old in seen if
                one != name or value is not None]  # fmt: skip
        made = "".join(f"{one}{len(old):02}{old}" for one, old in seen)
        return f"{head}0406{account}{made}9903FIN{end}"

    return change


INTF = {
    "a code of the catalogue": (tag("L-0001", "07", "QQ"), "TL 07"),
    "another currency": (tag("L-0001", "08", "EU"), "TL 08"),
    "an unknown rating": (tag("L-0001", "26", "08"), "TL 26"),
    "past due of a current one": (tag("L-0001", "24", "7"), "TL 26"),
    "nothing past due of a late one": (tag("L-0003", "24", "0"), "TL 24"),
    "no missed payment of a late one": (tag("L-0003", "25", None), "TL 25"),
    "days of another rating": (tag("L-0003", "49", "30"), "TL 49"),
    "no first missed payment": (tag("L-0003", "43", "01011900"), "TL 43"),
    "a first missed payment to come": (tag("L-0003", "43", "01052026"), "TL 43"),
    "a date that is none": (tag("L-0001", "13", "31022026"), "TL 13"),
    "opened after the report": (tag("L-0001", "13", "01052026"), "TL 13"),
    "closed with a balance": (tag("L-0007", "22", "5"), "TL 16"),
    "closed without CC's rating": (tag("L-0007", "26", "02"), "TL 30"),
    "a write-off rated otherwise": (tag("L-0008", "26", "02"), "TL 30"),
    "a write-off that lost nothing": (tag("L-0008", "24", "0"), "TL 24"),
    "more principal than balance": (tag("L-0001", "44", "99999"), "TL 44"),
    "more to pay than the balance": (tag("L-0001", "12", "99999"), "TL 12"),
    "an amount too wide": (tag("L-0001", "21", "1" * 10), "TL 21"),
    "an amount with a point": (tag("L-0001", "22", "10.5"), "TL 22"),
    "the report of another day": (tag("L-0001", "17", "31032026"), "TL 17"),
    "revolving without limit": (tag("L-0015", "23", ""), "TL 23"),
    "payments of a line": (tag("L-0015", "10", "12"), "TL 10"),
    "a payment without its date": (tag("L-0001", "14", ""), "TL 45"),
    "small letters": (lambda text: text.replace("HERNANDEZ", "Hernandez", 1), "PN PN"),
    "a postal code of letters": (lambda text: text.replace("050503100", "0505031AB", 1), "PA 05"),
    "a state unknown": (lambda text: text.replace("0404CDMX", "0404XXXX", 1), "PA 04"),
    "no first name": (lambda text: text.replace("0205ANGEL", "0200", 1), "PN 02"),
    "another birth date": (lambda text: text.replace("040805021980", "040806021980", 1), "PN 05"),
    "death without its sign": (lambda text: text.replace("2101Y", "", 1), "PN 21"),
    "the same account twice": (
        lambda text: text.replace("0406L-00020501I", "0406L-00010501I").replace(
            "PN07DE LA O0004RUIZ0203LUZ0408050319800513GAMM800305AB20802MX090121101D1201M1518GAMM"
            "800305MDFRXR02",
            "PN09HERNANDEZ0016NO PROPORCIONADO0205ANGEL0408050219800513GAMM800205AB10802MX09012110"
            "1M1201F1518GAMM800205MDFRXR01",
        ),
        "TL 04",
    ),
    "a length that lies": (lambda text: text.replace("0205ANGEL", "0206ANGEL", 1), "file"),
    "END instead of FIN": (lambda text: text.replace("9903FIN", "9903END", 1), "TL 99"),
    "no PE": (lambda text: text.replace("PE24TRABAJADOR INDEPENDIENTE1802MX", "", 1), "file"),
    "a total of balances": (lambda text: text.replace("TRLR0", "TRLR1"), "total of balances"),
    "a count of segments": (lambda text: text.replace("001000000023", "001000000024"),
                            "PN segments"),
    "an older version": (lambda text: text.replace("INTF14", "INTF11"), "version"),
    "no trailer": (lambda text: text[: text.index("TRLR")], "file"),
    "more after the trailer": (lambda text: f"{text}X", "file"),
}  # fmt: skip


@pytest.mark.parametrize("rule", INTF)
def test_what_breaks_intf_is_found(broken, rule):
    change, field = INTF[rule]

    assert field in {one.field for one in broken("buro-intf", change)}


def csv_cell(row, column, value):
    def change(text):
        lines = text.split("\r\n")
        cells = lines[row].split(",")
        cells[column] = value
        lines[row] = ",".join(cells)
        return "\r\n".join(lines)

    return change


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (csv_cell(0, 0, "CLAVE"), "columns"),
        (csv_cell(1, 3, ""), "PN PN"),
        (csv_cell(1, 41, "QQ"), "TL 07"),
        (csv_cell(1, 54, "9"), "TL 26"),
        (csv_cell(1, 52, "1,5"), "columns"),
        (csv_cell(1, 52, "1.5"), "TL 22"),
    ],
)
def test_what_breaks_the_csv_is_found(broken, change, field):
    assert field in {one.field for one in broken("buro-csv", change)}


def element(account, name, value):
    def change(text):
        begin = text.index(f"<CuentaActual>{account}<")
        end = text.index("</Persona>", begin)
        part = re.sub(f"<{name}>[^<]*<", f"<{name}>{value}<", text[begin:end], count=1)
        return text[:begin] + part + text[end:]

    return change


CIRCULO = {
    "a code of the catalogue": (element("L-0001", "TipoContrato", "QQ"), "xml"),
    "too many characters": (element("L-0001", "ClavePrevencion", "CCC"), "xml"),
    "an amount with a sign": (element("L-0001", "SaldoActual", "-5"), "xml"),
    "an element left out": (lambda text: text.replace("<Garantia></Garantia>", "", 1), "xml"),
    "no birth date": (lambda text: re.sub("<FechaNacimiento>[0-9]+", "<FechaNacimiento>", text,
                                          count=1), "xml"),
    "not well formed": (lambda text: text.replace("</Persona>", "", 1), "xml"),
    "more principal than balance": (element("L-0001", "SaldoInsoluto", "99999"), "SaldoInsoluto"),
    "more past due than balance": (element("L-0003", "SaldoVencido", "99999"), "SaldoVencido"),
    "past due but current": (element("L-0001", "SaldoVencido", "5"), "PagoActual"),
    "late without days": (element("L-0003", "DiasVencimiento", "0"), "PagoActual"),
    "late without first date": (element("L-0003", "FechaPrimerIncumplimiento", "19010101"),
                                "FechaPrimerIncumplimiento"),
    "no number of payments": (element("L-0001", "NumeroPagos", ""), "NumeroPagos"),
    "a line paid monthly": (element("L-0015", "FrecuenciaPagos", "M"), "FrecuenciaPagos"),
    "a line without limit": (element("L-0015", "LimiteCredito", ""), "LimiteCredito"),
    "closed with something to pay": (element("L-0007", "MontoPagar", "5"), "FechaCierreCuenta"),
    "a day that is none": (element("L-0001", "FechaAperturaCuenta", "20260231"),
                           "FechaAperturaCuenta"),
    "paid after the cut-off": (element("L-0001", "FechaUltimoPago", "20260502"), "FechaUltimoPago"),
    "another cut-off date": (element("L-0001", "FechaCorte", "20260331"), "FechaCorte"),
    "CC on an open one": (element("L-0001", "ClavePrevencion", "CC"), "ClavePrevencion"),
    "a control figure": (lambda text: text.replace("SaldosActuales>1", "SaldosActuales>2"),
                         "TotalSaldosActuales"),
    "a count": (lambda text: text.replace("CuentaReportados>23<", "CuentaReportados>22<"),
                "TotalElementosCuentaReportados"),
}  # fmt: skip


@pytest.mark.parametrize("rule", CIRCULO)
def test_what_breaks_circulo_is_found(broken, rule):
    change, field = CIRCULO[rule]

    assert field in {one.field for one in broken("circulo-xml", change)}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda text: text.replace("ApellidoPaterno", "Apellido", 1), "columns"),
        (lambda text: text.replace("|PP|", "|QQ|", 1), "TipoContrato"),
        (lambda text: text.replace("|7924||", "|7924|", 1), "columns"),
        (lambda text: text.replace("|10000|7924|", "|10000|7925|", 1), "TotalSaldosActuales"),
        (lambda text: text.replace("|23|23|23|23|", "|23|23|23|24|", 1), "columns"),
    ],
)
def test_what_breaks_the_delimited_file_is_found(broken, change, field):
    assert field in {one.field for one in broken("circulo-delimited", change)}


def at(record, place, text):
    """Other characters at a place of a record of Metro 2 (0 is the header)."""

    def change(whole):
        lines = whole.split("\n")
        line = lines[record]
        lines[record] = line[:place] + text + line[place + len(text) :]
        return "\n".join(lines)

    return change


METRO2 = {
    "a status of no code": (at(1, 123, "99"), "status"),
    "late but current": (at(1, 163, "000000100"), "status"),
    "late without first delinquency": (at(4, 189, "00000000"), "first delinquency"),
    "late without amount": (at(4, 163, "000000000"), "past due"),
    "a rating where none goes": (at(1, 125, "1"), "rating"),
    "a sign of no history": (at(1, 126, "9"), "history"),
    "a date that is none": (at(1, 75, "02302026"), "opened"),
    "a state abroad": (at(1, 413, "XX"), "state"),
    "a postal code of letters": (at(1, 415, "7990A"), "zip"),
    "no surname": (at(1, 231, " " * 25), "surname"),
    "not at the left": (at(1, 231, " HERNANDEZ"), "surname"),
    "an account type of no code": (at(1, 73, "ZZ"), "type"),
    "neither number nor birth": (at(2, 297, "0" * 17), "ssn"),
    "a segment of no name": (at(5, 426, "Q9"), "segments"),
    "a counter": (at(-2, 90, "9"), "11"),
    "base segments": (at(-2, 19, "9"), "base"),
    "a length that lies": (at(1, 0, "0571"), "file"),
    "no trailer": (lambda text: text[: text.index("0426TRAILER")], "file"),
    "a header without reporter": (at(0, 79, " " * 40), "reporter name"),
}


@pytest.mark.parametrize("rule", METRO2)
def test_what_breaks_metro2_is_found(broken, rule):
    change, field = METRO2[rule]

    assert field in {one.field for one in broken("metro2", change)}


def segment(name, place, text):
    def change(whole):
        begin = whole.index(f"\n{name}") + 1
        return whole[: begin + place] + text + whole[begin + place + len(text) :]

    return change


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (segment("EMEM", 6, "XAXX010101000"), "EM 00"),
        (segment("CRCR", 6, "OTHER100105AB"), "CR 00"),
        (segment("CRCR", 4, "99"), "CR 00"),
        (segment("DEDE", 53, "9"), "TS 01"),
        (segment("TSTS", 12, "9"), "TS 00"),
        (segment("DEDE", 0, "XX"), "file"),
        (lambda text: text.replace("\nDEDE", "\nTSTS", 1), "file"),
        (lambda text: text.replace("2115032026", "2100000000", 1), "CR 21"),
        (lambda text: text[: text.index("\nTSTS")], "file"),
    ],
)
def test_what_breaks_the_file_of_companies_is_found(broken, change, field):
    assert field in {one.field for one in broken("buro-companies", change)}


@given(st.data())
def test_no_digit_of_the_trailer_changes_unseen(tmp_path_factory, data):
    whole = (GOLDEN / "buro-intf").read_text("latin-1")
    begin = whole.index("TRLR")
    place = data.draw(st.sampled_from([*range(4, 32), *range(35, 71)]))
    other = data.draw(st.sampled_from("0123456789"))
    changed = whole[: begin + place] + other + whole[begin + place + 1 :]
    path = tmp_path_factory.getbasetemp() / "trailer"
    path.write_text(changed, "latin-1")

    assert bool(list(CHECKS["buro-intf"](path))) is (changed != whole)


def test_parts_read_by_several_processes_find_what_one_finds(tmp_path, monkeypatch):
    monkeypatch.setattr(buro_intf, "WORTH_SHARING", 0)
    lines = (GOLDEN / "buro-intf").read_text("latin-1").splitlines(keepends=True)
    lines[3] = lines[3].replace("TL02TL", "TL02TX")
    lines[-3] = lines[-3].replace("2603", "2609")
    lines.insert(-1, lines[1])  # the same account twice, in the other part
    path = tmp_path / "changed"
    path.write_text("".join(lines), "latin-1")

    one, two = list(buro_intf.check(path)), list(buro_intf.check(path, 2))

    assert {found.record for found in one} >= {-1, 3, len(lines) - 2}
    assert sorted(one, key=str) == sorted(two, key=str)
    assert list(buro_intf.check(GOLDEN / "buro-intf", 3)) == []


def test_a_file_of_no_format_is_of_none(tmp_path):
    path = tmp_path / "other"
    path.write_text("something else")

    assert kind_of(path) is None

"""People from files of their own, and beside their loans on a tape."""

import csv
from datetime import date
from pathlib import Path

import pytest

from domain.borrower.person import Kind, Residence
from ledger import tape_format
from ledger.borrowers.columns import PERSON_COLUMNS, person_on
from ledger.borrowers.file import COLUMNS, import_borrowers
from ledger.borrowers.parties import parties_of
from ledger.borrowers.reading import Archive, Reader
from ledger.borrowers.vault import Vault
from ledger.csv_lines import plain
from ledger.forms import FormError
from ledger.tape import import_loans
from tests.ledger.builders import a_ledger
from tests.ledger.people import curp, rfc

READER = Reader("rita", "test")
HEADER = ("clave cliente;Nombre;Segundo nombre;Apellido paterno;Apellido materno;"
          "Fecha de nacimiento;RFC;CURP;Sexo;Estado civil;Calle y número;Colonia;C.P.;Estado;"
          "Teléfono;Sueldo;Empresa;Dependientes;Tipo de vivienda")  # fmt: skip
ANA = (f"B-1;Ana;Lucía;Gómez;Núñez;1976-05-10;{rfc()};{curp()};Mujer;married;Sur 1;Centro;06700;"
       "CDMX;55 1234 5678;18500.00;Telares;2;owned")  # fmt: skip
LUZ = "B-2;Luz;;Paz;;;;;;;;;;;;;;;"


@pytest.fixture
def ledger(fresh_database):
    with a_ledger(fresh_database) as ledger:
        yield ledger


@pytest.fixture
def archive(ledger):
    return Archive(ledger.store, Vault.of(ledger.settings))


def written(tmp_path, *lines, header=HEADER):
    path = tmp_path / "people.csv"
    path.write_text("".join(f"{line}\n" for line in (header, *lines)), encoding="utf-8")
    return path


def counts(report):
    names = ("registered", "changed", "unchanged", "doubtful", "rejected")
    return {name: getattr(report, name) for name in names if getattr(report, name)}


def rejects(report):
    with Path(report.rejects).open(encoding="utf-8", newline="") as file:
        return [(int(row["line"]), row["field"]) for row in csv.DictReader(file)]


def test_no_header_means_two_columns():
    for columns in (COLUMNS, tape_format.Cartera.columns):
        names = [plain(alias) for name, also in columns.items() for alias in (name, *also)]
        assert len(names) == len(set(names)), sorted(
            name for name in names if names.count(name) > 1
        )
    assert not PERSON_COLUMNS.keys() & tape_format.COLUMNS.keys()


def test_a_file_registers_people_and_the_same_file_adds_nothing(ledger, archive, tmp_path):
    path = written(tmp_path, ANA, LUZ)

    assert counts(import_borrowers(ledger, path)) == {"registered": 2}
    assert counts(import_borrowers(ledger, path)) == {"unchanged": 2}

    ana = archive.read("B-1", READER).person
    assert (ana.full_name, ana.sex, ana.addresses[0].state) == ("Ana Lucía Gómez Núñez", "F", "CMX")
    assert (ana.employment.monthly_income, ana.economics.dependants) == (18_500_00, 2)
    assert ana.economics.residence is Residence.OWNED
    assert archive.read("B-2", READER).person.full_name == "Luz Paz"


def test_a_later_file_changes_what_it_says_and_nothing_else(ledger, archive, tmp_path):
    import_borrowers(ledger, written(tmp_path, ANA))
    header, line = "borrower_no;first_name;paternal;phone", "B-1;Ana;Gómez;5598765432"

    report = import_borrowers(ledger, written(tmp_path, line, header=header), on=date(2026, 9, 1))

    assert counts(report) == {"changed": 1}
    ana = archive.read("B-1", READER)
    assert (ana.person.phones, ana.person.curp, ana.version) == (("5598765432",), curp(), 2)
    assert archive.history("B-1", READER)[1].effective_on == date(2026, 9, 1)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("1976-05-10", "10/05/1976", "born_on"),
        ("1976-05-10", "1976-05-11", "rfc"),
        (curp(), curp()[:-1] + "X", "curp"),
        ("CDMX", "Jalisco", "postal_code"),
        ("CDMX", "Texas", "state"),
        (";06700", ";", "postal_code"),
        ("18500.00", "18,500", "monthly_income"),
        (";2;", ";two;", "dependants"),
        ("B-1", "", "borrower_no"),
        (";Ana;", ";;", "first_name"),
        ("55 1234 5678", "1234", "phone"),
        ("owned", "castle", "residence"),
    ],
)
def test_a_bad_line_comes_back_with_its_column_and_the_good_ones_land(
    ledger, tmp_path, old, new, field
):
    report = import_borrowers(ledger, written(tmp_path, ANA.replace(old, new, 1), LUZ))
    assert counts(report) == {"registered": 1, "rejected": 1}
    assert rejects(report) == [(2, field)]


@pytest.mark.parametrize(
    ("cell", "curp_", "sex"),
    [("Hombre", "", "M"), ("h", "", "M"), ("F", "", "F"), ("female", "", "F"), ("M", "", None),
     ("M", curp(), "F"), ("m", curp(sex="H"), "M"), ("X", "", None)],
)  # fmt: skip
def test_a_sex_is_what_the_file_says_and_never_a_guess(cell, curp_, sex):
    cells = {"first_name": "Ana", "paternal": "Paz", "sex": cell, "curp": curp_}
    if sex is not None:
        assert person_on(cells).sex == sex
        return
    with pytest.raises(FormError) as refused:
        person_on(cells)
    assert refused.value.field == "sex"


def test_papers_that_stand_twice_in_a_file_are_those_of_the_first(ledger, archive, tmp_path):
    twin = ANA.replace("B-1", "B-3").replace("Ana", "Eva")
    report = import_borrowers(ledger, written(tmp_path, ANA, twin, LUZ))
    assert counts(report) == {"registered": 2, "rejected": 1}
    assert rejects(report) == [(3, "rfc")]
    assert archive.read("B-1", READER).person.first_name == "Ana"


def test_a_line_without_people_says_nothing():
    assert person_on({"loan_no": "L-1", "curp": " "}) is None


TAPE = "loan_no,principal,annual_rate,instalments,frequency,disbursed_on,borrower"
TERMS = "12000.00,36.00,12,monthly,2026-01-15"


def tape(tmp_path, *lines, more="first_name,apellido paterno,curp,postal_code,street"):
    path = tmp_path / "tape.csv"
    path.write_text("".join(f"{line}\n" for line in (f"{TAPE},{more}", *lines)), encoding="utf-8")
    return path


def test_a_tape_brings_people_with_their_loans_once(ledger, archive, tmp_path):
    who = f"B-1,Ana,Gómez,{curp()},06700,Sur 1"
    path = tape(tmp_path, f"L-1,{TERMS},{who}", f"L-2,{TERMS},{who}", f"L-3,{TERMS},B-9,,,,,")

    report = import_loans(ledger, path)

    assert (report.opened, report.rejected) == (3, 0)
    assert report.ignored_columns == []
    assert archive.read("B-1", READER).version == 1
    for number, borrower, known in (("L-1", "B-1", True), ("L-3", "B-9", False)):
        [party] = parties_of(ledger, ledger.find(number))
        assert (party.borrower_no, party.known) == (borrower, known)
    again = import_loans(ledger, path)
    assert (again.repeated, again.rejected) == (3, 0)


def test_a_tape_never_changes_a_person_and_takes_no_loan_of_a_bad_one(ledger, archive, tmp_path):
    good = f"B-1,Ana,Gómez,{curp()},06700,Sur 1"
    bad = [
        f"L-2,{TERMS},B-1,Luz,Gómez,,06700,Sur 1",
        f"L-3,{TERMS},,Luz,Paz,,,",
        f"L-4,{TERMS},B-4,Luz,Paz,XX,,",
        f"L-5,{TERMS},B-5,Luz,Paz,{curp()},,",
    ]

    report = import_loans(ledger, tape(tmp_path, f"L-1,{TERMS},{good}", *bad))

    assert (report.opened, report.rejected) == (1, 4)
    assert rejects(report) == [(3, "borrower"), (4, "borrower"), (5, "curp"), (6, "curp")]
    assert archive.read("B-1", READER).person.first_name == "Ana"


def test_a_loan_is_known_by_what_it_says_of_the_loan_not_of_people(ledger, tmp_path):
    """What is kept of a line says nothing of a person once he is forgotten."""
    import_loans(ledger, tape(tmp_path, f"L-1,{TERMS},B-1,Ana,Gómez,{curp()},06700,Sur 1"))
    report = import_loans(ledger, tape(tmp_path, f"L-1,{TERMS},B-1,,,,,"))
    assert (report.repeated, report.rejected) == (1, 0)


COMPANIES = ("cliente;Razón social;RFC;Fecha de constitución;Tipo de persona;Actividad económica;"
             "Nombre del representante;Apellido paterno del representante;C.P.;Calle y número;"
             "Nombre;Apellido paterno")  # fmt: skip
TELARES = "B-9;Telares del Sur SA;TSU090317A12;2009-03-17;moral;3130001;Luz;Paz;03940;Sur 1;;"
TRADER = f"B-8;;{rfc()};;PFAE;;;;03940;Sur 2;Ana;Gómez"


def test_companies_come_in_by_file_and_are_read_back(ledger, archive, tmp_path):
    report = import_borrowers(ledger, written(tmp_path, TELARES, TRADER, header=COMPANIES))

    assert counts(report) == {"registered": 2, "doubtful": 1}
    person = archive.read("B-9", READER).person
    assert (person.kind, person.full_name) == (Kind.COMPANY, "Telares del Sur SA")
    assert person.company.representative.paternal == "Paz"
    assert (person.company.incorporated_on, person.activities) == (date(2009, 3, 17), ("3130001",))
    assert archive.read("B-8", READER).person.kind is Kind.BUSINESS_PERSON
    assert archive.find("rfc", "TSU090317A12", READER) == "B-9"

    again = import_borrowers(ledger, written(tmp_path, TELARES, header=COMPANIES))
    assert counts(again) == {"unchanged": 1}
    moved = TELARES.replace("Telares del Sur SA", "Telares del Norte SA")
    assert counts(import_borrowers(ledger, written(tmp_path, moved, header=COMPANIES))) == {
        "changed": 1, "doubtful": 1,
    }  # fmt: skip
    [_, change] = archive.history("B-9", READER)
    assert change.before["company"]["legal_name"] == "Telares del Sur SA"


@pytest.mark.parametrize(
    ("was", "now", "column"),
    [
        ("2009-03-17", "2009-03-18", "rfc"),
        ("Telares del Sur SA", "", "legal_name"),
        ("3130001", "123456789012", "activity"),
        ("moral", "robot", "kind"),
        (";Paz;", ";;", "representative_paternal"),
        (";;", ";;Ana", "paternal"),
    ],
)
def test_a_bad_company_comes_back_with_its_column(ledger, tmp_path, was, now, column):
    line = TELARES.replace(was, now, 1) if was != ";;" else TELARES + "Ana"
    report = import_borrowers(ledger, written(tmp_path, line, header=COMPANIES))

    assert [field for _, field in rejects(report)] == [column]

"""A person on one line of a CSV file: the columns of a borrowers' file, also of a loan tape."""

from collections.abc import Mapping
from typing import Any

from domain.borrower.person import Person
from ledger.borrowers.forms import person_from
from ledger.money import FormError

PERSON_COLUMNS: dict[str, tuple[str, ...]] = {
    "first_name": ("name", "nombre", "primer nombre", "nombres"),
    "second_name": ("segundo nombre",),
    "paternal": ("paternal surname", "apellido paterno", "paterno", "primer apellido"),
    "maternal": ("maternal surname", "apellido materno", "materno", "segundo apellido"),
    "additional": ("additional surname", "apellido adicional"),
    "born_on": ("birth date", "fecha de nacimiento", "nacimiento"),
    "rfc": (),
    "curp": (),
    "sex": ("sexo", "género"),
    "civil_status": ("estado civil",),
    "nationality": ("nacionalidad",),
    "phone": ("teléfono", "celular", "móvil"),
    "second_phone": ("teléfono 2", "otro teléfono"),
    "email": ("correo", "correo electrónico"),
    "street": ("address", "calle y número", "domicilio", "dirección"),
    "neighbourhood": ("colonia",),
    "municipality": ("municipio", "delegación", "alcaldía", "delegación o municipio"),
    "city": ("ciudad",),
    "state": ("estado", "entidad"),
    "postal_code": ("código postal", "cp"),
    "country": ("país",),
    "residence": ("tipo de vivienda",),
    "dependants": ("dependientes", "dependientes económicos"),
    "employer": ("empresa", "patrón", "empleador"),
    "occupation": ("puesto", "ocupación"),
    "hired_on": ("fecha de contratación", "fecha de ingreso"),
    "monthly_income": ("ingreso mensual", "sueldo", "salario"),
    "died_on": ("fecha de defunción",),
    "kind": ("tipo de persona", "personalidad"),
    "legal_name": ("razón social", "denominación social", "denominación o razón social"),
    "incorporated_on": ("fecha de constitución",),
    "activity": ("actividad económica", "clave de actividad"),
    "representative_first_name": ("nombre del representante",),
    "representative_paternal": ("apellido paterno del representante",),
    "representative_maternal": ("apellido materno del representante",),
    "representative_rfc": ("rfc del representante",),
    "ssn": (),
    "tax_regime": ("régimen fiscal", "régimen"),
}
_KINDS = {
    **dict.fromkeys(("PF", "FÍSICA", "FISICA", "PERSONA FÍSICA", "PERSONA FISICA"), "person"),
    **dict.fromkeys(("PFAE", "PERSONA FÍSICA CON ACTIVIDAD EMPRESARIAL"), "business_person"),
    **dict.fromkeys(("PM", "MORAL", "PERSONA MORAL"), "company"),
}
_SEXES = {
    **dict.fromkeys(("H", "HOMBRE", "MASCULINO", "MALE"), "M"),
    **dict.fromkeys(("F", "MUJER", "FEMENINO", "FEMALE"), "F"),
}
_CURP_SEXES = {"H": "M", "M": "F"}
_ADDRESS = ("street", "neighbourhood", "municipality", "city", "state", "postal_code", "country")
_COMPANY = ("legal_name", "incorporated_on")
_REPRESENTATIVE = "representative_"
_WORK = ("employer", "occupation", "hired_on", "monthly_income")
_PARTS = (
    *_ADDRESS, *_WORK, *_COMPANY, "phone", "second_phone", "residence", "dependants", "activity"
)  # fmt: skip
"""What stands in a part of the form."""


def person_on(cells: Mapping[str, str], currency: str = "MXN") -> Person | None:
    """The person of a line; None where none of his cells is filled.

    Errors: ``FormError`` naming the column.
    """
    given = {name: cell for name in PERSON_COLUMNS if (cell := cells.get(name, "").strip())}
    if not given:
        return None
    form: dict[str, Any] = {
        name: cell
        for name, cell in given.items()
        if name not in _PARTS and not name.startswith(_REPRESENTATIVE)
    }
    if "kind" in form:
        form["kind"] = _KINDS.get(form["kind"].upper(), form["kind"].lower())
    if company := _company(given):
        form["company"] = company
    if "activity" in given:
        form["activities"] = [given["activity"]]
    if "sex" in form:
        form["sex"] = _sex(form["sex"], form.get("curp", ""))
    if phones := [given[name] for name in ("phone", "second_phone") if name in given]:
        form["phones"] = phones
    if address := {name: given[name] for name in _ADDRESS if name in given}:
        form["addresses"] = [address]
    if work := {name: given[name] for name in _WORK if name in given}:
        form["employment"] = work
    if economics := _economics(given):
        form["economics"] = economics
    try:
        return person_from(form, currency=currency)
    except FormError as error:
        raise FormError(column_of(error.field), error.rule) from None


def column_of(field: str) -> str:
    """The column that a field of the form stands in."""
    named = {"phones[0]": "phone", "phones[1]": "second_phone", "activities[0].code": "activity"}
    last = field.rpartition(".")[2]
    if field.startswith("company.representative."):
        last = f"{_REPRESENTATIVE}{last}"
    return named.get(field, last)


class People:
    """The people of one file so far: a line's number decides who was first, not who lands first."""

    def __init__(self) -> None:
        self._persons: dict[str, tuple[int, Person]] = {}
        self._papers: dict[tuple[str, str], tuple[int, str]] = {}

    def told_apart(self, number: str, person: Person, line: int) -> None:
        """Refuse an RFC or CURP that stands under another borrower's number.

        Errors: ``FormError``.
        """
        for kind, value in person.identities.items():
            first, owner = self._papers.setdefault((kind, value), (line, number))
            if owner != number:
                raise FormError(kind, f"stands on line {first} as that of {owner}")

    def told_alike(self, number: str, person: Person, line: int) -> None:
        """Refuse other data for a borrower than the first line that has some.

        Errors: ``FormError``.
        """
        first, known = self._persons.setdefault(number, (line, person))
        if known != person:
            raise FormError("borrower", f"{number} stands on line {first} with other data")


def _sex(cell: str, curp: str) -> str:
    """A bare M is male in one file and *mujer* in another: only a CURP on the line can tell."""
    given = cell.upper()
    if given != "M":
        return _SEXES.get(given, given)
    told = _CURP_SEXES.get(curp.replace(" ", "").replace("-", "").upper()[10:11])
    if told is None:
        raise FormError("sex", "M may mean male or mujer: write hombre or mujer")
    return told


def _company(given: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {name: given[name] for name in _COMPANY if name in given}
    signs = {
        name.removeprefix(_REPRESENTATIVE): cell
        for name, cell in given.items()
        if name.startswith(_REPRESENTATIVE)
    }
    return {**found, "representative": signs} if signs else found


def _economics(given: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "residence" in given:
        found["residence"] = given["residence"]
    if "dependants" in given:
        cell = given["dependants"]
        if not (cell.isascii() and cell.isdigit() and len(cell) < 4):
            raise FormError("dependants", f"must be a whole number, not {cell[:40]!r}")
        found["dependants"] = int(cell)
    return found

"""A person as both Mexican bureaus want them: cleaned, checked, nothing made up."""

import re
from datetime import date

from msgspec import Struct

from domain.borrower.address import Address
from projections.bureau.catalogues import Catalogue, states
from projections.bureau.reported import Faults, Report
from projections.bureau.text import parts, phone, plain

RFC = re.compile(r"[A-ZÑ&]{4}(\d{6})([A-Z0-9]{3})?")
CURP = re.compile(r"[A-Z]{4}(\d{6})[HMX][A-Z]{5}[A-Z0-9]\d")
NUMBERED = re.compile(r"\d|\bSN\b")
NOT_GIVEN = "NO PROPORCIONADO"
"""What both bureaus take in place of a second surname that a person does not have."""


class Widths(Struct, frozen=True):
    """The characters a format gives to surnames, given names, an address line and a place."""

    surname: int
    given: int
    street: int
    streets: int
    place: int


class Place(Struct, frozen=True):
    """An address, cleaned."""

    street: tuple[str, ...] = ("",)
    colonia: str = ""
    municipality: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    country: str = ""


class Person(Struct, frozen=True, kw_only=True):
    """A person, cleaned."""

    paternal: str
    maternal: str
    additional: str
    first: str
    second: str
    born_on: date | None
    rfc: str
    curp: str
    sex: str
    civil_status: str
    residence: str
    nationality: str
    place: Place
    phone: str
    employer: str
    died_on: date | None


def person(report: Report, codes: Catalogue, widths: Widths, faults: Faults,
           enye: str) -> Person:  # fmt: skip
    """The person of a report; what is missing or does not fit is told to ``faults``."""
    who = report.person

    def name(field: str, text: str, width: int) -> str:
        return faults.fitting(field, plain(text, enye), width)

    paternal = name("paternal", who.paternal, widths.surname)
    maternal = name("maternal", who.maternal, widths.surname)
    if not paternal:
        paternal, maternal = maternal, ""
    faults.needed("paternal", paternal)
    if who.born_on is None:
        faults("born_on", "is missing")
    elif who.born_on >= report.line.opened_on:
        faults("born_on", f"{who.born_on} is not before the loan was opened")
    employer = who.employment.employer if who.employment else ""
    return Person(
        paternal=paternal,
        maternal=maternal or NOT_GIVEN,
        additional=name("additional", who.additional, widths.surname),
        first=faults.needed("first_name", name("first_name", who.first_name, widths.given)),
        second=name("second_name", who.second_name, widths.given),
        born_on=who.born_on,
        rfc=_rfc(who.rfc, who.born_on, faults),
        curp=_curp(who.curp, who.born_on, faults),
        sex=who.sex.value if who.sex else "",
        civil_status=_coded("civil_status", who.civil_status, codes.civil_status, faults),
        residence=_coded("residence", who.residence, codes.residences, faults),
        nationality=faults.fitting("nationality", plain(who.nationality), 2),
        place=place(who.address, codes.states, widths, faults, enye),
        phone=next((found for found in map(phone, who.phones) if found), ""),
        employer=faults.fitting("employment.employer", plain(employer, enye), 99),
        died_on=who.died_on if who.died_on and who.died_on <= report.line.on else None,
    )


def _coded(field: str, value: str | None, codes: dict[str, str], faults: Faults) -> str:
    if value is None:
        return ""
    return codes.get(value) or faults(field, f"{value} has no code at this bureau")


def _rfc(text: str, born_on: date | None, faults: Faults) -> str:
    rfc = text.upper().replace("-", "").replace(" ", "")
    if not rfc:
        return ""
    found = RFC.fullmatch(rfc)
    if found is None:
        return faults("rfc", f"{text!r} is not four letters, a date and three signs")
    if born_on is not None and found.group(1) != f"{born_on:%y%m%d}":
        return faults("rfc", f"{rfc} does not have the birth date {born_on}")
    return rfc


def _curp(text: str, born_on: date | None, faults: Faults) -> str:
    curp = text.upper()
    if not curp:
        return ""
    found = CURP.fullmatch(curp)
    if found is None:
        return faults("curp", f"{text!r} does not have the form of a CURP")
    if born_on is not None and found.group(1) != f"{born_on:%y%m%d}":
        return faults("curp", f"{curp} does not have the birth date {born_on}")
    return curp


def place(address: Address | None, bureau: str, widths: Widths, faults: Faults,
          enye: str) -> Place:  # fmt: skip
    """An address, cleaned; a street needs its number, or SN."""
    if address is None:
        faults("address", "is missing")
        return Place()
    street = plain(address.street, enye)
    if street and not NUMBERED.search(street):
        faults("address.street", f"{street!r} has neither a number nor SN")
    lines = parts(faults.needed("address.street", street), widths.street, widths.streets)
    if lines is None:
        faults("address.street", f"{street!r} does not fit {widths.streets} lines of"
                                 f" {widths.street} characters")  # fmt: skip
    colonia, municipality, city = (
        faults.fitting(f"address.{field}", plain(getattr(address, field), enye), widths.place)
        for field in ("neighbourhood", "municipality", "city")
    )
    if not colonia and not municipality:
        faults(
            "address.neighbourhood", "is missing, and so is the municipality: one of them is needed"
        )
    if not municipality and not city:
        faults("address.municipality", "is missing, and so is the city: one of them is needed")
    known = states().get(address.state)
    if known is None:
        faults("address.state", f"{address.state!r} is no state of tables/states.yaml")
    if not re.fullmatch(r"\d{5}", address.postal_code):
        faults("address.postal_code", f"{address.postal_code!r} is not five digits")
    return Place(
        tuple(lines or [""]), colonia, municipality, city,
        getattr(known, bureau) if known else "", address.postal_code, address.country,
    )  # fmt: skip

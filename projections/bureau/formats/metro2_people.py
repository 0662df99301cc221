"""A consumer in Metro 2: the end of the base segment, J1, J2 and N1."""

import re

from msgspec import Struct

from projections.bureau.consumer import Consumer
from projections.bureau.formats.metro2_fields import joined, text
from projections.bureau.reported import Faults
from projections.bureau.text import month_first, parts, plain

STREET, STREETS = 32, 2
NO_NUMBER = "0" * 9
NO_PHONE = "0" * 10


class Somebody(Struct, frozen=True, kw_only=True):
    """A consumer's fields, each of its full width. ``where`` is the address with its city."""

    name: str
    ssn: str
    born_on: str
    phone: str
    where: str
    country: str
    residence: str


def somebody(who: Consumer, states: frozenset[str], residences: dict[str, str],
             faults: Faults) -> Somebody:  # fmt: skip
    """A consumer as both the base segment and J segments tell of one."""
    surname = plain(f"{who.paternal} {who.maternal}")
    faults.needed("paternal", surname)
    ssn = re.sub(r"\D", "", who.ssn)
    if who.ssn and len(ssn) != 9:
        faults("ssn", f"{who.ssn!r} is not nine digits")
    if not ssn and who.born_on is None:
        faults("ssn", "is missing, and so is the birth date: one of them is needed")
    phone = re.sub(r"\D", "", who.phones[0]) if who.phones else ""
    return Somebody(
        name=joined(
            (
                text(faults.fitting("paternal", surname, 25), 25),
                text(
                    faults.needed(
                        "first_name", faults.fitting("first_name", plain(who.first_name), 20)
                    ),
                    20,
                ),
                text(faults.fitting("second_name", plain(who.second_name), 20), 20),
                " ",
            ),
            66,
        ),
        ssn=ssn if len(ssn) == 9 else NO_NUMBER,
        born_on=month_first(who.born_on),
        phone=phone[-10:] if len(phone) >= 10 else NO_PHONE,
        where=_address(who, states, faults),
        country=text(plain(who.address.country)[:2] if who.address else "", 2),
        residence=residences.get(who.residence or "", " "),
    )


def _address(who: Consumer, states: frozenset[str], faults: Faults) -> str:
    """Two lines, city, state and postal code, which are those of the United States."""
    at = who.address
    if at is None:
        faults("address", "is missing")
        return " " * 95
    street = plain(f"{at.street} {at.neighbourhood}")
    lines = parts(faults.needed("address.street", street), STREET, STREETS)
    if lines is None:
        faults("address.street", f"{street!r} does not fit two lines of {STREET} characters")
    first, second = (*(lines or [""]), "", "")[:2]
    city = faults.needed("address.city", plain(at.city or at.municipality))
    if at.state not in states:
        faults("address.state", f"{at.state!r} is no state of the United States")
    postal = at.postal_code.replace("-", "")
    if not re.fullmatch(r"[0-9]{5}([0-9]{4})?", postal):
        faults("address.postal_code", f"{at.postal_code!r} is not five or nine digits")
    return joined(
        (
            text(first, 32),
            text(second, 32),
            text(faults.fitting("address.city", city, 20), 20),
            text(at.state[:2], 2),
            text(postal[:9], 9),
        ),
        95,
    )


def associated(one: Somebody, relation: str, borrower: Somebody) -> tuple[str, str]:
    """J1 for who lives with the borrower, J2 with an address of its own; and which it is."""
    head = f" {one.name}{one.ssn}{one.born_on}{one.phone}{relation}  "
    if one.where == borrower.where:
        return "J1", joined(("J1", head, " "), 100)
    return "J2", joined(("J2", head, one.country, one.where, " ", one.residence, "  "), 200)


def employment(who: Consumer, faults: Faults) -> str:
    """N1, or nothing where no employer is known."""
    if who.employment is None:
        return ""
    employer = plain(who.employment.employer)[:30].rstrip()
    position = faults.fitting("employment.occupation", plain(who.employment.occupation), 18)
    return joined(("N1", text(employer, 30), " " * 95, text(position, 18), " "), 146)

"""What people write of a person, and a person as they read him: the same fields both ways.

Amounts are text. A state may be written as a code, a usual short form or a name, and may be left
out where the postal code says it.
"""

from sys import intern
from typing import Any

import msgspec
from msgspec.structs import replace

from domain.borrower.address import Address, AddressKind
from domain.borrower.company import Company, Partner
from domain.borrower.person import (
    CivilStatus,
    Economics,
    Employment,
    Kind,
    Person,
    Residence,
    Sex,
)
from domain.borrower.states import state_named, state_of
from ledger.fields import REQUIRED, Fields
from ledger.money import FormError, text

LONGEST_NAME = 60
LONGEST_LINE = 100
LONGEST_LEGAL_NAME = 150
MOST_ACTIVITIES = 3
MOST_SHAREHOLDERS = 100
MOST_ADDRESSES = 10
MOST_PHONES = 10
MOST_DEPENDANTS = 50
NAMES = ("paternal", "maternal", "additional", "second_name")


def person_from(form: Any, at: str = "", currency: str = "MXN") -> Person:
    """The person that a form describes.

    Errors: ``FormError`` naming the field by its path; `domain.borrower.checks` does the rest.
    """
    fields = Fields(form, at)
    company = _company(fields.part("company"))
    kind = fields.choice("kind", Kind, Kind.COMPANY if company else Kind.PERSON)
    named = "" if kind is Kind.COMPANY else REQUIRED
    person = Person(
        kind=kind,
        company=company,
        first_name=line(fields, "first_name", named, LONGEST_NAME),
        **{name: line(fields, name, "", LONGEST_NAME) for name in NAMES},
        born_on=fields.day("born_on", None),
        rfc=code(fields, "rfc"),
        curp=code(fields, "curp"),
        sex=fields.choice("sex", Sex, None) if fields.take("sex", None) else None,
        civil_status=(
            fields.choice("civil_status", CivilStatus) if fields.take("civil_status", None)
            else None
        ),
        nationality=country(fields, "nationality"),
        addresses=tuple(
            address_from(Fields(row, fields.name(f"addresses[{nth}]")))
            for nth, row in enumerate(most(fields, "addresses", MOST_ADDRESSES))
        ),
        phones=tuple(
            phone(given, fields.name(f"phones[{nth}]"))
            for nth, given in enumerate(most(fields, "phones", MOST_PHONES))
        ),
        email=line(fields, "email", ""),
        employment=_employment(fields.part("employment"), currency),
        economics=_economics(fields.part("economics"), currency),
        died_on=fields.day("died_on", None),
        activities=tuple(
            line(Fields({"code": given}, name), "code", longest=11)
            for nth, given in enumerate(most(fields, "activities", MOST_ACTIVITIES))
            for name in [fields.name(f"activities[{nth}]")]
        ),
        ssn=code(fields, "ssn"),
        tax_regime=code(fields, "tax_regime"),
    )  # fmt: skip
    fields.done()
    return person


def _company(fields: Fields | None) -> Company | None:
    if fields is None:
        return None
    representative = fields.part("representative")
    company = Company(
        legal_name=line(fields, "legal_name", longest=LONGEST_LEGAL_NAME),
        incorporated_on=fields.day("incorporated_on", None),
        representative=_partner(representative) if representative else None,
        shareholders=tuple(
            _partner(Fields(row, fields.name(f"shareholders[{nth}]")))
            for nth, row in enumerate(most(fields, "shareholders", MOST_SHAREHOLDERS))
        ),
    )
    fields.done()
    return company


def _partner(fields: Fields) -> Partner:
    address, given = fields.part("address"), line(fields, "phone", "")
    share = fields.whole("share", 0)
    if not 0 <= share <= 100:
        raise FormError(fields.name("share"), "must be 0 to 100 (percent)")
    partner = Partner(
        legal_name=line(fields, "legal_name", "", LONGEST_LEGAL_NAME),
        **{
            name: line(fields, name, "", LONGEST_NAME)
            for name in ("first_name", "second_name", "paternal", "maternal")
        },
        rfc=code(fields, "rfc"),
        curp=code(fields, "curp"),
        share=share,
        address=address_from(address) if address else None,
        phone=phone(given, fields.name("phone")) if given else "",
    )
    fields.done()
    return partner


def address_from(fields: Fields) -> Address:
    """One address; its state from the postal code where nobody wrote it."""
    address = Address(
        street=line(fields, "street"),
        postal_code=line(fields, "postal_code", longest=10),
        state=line(fields, "state", ""),
        neighbourhood=line(fields, "neighbourhood", ""),
        municipality=line(fields, "municipality", ""),
        city=line(fields, "city", ""),
        country=country(fields, "country"),
        kind=fields.choice("kind", AddressKind, AddressKind.HOME),
        since_on=fields.day("since_on", None),
    )
    fields.done()
    if address.country != "MX":
        return address
    state = state_named(address.state) if address.state else None
    if not address.state and address.postal_code[:2].isdecimal():
        state = state_of(address.postal_code)
    return replace(address, state=state.code) if state else address


def _employment(fields: Fields | None, currency: str) -> Employment | None:
    if fields is None:
        return None
    money = _currency(fields, currency)
    given = line(fields, "phone", "")
    work = Employment(
        employer=line(fields, "employer"),
        occupation=line(fields, "occupation", ""),
        hired_on=fields.day("hired_on", None),
        monthly_income=_optional(fields, "monthly_income", money),
        currency=money,
        phone=phone(given, fields.name("phone")) if given else "",
    )
    fields.done()
    return work


def _economics(fields: Fields | None, currency: str) -> Economics | None:
    if fields is None:
        return None
    money = _currency(fields, currency)
    dependants = fields.take("dependants", None)
    if dependants is not None and not 0 <= fields.whole("dependants") <= MOST_DEPENDANTS:
        raise FormError(fields.name("dependants"), f"must be 0 to {MOST_DEPENDANTS}")
    found = Economics(
        residence=fields.choice("residence", Residence) if fields.take("residence", None) else None,
        dependants=dependants,
        other_income=_optional(fields, "other_income", money),
        monthly_expenses=_optional(fields, "monthly_expenses", money),
        currency=money,
    )
    fields.done()
    return found


def _optional(fields: Fields, name: str, currency: str) -> int | None:
    if fields.take(name, None) is None:
        return None
    amount = fields.amount(name, currency)
    if amount < 0:
        raise FormError(fields.name(name), "must not be negative")
    return amount


def _currency(fields: Fields, otherwise: str) -> str:
    return intern(fields.text("currency", otherwise, longest=3))


def most(fields: Fields, name: str, limit: int) -> list[Any]:
    """A list of at most so many."""
    rows = fields.rows(name)
    if len(rows) > limit:
        raise FormError(fields.name(name), f"must be at most {limit}")
    return rows


def line(fields: Fields, name: str, default: Any = REQUIRED, longest: int = LONGEST_LINE) -> str:
    """One line of text, its blanks as a reader sees them."""
    given = " ".join(fields.text(name, default, longest).split())
    if not given.isprintable():
        raise FormError(fields.name(name), "must not have control or unprintable characters")
    if default is REQUIRED and not given:
        raise FormError(fields.name(name), "is missing")
    return given


def code(fields: Fields, name: str) -> str:
    """A number of the state's, without what people put between its parts."""
    return line(fields, name, "", 40).upper().replace("-", "").replace(" ", "")


def country(fields: Fields, name: str) -> str:
    """ISO 3166 alpha-2; Mexico where nobody says."""
    given = line(fields, name, "MX", 2)
    if not (len(given) == 2 and given.isascii() and given.isalpha()):
        raise FormError(fields.name(name), "must be two letters such as MX (ISO 3166)")
    return intern(given.upper())  # a default is left out by identity


def phone(given: Any, field: str) -> str:
    """Ten digits for a number in Mexico, + and the country's code for one abroad."""
    if not isinstance(given, str) or len(given) > LONGEST_LINE:
        raise FormError(field, "must be text such as 55 1234 5678")
    plain = "".join(one for one in given if one not in " -().")
    return plain.removeprefix("+52") if plain.startswith("+52") else plain


def person_form(person: Person) -> dict[str, Any]:
    """The person as `person_from` reads him."""
    form: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(person))
    for part, names in (
        (person.employment, ("monthly_income",)),
        (person.economics, ("other_income", "monthly_expenses")),
    ):
        if part is None:
            continue
        shown = form["employment" if isinstance(part, Employment) else "economics"]
        for name in names:
            if (amount := getattr(part, name)) is not None:
                shown[name] = text(amount, part.currency)
    return form

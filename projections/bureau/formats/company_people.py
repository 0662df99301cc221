"""Who stands in Buró's file of companies: a company, its shareholders, who answers for it."""

import re

from msgspec import Struct

from domain.borrower.address import Address
from domain.borrower.company import Partner
from domain.borrower.person import Kind
from projections.bureau.catalogues import states
from projections.bureau.consumer import Consumer
from projections.bureau.formats.people import NUMBERED
from projections.bureau.reported import Faults
from projections.bureau.text import parts, phone, plain

RFC = re.compile(r"[A-ZÑ&]{3,4}[0-9]{6}[A-Z0-9]{3}")
GENERIC = frozenset({"XAXX010101000", "XEXX010101000"})
TYPES = {Kind.COMPANY: "1", Kind.BUSINESS_PERSON: "2", Kind.PERSON: "2"}
STREET, STREETS = 40, 2
Cell = tuple[str, int, str]
"""Tag, width, value: digits are right-justified with zeros, text left-justified with blanks."""


class Somebody(Struct, frozen=True, kw_only=True):
    """A company or a person in any part; ``at`` leads the names of its fields in faults."""

    at: str
    kind: Kind
    legal_name: str
    first_name: str
    second_name: str
    paternal: str
    maternal: str
    rfc: str
    curp: str
    address: Address | None
    phones: tuple[str, ...]


NAMES = ("first_name", "second_name", "paternal", "maternal", "rfc", "curp")


def consumer(who: Consumer, at: str = "") -> Somebody:
    """A borrower or guarantor."""
    return Somebody(
        at=at, kind=who.kind, legal_name=who.legal_name, address=who.address, phones=who.phones,
        **{name: getattr(who, name) for name in NAMES},
    )  # fmt: skip


def shareholder(one: Partner, at: str) -> Somebody:
    """Who owns a part of the company."""
    return Somebody(
        at=at, kind=Kind.COMPANY if one.legal_name else Kind.PERSON, legal_name=one.legal_name,
        address=one.address, phones=(one.phone,) if one.phone else (),
        **{name: getattr(one, name) for name in NAMES},
    )  # fmt: skip


def company_cells(who: Consumer, faults: Faults) -> list[Cell]:
    """EM, 800 characters."""
    one = consumer(who)
    activities = [*who.activities, "", "", ""][:3]
    return [
        ("EM", 2, "EM"), *_identity(one, faults), ("08", 2, plain(who.nationality)[:2] or "MX"),
        ("09", 2, ""), *((f"{tag}", 11, code.zfill(11)) for tag, code in enumerate(activities, 10)),
        *_address(one, faults, 13), *_phone(one, 20), ("23", 1, TYPES[who.kind]), ("24", 40, ""),
        ("25", 2, "MX"), ("26", 8, "0" * 8), ("27", 72, ""),
    ]  # fmt: skip


def shareholder_cells(given: Partner, nth: int, faults: Faults) -> list[Cell]:
    """AC, 700 characters. Two digits hold what is owned: all of it is told as 99."""
    one = shareholder(given, f"company.shareholders[{nth}].")
    return [
        ("AC", 2, "AC"), *_identity(one, faults), ("08", 2, f"{min(given.share, 99):02}"),
        *_address(one, faults, 9), *_phone(one, 16), ("19", 1, TYPES[one.kind]), ("20", 40, ""),
        ("21", 2, "MX"), ("22", 25, ""),
    ]  # fmt: skip


def guarantor_cells(who: Consumer, faults: Faults) -> list[Cell]:
    """AV, 700 characters."""
    one = consumer(who, f"{who.reference}.")
    return [
        ("AV", 2, "AV"), *_identity(one, faults), *_address(one, faults, 8), *_phone(one, 15),
        ("18", 1, TYPES[one.kind]), ("19", 40, ""), ("20", 2, "MX"), ("21", 29, ""),
    ]  # fmt: skip


def rfc_of(who: Somebody, faults: Faults) -> str:
    """A company's has 12 signs, a person's 13."""
    rfc = who.rfc.upper().replace("-", "").replace(" ", "")
    long = 12 if who.kind is Kind.COMPANY else 13
    if not RFC.fullmatch(rfc) or len(rfc) != long or rfc in GENERIC:
        return faults(f"{who.at}rfc", f"{who.rfc!r} is no RFC of {long} signs")
    return rfc


def _identity(who: Somebody, faults: Faults) -> list[Cell]:
    if who.kind is Kind.COMPANY:
        faults.needed(f"{who.at}company.legal_name", plain(who.legal_name))
    else:
        faults.needed(f"{who.at}paternal", plain(who.paternal))
        faults.needed(f"{who.at}first_name", plain(who.first_name))
    legal = parts(plain(who.legal_name), 75, 1)
    if legal is None:
        faults(f"{who.at}company.legal_name", f"{who.legal_name!r} has more than 75 characters")
    return [
        ("00", 13, rfc_of(who, faults)), ("01", 18, who.curp.upper()), ("02", 10, "0" * 10),
        ("03", 75, "".join(legal or [])),
        *(
            (tag, width, faults.fitting(f"{who.at}{name}", plain(getattr(who, name)), width))
            for tag, name, width in (("04", "first_name", 75), ("05", "second_name", 75),
                                     ("06", "paternal", 25), ("07", "maternal", 25))
        ),
    ]  # fmt: skip


def _address(who: Somebody, faults: Faults, first: int) -> list[Cell]:
    """Two lines, colonia, municipality, city, state, postal code."""
    at, given = f"{who.at}address", who.address
    if given is None:
        faults(at, "is missing")
        values = [""] * 7
    else:
        street = faults.needed(f"{at}.street", plain(given.street))
        if street and not NUMBERED.search(street):
            faults(f"{at}.street", f"{street!r} has neither a number nor SN")
        lines = parts(street, STREET, STREETS)
        if lines is None:
            faults(f"{at}.street", f"{street!r} does not fit {STREETS} lines of {STREET}")
        known = states().get(given.state)
        if known is None:
            faults(f"{at}.state", f"{given.state!r} is no state of tables/states.yaml")
        if not re.fullmatch(r"[0-9]{5}", given.postal_code):
            faults(f"{at}.postal_code", f"{given.postal_code!r} is not five digits")
        values = [*[*(lines or []), "", ""][:2],
                  *(plain(text) for text in (given.neighbourhood, given.municipality, given.city)),
                  known.buro if known else "", given.postal_code]  # fmt: skip
    widths = (40, 40, 60, 40, 40, 4, 10)
    names = ("street", "street", "neighbourhood", "municipality", "city", "state", "postal_code")
    return [
        (f"{tag:02}", width, faults.fitting(f"{at}.{name}", value, width))
        for tag, (name, width, value) in enumerate(zip(names, widths, values, strict=True), first)
    ]


def _phone(who: Somebody, first: int) -> list[Cell]:
    number = next((found for found in map(phone, who.phones) if found), "")
    return [(f"{first:02}", 11, number), (f"{first + 1:02}", 8, ""), (f"{first + 2:02}", 11, "")]

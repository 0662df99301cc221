"""A company as bureaus want it known: its name, who owns it, and who signs for it."""

from datetime import date

from msgspec import Struct

from domain.borrower.address import Address


class Partner(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who owns a part of a company or signs for it: a person, or a company by ``legal_name``.

    ``share`` is what is owned, in whole percent.
    """

    legal_name: str = ""
    first_name: str = ""
    second_name: str = ""
    paternal: str = ""
    maternal: str = ""
    rfc: str = ""
    curp: str = ""
    share: int = 0
    address: Address | None = None
    phone: str = ""


class Company(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a company (persona moral) has that a natural person does not."""

    legal_name: str
    incorporated_on: date | None = None
    representative: Partner | None = None
    shareholders: tuple[Partner, ...] = ()

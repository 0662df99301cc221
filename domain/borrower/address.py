"""Where someone is found. States are the ISO codes of `domain/borrower/states.py`, countries those
of ISO 3166 (alpha-2).
"""

from datetime import date
from enum import StrEnum

from msgspec import Struct


class AddressKind(StrEnum):
    """What happens at an address."""

    HOME = "home"
    WORK = "work"
    FISCAL = "fiscal"
    OTHER = "other"


class Address(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where someone is found. ``street`` has the number; ``neighbourhood`` is the colonia."""

    street: str
    postal_code: str
    state: str = ""
    neighbourhood: str = ""
    municipality: str = ""
    city: str = ""
    country: str = "MX"
    kind: AddressKind = AddressKind.HOME
    since_on: date | None = None

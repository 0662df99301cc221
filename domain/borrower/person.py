"""A person as bureaus want him known: names in five parts, identity, addresses, work.

Amounts are minor units. A state is the ISO code of `domain/borrower/states.py`, a country or a
nationality ISO 3166 alpha-2.
"""

from datetime import date
from enum import StrEnum

from msgspec import Struct

FULL_RFC = 13
IDENTITIES = ("rfc", "curp")


class Sex(StrEnum):
    """As official papers say it."""

    FEMALE = "F"
    MALE = "M"


class CivilStatus(StrEnum):
    """Whether someone else's property is bound as well."""

    SINGLE = "single"
    MARRIED = "married"
    DIVORCED = "divorced"
    WIDOWED = "widowed"
    COHABITING = "cohabiting"
    SEPARATED = "separated"


class Residence(StrEnum):
    """Whose the home is."""

    OWNED = "owned"
    RENTED = "rented"
    FAMILY = "family"
    OTHER = "other"


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


class Employment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What someone lives of. ``monthly_income`` is before tax."""

    employer: str
    occupation: str = ""
    hired_on: date | None = None
    monthly_income: int | None = None
    currency: str = "MXN"
    phone: str = ""


class Economics(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a household has to come by with."""

    residence: Residence | None = None
    dependants: int | None = None
    other_income: int | None = None
    monthly_expenses: int | None = None
    currency: str = "MXN"


class Person(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A natural person. Empty text or None is what nobody has told yet.

    ``rfc`` has 13 characters, or 10 where its last three are not known.
    """

    first_name: str
    paternal: str = ""
    maternal: str = ""
    additional: str = ""
    second_name: str = ""
    born_on: date | None = None
    rfc: str = ""
    curp: str = ""
    sex: Sex | None = None
    civil_status: CivilStatus | None = None
    nationality: str = "MX"
    addresses: tuple[Address, ...] = ()
    phones: tuple[str, ...] = ()
    email: str = ""
    employment: Employment | None = None
    economics: Economics | None = None
    died_on: date | None = None

    @property
    def full_name(self) -> str:
        """As it is spoken."""
        parts = (self.first_name, self.second_name, self.paternal, self.maternal, self.additional)
        return " ".join(part for part in parts if part)

    @property
    def identities(self) -> dict[str, str]:
        """What nobody else has: the CURP, and an RFC with its last three, which are there to tell
        people apart whose first ten are the same.
        """
        found = {"rfc": self.rfc if len(self.rfc) == FULL_RFC else "", "curp": self.curp}
        return {kind: value for kind, value in found.items() if value}


FIELDS = Person.__struct_fields__

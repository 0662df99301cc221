"""A person as bureaus want him known: names in five parts, identity, addresses, work.

A person is whom the law takes for one: a natural person, or a company. Amounts are minor units, a
nationality is ISO 3166 alpha-2.
"""

from datetime import date
from enum import StrEnum

from msgspec import Struct

from domain.borrower.address import Address
from domain.borrower.company import Company

FULL_RFC = {"person": 13, "business_person": 13, "company": 12}
"""Characters of an RFC that is known whole, by the kind of person."""
IDENTITIES = ("rfc", "curp")


class Kind(StrEnum):
    """What someone is to the law; who trades under his own name goes to bureaus with companies."""

    PERSON = "person"
    BUSINESS_PERSON = "business_person"
    COMPANY = "company"


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
    """A natural person or a company. Empty text or None is what nobody has told yet.

    ``rfc`` has 13 characters, or 10 where its last three are not known; a company's has 12.
    ``tax_regime`` is SAT's code of the regime, of three digits (c_RegimenFiscal).
    ``activities`` are economic activities by the central bank's codes, ``ssn`` is the number of
    nine digits of who is known in the United States. A company has ``company`` and no names.
    """

    first_name: str = ""
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
    kind: Kind = Kind.PERSON
    company: Company | None = None
    activities: tuple[str, ...] = ()
    ssn: str = ""
    tax_regime: str = ""

    @property
    def full_name(self) -> str:
        """As it is spoken."""
        if self.company is not None:
            return self.company.legal_name
        parts = (self.first_name, self.second_name, self.paternal, self.maternal, self.additional)
        return " ".join(part for part in parts if part)

    @property
    def identities(self) -> dict[str, str]:
        """What nobody else has: the CURP, and an RFC with its last three, which are there to tell
        people apart whose first ten are the same.
        """
        found = {"rfc": self.rfc if len(self.rfc) == FULL_RFC[self.kind] else "", "curp": self.curp}
        return {kind: value for kind, value in found.items() if value}


FIELDS = Person.__struct_fields__

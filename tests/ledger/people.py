"""People who do not exist, with papers that would pass."""

from datetime import date

from stdnum.mx import curp as curps
from stdnum.mx import rfc as rfcs

from domain.borrower.address import Address
from domain.borrower.person import CivilStatus, Economics, Employment, Person, Sex

BORN = date(1976, 5, 10)
HOME = Address(
    street="Av. Insurgentes Sur 1602", neighbourhood="Crédito Constructor",
    municipality="Benito Juárez", city="Ciudad de México", state="CMX", postal_code="03940",
)  # fmt: skip


def curp(letters="GOLA", born_on=BORN, sex="M", state="DF", consonants="MPN"):
    """A CURP with its right check digit; ``sex`` by its own letters, H and M."""
    serial = "0" if born_on.year < 2000 else "A"
    body = f"{letters}{born_on:%y%m%d}{sex}{state}{consonants}{serial}"
    return body + curps.calc_check_digit(body)


def rfc(letters="GOLA", born_on=BORN, homonym="5P"):
    body = f"{letters}{born_on:%y%m%d}{homonym}"
    return body + rfcs.calc_check_digit(body)


def a_person(**changes):
    agreed = {
        "first_name": "Ana", "second_name": "Lucía", "paternal": "Gómez", "maternal": "Núñez",
        "born_on": BORN, "sex": Sex.FEMALE, "rfc": rfc(), "curp": curp(),
        "civil_status": CivilStatus.MARRIED, "addresses": (HOME,), "phones": ("5512345678",),
        "email": "ana@example.mx",
        "employment": Employment(employer="Telares del Sur", monthly_income=18_500_00),
        "economics": Economics(dependants=2, monthly_expenses=9_000_00),
    }  # fmt: skip
    return Person(**(agreed | changes))


def somebody(number, **changes):
    """A person like no other: his papers follow from ``number``."""
    letters = "GO" + chr(65 + number // 26 % 26) + chr(65 + number % 26)
    letters = "GX" + letters[2:]  # no word that papers must not hold begins so
    return a_person(rfc=rfc(letters), curp=curp(letters), **changes)

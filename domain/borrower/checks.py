"""Whether a person's data can be true: the rules of RFC, CURP, postal codes and dates.

A person is checked when he is registered or changed, never when he is read: a rule tightened next
year must not make last year's history unreadable.
"""

import re
from datetime import date

from stdnum.exceptions import InvalidChecksum, InvalidComponent, ValidationError
from stdnum.mx import curp as curps
from stdnum.mx import rfc as rfcs

from domain.borrower import errors as e
from domain.borrower.address import Address
from domain.borrower.company import Company, Partner
from domain.borrower.person import FULL_RFC, Employment, Kind, Person, Sex
from domain.borrower.states import BY_CODE, state_of

GENERIC_RFCS = frozenset({"XAXX010101000", "XEXX010101000"})
RFC_CHECK_DIGIT = "rfc breaks the rule of its check digit"
EARLIEST_BIRTH = date(1900, 1, 1)
EARLIEST_COMPANY = date(1800, 1, 1)
OF_NATURAL_PERSONS = (
    "first_name", "second_name", "paternal", "maternal", "additional", "born_on", "curp", "sex",
    "civil_status", "employment", "economics", "died_on", "ssn",
)  # fmt: skip
_ACTIVITY = re.compile(r"\d{1,11}", re.ASCII)
_REGIME = re.compile(r"\d{3}", re.ASCII)
_SSN = re.compile(r"\d{9}", re.ASCII)
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+", re.ASCII)
_PHONE = re.compile(r"\d{10}|\+\d{7,15}", re.ASCII)


def check(person: Person, today: date, *, rfc_check_digit: bool = False) -> None:
    """Refuse what cannot be true, and an RFC with a wrong check digit only where that is asked for.

    Errors: the ``BorrowerError`` family.
    """
    _check_kind(person)
    if person.company is None:
        _check_names(person.first_name, person.paternal, person.maternal)
    else:
        _check_company(person.company, today)
    _check_life(person, today)
    _check_rfc(person)
    if rfc_check_digit and doubts(person):
        raise e.InvalidRfc(RFC_CHECK_DIGIT)
    _check_curp(person)
    for nth, address in enumerate(person.addresses):
        check_address(address, f"addresses[{nth}]", today)
    for nth, phone in enumerate(person.phones):
        _check_phone(phone, f"phones[{nth}]")
    if person.email and not _EMAIL.fullmatch(person.email):
        raise e.InvalidContact("email", "is no address such as ana@example.mx")
    if person.employment is not None:
        _check_employment(person.employment, today)


def doubts(person: Person) -> tuple[str, ...]:
    """What looks wrong but may be true all the same.

    About 1.5 % of the RFCs in use break the rule of the check digit (`stdnum.mx.rfc`).
    """
    if len(person.rfc) == FULL_RFC[person.kind] and not rfcs.is_valid(
        person.rfc, validate_check_digits=True
    ):
        return (RFC_CHECK_DIGIT,)
    return ()


def _check_kind(person: Person) -> None:
    """A company has its own fields and none of a natural person's, and the other way round."""
    if (person.kind is Kind.COMPANY) is not (person.company is not None):
        raise (
            e.NotOfThisKind("company", person.kind)
            if person.company
            else e.NameMissing("company.legal_name")
        )
    if person.company is not None:
        for name in OF_NATURAL_PERSONS:
            if getattr(person, name):
                raise e.NotOfThisKind(name, "company")
    for nth, activity in enumerate(person.activities):
        if not _ACTIVITY.fullmatch(activity):
            raise e.InvalidCode(f"activities[{nth}]", "is a code of up to eleven digits")
    if person.ssn and not _SSN.fullmatch(person.ssn):
        raise e.InvalidCode("ssn", "has nine digits")
    if person.tax_regime and not _REGIME.fullmatch(person.tax_regime):
        raise e.InvalidCode("tax_regime", "has three digits")


def _check_names(first_name: str, paternal: str, maternal: str, at: str = "") -> None:
    if not first_name:
        raise e.NameMissing(f"{at}first_name")
    if not (paternal or maternal):
        raise e.NameMissing(f"{at}paternal")


def _check_company(company: Company, today: date) -> None:
    if not company.legal_name:
        raise e.NameMissing("company.legal_name")
    if company.incorporated_on is not None:
        _check_day("company.incorporated_on", company.incorporated_on, EARLIEST_COMPANY, today)
    if company.representative is not None:
        if company.representative.legal_name:
            raise e.NotOfThisKind("company.representative.legal_name", "representative")
        _check_partner(company.representative, "company.representative", today)
    for nth, one in enumerate(company.shareholders):
        _check_partner(one, f"company.shareholders[{nth}]", today)
    if (shares := sum(one.share for one in company.shareholders)) > 100:
        raise e.SharesExceedAll(shares)


def _check_partner(one: Partner, at: str, today: date) -> None:
    if not one.legal_name:
        _check_names(one.first_name, one.paternal, one.maternal, f"{at}.")
    _check_rfc_form(one.rfc, 12 if one.legal_name else 13, f"{at}.rfc")
    if one.curp and not curps.is_valid(one.curp):
        raise e.InvalidCurp(f"{at}.curp breaks the rules of its form, date or check digit")
    if one.address is not None:
        check_address(one.address, f"{at}.address", today)
    if one.phone:
        _check_phone(one.phone, f"{at}.phone")


def _check_life(person: Person, today: date) -> None:
    if person.born_on is not None:
        _check_day("born_on", person.born_on, EARLIEST_BIRTH, today)
    if person.died_on is not None:
        _check_day("died_on", person.died_on, person.born_on or EARLIEST_BIRTH, today)


def _check_day(field: str, on: date, earliest: date, today: date) -> None:
    if on < earliest:
        raise e.ImplausibleDate(field, on, f"is before {earliest}")
    if on > today:
        raise e.ImplausibleDate(field, on, f"is in the future: the business date is {today}")


def _check_rfc(person: Person) -> None:
    rfc = person.rfc
    if not rfc:
        return
    _check_rfc_form(rfc, FULL_RFC[person.kind], "rfc")
    told = rfc[3:9] if person.company is not None else rfc[4:10]
    if person.company is not None:
        began = person.company.incorporated_on
        if began is not None and told != began.strftime("%y%m%d"):
            raise e.RfcDiffers(told, began, "company.incorporated_on")
    elif person.born_on is not None and told != person.born_on.strftime("%y%m%d"):
        raise e.RfcDiffers(told, person.born_on)


def _check_rfc_form(rfc: str, whole: int, field: str) -> None:
    """Errors: ``GenericRfc``, ``InvalidRfc``."""
    if not rfc:
        return
    if rfc in GENERIC_RFCS:
        raise e.GenericRfc
    if len(rfc) != whole and not (whole == 13 and len(rfc) == 10):
        told = (
            "company has 12 characters"
            if whole == 12
            else ("person has 13 characters, or 10 without its last three")
        )
        raise e.InvalidRfc(f"{field} of a {told}, not {len(rfc)}")
    try:
        rfcs.validate(rfc)
    except InvalidComponent:
        raise e.InvalidRfc(
            f"{field} holds no day of the calendar, or a word it must not hold"
        ) from None
    except ValidationError:
        letters = "three" if whole == 12 else "four"
        raise e.InvalidRfc(f"{field} is not {letters} letters, six digits and three more") from None


def _check_curp(person: Person) -> None:
    curp = person.curp
    if not curp:
        return
    try:
        curps.validate(curp)
    except InvalidChecksum:
        raise e.InvalidCurp("curp breaks the rule of its check digit") from None
    except InvalidComponent:
        raise e.InvalidCurp(
            "curp holds no day of the calendar, no known sex or state, or a word it must not hold"
        ) from None
    except ValidationError:
        raise e.InvalidCurp("curp has 18 characters: letters, birth date, sex, state") from None
    born_on, sex = curps.get_birth_date(curp), Sex(curps.get_gender(curp))
    if person.born_on is not None and born_on != person.born_on:
        raise e.CurpDiffers("born_on", born_on, person.born_on)
    if person.sex is not None and sex is not person.sex:
        raise e.CurpDiffers("sex", sex, person.sex)


def check_address(address: Address, at: str, today: date) -> None:
    """Errors: ``UnknownState``, ``InvalidPostalCode``, ``PostalCodeDiffers``."""
    if address.since_on is not None:
        _check_day(f"{at}.since_on", address.since_on, EARLIEST_BIRTH, today)
    if address.country != "MX":
        return
    code, field = address.postal_code, f"{at}.postal_code"
    if not (len(code) == 5 and code.isascii() and code.isdigit()):
        raise e.InvalidPostalCode(field, f"has five digits, not {code[:10]!r}")
    lies_in = state_of(code)
    if lies_in is None:
        raise e.InvalidPostalCode(field, f"beginning with {code[:2]} belongs to no state")
    if address.state not in BY_CODE:
        raise e.UnknownState(f"{at}.state", address.state)
    if address.state != lies_in.code:
        raise e.PostalCodeDiffers(field, code, lies_in.code, address.state)


def _check_phone(phone: str, field: str) -> None:
    if phone.startswith("+52") or not _PHONE.fullmatch(phone):
        raise e.InvalidContact(field, "must be ten digits, or + and the country's code abroad")


def _check_employment(work: Employment, today: date) -> None:
    if work.hired_on is not None:
        _check_day("employment.hired_on", work.hired_on, EARLIEST_BIRTH, today)
    if work.phone:
        _check_phone(work.phone, "employment.phone")

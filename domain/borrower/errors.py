"""What is refused of a person's data: each names its field and the rule.

LoanError                       as by a loan: a command was refused; nothing changed
    BorrowerError               the family
        NameMissing             a person without a first name, or without any surname
        InvalidRfc              the RFC's form, or its check digit where that is asked for
        GenericRfc              the RFC that stands for anyone
        RfcDiffers              the RFC's birth date is another
        NotOfThisKind           what only a company, or only a natural person, has
        InvalidCode             an economic activity or a social security number of another form
        SharesExceedAll         shareholders who own more than all of a company
        InvalidCurp             the CURP's form or its check digit
        CurpDiffers             the CURP's birth date or sex is another
        UnknownState            no state has that code or name
        InvalidPostalCode       not five digits, or of no state
        PostalCodeDiffers       the postal code lies in another state
        InvalidContact          a phone or e-mail address that nobody could use
        ImplausibleDate         a birth, death or hiring that cannot have been then
        NothingChanged          a change that changes nothing
        RoleTaken               the person has that role on the loan already
        RoleNotHeld             the person has no such role on the loan
        BorrowerForgotten       the person's key was destroyed: nothing is known any more
"""

from datetime import date

from domain.errors import LoanError


class BorrowerError(LoanError):
    """A person's data, or a change of it, was refused; nothing changed."""

    field = "borrower"


NAMES = {
    "first_name": "a person has a first name",
    "paternal": "a person has a paternal or a maternal surname",
    "legal_name": "a company has its legal name",
}


class NameMissing(BorrowerError):
    """A person without a first name, or without any surname."""

    def __init__(self, field: str) -> None:
        told = NAMES[field.rpartition(".")[2]]
        super().__init__(f"{field} is missing: {told}", field)


class InvalidRfc(BorrowerError):
    """The RFC's form, or its check digit where that is asked for."""

    field = "rfc"


class GenericRfc(BorrowerError):
    """The RFC that stands for anyone, as XAXX010101000."""

    field = "rfc"

    def __init__(self) -> None:
        super().__init__("rfc is the generic one, which names nobody: leave it out instead")


class RfcDiffers(BorrowerError):
    """The RFC's date of birth, or of incorporation, is another."""

    field = "rfc"

    def __init__(self, told: str, on: date, what: str = "born_on") -> None:
        super().__init__(f"rfc says the date {told} (yymmdd), {what} says {on}")


class NotOfThisKind(BorrowerError):
    """What only a company, or only a natural person, has."""

    def __init__(self, field: str, kind: str) -> None:
        super().__init__(f"{field}: a {kind} has none", field)


class InvalidCode(BorrowerError):
    """An economic activity or a social security number of another form."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field} {rule}", field)


class SharesExceedAll(BorrowerError):
    """Shareholders who own more than all of a company."""

    field = "company.shareholders"

    def __init__(self, shares: int) -> None:
        super().__init__(f"company.shareholders own {shares} % together: 100 at most")


class InvalidCurp(BorrowerError):
    """The CURP's form or its check digit."""

    field = "curp"


class CurpDiffers(BorrowerError):
    """The CURP's birth date or sex is another."""

    field = "curp"

    def __init__(self, what: str, told: object, given: object) -> None:
        super().__init__(f"curp says {told}, {what} says {given}")


class UnknownState(BorrowerError):
    """No state has that code or name."""

    def __init__(self, field: str, given: str) -> None:
        super().__init__(f"{field}: no state of Mexico has the code or name {given[:40]!r}", field)


class InvalidPostalCode(BorrowerError):
    """Not five digits, or of no state."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: a postal code {rule}", field)


class PostalCodeDiffers(BorrowerError):
    """The postal code lies in another state."""

    def __init__(self, field: str, postal_code: str, lies_in: str, given: str) -> None:
        super().__init__(f"{field}: {postal_code} lies in {lies_in}, the state is {given}", field)


class InvalidContact(BorrowerError):
    """A phone or e-mail address that nobody could use."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field} {rule}", field)


class ImplausibleDate(BorrowerError):
    """A birth, death or hiring that cannot have been then."""

    def __init__(self, field: str, on: date, rule: str) -> None:
        super().__init__(f"{field}: {on} {rule}", field)


class NothingChanged(BorrowerError):
    """A change that changes nothing."""

    def __init__(self) -> None:
        super().__init__("everything given is as it was: there is nothing to record")


class RoleTaken(BorrowerError):
    """The person has that role on the loan already."""

    field = "role"

    def __init__(self, borrower_no: str, role: str, loan_no: str) -> None:
        super().__init__(f"{borrower_no} is {role} of loan {loan_no} already")


class RoleNotHeld(BorrowerError):
    """The person has no such role on the loan."""

    field = "role"

    def __init__(self, borrower_no: str, role: str, loan_no: str) -> None:
        super().__init__(f"{borrower_no} is no {role} of loan {loan_no}")


class BorrowerForgotten(BorrowerError):
    """The person's key was destroyed: nothing is known any more, and nothing can be added."""

    def __init__(self, borrower_no: str) -> None:
        super().__init__(f"borrower {borrower_no} was forgotten: his data cannot be read any more")

"""What the ledger refuses of borrowers, beyond what `domain/borrower/errors.py` does.

LedgerError                     the family; ``field`` is the input at fault
    UnknownBorrower             no borrower has that number
    DuplicateBorrower           another person has that number
    DuplicatePerson             another borrower has that RFC or CURP
    NotABorrowerKey             a master key that is not 32 bytes in base64
    BorrowerKeyMissing          no master key is set, and the one for development may not be used
    BorrowerKeyUnknown          a borrower's key was made under a master key that is not set
    BorrowerKeyWrong            what is stored does not open: another key, or it was tampered with
"""

from uuid import UUID

from ledger.errors import LedgerError


class UnknownBorrower(LedgerError):
    """No borrower has that number."""

    field = "borrower_no"

    def __init__(self, borrower_no: str) -> None:
        super().__init__(f"there is no borrower {borrower_no}")
        self.borrower_no = borrower_no


class DuplicateBorrower(LedgerError):
    """Another person has that number."""

    field = "borrower_no"

    def __init__(self, borrower_no: str) -> None:
        super().__init__(f"there is already a borrower number {borrower_no}")
        self.borrower_no = borrower_no


class DuplicatePerson(LedgerError):
    """Another borrower has that RFC or CURP; which one is not told to whom may not read it."""

    def __init__(self, field: str) -> None:
        super().__init__(f"another borrower has that {field}: a person is registered once")
        self.field = field


class NotABorrowerKey(LedgerError):
    """A master key that is not 32 bytes in base64."""

    field = "CARTERA_BORROWER_KEY"

    def __init__(self) -> None:
        super().__init__(f"{self.field}: a master key is 32 bytes in base64")


class BorrowerKeyMissing(LedgerError):
    """No master key is set, and the one for development may not be used here."""

    field = "CARTERA_BORROWER_KEY"

    def __init__(self) -> None:
        super().__init__(
            f"{self.field} is not set: personal data is encrypted under it (`cartera borrower"
            " new-key` makes one)"
        )


class BorrowerKeyUnknown(LedgerError):
    """A borrower's key was made under a master key that is not set."""

    field = "CARTERA_BORROWER_KEY"

    def __init__(self, master: str) -> None:
        super().__init__(
            f"{self.field}: master key {master} is needed; name it in CARTERA_BORROWER_OLD_KEYS"
        )
        self.master = master


class BorrowerKeyWrong(LedgerError):
    """What is stored does not open: another key, or it was tampered with."""

    def __init__(self, borrower_id: UUID, what: str) -> None:
        super().__init__(f"{what} of borrower {borrower_id} cannot be opened")
        self.borrower_id = borrower_id

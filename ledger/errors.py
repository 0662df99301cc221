"""What the ledger refuses, beyond what a loan itself does.

LedgerError                 the family; ``field`` is the input at fault
    UnknownLoan             no loan has that id or number
    DuplicateLoanNumber     another loan has that number
    WrongCurrency           an amount in another currency than the loan's
    KeyReused               an idempotency key came back with another body
    KeyNotUsable            an idempotency key that is empty or too long
    NotStorable             a text that the database cannot hold
    Conflict                other writers kept winning; nothing changed, try again
    StoreUnavailable        the database does not answer
        StoreFull           it answers that its disk has no room left
    UnknownRevision         an event was written by a newer version of this program
    UnknownJob              no job has that id
    IndexValueDiffers       an index has another value on that day

Refused as by a loan (``LoanError``), because they show amounts:

    PayoffDiffers           the amount is not what closes the loan on the day
    BelowPayoff             a new loan would not pay off what it refinances
    ProductLimit            a loan's terms are beyond what its product allows
"""

from datetime import date
from typing import Any
from uuid import UUID

from domain.errors import LoanError, code_of


class LedgerError(Exception):
    """A command was refused by the ledger; nothing changed."""

    field = "loan"

    @property
    def code(self) -> str:
        """A stable name for clients: the class in kebab-case."""
        return code_of(self)

    def __reduce__(self) -> tuple[Any, ...]:
        """The same words in another process, where it would otherwise be made again from them."""
        return _again, (type(self), self.args, self.__dict__)


def _again(kind: type[LedgerError], told: tuple[Any, ...], state: dict[str, Any]) -> LedgerError:
    error = kind.__new__(kind, *told)
    error.__dict__.update(state)
    return error


class UnknownLoan(LedgerError):
    """No loan has that id or number."""

    def __init__(self, loan: UUID | str) -> None:
        super().__init__(f"there is no loan {loan}")
        self.loan = loan


class DuplicateLoanNumber(LedgerError):
    """Another loan has that number."""

    field = "loan_no"

    def __init__(self, loan_no: str) -> None:
        super().__init__(f"there is already a loan number {loan_no}")
        self.loan_no = loan_no


class WrongCurrency(LedgerError):
    """An amount in another currency than the loan's."""

    def __init__(self, field: str, asked: str, expected: str) -> None:
        super().__init__(f"{field} is in {asked}, but the loan is in {expected}")
        self.field = field
        self.asked = asked
        self.expected = expected


class KeyReused(LedgerError):
    """An idempotency key came back with another body; the first command stands."""

    field = "idempotency_key"

    def __init__(self, key: str) -> None:
        super().__init__(f"idempotency key {key} was used for another command")
        self.key = key


class KeyNotUsable(LedgerError):
    """An idempotency key that is empty, too long or not plain text."""

    field = "idempotency_key"

    def __init__(self, longest: int) -> None:
        super().__init__(f"an idempotency key has 1 to {longest} printable characters")


class NotStorable(LedgerError):
    """A value that the database cannot hold, such as text with a NUL character."""

    field = "body"

    def __init__(self) -> None:
        super().__init__("the command holds a value that cannot be stored")


class Conflict(LedgerError):
    """Other writers kept winning; nothing changed, try again."""

    def __init__(self, loan_id: UUID, attempts: int) -> None:
        super().__init__(f"loan {loan_id} was changed by others {attempts} times in a row")
        self.loan_id = loan_id
        self.attempts = attempts


class StoreUnavailable(LedgerError):
    """The database does not answer. A command with an idempotency key may be sent again."""

    field = "database"

    def __init__(self, reason: str = "the database does not answer; try again") -> None:
        super().__init__(reason)


class StoreFull(StoreUnavailable):
    """The database's disk has no room left; nothing of the command is recorded."""

    def __init__(self) -> None:
        super().__init__("the database's disk is full: make room on it, then try again")


class UnknownRevision(LedgerError):
    """An event was written by a newer version of this program."""

    field = "event"

    def __init__(self, tag: str, revision: int, newest: int) -> None:
        super().__init__(f"{tag} has revision {revision}; this program knows up to {newest}")


class UnknownJob(LedgerError):
    """No job has that id."""

    field = "job"

    def __init__(self, job_id: UUID | str) -> None:
        super().__init__(f"there is no job {job_id}")


class IndexValueDiffers(LedgerError):
    """An index has another value on that day; a correction is asked for by name."""

    field = "value"

    def __init__(self, where: str, index: str, day: date, known: str, given: str) -> None:
        super().__init__(
            f"{where}: {index} has the value {known} on {day}, not {given}; correct it by --correct"
        )


class PayoffDiffers(LoanError):
    """The amount is not what closes the loan on the day."""

    field = "amount"

    def __init__(self, given: int, owed: int, on: date) -> None:
        rule = f"amount {{given}} is not the {{owed}} that closes the loan on {on}"
        super().__init__(rule, given=given, owed=owed)


class BelowPayoff(LoanError):
    """A new loan would not pay off what it refinances."""

    field = "principal"

    def __init__(self, paid_out: int, owed: int) -> None:
        rule = "{paid_out} paid out is less than the {owed} that pays off what it refinances"
        super().__init__(rule, paid_out=paid_out, owed=owed)


class ProductLimit(LoanError):
    """A loan's terms are beyond what its product allows."""

    field = "terms"

    def __init__(self, product: str, field: str, found: str, rule: str) -> None:
        super().__init__(f"{field} {found} {rule} (product {product})", field)
        self.product = product
        self.found = found

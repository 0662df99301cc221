"""What a loan refuses, and why.

LoanError                   the family; ``field`` is the input at fault, the message names the rule
    InvalidTerms            terms that no schedule can follow
    InvalidAmount           zero, negative or beyond what the ledger holds
    InvalidDate             before the loan existed, or after the lender's business date
    NotAllowedNow           the loan's status does not admit the command
    OverDisbursement        the tranches would exceed the approved principal
    OverForgiveness         more would be forgiven than is owed
    OverRecovery            more would be recovered than was written off
    UnknownPayment          no payment has that number
    UnknownFee              no fee has that number, or nothing of it is left to waive
    AlreadyReversed         a payment is reversed once
    UnknownPromise          no open promise has that number
    BalanceOutstanding      a loan that still owes cannot close
    NotBackdatable          the value date lies before a fact that fixed the debt
    IndexWithoutValue       a floating rate's index has no value on a reset day
"""

from collections.abc import Callable
from datetime import date


def code_of(error: Exception) -> str:
    """A stable name for clients: the error's class in kebab-case."""
    name = type(error).__name__
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in name).lstrip("-")


class LoanError(Exception):
    """A command was refused; nothing changed.

    ``rule`` names each of ``amounts`` (minor units) in braces, so that a reader gets them as money.
    """

    field = "loan"

    def __init__(self, rule: str, field: str | None = None, **amounts: int) -> None:
        self.rule = rule
        self.amounts = amounts
        super().__init__(self.told(str))
        if field is not None:
            self.field = field

    def told(self, shown: Callable[[int], str]) -> str:
        """The message, each amount as ``shown`` writes it."""
        if not self.amounts:
            return self.rule
        return self.rule.format_map({name: shown(n) for name, n in self.amounts.items()})

    @property
    def code(self) -> str:
        """A stable name for clients: the class in kebab-case."""
        return code_of(self)


class InvalidTerms(LoanError):
    """Terms that no schedule can follow."""

    field = "terms"


class InvalidAmount(LoanError):
    """Zero, negative or beyond what the ledger holds."""

    field = "amount"

    def __init__(
        self,
        asked: int,
        rule: str = "must be more than zero",
        field: str = "amount",
        **amounts: int,
    ) -> None:
        super().__init__(f"{field} {{asked}} {rule}", field, asked=asked, **amounts)


class InvalidDate(LoanError):
    """Before the loan existed, or after the lender's business date."""

    field = "effective_on"

    def __init__(self, given: date, rule: str, field: str = "effective_on") -> None:
        super().__init__(f"{field} {given} {rule}", field)
        self.given = given


class NotAllowedNow(LoanError):
    """The loan's status does not admit the command."""

    field = "status"

    def __init__(self, command: str, status: str, instead: str = "") -> None:
        hint = f"; {instead}" if instead else ""
        super().__init__(f"cannot {command}: the loan is {status}{hint}")
        self.command = command
        self.status = status


class OverDisbursement(LoanError):
    """The tranches would exceed the approved principal."""

    field = "principal"

    def __init__(self, asked: int, available: int, field: str = "principal") -> None:
        rule = f"{field} {{asked}} is more than the {{available}} still approved"
        super().__init__(rule, field, asked=asked, available=available)


class OverForgiveness(LoanError):
    """More would be forgiven than is owed."""

    def __init__(self, component: str, asked: int, owed: int) -> None:
        rule = f"{component} {{asked}} is more than the {{owed}} owed"
        super().__init__(rule, component, asked=asked, owed=owed)


class OverRecovery(LoanError):
    """More would be recovered than was written off."""

    field = "amount"

    def __init__(self, asked: int, left: int) -> None:
        rule = "amount {asked} is more than the {left} written off and not recovered"
        super().__init__(rule, asked=asked, left=left)


class UnknownPayment(LoanError):
    """No payment has that number."""

    field = "payment"

    def __init__(self, payment: int) -> None:
        super().__init__(f"payment {payment} does not exist on this loan")


class UnknownFee(LoanError):
    """No fee has that number, or nothing of it is left to waive."""

    field = "fee"


class AlreadyReversed(LoanError):
    """A payment is reversed once; a reversal cannot be reversed: receive the payment again."""

    field = "payment"

    def __init__(self, payment: int) -> None:
        super().__init__(f"payment {payment} was already reversed; receive it again instead")


class UnknownPromise(LoanError):
    """No open promise has that number."""

    field = "promise"

    def __init__(self, promise: int) -> None:
        super().__init__(f"promise {promise} is not open on this loan")


class BalanceOutstanding(LoanError):
    """A loan that still owes cannot close."""

    field = "balance"

    def __init__(self, owed: int) -> None:
        super().__init__("cannot close: {owed} is still owed", owed=owed)


class NotBackdatable(LoanError):
    """The value date lies before a fact that fixed the debt."""

    field = "effective_on"

    def __init__(self, given: date, fixed_on: date, fact: str) -> None:
        super().__init__(f"effective_on {given} is before the {fact} of {fixed_on}")


class IndexWithoutValue(LoanError):
    """A floating rate's index has no value on a reset day."""

    field = "index"

    def __init__(self, index: str, day: date) -> None:
        super().__init__(f"index {index} has no value on {day}: import it first")
        self.index = index
        self.day = day

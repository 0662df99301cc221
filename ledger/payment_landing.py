"""Where one line of a payment file goes: onto its loan, into suspense, or back with a reason.

The rules stand here once. A `Desk` carries out what they say: `Direct` at once, line by line, and
`ledger/payment_batch.py` for many lines together.
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Protocol
from uuid import UUID

import msgspec
from moneyed import Money
from msgspec import Struct

from domain import commands
from domain.errors import LoanError
from domain.events import AnyLoanEvent
from domain.loan import Loan, Status
from ledger import suspense
from ledger.application import Ledger
from ledger.bank_line import BankLine
from ledger.commands.orders import Decide
from ledger.csv_lines import Line, Reject
from ledger.errors import KeyReused, WrongCurrency
from ledger.forms import FormError, rule_of
from ledger.money import minor, money, parse
from ledger.orders import Cause, Receipt
from ledger.references import Match
from ledger.suspense import Suspended
from ledger.units import paid_in


class Task(Struct, frozen=True):
    """A readable line, and the loans that its reference may mean."""

    line: BankLine
    matches: tuple[Match, ...]

    @property
    def loan_id(self) -> UUID | None:
        """The loan that the line is for, where that is certain."""
        return self.matches[0].loan_id if len(self.matches) == 1 else None


class Landed(Struct, frozen=True, tag=True):
    """Where one line went."""

    outcome: str
    amount: int
    currency: str


class Desk(Protocol):
    """Looks up what became of a line before, and carries out what is decided of it now."""

    def suspended(self, key: str) -> Suspended | None:
        """The line with this key, if it waits or waited."""

    def applied(self, key: str) -> bool:
        """Whether a line with this key was applied to a loan."""

    def execute(
        self, loan_id: UUID, decide: Decide, body: Mapping[str, Any], cause: Cause, on: date
    ) -> Receipt:
        """As `Ledger.execute`."""

    def suspend(self, waiting: Suspended, raw: dict[str, str], loan_id: UUID | None) -> None:
        """Put a line aside, because of how the loan stands where one is named."""


class Direct:
    """Everything at once, in the database."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.execute = ledger.execute

    def suspended(self, key: str) -> Suspended | None:
        return suspense.suspended(self.ledger.store, [key]).get(key)

    def applied(self, key: str) -> bool:
        return bool(self.ledger.facts.fingerprints([key]))

    def suspend(self, waiting: Suspended, raw: dict[str, str], loan_id: UUID | None) -> None:
        suspense.suspend(self.ledger.store, waiting, raw)


class Landing:
    """The rules for the lines of one file, the same whoever carries them out."""

    def __init__(self, ledger: Ledger, source: str, cause: Cause) -> None:
        self.ledger = ledger
        self.source = source
        self.cause = cause

    def land(self, found: Task | Reject, desk: Desk) -> Landed | Reject:
        """Where the line went."""
        if isinstance(found, Reject):
            return found
        line, currency = found.line, self._currency(found)
        try:
            amount = minor(parse(line.amount, currency, "amount"))
            if amount <= 0:
                raise FormError("amount", f"{line.amount} must be more than zero")
            if (before := desk.suspended(line.key)) is not None:
                return _waits_already(line, before, amount)
            return self._apply(found, amount, currency, desk)
        except FormError as error:
            return rejected(line, error)
        except KeyReused:
            rule = f"{line.transaction_id} was imported before with other content"
            return rejected(line, FormError(line.known_by, rule))

    def _currency(self, found: Task) -> str:
        if found.line.currency:
            return found.line.currency
        if found.matches:
            return paid_in(found.matches[0].currency)
        return self.ledger.settings.currency

    def _apply(self, found: Task, amount: int, currency: str, desk: Desk) -> Landed:
        line = found.line
        if len(found.matches) != 1:
            told = "means more than one loan" if found.matches else "is no loan's number"
            code = "ambiguous-reference" if found.matches else "unknown-reference"
            return self._suspend(found, amount, currency, desk, code, f"{line.reference!r} {told}")
        loan = found.matches[0]
        if currency not in (loan.currency, paid_in(loan.currency)):
            return self._suspend(
                found, amount, currency, desk,
                WrongCurrency("amount", currency, loan.currency).code,
                f"the line is in {currency}, the loan in {loan.currency}",
            )  # fmt: skip
        cause = msgspec.structs.replace(self.cause, idempotency_key=line.key)
        body = {"command": f"{line.source}-payment", **line.content()}
        take = taking(self.ledger, line, money(amount, currency))
        try:
            receipt = desk.execute(loan.loan_id, take, body, cause, line.paid_on)
        except LoanError as error:
            _, rule = rule_of(error, loan.currency)
            return self._suspend(found, amount, currency, desk, error.code, rule)
        recovered = "recovery-received" in receipt.events
        outcome = "repeated" if receipt.repeated else "recovered" if recovered else "applied"
        return Landed(outcome, amount, currency)

    def _suspend(
        self, found: Task, amount: int, currency: str, desk: Desk, code: str, reason: str
    ) -> Landed:
        line = found.line
        if desk.applied(line.key):  # in an earlier run, to a loan it named then
            raise KeyReused(line.key)
        waiting = Suspended(
            line_key=line.key,
            source=self.source,
            line=line.number,
            paid_on=line.paid_on,
            amount=amount,
            currency=currency,
            reference=line.reference,
            channel=line.channel,
            code=code,
            reason=reason,
            payer=line.payer,
            remark="\n".join(line.others),
        )
        desk.suspend(waiting, line.content(), found.loan_id)
        return Landed("suspended", amount, currency)


def _waits_already(line: BankLine, before: Suspended, amount: int) -> Landed:
    paid_on = line.paid_on if line.told_on is None else before.paid_on
    same = (before.paid_on, before.amount, before.reference, before.channel)
    if same != (paid_on, amount, line.reference, line.channel):
        raise KeyReused(line.key)
    return Landed("repeated", amount, before.currency)


def taking(
    ledger: Ledger, line: BankLine, paid: Money
) -> Callable[[Loan], tuple[AnyLoanEvent, ...]]:
    """Money on a written-off loan is a recovery; on any other a payment."""

    def decide(loan: Loan) -> tuple[AnyLoanEvent, ...]:
        amount, reference = ledger.tendered(loan, paid, line.paid_on, line.note or line.reference)
        given: dict[str, Any] = {
            "amount": amount,
            "effective_on": line.paid_on,
            "channel": line.channel,
            "reference": reference,
        }
        if loan.status is Status.WRITTEN_OFF:
            return commands.receive_recovery(loan, **given)
        return commands.receive_payment(loan, **given)

    return decide


def rejected(line: Line | BankLine, error: FormError | LoanError) -> Reject:
    """The line, back with what is wrong in it."""
    rule = error.rule if isinstance(error, FormError) else str(error)
    return Reject(line.number, error.field, rule, line.original)

"""The orders the ledger takes: amounts as `Money`, dates checked against the business date.

One method per command of the domain. Each answers a receipt; ``LoanError`` and ``LedgerError`` say
what was refused, and then nothing changed.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Literal
from uuid import UUID

from moneyed import Money

from domain import commands
from domain.events import AnyLoanEvent
from domain.loan import Loan
from domain.terms import Component, Terms
from ledger.errors import WrongCurrency
from ledger.money import minor
from ledger.orders import Cause, Receipt


class Commands(ABC):
    """What can be ordered. `Ledger` says how an order is carried out."""

    @abstractmethod
    def execute(
        self,
        loan_id: UUID,
        decide: Callable[[Loan], Sequence[AnyLoanEvent]],
        body: Mapping[str, Any],
        cause: Cause,
    ) -> Receipt:
        """Load, decide, append."""

    @abstractmethod
    def begin(
        self,
        events: Callable[[], Sequence[AnyLoanEvent]],
        body: Mapping[str, Any],
        cause: Cause,
    ) -> Receipt:
        """Append a new loan's first events."""

    @abstractmethod
    def check_date(self, on: date, field: str = "effective_on") -> None:
        """Refuse a date after the business date."""

    def open_loan(
        self,
        *,
        loan_no: str,
        terms: Terms,
        effective_on: date,
        cause: Cause,
        borrower: str = "",
        product: str = "",
        branch: str = "",
        officer: str = "",
        guarantors: tuple[str, ...] = (),
    ) -> Receipt:
        """Approve a new loan. Errors: ``DuplicateLoanNumber``."""
        self.check_date(effective_on)
        given: dict[str, Any] = {
            "loan_no": loan_no, "terms": terms, "effective_on": effective_on,
            "borrower": borrower, "product": product, "branch": branch, "officer": officer,
            "guarantors": guarantors,
        }  # fmt: skip
        return self.begin(
            lambda: commands.open_loan(**given), {"command": "open-loan", **given}, cause
        )

    def take_on(
        self,
        *,
        loan_no: str,
        terms: Terms,
        disbursed_on: date,
        effective_on: date,
        principal: Money,
        cause: Cause,
        interest: Money | None = None,
        interest_tax: Money | None = None,
        late_interest: Money | None = None,
        late_interest_tax: Money | None = None,
        fee: Money | None = None,
        fee_tax: Money | None = None,
        borrower: str = "",
        product: str = "",
        branch: str = "",
        officer: str = "",
    ) -> Receipt:
        """Take a running loan over from another system. Errors: ``DuplicateLoanNumber``."""
        self.check_date(effective_on)
        currency = terms.currency
        given: dict[str, Any] = {
            "loan_no": loan_no, "terms": terms, "disbursed_on": disbursed_on,
            "effective_on": effective_on, "borrower": borrower, "product": product,
            "branch": branch, "officer": officer,
            "principal": _minor(principal, currency, "principal"),
            "interest": None if interest is None else _minor(interest, currency, "interest"),
            "interest_tax": (
                None if interest_tax is None else _minor(interest_tax, currency, "interest_tax")
            ),
        }  # fmt: skip
        for field, amount in (
            ("late_interest", late_interest),
            ("late_interest_tax", late_interest_tax),
            ("fee", fee),
            ("fee_tax", fee_tax),
        ):
            given[field] = 0 if amount is None else _minor(amount, currency, field)
        return self.begin(lambda: commands.take_on(**given), {"command": "take-on", **given}, cause)

    def disburse(
        self,
        loan_id: UUID,
        *,
        principal: Money,
        effective_on: date,
        cause: Cause,
        withheld_fees: Money | None = None,
        channel: str = "",
    ) -> Receipt:
        """Pay out a tranche."""
        self.check_date(effective_on)
        return self.execute(
            loan_id,
            lambda loan: commands.disburse(
                loan,
                principal=_of(loan, principal, "principal"),
                effective_on=effective_on,
                withheld_fees=_or_zero(loan, withheld_fees, "withheld_fees"),
                channel=channel,
            ),
            {"command": "disburse", "principal": principal, "effective_on": effective_on,
             "withheld_fees": withheld_fees, "channel": channel},
            cause,
        )  # fmt: skip

    def accrue(self, loan_id: UUID, *, effective_on: date, cause: Cause) -> Receipt:
        """Record interest up to a date, without waiting for the close of day."""
        self.check_date(effective_on)
        return self.execute(
            loan_id,
            lambda loan: commands.accrue(loan, effective_on=effective_on),
            {"command": "accrue", "effective_on": effective_on},
            cause,
        )

    def charge_fee(
        self, loan_id: UUID, *, kind: str, amount: Money, effective_on: date, cause: Cause
    ) -> Receipt:
        """Charge a fee; its tax follows from the terms."""
        self.check_date(effective_on)
        return self.execute(
            loan_id,
            lambda loan: commands.charge_fee(
                loan, kind=kind, amount=_of(loan, amount), effective_on=effective_on
            ),
            {"command": "charge-fee", "kind": kind, "amount": amount,
             "effective_on": effective_on},
            cause,
        )  # fmt: skip

    def waive_fee(
        self, loan_id: UUID, *, fee: int, effective_on: date, cause: Cause, reason: str = ""
    ) -> Receipt:
        """Give up what is unpaid of a fee."""
        self.check_date(effective_on)
        return self.execute(
            loan_id,
            lambda loan: commands.waive_fee(
                loan, fee=fee, effective_on=effective_on, reason=reason
            ),
            {"command": "waive-fee", "fee": fee, "effective_on": effective_on, "reason": reason},
            cause,
        )

    def receive_payment(
        self,
        loan_id: UUID,
        *,
        amount: Money,
        effective_on: date,
        cause: Cause,
        channel: str = "",
        reference: str = "",
    ) -> Receipt:
        """Money came in, today or on an earlier value date."""
        self.check_date(effective_on)
        return self.execute(
            loan_id,
            lambda loan: commands.receive_payment(
                loan,
                amount=_of(loan, amount),
                effective_on=effective_on,
                channel=channel,
                reference=reference,
            ),
            {"command": "receive-payment", "amount": amount, "effective_on": effective_on,
             "channel": channel, "reference": reference},
            cause,
        )  # fmt: skip

    def reverse_payment(
        self, loan_id: UUID, *, payment: int, reversed_on: date, cause: Cause, reason: str = ""
    ) -> Receipt:
        """A payment turned out not to be one."""
        self.check_date(reversed_on, "reversed_on")
        return self.execute(
            loan_id,
            lambda loan: commands.reverse_payment(
                loan, payment=payment, reversed_on=reversed_on, reason=reason
            ),
            {"command": "reverse-payment", "payment": payment, "reversed_on": reversed_on,
             "reason": reason},
            cause,
        )  # fmt: skip

    def make_promise(
        self,
        loan_id: UUID,
        *,
        amount: Money,
        promised_for: date,
        effective_on: date,
        cause: Cause,
        grace_days: int | None = None,
    ) -> Receipt:
        """The borrower promises an amount by a date, which may lie ahead."""
        self.check_date(effective_on)
        return self.execute(
            loan_id,
            lambda loan: commands.make_promise(
                loan,
                amount=_of(loan, amount),
                promised_for=promised_for,
                effective_on=effective_on,
                grace_days=grace_days,
            ),
            {"command": "make-promise", "amount": amount, "promised_for": promised_for,
             "effective_on": effective_on, "grace_days": grace_days},
            cause,
        )  # fmt: skip

    def cancel_promise(
        self, loan_id: UUID, *, promise: int, effective_on: date, cause: Cause, reason: str = ""
    ) -> Receipt:
        """A promise no longer binds."""
        self.check_date(effective_on)
        return self.execute(
            loan_id,
            lambda loan: commands.cancel_promise(
                loan, promise=promise, effective_on=effective_on, reason=reason
            ),
            {"command": "cancel-promise", "promise": promise, "effective_on": effective_on,
             "reason": reason},
            cause,
        )  # fmt: skip

    def forgive(
        self,
        loan_id: UUID,
        *,
        amounts: Mapping[Component, Money],
        effective_on: date,
        cause: Cause,
        approval: str = "",
        reason: str = "",
    ) -> Receipt:
        """Give up part of the debt, by component."""
        self.check_date(effective_on)
        return self.execute(
            loan_id,
            lambda loan: commands.forgive(
                loan,
                amounts={part: _of(loan, amount, part.value) for part, amount in amounts.items()},
                effective_on=effective_on,
                approval=approval,
                reason=reason,
            ),
            {"command": "forgive", "amounts": dict(amounts), "effective_on": effective_on,
             "approval": approval, "reason": reason},
            cause,
        )  # fmt: skip

    def write_off(
        self,
        loan_id: UUID,
        *,
        effective_on: date,
        cause: Cause,
        approval: str = "",
        reason: str = "",
    ) -> Receipt:
        """Take the whole debt off the books."""
        self.check_date(effective_on)
        return self.execute(
            loan_id,
            lambda loan: commands.write_off(
                loan, effective_on=effective_on, approval=approval, reason=reason
            ),
            {"command": "write-off", "effective_on": effective_on, "approval": approval,
             "reason": reason},
            cause,
        )  # fmt: skip

    def receive_recovery(
        self,
        loan_id: UUID,
        *,
        amount: Money,
        effective_on: date,
        cause: Cause,
        channel: str = "",
        reference: str = "",
    ) -> Receipt:
        """Money came in on a written-off debt."""
        self.check_date(effective_on)
        return self.execute(
            loan_id,
            lambda loan: commands.receive_recovery(
                loan,
                amount=_of(loan, amount),
                effective_on=effective_on,
                channel=channel,
                reference=reference,
            ),
            {"command": "receive-recovery", "amount": amount, "effective_on": effective_on,
             "channel": channel, "reference": reference},
            cause,
        )  # fmt: skip

    def close_loan(
        self,
        loan_id: UUID,
        *,
        effective_on: date,
        cause: Cause,
        reason: Literal["cancelled"] = "cancelled",
    ) -> Receipt:
        """End a loan that owes nothing and was not ended by its last payment."""
        self.check_date(effective_on)
        return self.execute(
            loan_id,
            lambda loan: commands.close(loan, effective_on=effective_on, reason=reason),
            {"command": "close-loan", "effective_on": effective_on, "reason": reason},
            cause,
        )

    def close_day(self, loan_id: UUID, *, on: date, cause: Cause) -> Receipt:
        """Record everything a close of day records, for this loan alone."""
        self.check_date(on, "on")
        return self.execute(
            loan_id,
            lambda loan: commands.close_day(loan, on=on),
            {"command": "close-day", "on": on},
            cause,
        )


def _of(loan: Loan, amount: Money, field: str = "amount") -> int:
    return _minor(amount, loan.terms.currency, field)


def _or_zero(loan: Loan, amount: Money | None, field: str) -> int:
    return 0 if amount is None else _of(loan, amount, field)


def _minor(amount: Money, currency: str, field: str) -> int:
    given = str(amount.currency)
    if given != currency:
        raise WrongCurrency(field, given, currency)
    return minor(amount, field)

"""Orders about money that comes in or goes back, and about fees."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from moneyed import Money

from domain import commands
from domain.events import AnyLoanEvent
from domain.loan import Loan
from domain.terms import ChargesDue, PaymentKind
from domain.views import payoff
from ledger.commands.orders import Orders, of, part_of, said
from ledger.errors import PayoffDiffers
from ledger.orders import Cause, Receipt


class PaymentOrders(Orders):
    """Receive, reverse, charge back, refund, pay off; charge and waive fees."""

    def receive_payment(
        self,
        loan_id: UUID,
        *,
        amount: Money,
        effective_on: date,
        cause: Cause,
        channel: str = "",
        reference: str = "",
        kind: PaymentKind = PaymentKind.PAYMENT,
    ) -> Receipt:
        """Money came in, today or on an earlier value date.

        A loan in UDI takes pesos as well, at the day's value; the reference then says which.
        """
        self.check_date(effective_on)

        def decide(loan: Loan) -> Sequence[AnyLoanEvent]:
            taken, told = self.tendered(loan, amount, effective_on, reference)
            return commands.receive_payment(
                loan,
                amount=taken,
                effective_on=effective_on,
                channel=channel,
                reference=told,
                kind=kind,
            )

        body = said(
            "receive-payment",
            {"amount": amount, "effective_on": effective_on, "channel": channel,
             "reference": reference},
            kind=None if kind is PaymentKind.PAYMENT else kind,
        )  # fmt: skip
        return self.execute(loan_id, decide, body, cause, effective_on)

    def pay_off(
        self,
        loan_id: UUID,
        *,
        on: date,
        cause: Cause,
        amount: Money | None = None,
        channel: str = "",
        reference: str = "",
    ) -> Receipt:
        """Exactly what closes the loan on the day came in; ``amount`` is what the payer was told.

        Errors: ``PayoffDiffers`` where that is not what closes it, ``InvalidDate`` before the
        latest recorded day, ``NotAllowedNow`` unless active.
        """
        self.check_date(on, "on")

        def decide(loan: Loan) -> Sequence[AnyLoanEvent]:
            owed, told = payoff(loan, on).total, reference
            if amount is not None:
                given, told = self.tendered(loan, amount, on, reference)
                if given != owed:
                    raise PayoffDiffers(given, owed, on)
            return commands.receive_payment(
                loan, amount=owed, effective_on=on, channel=channel, reference=told
            )

        body = said(
            "pay-off", {"on": on, "amount": amount, "channel": channel, "reference": reference}
        )
        return self.execute(loan_id, decide, body, cause, on)

    def reverse_payment(
        self, loan_id: UUID, *, payment: int, reversed_on: date, cause: Cause, reason: str = ""
    ) -> Receipt:
        """A payment turned out not to be one."""
        self.check_date(reversed_on, "reversed_on")
        given: dict[str, Any] = {"payment": payment, "reversed_on": reversed_on, "reason": reason}
        return self.execute(
            loan_id,
            lambda loan: commands.reverse_payment(loan, **given),
            said("reverse-payment", given),
            cause,
            reversed_on,
        )

    def charge_back(
        self,
        loan_id: UUID,
        *,
        payment: int,
        effective_on: date,
        cause: Cause,
        amount: Money | None = None,
        reason: str = "",
    ) -> Receipt:
        """A payer took a payment back, or part of it: it is owed again from then on."""
        self.check_date(effective_on)
        return self.execute(
            loan_id,
            lambda loan: commands.charge_back(
                loan,
                payment=payment,
                effective_on=effective_on,
                amount=part_of(loan, amount),
                reason=reason,
            ),
            said("charge-back", {"payment": payment, "effective_on": effective_on,
                                 "amount": amount, "reason": reason}),
            cause,
            effective_on,
        )  # fmt: skip

    def refund_overpayment(
        self,
        loan_id: UUID,
        *,
        effective_on: date,
        cause: Cause,
        amount: Money | None = None,
        channel: str = "",
        reference: str = "",
    ) -> Receipt:
        """Give back money kept for the borrower: all of it, or ``amount``."""
        self.check_date(effective_on)
        return self.execute(
            loan_id,
            lambda loan: commands.refund_overpayment(
                loan,
                effective_on=effective_on,
                amount=part_of(loan, amount),
                channel=channel,
                reference=reference,
            ),
            said("refund-overpayment", {"effective_on": effective_on, "amount": amount,
                                        "channel": channel, "reference": reference}),
            cause,
            effective_on,
        )  # fmt: skip

    def apply_deposit(
        self,
        loan_id: UUID,
        *,
        effective_on: date,
        cause: Cause,
        amount: Money | None = None,
        approval: str = "",
        reason: str = "",
    ) -> Receipt:
        """Let the security deposit clear what is due, or ``amount`` of it."""
        self.check_date(effective_on)
        given: dict[str, Any] = {
            "effective_on": effective_on, "approval": approval, "reason": reason,
        }  # fmt: skip
        return self.execute(
            loan_id,
            lambda loan: commands.apply_deposit(loan, amount=part_of(loan, amount), **given),
            said("apply-deposit", given, amount=amount),
            cause,
            effective_on,
        )

    def charge_fee(
        self,
        loan_id: UUID,
        *,
        kind: str,
        amount: Money,
        effective_on: date,
        cause: Cause,
        due_on: date | None = None,
        falls_due: ChargesDue | None = None,
    ) -> Receipt:
        """Charge a fee, due with its instalment or on a day ahead; its tax follows the terms."""
        self.check_date(effective_on)
        return self.execute(
            loan_id,
            lambda loan: commands.charge_fee(
                loan,
                kind=kind,
                amount=of(loan, amount),
                effective_on=effective_on,
                due_on=due_on,
                falls_due=falls_due,
            ),
            said(
                "charge-fee",
                {"kind": kind, "amount": amount, "effective_on": effective_on},
                due_on=due_on,
                falls_due=falls_due,
            ),
            cause,
            effective_on,
        )

    def waive_fee(
        self, loan_id: UUID, *, fee: int, effective_on: date, cause: Cause, reason: str = ""
    ) -> Receipt:
        """Give up what is unpaid of a fee."""
        self.check_date(effective_on)
        given: dict[str, Any] = {"fee": fee, "effective_on": effective_on, "reason": reason}
        return self.execute(
            loan_id,
            lambda loan: commands.waive_fee(loan, **given),
            said("waive-fee", given),
            cause,
            effective_on,
        )

    def waive_charges(
        self,
        loan_id: UUID,
        *,
        instalment: int,
        effective_on: date,
        cause: Cause,
        amount: Money | None = None,
        reason: str = "",
    ) -> Receipt:
        """Give up what is unpaid of the fees of an instalment, or part of it."""
        self.check_date(effective_on)
        given: dict[str, Any] = {
            "instalment": instalment, "effective_on": effective_on, "reason": reason,
        }  # fmt: skip
        return self.execute(
            loan_id,
            lambda loan: commands.waive_charges(loan, amount=part_of(loan, amount), **given),
            said("waive-charges", given, amount=amount),
            cause,
            effective_on,
        )

    def undo_waiver(
        self,
        loan_id: UUID,
        *,
        effective_on: date,
        cause: Cause,
        fee: int | None = None,
        instalment: int | None = None,
        reason: str = "",
    ) -> Receipt:
        """What was waived of a fee, or of an instalment's charges, is owed again."""
        self.check_date(effective_on)
        given: dict[str, Any] = {
            "fee": fee, "instalment": instalment, "effective_on": effective_on, "reason": reason,
        }  # fmt: skip
        return self.execute(
            loan_id,
            lambda loan: commands.undo_waiver(loan, **given),
            said("undo-waiver", given),
            cause,
            effective_on,
        )

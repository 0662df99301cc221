"""Orders about debt that does not come in: promises, forgiveness, write-off, sale, recovery."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from moneyed import Money

from domain import commands
from domain.events import AnyLoanEvent
from domain.loan import Loan
from domain.terms import Component
from ledger.commands.orders import Orders, of, said
from ledger.orders import Cause, Receipt


class ArrearsOrders(Orders):
    """Promise, forgive, write off, sell, recover."""

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
                amount=of(loan, amount),
                promised_for=promised_for,
                effective_on=effective_on,
                grace_days=grace_days,
            ),
            said("make-promise", {"amount": amount, "promised_for": promised_for,
                                  "effective_on": effective_on, "grace_days": grace_days}),
            cause,
            effective_on,
        )  # fmt: skip

    def cancel_promise(
        self, loan_id: UUID, *, promise: int, effective_on: date, cause: Cause, reason: str = ""
    ) -> Receipt:
        """A promise no longer binds."""
        self.check_date(effective_on)
        given: dict[str, Any] = {
            "promise": promise, "effective_on": effective_on, "reason": reason,
        }  # fmt: skip
        return self.execute(
            loan_id,
            lambda loan: commands.cancel_promise(loan, **given),
            said("cancel-promise", given),
            cause,
            effective_on,
        )

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
                amounts={part: of(loan, amount, part.value) for part, amount in amounts.items()},
                effective_on=effective_on,
                approval=approval,
                reason=reason,
            ),
            said("forgive", {"amounts": dict(amounts), "effective_on": effective_on,
                             "approval": approval, "reason": reason}),
            cause,
            effective_on,
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
        given: dict[str, Any] = {
            "effective_on": effective_on, "approval": approval, "reason": reason,
        }  # fmt: skip
        return self.execute(
            loan_id,
            lambda loan: commands.write_off(loan, **given),
            said("write-off", given),
            cause,
            effective_on,
        )

    def sell(
        self,
        loan_id: UUID,
        *,
        effective_on: date,
        holder: str,
        price: Money,
        cause: Cause,
        reference: str = "",
    ) -> Receipt:
        """Assign the claim to another holder; it leaves the books."""
        self.check_date(effective_on)
        return self.execute(
            loan_id,
            lambda loan: commands.sell(
                loan,
                effective_on=effective_on,
                holder=holder,
                price=of(loan, price, "price"),
                reference=reference,
            ),
            said("sell", {"effective_on": effective_on, "holder": holder, "price": price,
                          "reference": reference}),
            cause,
            effective_on,
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
        """Money came in on a written-off debt; as with a payment, pesos on a loan in UDI too."""
        self.check_date(effective_on)

        def decide(loan: Loan) -> Sequence[AnyLoanEvent]:
            taken, told = self.tendered(loan, amount, effective_on, reference)
            return commands.receive_recovery(
                loan, amount=taken, effective_on=effective_on, channel=channel, reference=told
            )

        body = said(
            "receive-recovery",
            {"amount": amount, "effective_on": effective_on, "channel": channel,
             "reference": reference},
        )  # fmt: skip
        return self.execute(loan_id, decide, body, cause, effective_on)

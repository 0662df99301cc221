"""Orders that bring a loan into being, pay it out, and let its days pass."""

from datetime import date
from typing import Any, Literal
from uuid import UUID

from moneyed import Money

from domain import commands
from domain.terms import Terms
from ledger.commands.orders import Orders, in_minor, of, said
from ledger.orders import Cause, Receipt


class OriginationOrders(Orders):
    """Open, take on, disburse, accrue, close."""

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
        return self.begin(lambda: commands.open_loan(**given), said("open-loan", given), cause)

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
            "principal": in_minor(principal, currency, "principal"),
            "interest": None if interest is None else in_minor(interest, currency, "interest"),
            "interest_tax": (
                None if interest_tax is None else in_minor(interest_tax, currency, "interest_tax")
            ),
        }  # fmt: skip
        for field, amount in (
            ("late_interest", late_interest),
            ("late_interest_tax", late_interest_tax),
            ("fee", fee),
            ("fee_tax", fee_tax),
        ):
            given[field] = 0 if amount is None else in_minor(amount, currency, field)
        return self.begin(lambda: commands.take_on(**given), said("take-on", given), cause)

    def disburse(
        self,
        loan_id: UUID,
        *,
        principal: Money,
        effective_on: date,
        cause: Cause,
        withheld_fees: Money | None = None,
        channel: str = "",
        refinances: str = "",
    ) -> Receipt:
        """Pay out a tranche. ``withheld_fees`` default to the opening fee of the terms."""
        self.check_date(effective_on)
        return self.execute(
            loan_id,
            lambda loan: commands.disburse(
                loan,
                principal=of(loan, principal, "principal"),
                effective_on=effective_on,
                withheld_fees=(
                    None if withheld_fees is None else of(loan, withheld_fees, "withheld_fees")
                ),
                channel=channel,
                refinances=refinances,
            ),
            said(
                "disburse",
                {"principal": principal, "effective_on": effective_on,
                 "withheld_fees": withheld_fees, "channel": channel},
                refinances=refinances or None,
            ),
            cause,
            effective_on,
        )  # fmt: skip

    def accrue(self, loan_id: UUID, *, effective_on: date, cause: Cause) -> Receipt:
        """Record interest up to a date, without waiting for the close of day."""
        self.check_date(effective_on)
        return self.execute(
            loan_id,
            lambda loan: commands.accrue(loan, effective_on=effective_on),
            said("accrue", {"effective_on": effective_on}),
            cause,
            effective_on,
        )

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
        given: dict[str, Any] = {"effective_on": effective_on, "reason": reason}
        return self.execute(
            loan_id,
            lambda loan: commands.close(loan, **given),
            said("close-loan", given),
            cause,
            effective_on,
        )

    def close_day(self, loan_id: UUID, *, on: date, cause: Cause) -> Receipt:
        """Record everything a close of day records, for this loan alone."""
        self.check_date(on, "on")
        return self.execute(
            loan_id,
            lambda loan: commands.close_day(loan, on=on),
            said("close-day", {"on": on}),
            cause,
            on,
        )

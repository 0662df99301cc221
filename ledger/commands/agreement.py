"""Orders that change what was agreed: its rate, its dates, its terms."""

from datetime import date
from typing import Any
from uuid import UUID

from domain import commands
from domain.events import Revision, Treatment
from domain.restructuring import NewTerms
from ledger.commands.orders import Orders, said
from ledger.orders import Cause, Receipt


class AgreementOrders(Orders):
    """Change the rate, pause, restructure, give a holiday, accelerate."""

    def change_rate(
        self,
        loan_id: UUID,
        *,
        annual_rate: int,
        effective_on: date,
        cause: Cause,
        keeps_instalment: bool = False,
        reason: str = "",
    ) -> Receipt:
        """From a night on the loan bears another rate (millionths a year)."""
        self.check_date(effective_on)
        given: dict[str, Any] = {
            "annual_rate": annual_rate, "effective_on": effective_on,
            "keeps_instalment": keeps_instalment, "reason": reason,
        }  # fmt: skip
        return self.execute(
            loan_id,
            lambda loan: commands.change_rate(loan, **given),
            said("change-rate", given),
            cause,
            effective_on,
        )

    def pause_interest(
        self, loan_id: UUID, *, effective_on: date, until: date, cause: Cause, reason: str = ""
    ) -> Receipt:
        """No interest runs up to ``until``, which may lie ahead."""
        self.check_date(effective_on)
        given: dict[str, Any] = {"effective_on": effective_on, "until": until, "reason": reason}
        return self.execute(
            loan_id,
            lambda loan: commands.pause_interest(loan, **given),
            said("pause-interest", given),
            cause,
            effective_on,
        )

    def pause_delinquency(
        self, loan_id: UUID, *, effective_on: date, until: date, cause: Cause, reason: str = ""
    ) -> Receipt:
        """Days up to ``until``, which may lie ahead, count as none past due."""
        self.check_date(effective_on)
        given: dict[str, Any] = {"effective_on": effective_on, "until": until, "reason": reason}
        return self.execute(
            loan_id,
            lambda loan: commands.pause_delinquency(loan, **given),
            said("pause-delinquency", given),
            cause,
            effective_on,
        )

    def reset_rate(self, loan_id: UUID, *, effective_on: date, cause: Cause) -> Receipt:
        """Record what its index made of a floating loan's rate, without waiting for the close.

        Errors: ``IndexWithoutValue``.
        """
        self.check_date(effective_on)
        return self.execute(
            loan_id,
            lambda loan: (),  # every order on a floating loan begins with this
            said("reset-rate", {"effective_on": effective_on}),
            cause,
            effective_on,
        )

    def restructure(
        self,
        loan_id: UUID,
        *,
        effective_on: date,
        cause: Cause,
        new: NewTerms | None = None,
        kind: Revision = Revision.RESTRUCTURE,
        treatment: Treatment = Treatment.KEEP,
        approval: str = "",
        reason: str = "",
    ) -> Receipt:
        """Put the debt on other terms or dates."""
        self.check_date(effective_on)
        given: dict[str, Any] = {
            "effective_on": effective_on, "new": new, "kind": kind, "treatment": treatment,
            "approval": approval, "reason": reason,
        }  # fmt: skip
        return self.execute(
            loan_id,
            lambda loan: commands.restructure(loan, **given),
            said("restructure", given),
            cause,
            effective_on,
        )

    def payment_holiday(
        self,
        loan_id: UUID,
        *,
        effective_on: date,
        periods: int,
        cause: Cause,
        interest_runs: bool = True,
        approval: str = "",
        reason: str = "",
    ) -> Receipt:
        """The next instalments ask for nothing, and the term grows by as many."""
        self.check_date(effective_on)
        given: dict[str, Any] = {
            "effective_on": effective_on, "periods": periods, "interest_runs": interest_runs,
            "approval": approval, "reason": reason,
        }  # fmt: skip
        return self.execute(
            loan_id,
            lambda loan: commands.payment_holiday(loan, **given),
            said("payment-holiday", given),
            cause,
            effective_on,
        )

    def accelerate(
        self, loan_id: UUID, *, effective_on: date, cause: Cause, approval: str = "",
        reason: str = "",
    ) -> Receipt:  # fmt: skip
        """All that is not yet due falls due on the day."""
        self.check_date(effective_on)
        given: dict[str, Any] = {
            "effective_on": effective_on, "approval": approval, "reason": reason,
        }  # fmt: skip
        return self.execute(
            loan_id,
            lambda loan: commands.accelerate(loan, **given),
            said("accelerate", given),
            cause,
            effective_on,
        )

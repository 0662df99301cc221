"""What every family of orders stands on: how one is carried out, and how amounts are read."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, TypeAlias
from uuid import UUID

from moneyed import Money

from domain.errors import IndexWithoutValue
from domain.events import AnyLoanEvent
from domain.loan import Loan
from ledger.errors import WrongCurrency
from ledger.money import minor
from ledger.orders import Cause, Receipt
from ledger.units import UNITS, in_unit, told

Decide: TypeAlias = Callable[[Loan], Sequence[AnyLoanEvent]]


class Orders(ABC):
    """How an order is carried out, which `Ledger` says."""

    @abstractmethod
    def execute(
        self,
        loan_id: UUID,
        decide: Decide,
        body: Mapping[str, Any],
        cause: Cause,
        on: date | None = None,
    ) -> Receipt:
        """Load, decide, append; ``on`` is the order's value date."""

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

    @abstractmethod
    def index_value(self, index: str, on: date) -> int | None:
        """What an index is worth on that very day, in millionths."""

    def tendered(self, loan: Loan, amount: Money, on: date, reference: str) -> tuple[int, str]:
        """Money that came in, in the loan's minor units, and its reference.

        A loan in a unit of account is paid in pesos, at the value of the day: the reference then
        says which.
        Errors: ``WrongCurrency``, ``IndexWithoutValue``.
        """
        unit = UNITS.get(loan.terms.currency)
        if unit is None or str(amount.currency) != unit.paid_in:
            return of(loan, amount), reference
        minor(amount)  # refuses what no payment is, before it is converted
        value = self.index_value(unit.index, on)
        if value is None:
            raise IndexWithoutValue(unit.index, on)
        paid = told(amount, value)
        return minor(in_unit(amount, unit, value)), f"{reference}; {paid}" if reference else paid


def of(loan: Loan, amount: Money, field: str = "amount") -> int:
    """Minor units of an amount that must be in the loan's currency."""
    return in_minor(amount, loan.terms.currency, field)


def part_of(loan: Loan, amount: Money | None) -> int | None:
    """As `of`; None, which means all there is, stays None."""
    return None if amount is None else of(loan, amount)


def in_minor(amount: Money, currency: str, field: str) -> int:
    """Minor units of an amount that must be in ``currency``. Errors: ``WrongCurrency``."""
    given = str(amount.currency)
    if given != currency:
        raise WrongCurrency(field, given, currency)
    return minor(amount, field)


def said(command: str, given: Mapping[str, Any], **new: Any) -> dict[str, Any]:
    """The body of an order; of ``new`` members, those that are there.

    A member that an order did not have before must not change what the same order says.
    """
    present = {name: value for name, value in new.items() if value is not None}
    return {"command": command, **given, **present}

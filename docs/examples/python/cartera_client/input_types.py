from datetime import date
from typing import Optional

from pydantic import Field

from .base_model import BaseModel
from .enums import Direction, LoanOrderField, LoanStatus


class JournalFilter(BaseModel):
    """Only entries for which all of this holds."""

    loan: Optional[str] = None
    account: Optional[str] = None
    "Account code."
    event: Optional[list[str]] = None
    effective_from: Optional[date] = Field(alias="effectiveFrom", default=None)
    effective_to: Optional[date] = Field(alias="effectiveTo", default=None)
    currency: Optional[str] = None


class LoanFilter(BaseModel):
    """Only loans for which all of this holds."""

    status: Optional[list[LoanStatus]] = None
    branch: Optional[list[str]] = None
    product: Optional[list[str]] = None
    officer: Optional[list[str]] = None
    currency: Optional[list[str]] = None
    borrower: Optional[list[str]] = None
    loan_no: Optional[list[str]] = Field(alias="loanNo", default=None)
    dpd_from: Optional[int] = Field(alias="dpdFrom", default=None)
    "Days past due, at least."
    dpd_to: Optional[int] = Field(alias="dpdTo", default=None)
    "Days past due, at most."
    as_of: Optional[date] = Field(alias="asOf", default=None)
    "Only loans on the books that day; days past due, balances and the rest are told for it."
    disbursed_from: Optional[date] = Field(alias="disbursedFrom", default=None)
    disbursed_to: Optional[date] = Field(alias="disbursedTo", default=None)


class LoanOrder(BaseModel):
    """Loans without the date come last when ascending."""

    field: LoanOrderField = LoanOrderField.LOAN_NO
    direction: Direction = Direction.ASC


class PromiseFilter(BaseModel):
    """Only promises for which all of this holds."""

    status: Optional[list[str]] = None
    "open, kept, broken, cancelled."
    due_on: Optional[date] = Field(alias="dueOn", default=None)
    due_from: Optional[date] = Field(alias="dueFrom", default=None)
    due_before: Optional[date] = Field(alias="dueBefore", default=None)
    loan: Optional[str] = None

from datetime import date
from typing import Optional

from pydantic import Field

from .base_model import BaseModel
from .enums import LoanStatus


class LoanInFull(BaseModel):
    loan: Optional["LoanInFullLoan"]


class LoanInFullLoan(BaseModel):
    loan_no: str = Field(alias="loanNo")
    status: LoanStatus
    approved: "LoanInFullLoanApproved"
    payoff: Optional["LoanInFullLoanPayoff"]
    schedule: list["LoanInFullLoanSchedule"]
    payments: "LoanInFullLoanPayments"


class LoanInFullLoanApproved(BaseModel):
    amount: str
    currency: str


class LoanInFullLoanPayoff(BaseModel):
    total: "LoanInFullLoanPayoffTotal"


class LoanInFullLoanPayoffTotal(BaseModel):
    amount: str


class LoanInFullLoanSchedule(BaseModel):
    number: int
    due_on: date = Field(alias="dueOn")
    charged: "LoanInFullLoanScheduleCharged"
    left: "LoanInFullLoanScheduleLeft"
    settled_on: Optional[date] = Field(alias="settledOn")


class LoanInFullLoanScheduleCharged(BaseModel):
    principal: "LoanInFullLoanScheduleChargedPrincipal"
    interest: "LoanInFullLoanScheduleChargedInterest"
    interest_tax: "LoanInFullLoanScheduleChargedInterestTax" = Field(
        alias="interestTax"
    )
    total: "LoanInFullLoanScheduleChargedTotal"


class LoanInFullLoanScheduleChargedPrincipal(BaseModel):
    amount: str


class LoanInFullLoanScheduleChargedInterest(BaseModel):
    amount: str


class LoanInFullLoanScheduleChargedInterestTax(BaseModel):
    amount: str


class LoanInFullLoanScheduleChargedTotal(BaseModel):
    amount: str


class LoanInFullLoanScheduleLeft(BaseModel):
    amount: str


class LoanInFullLoanPayments(BaseModel):
    nodes: list["LoanInFullLoanPaymentsNodes"]


class LoanInFullLoanPaymentsNodes(BaseModel):
    number: int
    effective_on: date = Field(alias="effectiveOn")
    amount: "LoanInFullLoanPaymentsNodesAmount"
    reversed_on: Optional[date] = Field(alias="reversedOn")


class LoanInFullLoanPaymentsNodesAmount(BaseModel):
    amount: str


LoanInFull.model_rebuild()
LoanInFullLoan.model_rebuild()
LoanInFullLoanPayoff.model_rebuild()
LoanInFullLoanSchedule.model_rebuild()
LoanInFullLoanScheduleCharged.model_rebuild()
LoanInFullLoanPayments.model_rebuild()
LoanInFullLoanPaymentsNodes.model_rebuild()

from pydantic import Field

from .base_model import BaseModel


class TrialBalance(BaseModel):
    trial_balance: list["TrialBalanceTrialBalance"] = Field(alias="trialBalance")


class TrialBalanceTrialBalance(BaseModel):
    currency: str
    balanced: bool
    lines: list["TrialBalanceTrialBalanceLines"]


class TrialBalanceTrialBalanceLines(BaseModel):
    account: "TrialBalanceTrialBalanceLinesAccount"
    debit: "TrialBalanceTrialBalanceLinesDebit"
    credit: "TrialBalanceTrialBalanceLinesCredit"
    balance: "TrialBalanceTrialBalanceLinesBalance"


class TrialBalanceTrialBalanceLinesAccount(BaseModel):
    code: str
    name: str


class TrialBalanceTrialBalanceLinesDebit(BaseModel):
    amount: str


class TrialBalanceTrialBalanceLinesCredit(BaseModel):
    amount: str


class TrialBalanceTrialBalanceLinesBalance(BaseModel):
    amount: str


TrialBalance.model_rebuild()
TrialBalanceTrialBalance.model_rebuild()
TrialBalanceTrialBalanceLines.model_rebuild()

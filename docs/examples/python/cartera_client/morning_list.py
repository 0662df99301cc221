from typing import Optional

from pydantic import Field

from .base_model import BaseModel


class MorningList(BaseModel):
    loans: "MorningListLoans"


class MorningListLoans(BaseModel):
    total_count: int = Field(alias="totalCount")
    page_info: "MorningListLoansPageInfo" = Field(alias="pageInfo")
    nodes: list["MorningListLoansNodes"]


class MorningListLoansPageInfo(BaseModel):
    has_next_page: bool = Field(alias="hasNextPage")
    end_cursor: Optional[str] = Field(alias="endCursor")


class MorningListLoansNodes(BaseModel):
    loan_no: str = Field(alias="loanNo")
    borrower: str
    days_past_due: int = Field(alias="daysPastDue")
    bucket: Optional[str]
    balances: Optional["MorningListLoansNodesBalances"]


class MorningListLoansNodesBalances(BaseModel):
    owed: "MorningListLoansNodesBalancesOwed"


class MorningListLoansNodesBalancesOwed(BaseModel):
    total: "MorningListLoansNodesBalancesOwedTotal"


class MorningListLoansNodesBalancesOwedTotal(BaseModel):
    amount: str
    currency: str


MorningList.model_rebuild()
MorningListLoans.model_rebuild()
MorningListLoansNodes.model_rebuild()
MorningListLoansNodesBalances.model_rebuild()
MorningListLoansNodesBalancesOwed.model_rebuild()

from datetime import date, datetime
from typing import Any, Optional

from pydantic import Field

from .base_model import BaseModel


class History(BaseModel):
    loan: Optional["HistoryLoan"]


class HistoryLoan(BaseModel):
    events: "HistoryLoanEvents"


class HistoryLoanEvents(BaseModel):
    page_info: "HistoryLoanEventsPageInfo" = Field(alias="pageInfo")
    nodes: list["HistoryLoanEventsNodes"]


class HistoryLoanEventsPageInfo(BaseModel):
    has_next_page: bool = Field(alias="hasNextPage")
    end_cursor: Optional[str] = Field(alias="endCursor")


class HistoryLoanEventsNodes(BaseModel):
    position: int
    version: int
    type_: str = Field(alias="type")
    effective_on: date = Field(alias="effectiveOn")
    recorded_at: datetime = Field(alias="recordedAt")
    actor: str
    channel: str
    command: str
    facts: Any


History.model_rebuild()
HistoryLoan.model_rebuild()
HistoryLoanEvents.model_rebuild()

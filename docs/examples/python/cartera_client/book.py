from pydantic import Field

from .base_model import BaseModel


class Book(BaseModel):
    portfolio: list["BookPortfolio"]


class BookPortfolio(BaseModel):
    currency: str
    loans: int
    principal: "BookPortfolioPrincipal"
    past_due_loans: int = Field(alias="pastDueLoans")
    par_30_ratio: str = Field(alias="par30Ratio")
    par_90_ratio: str = Field(alias="par90Ratio")
    buckets: list["BookPortfolioBuckets"]


class BookPortfolioPrincipal(BaseModel):
    amount: str


class BookPortfolioBuckets(BaseModel):
    bucket: str
    loans: int
    principal: "BookPortfolioBucketsPrincipal"


class BookPortfolioBucketsPrincipal(BaseModel):
    amount: str


Book.model_rebuild()
BookPortfolio.model_rebuild()
BookPortfolioBuckets.model_rebuild()

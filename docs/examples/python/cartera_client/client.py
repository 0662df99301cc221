from datetime import date
from typing import Any, Optional, Union

from .base_client import BaseClient
from .base_model import UNSET, UnsetType
from .book import Book
from .history import History
from .loan_in_full import LoanInFull
from .morning_list import MorningList
from .trial_balance import TrialBalance


def gql(q: str) -> str:
    return q


class CarteraClient(BaseClient):
    def morning_list(
        self,
        officer: Union[Optional[list[str]], UnsetType] = UNSET,
        first: Union[Optional[int], UnsetType] = UNSET,
        after: Union[Optional[str], UnsetType] = UNSET,
        **kwargs: Any,
    ) -> MorningList:
        query = gql("""
            query MorningList($officer: [String!], $first: Int = 50, $after: String) {
              loans(
                first: $first
                after: $after
                filter: {status: [ACTIVE], dpdFrom: 1, officer: $officer}
                orderBy: {field: DAYS_PAST_DUE, direction: DESC}
              ) {
                totalCount
                pageInfo {
                  hasNextPage
                  endCursor
                }
                nodes {
                  loanNo
                  borrower
                  daysPastDue
                  bucket
                  balances {
                    owed {
                      total {
                        amount
                        currency
                      }
                    }
                  }
                }
              }
            }
            """)
        variables: dict[str, object] = {
            "officer": officer,
            "first": first,
            "after": after,
        }
        response = self.execute(
            query=query, operation_name="MorningList", variables=variables, **kwargs
        )
        data = self.get_data(response)
        return MorningList.model_validate(data)

    def loan_in_full(
        self,
        loan_no: str,
        at_least: Union[Optional[int], UnsetType] = UNSET,
        **kwargs: Any,
    ) -> LoanInFull:
        query = gql("""
            query LoanInFull($loanNo: String!, $atLeast: BigInt) {
              loan(loanNo: $loanNo, atLeast: $atLeast) {
                loanNo
                status
                approved {
                  amount
                  currency
                }
                payoff {
                  total {
                    amount
                  }
                }
                schedule {
                  number
                  dueOn
                  charged {
                    principal {
                      amount
                    }
                    interest {
                      amount
                    }
                    interestTax {
                      amount
                    }
                    total {
                      amount
                    }
                  }
                  left {
                    amount
                  }
                  settledOn
                }
                payments(first: 5) {
                  nodes {
                    number
                    effectiveOn
                    amount {
                      amount
                    }
                    reversedOn
                  }
                }
              }
            }
            """)
        variables: dict[str, object] = {"loanNo": loan_no, "atLeast": at_least}
        response = self.execute(
            query=query, operation_name="LoanInFull", variables=variables, **kwargs
        )
        data = self.get_data(response)
        return LoanInFull.model_validate(data)

    def history(
        self,
        loan_no: str,
        first: Union[Optional[int], UnsetType] = UNSET,
        after: Union[Optional[str], UnsetType] = UNSET,
        **kwargs: Any,
    ) -> History:
        query = gql("""
            query History($loanNo: String!, $first: Int = 100, $after: String) {
              loan(loanNo: $loanNo) {
                events(first: $first, after: $after) {
                  pageInfo {
                    hasNextPage
                    endCursor
                  }
                  nodes {
                    position
                    version
                    type
                    effectiveOn
                    recordedAt
                    actor
                    channel
                    command
                    facts
                  }
                }
              }
            }
            """)
        variables: dict[str, object] = {
            "loanNo": loan_no,
            "first": first,
            "after": after,
        }
        response = self.execute(
            query=query, operation_name="History", variables=variables, **kwargs
        )
        data = self.get_data(response)
        return History.model_validate(data)

    def trial_balance(
        self, on: Union[Optional[date], UnsetType] = UNSET, **kwargs: Any
    ) -> TrialBalance:
        query = gql("""
            query TrialBalance($on: Date) {
              trialBalance(on: $on) {
                currency
                balanced
                lines {
                  account {
                    code
                    name
                  }
                  debit {
                    amount
                  }
                  credit {
                    amount
                  }
                  balance {
                    amount
                  }
                }
              }
            }
            """)
        variables: dict[str, object] = {"on": on}
        response = self.execute(
            query=query, operation_name="TrialBalance", variables=variables, **kwargs
        )
        data = self.get_data(response)
        return TrialBalance.model_validate(data)

    def book(
        self, as_of: Union[Optional[date], UnsetType] = UNSET, **kwargs: Any
    ) -> Book:
        query = gql("""
            query Book($asOf: Date) {
              portfolio(asOf: $asOf) {
                currency
                loans
                principal {
                  amount
                }
                pastDueLoans
                par30Ratio
                par90Ratio
                buckets {
                  bucket
                  loans
                  principal {
                    amount
                  }
                }
              }
            }
            """)
        variables: dict[str, object] = {"asOf": as_of}
        response = self.execute(
            query=query, operation_name="Book", variables=variables, **kwargs
        )
        data = self.get_data(response)
        return Book.model_validate(data)

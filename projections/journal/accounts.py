"""The minimal chart of accounts; a lender's own chart maps onto it (`read.accounts` lists it)."""

from enum import IntEnum


class Account(IntEnum):
    """Internal accounts; the number is how the journal stores them."""

    BANK = 1
    PRINCIPAL = 2
    INTEREST = 3
    LATE_INTEREST = 4
    FEES = 5
    INTEREST_TAX = 6
    LATE_INTEREST_TAX = 7
    FEE_TAX = 8
    TAX_NOT_COLLECTED = 9
    TAX_COLLECTED = 10
    OVERPAYMENTS = 11
    DEFERRED_FEES = 12
    OPENING_BALANCES = 13
    INTEREST_INCOME = 14
    LATE_INTEREST_INCOME = 15
    FEE_INCOME = 16
    RECOVERIES = 17
    WRITTEN_OFF = 18
    FORGIVEN = 19
    DEFERRED_INTEREST = 20
    GOODWILL = 21
    SALE_RESULT = 22


RECEIVABLE = {
    "fee_tax": Account.FEE_TAX,
    "fee": Account.FEES,
    "late_interest_tax": Account.LATE_INTEREST_TAX,
    "late_interest": Account.LATE_INTEREST,
    "interest_tax": Account.INTEREST_TAX,
    "interest": Account.INTEREST,
    "principal": Account.PRINCIPAL,
}
"""Where each component of a debt is carried."""

ACCRUAL_ACCOUNTS = frozenset({
    Account.INTEREST, Account.INTEREST_TAX, Account.INTEREST_INCOME, Account.LATE_INTEREST,
    Account.LATE_INTEREST_TAX, Account.LATE_INTEREST_INCOME, Account.TAX_NOT_COLLECTED,
})  # fmt: skip
"""Those that an accrual changes."""

INCOME = {
    "fee": Account.FEE_INCOME,
    "late_interest": Account.LATE_INTEREST_INCOME,
    "interest": Account.INTEREST_INCOME,
    "principal": Account.INTEREST_INCOME,
}
"""What charging a component earns; principal is charged where interest became it."""

"""Who may do what: one table of roles and actions."""

from collections.abc import Iterable
from enum import StrEnum


class Action(StrEnum):
    """What a key can be allowed to do."""

    READ = "read"
    READ_JOBS = "read-jobs"
    OPEN_LOAN = "open-loan"
    DISBURSE = "disburse"
    CHARGE_FEE = "charge-fee"
    WAIVE_FEE = "waive-fee"
    RECEIVE_PAYMENT = "receive-payment"
    REVERSE_PAYMENT = "reverse-payment"
    MAKE_PROMISE = "make-promise"
    CANCEL_PROMISE = "cancel-promise"
    FORGIVE = "forgive"
    WRITE_OFF = "write-off"
    CREDIT_PAYMENT = "credit-payment"
    CHARGE_BACK = "charge-back"
    REFUND = "refund"
    CHANGE_RATE = "change-rate"
    PAUSE = "pause"
    RESTRUCTURE = "restructure"
    ACCELERATE = "accelerate"
    SELL = "sell"
    REFINANCE = "refinance"
    RECEIVE_RECOVERY = "receive-recovery"
    CLOSE_LOAN = "close-loan"
    CLOSE_DAY = "close-day"
    IMPORT_PAYMENTS = "import-payments"
    IMPORT_INDEX = "import-index"
    READ_PERSONAL = "read-personal-data"
    REGISTER_BORROWER = "register-borrower"
    FORGET_BORROWER = "forget-borrower"
    READ_TRACES = "read-traces"
    SETTLE_SUSPENSE = "settle-suspense"
    ISSUE_REFERENCE = "issue-reference"
    SEND_DOCUMENT = "send-document"
    READ_EXPORTS = "read-exports"
    EXPORT_ACCOUNTING = "export-accounting"
    ISSUE_CFDI = "issue-cfdi"
    SEND_BUREAU_FILE = "send-bureau-file"
    MANAGE_KEYS = "manage-keys"


READ = frozenset({Action.READ, Action.READ_JOBS})

COLLECT = READ | {
    Action.RECEIVE_PAYMENT,
    Action.MAKE_PROMISE,
    Action.CANCEL_PROMISE,
    Action.RECEIVE_RECOVERY,
    Action.READ_PERSONAL,
}
"""Whoever asks for money has to know of whom."""

APPROVE = COLLECT | {
    Action.FORGIVE,
    Action.WRITE_OFF,
    Action.WAIVE_FEE,
    Action.REVERSE_PAYMENT,
    Action.CREDIT_PAYMENT,
    Action.CHARGE_BACK,
    Action.CHANGE_RATE,
    Action.PAUSE,
    Action.RESTRUCTURE,
    Action.ACCELERATE,
    Action.SELL,
}
"""Money that leaves (disbursements, refunds, refinancings) is the operator's."""

ALLOWED: dict[str, frozenset[Action]] = {
    "auditor": READ | {Action.READ_TRACES, Action.READ_EXPORTS},
    "accountant": READ | {Action.READ_EXPORTS, Action.EXPORT_ACCOUNTING, Action.ISSUE_CFDI},
    "collector": COLLECT,
    "supervisor": APPROVE,
    "operator": frozenset(Action)
    - {Action.MANAGE_KEYS, Action.FORGET_BORROWER, Action.READ_TRACES},
    "administrator": frozenset(Action),
}
"""A role that is not here may do nothing."""


def allows(roles: Iterable[str], action: Action) -> bool:
    """Whether any of ``roles`` may do ``action``."""
    return any(action in ALLOWED.get(role, frozenset()) for role in roles)

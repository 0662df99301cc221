"""What a loan can be told to do. Each command checks everything and answers with facts.

A command never changes the loan it is given; it answers the events to record, catch-up first. It
raises a ``LoanError`` that names field and rule, and then nothing is to be recorded.
"""

from domain.closing import accrue, close_day
from domain.origination import close, disburse, open_loan
from domain.payments import charge_fee, receive_payment, reverse_payment, waive_fee
from domain.promises import cancel_promise, make_promise
from domain.relief import forgive, receive_recovery, write_off
from domain.takeover import take_on

__all__ = [
    "accrue",
    "cancel_promise",
    "charge_fee",
    "close",
    "close_day",
    "disburse",
    "forgive",
    "make_promise",
    "open_loan",
    "receive_payment",
    "receive_recovery",
    "reverse_payment",
    "take_on",
    "waive_fee",
    "write_off",
]

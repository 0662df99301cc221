"""What a loan can be told to do. Each command checks everything and answers with facts.

A command never changes the loan it is given; it answers the events to record, catch-up first. It
raises a ``LoanError`` that names field and rule, and then nothing is to be recorded.
"""

from domain.closing import accrue, close_day
from domain.origination import close, disburse, open_loan
from domain.payments import (
    apply_deposit,
    charge_back,
    charge_fee,
    receive_payment,
    refund_overpayment,
    reverse_payment,
)
from domain.promises import cancel_promise, make_promise
from domain.rates import change_rate, pause_delinquency, pause_interest, reset_rate
from domain.relief import forgive, receive_recovery, sell, write_off
from domain.restructuring import accelerate, payment_holiday, restructure
from domain.takeover import take_on
from domain.waivers import undo_waiver, waive_charges, waive_fee

__all__ = [
    "accelerate",
    "accrue",
    "apply_deposit",
    "cancel_promise",
    "change_rate",
    "charge_back",
    "charge_fee",
    "close",
    "close_day",
    "disburse",
    "forgive",
    "make_promise",
    "open_loan",
    "pause_delinquency",
    "pause_interest",
    "payment_holiday",
    "receive_payment",
    "receive_recovery",
    "refund_overpayment",
    "reset_rate",
    "restructure",
    "reverse_payment",
    "sell",
    "take_on",
    "undo_waiver",
    "waive_charges",
    "waive_fee",
    "write_off",
]

"""The orders the ledger takes: amounts as `Money`, dates checked against the business date.

One method per command of the domain. Each answers a receipt; ``LoanError`` and ``LedgerError`` say
what was refused, and then nothing changed. An order with an idempotency key is known by what it
says: what is left out of it, or is what it was before there was a choice, does not stand in it.
"""

from ledger.commands.agreement import AgreementOrders
from ledger.commands.arrears import ArrearsOrders
from ledger.commands.origination import OriginationOrders
from ledger.commands.payments import PaymentOrders


class Commands(OriginationOrders, PaymentOrders, AgreementOrders, ArrearsOrders):
    """What can be ordered. `Ledger` says how an order is carried out."""


__all__ = ["Commands"]

"""A new loan pays off old ones on its first day, and what it is more than they owe is paid out.

One order per loan, each under a key of its own derived from that of the whole: no transaction goes
over two loans. Whoever is killed between them gives the same order again, which does what is left,
once. The new loan comes first, so that no debt is paid with money that was never lent.
"""

from collections.abc import Sequence
from datetime import date
from functools import partial
from uuid import UUID

import msgspec
from moneyed import Money
from msgspec import Struct

from domain import commands
from domain.errors import InvalidAmount
from domain.events import REFINANCING, AnyLoanEvent, LoanDisbursed, PaymentReceived
from domain.fold import replay
from domain.loan import Loan, Status
from domain.terms import Terms
from domain.views import as_of, payoff
from ledger.application import Ledger
from ledger.commands.orders import of
from ledger.errors import BelowPayoff, WrongCurrency
from ledger.money import FormError
from ledger.orders import Cause, Receipt

MOST = 20


class PaidOff(Struct, frozen=True, kw_only=True):
    """What one old loan was paid off with, in minor units."""

    loan_id: UUID
    amount: int


class Refinanced(Struct, frozen=True, kw_only=True):
    """The new loan's receipt, and where its money went. Amounts in minor units."""

    receipt: Receipt
    currency: str
    paid_off: list[PaidOff]
    paid_out: int


class Refinancing(Struct, frozen=True, kw_only=True):
    """The order: ``refinances`` are the loans that the new one pays off on ``effective_on``."""

    refinances: Sequence[UUID]
    loan_no: str
    terms: Terms
    effective_on: date
    withheld_fees: Money | None = None
    channel: str = ""
    borrower: str = ""
    product: str = ""
    branch: str = ""
    officer: str = ""
    guarantors: tuple[str, ...] = ()


def refinance(ledger: Ledger, order: Refinancing, cause: Cause) -> Refinanced:
    """Lend on new terms, and pay off the old loans for exactly what each of them owes.

    ``cause`` has an idempotency key: the same order under it goes on where it stopped.
    Errors: ``BelowPayoff``, ``WrongCurrency``, ``UnknownLoan``, ``DuplicateLoanNumber``,
    ``KeyReused``, and what a loan refuses; then nothing changed. Only where an old loan changed
    while the order was carried out may it be refused with the new loan lent already.
    """
    key = cause.idempotency_key
    assert key, "a refinancing is found again by its key"
    _check(order)
    ledger.check_date(order.effective_on)
    body = {"command": "refinance", **msgspec.structs.asdict(order)}
    first = ledger.repeated(body, _keyed(cause, key, "open"))
    begun = first is not None
    receipt = first or ledger.begin(partial(_lent, ledger, order), body, _keyed(cause, key, "open"))
    left = _proceeds(ledger.recorded(receipt))
    why = msgspec.structs.replace(
        cause, correlation_id=cause.correlation_id or receipt.command_id,
        causation_id=receipt.command_id,
    )  # fmt: skip
    paid_off = []
    for loan_id in order.refinances:
        step = _keyed(why, key, str(loan_id))
        paid = _pay_off(ledger, loan_id, order, step, left, begun=begun)
        paid_off.append(paid)
        left -= paid.amount
    return Refinanced(
        receipt=receipt, currency=order.terms.currency, paid_off=paid_off, paid_out=left
    )


def _check(order: Refinancing) -> None:
    count = len(order.refinances)
    if not 1 <= count <= MOST or len(set(order.refinances)) != count:
        raise FormError("refinances", f"must name 1 to {MOST} different loans")


def _keyed(cause: Cause, key: str, step: str) -> Cause:
    return msgspec.structs.replace(cause, idempotency_key=f"{key}:refinance:{step}")


def _lent(ledger: Ledger, order: Refinancing) -> Sequence[AnyLoanEvent]:
    """The new loan opened and paid out, if that is enough for the old ones."""
    on = order.effective_on
    old = [ledger.reset(loan_id, on) for loan_id in order.refinances]
    for loan in old:
        if loan.terms.currency != order.terms.currency:
            raise WrongCurrency("refinances", loan.terms.currency, order.terms.currency)
    owed = [payoff(loan, on).total for loan in old]
    if min(owed) <= 0:
        raise InvalidAmount(min(owed), "is all that one of them owes", "refinances")
    opened = commands.open_loan(
        loan_no=order.loan_no,
        terms=order.terms,
        effective_on=on,
        borrower=order.borrower,
        product=order.product,
        branch=order.branch,
        officer=order.officer,
        guarantors=order.guarantors,
    )
    new = replay(opened)
    assert new is not None
    fees = order.withheld_fees
    lent = commands.disburse(
        new,
        principal=order.terms.principal,
        effective_on=on,
        withheld_fees=None if fees is None else of(new, fees, "withheld_fees"),
        channel=order.channel,
        refinances=", ".join(loan.loan_no for loan in old),
    )
    if (proceeds := _proceeds(lent)) < sum(owed):
        raise BelowPayoff(proceeds, sum(owed))
    return opened + lent


def _proceeds(events: Sequence[AnyLoanEvent]) -> int:
    """What the tranches leave to pay with."""
    return sum(
        lent.principal
        - lent.withheld_fees
        - lent.withheld_fees_tax
        - lent.withheld_interest
        - lent.withheld_interest_tax
        for lent in events
        if isinstance(lent, LoanDisbursed)
    )


def _pay_off(
    ledger: Ledger, loan_id: UUID, order: Refinancing, cause: Cause, left: int, *, begun: bool
) -> PaidOff:
    on = order.effective_on

    def decide(loan: Loan) -> Sequence[AnyLoanEvent]:
        amount = _owed(loan, on, begun=begun)
        if amount > left:
            raise BelowPayoff(left, amount)
        if not amount:
            return ()
        return commands.receive_payment(
            loan, amount=amount, effective_on=on, channel=REFINANCING, reference=order.loan_no
        )

    body = {"command": "pay-off", "on": on, "by": order.loan_no}
    receipt = ledger.execute(loan_id, decide, body, cause, on)
    payments = [one for one in ledger.recorded(receipt) if isinstance(one, PaymentReceived)]
    return PaidOff(loan_id=loan_id, amount=sum(payment.amount for payment in payments))


def _owed(loan: Loan, on: date, *, begun: bool) -> int:
    """What closes the loan on the day; once begun, also where later days are recorded by now."""
    if begun and on < loan.through:
        loan = as_of(loan, on)
    if begun and loan.status is Status.CLOSED:  # somebody else paid it meanwhile
        return 0
    return payoff(loan, on).total

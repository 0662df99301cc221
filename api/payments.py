"""REST: money that comes in for a loan or goes back, and its fees."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from api import answers, bodies
from api.auth import requires
from api.fields import Day, Number
from api.orders import LoanName, Order, loan_named, order
from api.policy import Action
from api.problems import DOCUMENTED, refused
from api.running import Running, running
from domain.errors import LoanError
from domain.terms import PaymentKind
from domain.views import payoff
from ledger.money import money, text
from ledger.units import UNITS, in_money

router = APIRouter(prefix="/v1/loans", tags=["loans"], responses=DOCUMENTED)

Here = Annotated[Running, Depends(running)]


@router.post("/{loan}/payments", status_code=201, summary="Receive a payment")
def receive_payment(
    body: bodies.Payment, given: Annotated[Order, Depends(order(Action.RECEIVE_PAYMENT))]
) -> answers.PaymentAnswer:
    if body.kind is not PaymentKind.PAYMENT:
        given.demand(Action.CREDIT_PAYMENT)
    receipt = given.give(
        lambda ledger, loan_id, why: ledger.receive_payment(
            loan_id,
            amount=body.money,
            effective_on=body.effective_on,
            channel=body.channel,
            reference=body.reference,
            kind=body.kind,
            cause=why,
        )
    )
    with given.here.pool.connection() as connection:
        return answers.payment(receipt, answers.facts(connection, receipt))


@router.post("/{loan}/payments/{payment}/reversal", status_code=201, summary="Reverse a payment")
def reverse_payment(
    payment: Number,
    body: bodies.Reversal,
    given: Annotated[Order, Depends(order(Action.REVERSE_PAYMENT))],
) -> answers.ReceiptAnswer:
    return answers.receipt(
        given.give(
            lambda ledger, loan_id, why: ledger.reverse_payment(
                loan_id,
                payment=payment,
                reversed_on=body.reversed_on,
                reason=body.reason,
                cause=why,
            )
        )
    )


@router.post("/{loan}/chargebacks", status_code=201, summary="A payer took a payment back")
def charge_back(
    body: bodies.Chargeback, given: Annotated[Order, Depends(order(Action.CHARGE_BACK))]
) -> answers.ChargebackAnswer:
    receipt = given.give(
        lambda ledger, loan_id, why: ledger.charge_back(
            loan_id,
            payment=body.payment,
            amount=body.money,
            effective_on=body.effective_on,
            reason=body.reason,
            cause=why,
        )
    )
    with given.here.pool.connection() as connection:
        return answers.chargeback(receipt, answers.facts(connection, receipt))


@router.post("/{loan}/refunds", status_code=201, summary="Give back money kept for the borrower")
def refund(
    body: bodies.Refund, given: Annotated[Order, Depends(order(Action.REFUND))]
) -> answers.RefundAnswer:
    receipt = given.give(
        lambda ledger, loan_id, why: ledger.refund_overpayment(
            loan_id,
            amount=body.money,
            effective_on=body.effective_on,
            channel=body.channel,
            reference=body.reference,
            cause=why,
        )
    )
    with given.here.pool.connection() as connection:
        return answers.refund(receipt, answers.facts(connection, receipt))


@router.post("/{loan}/fees", status_code=201, summary="Charge a fee")
def charge_fee(
    body: bodies.Fee, given: Annotated[Order, Depends(order(Action.CHARGE_FEE))]
) -> answers.FeeAnswer:
    receipt = given.give(
        lambda ledger, loan_id, why: ledger.charge_fee(
            loan_id,
            kind=body.kind,
            amount=body.money,
            effective_on=body.effective_on,
            due_on=body.due_on,
            falls_due=body.falls_due,
            cause=why,
        )
    )
    with given.here.pool.connection() as connection:
        return answers.fee(receipt, answers.facts(connection, receipt))


@router.post("/{loan}/fees/{fee}/waiver", status_code=201, summary="Waive a fee")
def waive_fee(
    fee: Number, body: bodies.Reasoned, given: Annotated[Order, Depends(order(Action.WAIVE_FEE))]
) -> answers.ReceiptAnswer:
    return answers.receipt(
        given.give(
            lambda ledger, loan_id, why: ledger.waive_fee(
                loan_id, fee=fee, effective_on=body.effective_on, reason=body.reason, cause=why
            )
        )
    )


@router.post(
    "/{loan}/fees/{fee}/waiver/reversal", status_code=201, summary="Undo the waiver of a fee"
)
def undo_fee_waiver(
    fee: Number, body: bodies.Reasoned, given: Annotated[Order, Depends(order(Action.WAIVE_FEE))]
) -> answers.ReceiptAnswer:
    return answers.receipt(
        given.give(
            lambda ledger, loan_id, why: ledger.undo_waiver(
                loan_id, fee=fee, effective_on=body.effective_on, reason=body.reason, cause=why
            )
        )
    )


@router.post(
    "/{loan}/instalments/{instalment}/waiver",
    status_code=201,
    summary="Waive fees of an instalment, as its terms charge them",
)
def waive_charges(
    instalment: Number,
    body: bodies.ChargesWaiver,
    given: Annotated[Order, Depends(order(Action.WAIVE_FEE))],
) -> answers.ReceiptAnswer:
    return answers.receipt(
        given.give(
            lambda ledger, loan_id, why: ledger.waive_charges(
                loan_id,
                instalment=instalment,
                amount=body.money,
                effective_on=body.effective_on,
                reason=body.reason,
                cause=why,
            )
        )
    )


@router.post(
    "/{loan}/instalments/{instalment}/waiver/reversal",
    status_code=201,
    summary="Undo the waivers of an instalment's fees",
)
def undo_charges_waiver(
    instalment: Number,
    body: bodies.Reasoned,
    given: Annotated[Order, Depends(order(Action.WAIVE_FEE))],
) -> answers.ReceiptAnswer:
    return answers.receipt(
        given.give(
            lambda ledger, loan_id, why: ledger.undo_waiver(
                loan_id,
                instalment=instalment,
                effective_on=body.effective_on,
                reason=body.reason,
                cause=why,
            )
        )
    )


@router.post("/{loan}/recoveries", status_code=201, summary="Receive money on written-off debt")
def receive_recovery(
    body: bodies.Receiving, given: Annotated[Order, Depends(order(Action.RECEIVE_RECOVERY))]
) -> answers.RecoveryAnswer:
    receipt = given.give(
        lambda ledger, loan_id, why: ledger.receive_recovery(
            loan_id,
            amount=body.money,
            effective_on=body.effective_on,
            channel=body.channel,
            reference=body.reference,
            cause=why,
        )
    )
    with given.here.pool.connection() as connection:
        return answers.recovery(receipt, answers.facts(connection, receipt))


@router.get(
    "/{loan}/payoff",
    summary="What closes the loan on a day",
    dependencies=[Depends(requires(Action.READ))],
)
def quote_payoff(loan: LoanName, on: Annotated[Day, Query()], here: Here) -> answers.Quote:
    loan_id = loan_named(here.ledger, loan)
    currency = here.ledger.load(loan_id).terms.currency
    try:
        owed = payoff(here.ledger.reset(loan_id, on), on)
    except LoanError as error:
        raise refused(error, currency) from error
    paid_in = {}
    unit = UNITS.get(currency)
    if unit and (value := here.ledger.index_value(unit.index, on)):
        paid = in_money(money(owed.total, currency), unit, value)
        paid_in[unit.paid_in] = str(paid.amount)
    return answers.Quote(
        loan_id=loan_id,
        on=on,
        currency=currency,
        total=text(owed.total, currency),
        components=answers.by_component(owed, currency),
        paid_in=paid_in,
    )


@router.post("/{loan}/payoff", status_code=201, summary="Receive exactly what closes the loan")
def pay_off(
    body: bodies.Payoff, given: Annotated[Order, Depends(order(Action.RECEIVE_PAYMENT))]
) -> answers.PaymentAnswer:
    receipt = given.give(
        lambda ledger, loan_id, why: ledger.pay_off(
            loan_id,
            on=body.on,
            amount=body.money,
            channel=body.channel,
            reference=body.reference,
            cause=why,
        )
    )
    with given.here.pool.connection() as connection:
        return answers.payment(receipt, answers.facts(connection, receipt))

"""REST: the orders that one loan takes, each carried out once per `Idempotency-Key`."""

from typing import Annotated

from fastapi import APIRouter, Depends

from api import answers, bodies
from api.auth import requires
from api.fields import Number
from api.orders import Order, cause, idempotency_key, order
from api.policy import Action
from api.problems import DOCUMENTED, refused
from api.running import Running, running
from domain.errors import LoanError
from ledger.api_keys import Key
from ledger.forms import terms_from
from ledger.money import parse

router = APIRouter(prefix="/v1/loans", tags=["loans"], responses=DOCUMENTED)

Here = Annotated[Running, Depends(running)]


@router.post("", status_code=201, summary="Open a loan")
def open_loan(
    body: bodies.Opening,
    here: Here,
    actor: Annotated[Key, Depends(requires(Action.OPEN_LOAN))],
    key: Annotated[str, Depends(idempotency_key)],
) -> answers.ReceiptAnswer:
    terms = terms_from(body.model_extra or {}, currency=here.settings.currency)
    try:
        receipt = here.ledger.open_loan(
            loan_no=body.loan_no,
            terms=terms,
            effective_on=body.effective_on,
            cause=cause(actor, key),
            borrower=body.borrower,
            product=body.product,
            branch=body.branch,
            officer=body.officer,
            guarantors=tuple(body.guarantors),
        )
    except LoanError as error:
        raise refused(error, terms.currency) from error
    here.catch_up.wake()
    return answers.receipt(receipt)


@router.post("/{loan}/disbursements", status_code=201, summary="Pay out a tranche")
def disburse(
    body: bodies.Disbursement, given: Annotated[Order, Depends(order(Action.DISBURSE))]
) -> answers.ReceiptAnswer:
    withheld = (
        None
        if body.withheld_fees is None
        else parse(body.withheld_fees, body.currency, "withheld_fees")
    )
    return answers.receipt(
        given.give(
            lambda ledger, loan_id, why: ledger.disburse(
                loan_id,
                principal=body.money,
                effective_on=body.effective_on,
                withheld_fees=withheld,
                channel=body.channel,
                refinances=body.refinances,
                cause=why,
            )
        )
    )


@router.post("/{loan}/promises", status_code=201, summary="Take a promise to pay")
def make_promise(
    body: bodies.PromiseMade, given: Annotated[Order, Depends(order(Action.MAKE_PROMISE))]
) -> answers.PromiseAnswer:
    receipt = given.give(
        lambda ledger, loan_id, why: ledger.make_promise(
            loan_id,
            amount=body.money,
            promised_for=body.promised_for,
            effective_on=body.effective_on,
            grace_days=body.grace_days,
            cause=why,
        )
    )
    with given.here.pool.connection() as connection:
        return answers.promise(receipt, answers.facts(connection, receipt))


@router.post("/{loan}/promises/{promise}/cancellation", status_code=201, summary="Cancel a promise")
def cancel_promise(
    promise: Number,
    body: bodies.Reasoned,
    given: Annotated[Order, Depends(order(Action.CANCEL_PROMISE))],
) -> answers.ReceiptAnswer:
    return answers.receipt(
        given.give(
            lambda ledger, loan_id, why: ledger.cancel_promise(
                loan_id,
                promise=promise,
                effective_on=body.effective_on,
                reason=body.reason,
                cause=why,
            )
        )
    )


@router.post("/{loan}/forgiveness", status_code=201, summary="Forgive part of the debt")
def forgive(
    body: bodies.Forgiveness, given: Annotated[Order, Depends(order(Action.FORGIVE))]
) -> answers.ReceiptAnswer:
    amounts = {
        component: parse(amount, body.currency, f"amounts.{component}")
        for component, amount in body.amounts.items()
    }
    return answers.receipt(
        given.give(
            lambda ledger, loan_id, why: ledger.forgive(
                loan_id,
                amounts=amounts,
                effective_on=body.effective_on,
                approval=body.approval,
                reason=body.reason,
                cause=why,
            )
        )
    )


@router.post("/{loan}/write-off", status_code=201, summary="Write the loan off")
def write_off(
    body: bodies.Approved, given: Annotated[Order, Depends(order(Action.WRITE_OFF))]
) -> answers.ReceiptAnswer:
    return answers.receipt(
        given.give(
            lambda ledger, loan_id, why: ledger.write_off(
                loan_id,
                effective_on=body.effective_on,
                approval=body.approval,
                reason=body.reason,
                cause=why,
            )
        )
    )


@router.post("/{loan}/sale", status_code=201, summary="Sell the loan")
def sell(
    body: bodies.Sale, given: Annotated[Order, Depends(order(Action.SELL))]
) -> answers.ReceiptAnswer:
    price = parse(body.price, body.currency, "price")
    return answers.receipt(
        given.give(
            lambda ledger, loan_id, why: ledger.sell(
                loan_id,
                effective_on=body.effective_on,
                holder=body.holder,
                price=price,
                reference=body.reference,
                cause=why,
            )
        )
    )


@router.post("/{loan}/closure", status_code=201, summary="Close a loan never disbursed")
def close_loan(
    body: bodies.Closure, given: Annotated[Order, Depends(order(Action.CLOSE_LOAN))]
) -> answers.ReceiptAnswer:
    return answers.receipt(
        given.give(
            lambda ledger, loan_id, why: ledger.close_loan(
                loan_id, effective_on=body.effective_on, reason=body.reason, cause=why
            )
        )
    )

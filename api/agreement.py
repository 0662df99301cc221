"""REST: orders that change what was agreed on one loan."""

from typing import Annotated

from fastapi import APIRouter, Depends

from api import answers, bodies
from api.orders import Order, order
from api.policy import Action
from api.problems import DOCUMENTED
from ledger.fields import Fields, percent
from ledger.new_terms import new_terms

router = APIRouter(prefix="/v1/loans", tags=["loans"], responses=DOCUMENTED)


@router.post("/{loan}/rate-changes", status_code=201, summary="Change the rate")
def change_rate(
    body: bodies.RateChange, given: Annotated[Order, Depends(order(Action.CHANGE_RATE))]
) -> answers.ReceiptAnswer:
    rate = percent(body.annual_rate, "annual_rate")
    return answers.receipt(
        given.give(
            lambda ledger, loan_id, why: ledger.change_rate(
                loan_id,
                annual_rate=rate,
                effective_on=body.effective_on,
                keeps_instalment=body.keeps_instalment,
                reason=body.reason,
                cause=why,
            )
        )
    )


@router.post("/{loan}/interest-pauses", status_code=201, summary="Let no interest run for a time")
def pause_interest(
    body: bodies.Pause, given: Annotated[Order, Depends(order(Action.PAUSE))]
) -> answers.ReceiptAnswer:
    return answers.receipt(
        given.give(
            lambda ledger, loan_id, why: ledger.pause_interest(
                loan_id,
                effective_on=body.effective_on,
                until=body.until,
                reason=body.reason,
                cause=why,
            )
        )
    )


@router.post("/{loan}/delinquency-pauses", status_code=201, summary="Count no days past due")
def pause_delinquency(
    body: bodies.Pause, given: Annotated[Order, Depends(order(Action.PAUSE))]
) -> answers.ReceiptAnswer:
    return answers.receipt(
        given.give(
            lambda ledger, loan_id, why: ledger.pause_delinquency(
                loan_id,
                effective_on=body.effective_on,
                until=body.until,
                reason=body.reason,
                cause=why,
            )
        )
    )


@router.post("/{loan}/restructures", status_code=201, summary="Put the debt on other terms")
def restructure(
    body: bodies.Restructure, given: Annotated[Order, Depends(order(Action.RESTRUCTURE))]
) -> answers.ReceiptAnswer:
    fields = Fields(body.terms, "terms")
    new = new_terms(fields, given.currency)
    fields.done()
    return answers.receipt(
        given.give(
            lambda ledger, loan_id, why: ledger.restructure(
                loan_id,
                effective_on=body.effective_on,
                new=new,
                kind=body.kind,
                treatment=body.treatment,
                approval=body.approval,
                reason=body.reason,
                cause=why,
            )
        )
    )


@router.post("/{loan}/holidays", status_code=201, summary="Skip the next instalments")
def payment_holiday(
    body: bodies.Holiday, given: Annotated[Order, Depends(order(Action.RESTRUCTURE))]
) -> answers.ReceiptAnswer:
    return answers.receipt(
        given.give(
            lambda ledger, loan_id, why: ledger.payment_holiday(
                loan_id,
                effective_on=body.effective_on,
                periods=body.periods,
                interest_runs=body.interest_runs,
                approval=body.approval,
                reason=body.reason,
                cause=why,
            )
        )
    )


@router.post("/{loan}/acceleration", status_code=201, summary="Make the whole debt due")
def accelerate(
    body: bodies.Approved, given: Annotated[Order, Depends(order(Action.ACCELERATE))]
) -> answers.ReceiptAnswer:
    return answers.receipt(
        given.give(
            lambda ledger, loan_id, why: ledger.accelerate(
                loan_id,
                effective_on=body.effective_on,
                approval=body.approval,
                reason=body.reason,
                cause=why,
            )
        )
    )

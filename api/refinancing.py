"""REST: a new loan that pays off old ones."""

from typing import Annotated

from fastapi import APIRouter, Depends

from api import answers, bodies
from api.auth import requires
from api.orders import cause, idempotency_key, loan_named
from api.policy import Action
from api.problems import DOCUMENTED, refused
from api.running import Running, running
from domain.errors import LoanError
from ledger.api_keys import Key
from ledger.forms import terms_from
from ledger.money import parse, text
from ledger.refinancing import Refinancing
from ledger.refinancing import refinance as carry_out

router = APIRouter(prefix="/v1", tags=["loans"], responses=DOCUMENTED)


@router.post("/refinancings", status_code=201, summary="Pay off loans by a new one")
def refinance(
    body: bodies.Refinancing,
    here: Annotated[Running, Depends(running)],
    actor: Annotated[Key, Depends(requires(Action.REFINANCE))],
    key: Annotated[str, Depends(idempotency_key)],
) -> answers.RefinancingAnswer:
    terms = terms_from(body.model_extra or {}, currency=here.settings.currency)
    fees = body.withheld_fees
    order = Refinancing(
        refinances=[loan_named(here.ledger, name) for name in body.refinances],
        loan_no=body.loan_no,
        terms=terms,
        effective_on=body.effective_on,
        withheld_fees=None if fees is None else parse(fees, terms.currency, "withheld_fees"),
        channel=body.channel,
        borrower=body.borrower,
        product=body.product,
        branch=body.branch,
        officer=body.officer,
        guarantors=tuple(body.guarantors),
    )
    try:
        done = carry_out(here.ledger, order, cause(actor, key))
    except LoanError as error:
        raise refused(error, terms.currency) from error
    here.catch_up.wake()
    return answers.RefinancingAnswer(
        **answers.plain(done.receipt),
        currency=done.currency,
        paid_off=[
            answers.Paid(loan_id=paid.loan_id, amount=text(paid.amount, done.currency))
            for paid in done.paid_off
        ],
        paid_out=text(done.paid_out, done.currency),
    )

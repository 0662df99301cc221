"""REST: statements of account and letters, as PDF, page or plain figures."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response

from api.auth import requires
from api.orders import CHANNEL
from api.policy import Action, allows
from api.problems import DOCUMENTED, Problem
from api.running import Running, running
from ledger.api_keys import Key
from ledger.borrowers.reading import Reader
from ledger.borrowers.recipients import Recipients
from projections.statements import single
from projections.statements.addressee import Addressees, Nobody
from projections.statements.period import StatementError, TemplateError, month
from projections.statements.records import UnknownLoan
from projections.statements.sheet import Form, Letter, Sheet, file_name

router = APIRouter(prefix="/v1/loans", tags=["statements"], responses=DOCUMENTED)

Here = Annotated[Running, Depends(running)]
Entitled = Annotated[Key, Depends(requires(Action.READ))]
LoanNo = Annotated[str, Path(max_length=100, description="The loan's number.")]
MEDIA = {"pdf": "application/pdf", "html": "text/html; charset=utf-8", "json": "application/json"}
FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {media.partition(";")[0]: {} for media in MEDIA.values()}}
}


Written = Annotated[Form, Query(alias="format", description="How it is written.")]


@router.get(
    "/{loan_no}/statements/{period}",
    summary="A month's statement of account",
    response_class=Response,
    responses=FILE,
)
def statement(
    loan_no: LoanNo,
    period: Annotated[str, Path(max_length=20, examples=["2026-03"])],
    here: Here,
    reader: Entitled,
    form: Written = Form.PDF,
) -> Response:
    """As it was issued, or as it would be issued now. It is addressed by name for who may read
    personal data, and that reading is noted; for others by the borrower's number.
    """
    today = here.ledger.clock.business_date()
    with problems():
        told = single.one(here.settings, loan_no, month(period), today, _names(here, reader))
        return _answer(here, told.sheet, form)


@router.get(
    "/{loan_no}/letters/{kind}",
    summary="A loan's schedule, payoff letter, payment receipt or no-debt letter",
    response_class=Response,
    responses=FILE,
)
def letter(
    loan_no: LoanNo,
    kind: Letter,
    here: Here,
    reader: Entitled,
    on: Annotated[date | None, Query(description="For which day; the business date.")] = None,
    payment: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    form: Written = Form.PDF,
) -> Response:
    today = here.ledger.clock.business_date()
    with problems():
        sheet = single.letter(
            here.settings, loan_no, kind, today, on=on, payment=payment, names=_names(here, reader)
        )
        return _answer(here, sheet, form)


def _names(here: Running, reader: Key) -> Addressees:
    if not allows(reader.roles, Action.READ_PERSONAL):
        return Nobody()
    return Recipients(here.ledger.store, here.settings, Reader(reader.name, CHANNEL))


def _answer(here: Running, sheet: Sheet, form: Form) -> Response:
    laid = here.press.one(sheet, form)
    name = f"{file_name(sheet)}.{form.value}".encode("ascii", "replace").decode()
    return Response(
        laid,
        media_type=MEDIA[form.value],
        headers={"Content-Disposition": f'inline; filename="{name}"'},
    )


@contextmanager
def problems() -> Iterator[None]:
    """What is wrong with a document that was asked for, as problem+json."""
    try:
        yield
    except UnknownLoan as error:
        raise Problem(404, error.code, str(error), field=error.field) from None
    except TemplateError as error:  # the lender's own: no fault of the reader
        raise Problem(500, error.code, str(error), field=error.field) from None
    except StatementError as error:
        raise Problem(409, error.code, str(error), field=error.field) from None

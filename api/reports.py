"""REST: months' ends, and the reports made from them, as figures, files or charts."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel

from api.auth import requires
from api.policy import Action
from api.problems import DOCUMENTED, Problem
from api.running import Running, running
from ledger.api_keys import Key
from projections.reports import month_end
from projections.reports.files import FORMATS
from projections.reports.made import make, months_of
from projections.reports.month_end import AlreadyFrozen, MonthEndError, NotFrozen
from projections.reports.report import ReportName
from projections.statements.period import BadPeriod, month

router = APIRouter(prefix="/v1", tags=["reports"], responses=DOCUMENTED)

Here = Annotated[Running, Depends(running)]
Reader = Annotated[Key, Depends(requires(Action.READ))]
MEDIA = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
    "svg": "image/svg+xml",
    "png": "image/png",
}
FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {media.partition(";")[0]: {} for media in MEDIA.values()}}
}


class ReportForm(StrEnum):
    """How it is written."""

    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"
    SVG = "svg"
    PNG = "png"


class MonthEnd(BaseModel):
    """A month's end on record."""

    month: date
    position: int
    loans: int
    digest: str
    actor: str
    frozen_at: datetime


@router.get("/month-ends", summary="The months' ends that are frozen")
def months(here: Here, _: Reader) -> list[MonthEnd]:
    with here.pool.connection() as connection:
        return [MonthEnd(**one._asdict()) for one in month_end.frozen(connection)]


@router.put("/month-ends/{name}", summary="Freeze the book at a month's end")
def freeze(
    name: Annotated[str, Path(max_length=20, examples=["2026-03"])],
    here: Here,
    actor: Annotated[Key, Depends(requires(Action.CLOSE_DAY))],
) -> MonthEnd:
    """What is frozen already stays, and is answered as it is."""
    today = here.ledger.clock.business_date()
    with _problems(), here.pool.connection() as connection:
        try:
            kept = month_end.freeze(connection, month(name), today, actor.name)
        except AlreadyFrozen as before:
            kept = before.kept
        return MonthEnd(**kept._asdict())


@router.get(
    "/reports/{name}",
    summary="A report from frozen months' ends",
    response_class=Response,
    responses=FILE,
)
def report(
    name: ReportName,
    here: Here,
    _: Reader,
    month_name: Annotated[str, Query(alias="month", max_length=20, examples=["2026-03"])],
    months: Annotated[int, Query(ge=1, le=240, description="How many months to look back.")] = 12,
    by: Annotated[str, Query(max_length=40)] = "product",
    form: Annotated[ReportForm, Query(alias="format")] = ReportForm.JSON,
) -> Response:
    with _problems():
        with here.pool.connection() as connection:
            made = made_of(connection, name.value, month_name, months, by)
        return Response(FORMATS[form.value](made), media_type=MEDIA[form.value])


def made_of(connection: Any, name: str, month_name: str, months: int, by: str) -> Any:
    """The report of so many months up to one. Errors: ``MonthEndError``, ``BadPeriod``."""
    ends = month_end.up_to(connection, month(month_name).ends_on, months_of(name, months))
    return make(name, [month_end.book(connection, one) for one in ends], by)


@contextmanager
def _problems() -> Iterator[None]:
    try:
        yield
    except (MonthEndError, BadPeriod) as error:
        status = 404 if isinstance(error, NotFrozen) else 409
        raise Problem(status, error.code, str(error), field=error.field) from None

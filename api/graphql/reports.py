"""Reports of frozen months as one type: rows of exact texts under fields with their kinds."""

import asyncio

import strawberry
from strawberry.scalars import JSON

from api.graphql.errors import Refused
from api.reports import made_of
from ledger.database import connect
from ledger.settings import Settings
from projections.reports.month_end import MonthEndError
from projections.reports.report import Kind, ReportName
from projections.reports.report import Report as Made
from projections.statements.period import BadPeriod

MOST = 240

strawberry.enum(ReportName, description="Which report.")
strawberry.enum(Kind, name="ReportFieldKind", description="What a field of a report holds.")


@strawberry.type(description="A field of a report; rates are in percent, money in its currency.")
class ReportField:
    name: str
    kind: Kind


@strawberry.type(description="A report: portfolio, risk, concentration, roll rates or vintages.")
class Report:
    name: str
    fields: list[ReportField]
    rows: JSON = strawberry.field(description="A list of objects by field; amounts are texts.")
    source: list[str] = strawberry.field(description="The months it was made from, their hashes.")


async def report(settings: Settings, name: ReportName, month: str, months: int, by: str) -> Report:
    """The report. Errors: ``Refused`` with a stable code."""
    if not 1 <= months <= MOST:
        raise Refused("bad-argument", f"months is from 1 to {MOST}")
    try:
        made = await asyncio.to_thread(_made, settings, name, month, months, by)
    except (MonthEndError, BadPeriod) as error:
        raise Refused(error.code, str(error), field=error.field) from None
    fields = [ReportField(name=field.name, kind=field.kind) for field in made.fields]
    return Report(
        name=made.name, fields=fields, rows=JSON(list(made.shown())), source=list(made.source)
    )


def _made(settings: Settings, name: ReportName, month: str, months: int, by: str) -> Made:
    with connect(settings, autocommit=True, application_name="cartera-reports") as connection:
        made: Made = made_of(connection, name.value, month, months, by)
        return made

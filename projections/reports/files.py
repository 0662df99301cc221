"""A report as a file: JSON, CSV, Excel, Parquet, or a chart."""

import csv
import io
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from projections.drawing import draw
from projections.reports.month_end import ReportError
from projections.reports.report import Field, Kind, Report

MADE = datetime(2000, 1, 1, tzinfo=UTC)
"""No file tells when it was written: the same report gives the same bytes."""
COLOURS = ("#12486b", "#c8553d", "#6a8d3f")


def as_json(report: Report) -> bytes:
    """The rows with what they were made from."""
    told = {"report": report.name, "source": report.source, "rows": list(report.shown())}
    return msgspec.json.encode(told)


def as_csv(report: Report) -> bytes:
    """The rows under a header; what is not known is empty."""
    out = io.StringIO()
    names = [field.name for field in report.fields]
    lines = csv.DictWriter(out, names, lineterminator="\n")
    lines.writeheader()
    lines.writerows(report.shown())
    return out.getvalue().encode()


def as_xlsx(report: Report) -> bytes:
    """A sheet with numbers as numbers; a second one says what it was made from."""
    import xlsxwriter  # an extra

    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    book.set_properties({"created": MADE})
    bold = book.add_format({"bold": True})
    forms = {
        Kind.MONEY: book.add_format({"num_format": "#,##0.00"}),
        Kind.RATE: book.add_format({"num_format": "0.00%"}),
    }
    sheet = book.add_worksheet(report.name)
    sheet.write_row(0, 0, [field.name for field in report.fields], bold)
    for at, (row, shown) in enumerate(zip(report.rows, report.shown(), strict=True), start=1):
        for place, (field, value) in enumerate(zip(report.fields, row, strict=True)):
            _cell(sheet, at, place, field, value, shown[field.name], forms)
    sheet.freeze_panes(1, 0)
    sheet.autofit()
    source = book.add_worksheet("source")
    source.write_column(0, 0, report.source)
    book.close()
    return out.getvalue()


def _cell(
    sheet: Any, row: int, place: int, field: Field, value: Any, shown: Any, forms: dict[Kind, Any]
) -> None:
    if value is None:
        return
    if field.kind is Kind.MONEY:
        sheet.write_number(row, place, Decimal(shown), forms[Kind.MONEY])
    elif field.kind is Kind.RATE:
        sheet.write_number(row, place, value / 1_000_000, forms[Kind.RATE])
    elif field.kind is Kind.COUNT:
        sheet.write_number(row, place, value)
    else:
        sheet.write_string(row, place, str(value))


def as_parquet(report: Report) -> bytes:
    """Columns with their types: money as minor units, rates as millionths."""
    import polars as pl  # an extra

    kinds = {Kind.TEXT: pl.String}
    schema = {field.name: kinds.get(field.kind, pl.Int64) for field in report.fields}
    rows = [
        [str(value) if field.kind is Kind.TEXT and value is not None else value
         for field, value in zip(report.fields, row, strict=True)]
        for row in report.rows
    ]  # fmt: skip
    out = io.BytesIO()
    pl.DataFrame(rows, schema=schema, orient="row").write_parquet(out)
    return out.getvalue()


def as_svg(report: Report) -> bytes:
    """The chart of a report that has one. Errors: ``ReportError``."""
    return draw("chart", _drawn(report), "svg")


def as_png(report: Report) -> bytes:
    """As ``as_svg``."""
    return draw("chart", _drawn(report), "png")


def _drawn(report: Report) -> dict[str, Any]:
    """Bars for each x, of the currency that most rows are in."""
    if not report.chart or not report.rows:
        raise ReportError(f"{report.name} has no chart" if report.rows else "nothing to draw")
    at = {field.name: place for place, field in enumerate(report.fields)}
    usual, _ = Counter(row[at["currency"]] for row in report.rows).most_common(1)[0]
    chosen = [row for row in report.rows if row[at["currency"]] == usual]
    kinds = {field.name: field.kind for field in report.fields}
    x, *drawn = report.chart
    numbers = [[row[at[name]] or 0 for row in chosen] for name in drawn]
    highest = max(max(series) for series in numbers) or 1
    rated = kinds[drawn[0]] is Kind.RATE
    return {
        "title": f"{report.name}: {', '.join(drawn)} by {x}, {usual}",
        "source": report.source[-1],
        "x": [str(row[at[x]]) for row in chosen],
        "y": [_tick(highest * n // 4, rated=rated) for n in range(5)],
        "series": [
            {
                "name": name,
                "colour": COLOURS[place % len(COLOURS)],
                "values": [round(value / highest, 4) for value in numbers[place]],
            }
            for place, name in enumerate(drawn)
        ],
    }


def _tick(value: int, *, rated: bool) -> str:
    return f"{value / 10_000:.1f} %" if rated else f"{value // 100:,}"


FORMATS: dict[str, Callable[[Report], bytes]] = {
    "json": as_json, "csv": as_csv, "xlsx": as_xlsx, "parquet": as_parquet, "svg": as_svg,
    "png": as_png,
}  # fmt: skip

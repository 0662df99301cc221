"""Plain lines for whoever has no vendor's format: CSV, and Parquet made of it."""

import csv
from collections.abc import Iterable
from pathlib import Path

from projections.accounting.entry import Entry
from projections.accounting.exports.errors import MissingPart
from projections.accounting.exports.fit import Fit, written
from projections.accounting.exports.period import Request, reference

COLUMNS = (
    "key", "reference", "kind", "number", "posted_on", "value_on", "currency", "text", "line",
    "account", "debit", "credit", "line_text", "branch", "product", "loan_no", "cfdi",
)  # fmt: skip
WIDEST = 10_000


def write_csv(entries: Iterable[Entry], request: Request, path: Path) -> None:
    """A line per side of an entry, amounts as decimal text, UTF-8.

    Errors: ``TextNotWritable`` for texts with control characters.
    """
    fit = Fit(cut=False)
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(COLUMNS)
        for entry in entries:
            amount = written(entry.currency)
            before = (
                entry.key, reference(entry), entry.kind.value, entry.number,
                entry.posted_on.isoformat(), entry.value_on.isoformat(), entry.currency,
                fit.text(entry.key, "text", entry.text, WIDEST),
            )  # fmt: skip
            for number, line in enumerate(entry.lines, start=1):
                text = fit.text(entry.key, "line text", line.text, WIDEST)
                out.writerow((
                    *before, number, line.account, amount(line.debit), amount(line.credit), text,
                    line.branch, line.product, line.loan_no, " ".join(line.cfdi),
                ))  # fmt: skip


def write_parquet(entries: Iterable[Entry], request: Request, path: Path) -> None:
    """As the CSV, with amounts as exact decimals and dates as dates.

    Errors: ``MissingPart`` without the extra; as ``write_csv``.
    """
    try:
        import polars as pl
    except ImportError:
        raise MissingPart("format", "is written by polars: install cartera[parquet]") from None
    lines = path.with_suffix(".lines")
    kinds = {"number": pl.Int64, "line": pl.Int32, "posted_on": pl.Date, "value_on": pl.Date}
    amounts = dict.fromkeys(("debit", "credit"), pl.Decimal(38, 4))
    schema = {name: (kinds | amounts).get(name, pl.String) for name in COLUMNS}
    try:
        write_csv(entries, request, lines)
        scanned = pl.scan_csv(lines, schema=schema, empty_string_is_null=False)
        scanned.sink_parquet(path, maintain_order=True)
    finally:
        lines.unlink(missing_ok=True)

"""A bank's CSV or fixed-width movements, read by a layout that the lender writes for it in YAML.

There is no standard: a layout says which column (or place) holds what. `docs/guides/rails.md`.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from msgspec import Struct

from ledger.csv_lines import ENCODINGS, MAX_LINE_BYTES, Reject, plain
from ledger.fields import REQUIRED, Fields
from ledger.money import FormError
from ledger.rails.entry import Entry, checked_patterns, spei_key
from ledger.yaml_form import read_form

PARTS = ("date", "amount", "charge", "reference", "description", "id", "payer", "currency",
         "tracking_key", "sender")  # fmt: skip
_NEEDED = ("date", "amount")
_SIGNED = ("positive", "negative")


class Layout(Struct, frozen=True, kw_only=True):
    """Where a bank's file holds what.

    ``columns`` are headers of a CSV file, ``places`` first and last position of a fixed-width one.
    ``income`` says which lines are money in, where the amount's sign or column does not.
    """

    name: str
    account: str
    currency: str = ""
    encoding: str = "utf-8"
    delimiter: str = ","
    skip: int = 0
    columns: dict[str, str] = {}
    places: dict[str, tuple[int, int]] = {}
    date_pattern: str = "%Y-%m-%d"
    decimal: str = "."
    thousands: str = ""
    cents: bool = False
    money_in: str = "positive"
    income: tuple[str, tuple[str, ...]] | None = None
    patterns: tuple[str, ...] = ()
    channel: str = "bank"


def read_layout(path: Path) -> Layout:
    """The layout of a YAML file. Errors: ``FormError`` naming the key, ``OSError``."""
    fields = Fields(read_form(path))
    columns = _named(fields, "columns")
    places = {
        name: _place(value, f"places.{name}") for name, value in _named(fields, "places").items()
    }
    if bool(columns) is bool(places):
        raise FormError("columns", "say either columns (CSV) or places (fixed width)")
    for name in _NEEDED:
        if name not in (columns or places):
            raise FormError(f"{'columns' if columns else 'places'}.{name}", "is missing")
    layout = Layout(
        name=fields.text("name", path.stem),
        account=fields.text("account", longest=40),
        currency=fields.text("currency", "", longest=3),
        encoding=_one_of(fields, "encoding", "utf-8", ENCODINGS),
        delimiter=fields.text("delimiter", ",", longest=1),
        skip=fields.whole("skip", 0),
        columns=columns,
        places=places,
        date_pattern=fields.text("date_pattern", "%Y-%m-%d"),
        decimal=_one_of(fields, "decimal", ".", (".", ",")),
        thousands=fields.text("thousands", "", longest=1),
        cents=fields.either("cents"),
        money_in=_one_of(fields, "money_in", "positive", _SIGNED),
        income=_income(fields.part("income")),
        patterns=checked_patterns(fields.rows("patterns")),
        channel=fields.text("channel", "bank"),
    )
    fields.done()
    return layout


def entries(path: Path, layout: Layout) -> Iterator[Entry | Reject | None]:
    """The file's lines; None for money that went out.

    Errors: ``FormError`` where the file as a whole cannot be read, ``OSError``.
    """
    for number, original, cells in _rows(path, layout):
        if isinstance(cells, str):
            yield Reject(number, "line", cells, original)
            continue
        try:
            yield _entry(number, original, cells, layout)
        except FormError as error:
            yield Reject(number, error.field, error.rule, original)


def _rows(path: Path, layout: Layout) -> Iterator[tuple[int, str, dict[str, str] | str]]:
    """Number, text and cells of each line, or what is wrong with it."""
    names: list[str | None] = []
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            if number <= layout.skip:
                continue
            try:
                text = raw.decode("utf-8-sig" if layout.encoding == "utf-8" else layout.encoding)
            except UnicodeDecodeError:
                yield number, raw[:200].decode("latin-1"), f"is not {layout.encoding} text"
                continue
            text = text.rstrip("\r\n")
            if not text.strip():
                continue
            if len(raw) > MAX_LINE_BYTES:
                yield number, text[:200], f"is longer than {MAX_LINE_BYTES} bytes"
            elif layout.places:
                yield (
                    number,
                    text,
                    {
                        name: text[first - 1 : last].strip()
                        for name, (first, last) in layout.places.items()
                    },
                )
            elif not names:
                names = _header(text, layout)
            else:
                yield number, text, _cells(text, names, layout)
    if layout.columns and not names:
        raise FormError("file", "is empty: no line names the columns")


def _header(text: str, layout: Layout) -> list[str | None]:
    known = {plain(header): name for name, header in layout.columns.items()}
    try:
        given = next(csv.reader([text], delimiter=layout.delimiter, strict=True))
    except csv.Error as error:
        raise FormError("header", f"is not CSV: {error}") from None
    names = [known.get(plain(header)) for header in given]
    for name, header in layout.columns.items():
        if names.count(name) != 1:
            told = "no such column" if name not in names else "two such columns"
            raise FormError(f"columns.{name}", f"the file has {told}: {header!r}")
    return names


def _cells(text: str, names: list[str | None], layout: Layout) -> dict[str, str] | str:
    try:
        cells = next(csv.reader([text], delimiter=layout.delimiter, strict=True))
    except csv.Error as error:
        return f"is not CSV: {error}"
    if len(cells) != len(names):
        return f"has {len(cells)} cells where the header has {len(names)}"
    return {name: cell.strip() for name, cell in zip(names, cells, strict=True) if name}


def _entry(number: int, original: str, cells: Mapping[str, str], layout: Layout) -> Entry | None:
    if layout.income is not None:
        column, values = layout.income
        if cells.get(column, "").casefold() not in values:
            return None
    given = cells.get("amount", "")
    if not given and cells.get("charge"):
        return None
    amount = _amount(given, layout)
    if layout.money_in == "negative":
        amount = -amount
    if amount < 0:
        return None
    day = _day(cells["date"], layout.date_pattern)
    tracking, sender = cells.get("tracking_key", ""), cells.get("sender", "")
    return Entry(
        number=number,
        original=original,
        account=layout.account,
        paid_on=day,
        amount=f"{amount:f}",
        currency=cells.get("currency") or layout.currency,
        references=(cells.get("reference", ""), cells.get("description", "")),
        bank_id=cells.get("id", ""),
        payer=cells.get("payer", ""),
        channel=layout.channel,
        spei_key=spei_key(day, sender, tracking) if tracking and sender else "",
    )


def _amount(given: str, layout: Layout) -> Decimal:
    text = given.replace("$", "").replace(" ", "")
    if layout.thousands:
        text = text.replace(layout.thousands, "")
    if layout.decimal == ",":
        text = text.replace(",", ".")
    if not re.fullmatch(r"[+-]?\d{1,16}(\.\d{1,4})?", text, re.ASCII):
        raise FormError("amount", f"{given[:40]!r} is no amount as the layout writes them")
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise FormError("amount", f"{given[:40]!r} is no amount") from None
    return amount.scaleb(-2) if layout.cents else amount


def _day(given: str, pattern: str) -> str:
    try:
        return datetime.strptime(given, pattern).date().isoformat()
    except ValueError:
        raise FormError("date", f"{given[:40]!r} is not written as {pattern}") from None


def _named(fields: Fields, key: str) -> dict[str, Any]:
    given = fields.part(key)
    if given is None:
        return {}
    found = {name: given.take(name) for name in PARTS if given.take(name, None) is not None}
    given.done()
    for name, value in found.items():
        if key == "columns" and not isinstance(value, str):
            raise FormError(f"columns.{name}", "must be a header's text")
    return found


def _place(value: Any, field: str) -> tuple[int, int]:
    two = isinstance(value, list) and len(value) == 2 and all(type(n) is int for n in value)
    if not two or not 1 <= value[0] <= value[1] <= MAX_LINE_BYTES:
        raise FormError(field, "must be first and last position, such as [1, 8]")
    return value[0], value[1]


def _income(fields: Fields | None) -> tuple[str, tuple[str, ...]] | None:
    if fields is None:
        return None
    column = _one_of(fields, "part", REQUIRED, PARTS)
    values = fields.rows("values")
    fields.done()
    return column, tuple(str(one).casefold() for one in values)


def _one_of(fields: Fields, name: str, default: Any, allowed: tuple[str, ...]) -> str:
    value = fields.text(name, default)
    if value not in allowed:
        raise FormError(fields.name(name), f"{value[:40]!r} is not one of: {', '.join(allowed)}")
    return value

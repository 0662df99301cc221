"""Files of fixed positions, from a layout that is data: name, start, length, pad, format.

A layout is a YAML file; those delivered stand in `layouts/`. One's own file has the same form, so
that a format which customers change needs no code.
"""

from collections.abc import Mapping
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from ledger.money import FormError
from projections.accounting.chart import read_yaml
from projections.accounting.exports.errors import AmountTooWide
from projections.accounting.exports.fit import Fit, written

Value: TypeAlias = str | int | date
Values: TypeAlias = Mapping[str, Value]
Sources: TypeAlias = Mapping[str, Mapping[str, type]]
"""What each record of a format can show, and its type."""


class Field(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One field: ``source`` names what it shows, or ``value`` is always the same.

    ``start`` counts from 1. ``format`` of a date is strftime's; of an amount ``signed`` (-1.50),
    ``plain`` (1.50) or ``digits`` (150); ``pad`` is the side that is filled up with ``fill``.
    """

    name: str
    start: Annotated[int, Meta(ge=1)]
    length: Annotated[int, Meta(ge=1, le=2000)]
    source: str = ""
    value: str | None = None
    pad: Literal["left", "right"] = "right"
    fill: Annotated[str, Meta(min_length=1, max_length=1)] = " "
    format: str = ""
    cut: bool = False


class Layout(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The records of a file, each a list of fields. ``confirm`` says what no source verifies."""

    name: str
    encoding: str = "ascii"
    line_end: Literal["\n", "\r\n"] = "\r\n"
    trim: bool = False
    confirm: str = ""
    records: dict[str, tuple[Field, ...]]


def read_layout(own: str | None, delivered: str, records: Sources) -> Layout:
    """The company's own layout, or the delivered one; ``records`` are the sources it may name.

    Errors: ``FormError`` naming record, field and rule; ``OSError`` where there is no such file.
    """
    if own is not None:
        return checked(read_yaml(Path(own), Layout), records)
    raw = files(__package__).joinpath("layouts", f"{delivered}.yaml").read_bytes()
    return checked(msgspec.yaml.decode(raw, type=Layout), records)


def checked(layout: Layout, records: Sources) -> Layout:
    """The layout, if every field can be written and none overlaps. Errors: ``FormError``."""
    try:
        "".encode(layout.encoding)
    except LookupError:
        raise FormError("encoding", f"{layout.encoding!r} is not known") from None
    for record in layout.records:
        if record not in records:
            known = ", ".join(records)
            raise FormError(f"records.{record}", f"is no record of this format; it has {known}")
    for record, sources in records.items():
        _check_record(record, layout.records.get(record, ()), sources)
    return layout


def _check_record(record: str, fields: tuple[Field, ...], sources: Mapping[str, type]) -> None:
    free = 1
    for field in sorted(fields, key=lambda one: one.start):
        where = f"records.{record}.{field.name}"
        if field.start < free:
            raise FormError(where, f"starts at {field.start}, inside the field before it")
        free = field.start + field.length
        if (field.value is None) == (not field.source):
            raise FormError(where, "needs either a source or a value")
        if field.value is not None:
            if len(field.value) > field.length:
                raise FormError(where, f"{field.value!r} is longer than {field.length}")
            continue
        if field.source not in sources:
            raise FormError(where, f"{field.source!r} is none of {', '.join(sources)}")
        amount = field.source == "amount" or field.source.endswith("_amount")
        if amount and field.format not in ("signed", "plain", "digits"):
            raise FormError(where, f"format {field.format!r} is none of signed, plain, digits")
        if sources[field.source] is date and not field.format:
            raise FormError(where, "needs the format of its date, such as %m%d%Y")


class Writer:
    """Writes the records of a layout."""

    def __init__(self, layout: Layout, fit: Fit, currency: str) -> None:
        self._layout = layout
        self._fields = {
            name: sorted(fields, key=lambda one: one.start)
            for name, fields in layout.records.items()
        }
        self._fit = Fit(cut=fit.cut, encoding=layout.encoding)
        self._currency = currency

    def record(self, name: str, entry: str, values: Values) -> bytes:
        """One line. Errors: ``AmountTooWide``, ``TextTooLong``, ``TextNotWritable``."""
        line = ""
        for field in self._fields.get(name, ()):
            line = line.ljust(field.start - 1) + self._padded(field, entry, values)
        if self._layout.trim:
            line = line.rstrip(" ")
        return f"{line}{self._layout.line_end}".encode(self._layout.encoding)

    def _padded(self, field: Field, entry: str, values: Values) -> str:
        shown = field.value if field.value is not None else self._shown(field, entry, values)
        if field.pad == "right":
            return shown.ljust(field.length, field.fill)
        if field.fill == "0" and shown.startswith("-"):
            return "-" + shown[1:].rjust(field.length - 1, "0")
        return shown.rjust(field.length, field.fill)

    def _shown(self, field: Field, entry: str, values: Values) -> str:
        value: Any = values[field.source]
        if isinstance(value, str):
            return self._fit.text(entry, field.name, value, field.length, cut=field.cut)
        if isinstance(value, date):
            shown = value.strftime(field.format)
        elif field.format in ("signed", "plain", "digits"):
            assert field.format == "signed" or value >= 0, (entry, field.name, value)
            shown = str(value) if field.format == "digits" else written(self._currency)(value)
        else:
            shown = str(value)
        if len(shown) > field.length:
            raise AmountTooWide(entry, field.name, shown, field.length)
        return shown

"""A report as a table with types: one shape for screens, files, charts and GraphQL."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple

from ledger.money import text


class Kind(StrEnum):
    """What a column holds: a rate is in millionths, money in minor units."""

    TEXT = "text"
    COUNT = "count"
    MONEY = "money"
    RATE = "rate"


class ReportName(StrEnum):
    """Which report."""

    PORTFOLIO = "portfolio"
    RISK = "risk"
    CONCENTRATION = "concentration"
    ROLL = "roll"
    VINTAGES = "vintages"


class Field(NamedTuple):
    """A column."""

    name: str
    kind: Kind = Kind.TEXT


class Report(NamedTuple):
    """Rows under fields. ``source`` names the months' ends it was made from, with their hashes.

    ``chart`` names the fields worth drawing: one for the x axis, then those drawn over it.
    """

    name: str
    fields: tuple[Field, ...]
    rows: tuple[tuple[Any, ...], ...]
    source: tuple[str, ...]
    chart: tuple[str, ...] = ()

    def shown(self) -> Iterator[dict[str, Any]]:
        """Rows by field, money and rates as exact text, as JSON and CSV have them.

        Money is in the currency of the row's ``currency``.
        """
        currency = next((at for at, one in enumerate(self.fields) if one.name == "currency"), None)
        for row in self.rows:
            unit = "" if currency is None else row[currency]
            yield {
                field.name: written(value, field.kind, unit)
                for field, value in zip(self.fields, row, strict=True)
            }


def written(value: Any, kind: Kind, currency: str) -> Any:
    """A value as text that loses nothing; counts stay numbers, what is not known stays None."""
    if value is None or kind is Kind.COUNT:
        return value
    if kind is Kind.MONEY:
        return text(value, currency)
    if kind is Kind.RATE:  # percent with four decimals
        sign, whole = "-" if value < 0 else "", abs(value)
        return f"{sign}{whole // 10_000}.{whole % 10_000:04d}"
    return str(value)


def rate(part: int, whole: int) -> int | None:
    """``part`` of ``whole`` in millionths, rounded down; None of nothing."""
    return part * 1_000_000 // whole if whole else None

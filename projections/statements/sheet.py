"""What a document shows, as plain texts ready to be laid out: templates do no arithmetic."""

import hashlib
from enum import StrEnum
from typing import Any

import msgspec

from projections.statements.lender import Lender


class Form(StrEnum):
    """How a document is handed over."""

    PDF = "pdf"
    HTML = "html"
    JSON = "json"


class Letter(StrEnum):
    """Which document besides the statement."""

    SCHEDULE = "schedule"
    PAYOFF = "payoff"
    RECEIPT = "receipt"
    NO_DEBT = "no_debt"


class Highlight(msgspec.Struct, frozen=True):
    """A figure that catches the eye."""

    label: str
    value: str
    note: str = ""
    strong: bool = False


class Box(msgspec.Struct, frozen=True):
    """Labels and values under a heading."""

    title: str
    rows: list[tuple[str, str]]


class Column(msgspec.Struct, frozen=True):
    """``align`` is left or right; ``wide`` columns share what is left of the width."""

    label: str
    align: str = "left"
    wide: bool = False


class Table(msgspec.Struct, frozen=True):
    """Rows of texts; ``foot`` stands below a line."""

    title: str
    columns: list[Column]
    rows: list[list[str]]
    foot: list[str] = []
    empty: str = ""


class Line(msgspec.Struct, frozen=True):
    """A line of a chart: points from 0 to 1, from left to right and from below upwards."""

    label: str
    points: list[tuple[float, float]]
    strong: bool = False


class Tick(msgspec.Struct, frozen=True):
    """A mark on an axis, from 0 to 1."""

    at: float
    label: str


class Chart(msgspec.Struct, frozen=True):
    """Lines over time."""

    title: str
    lines: list[Line]
    x: list[Tick]
    y: list[Tick]


class Party(msgspec.Struct, frozen=True):
    """A name, and lines below it."""

    name: str
    lines: list[str] = []


class Sheet(msgspec.Struct, frozen=True):
    """One document; ``name`` is that of its file, without ending."""

    kind: str
    name: str
    language: str
    title: str
    subtitle: str
    lender: Party
    logo: str
    primary: str
    accent: str
    to: Party
    highlights: list[Highlight] = []
    text: list[str] = []
    boxes: list[Box] = []
    chart: Chart | None = None
    tables: list[Table] = []
    legends: list[str] = []
    issued: str = ""
    page: str = ""
    of: str = ""

    def plain(self) -> dict[str, Any]:
        """As JSON would have it."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found


def letterhead(lender: Lender) -> Party:
    """The lender's name and how to reach it."""
    lines = [lender.address, " · ".join(filter(None, (lender.phone, lender.email, lender.website)))]
    return Party(lender.name, [line for line in lines if line])


def file_name(sheet: Sheet) -> str:
    """The sheet's name, without what a file's name may not have."""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in sheet.name).lstrip(".")


def digest(sheet: Sheet) -> str:
    """The hash that names what a sheet says."""
    return hashlib.sha256(msgspec.json.encode(sheet)).hexdigest()

"""Rows that a statement reads, and how one of them, many of them or a page becomes JSON."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from api.graphql.connections import Slice
from api.graphql.planned.asked import Asked, Reading, Unplanned
from api.graphql.planned.written import (
    UNIT,
    Literal,
    Written,
    bare,
    nullable,
    number,
    opaque,
    sql,
    words,
)


@dataclass
class Row:
    """A row of the statement: its alias, how its amounts are written, what is joined to it."""

    alias: str
    currency: str
    unit: str
    joins: dict[Hashable, str] = field(default_factory=dict)

    def __getitem__(self, column: str) -> str:
        return f"{self.alias}.{column}"

    def child(self, reading: Reading) -> "Row":
        """A row that hangs on this one and has its currency."""
        return Row(reading.alias(), self.currency, self.unit)

    def join(self, name: Hashable, lateral: Callable[[], str]) -> str:
        """The alias of what is joined once under ``name``: a SELECT of one row."""
        if name not in self.joins:
            self.joins[name] = lateral()
        return f"{self.alias}_{list(self.joins).index(name)}"

    @property
    def joined(self) -> str:
        """What follows the row in its FROM clause."""
        return "".join(
            f" CROSS JOIN LATERAL ({lateral}) AS {self.alias}_{at}"
            for at, lateral in enumerate(self.joins.values())
        )


Field: TypeAlias = Callable[[Row, Asked], Written]
Kind: TypeAlias = Mapping[str, Field]
"""The fields of a type, by name: how each is written of a row."""


def told(kind: Kind, row: Row, asked: Asked) -> Written:
    """The object of ``row``. Errors: ``Unplanned`` for a field the kind does not have."""

    def tell(name: str, inner: Asked) -> Written:
        if name not in kind:
            raise Unplanned
        return kind[name](row, inner)

    return asked.thing(tell)


def row_of(reading: Reading) -> Row:
    """A row that brings its own currency."""
    alias = reading.alias()
    return Row(alias, f"{alias}.currency", f"{alias}.unit")


def with_unit(columns: str, currency: str) -> str:
    """The columns of such a row."""
    return f"{columns}, {UNIT.format(currency=currency)} AS unit"


def found(row: Row, source: str, written: Written) -> str:
    """The object of the one row of ``source`` (a SELECT); null in SQL if there is none."""
    return f"(SELECT {sql(written)} FROM ({source}) AS {row.alias}{row.joined})"


def one(row: Row, source: str, written: Written) -> Written:
    """The same, or null in JSON."""
    return nullable([found(row, source, written)])


def many(row: Row, source: str, order: str, written: Written) -> Written:
    """The objects of all rows of ``source`` (what follows FROM), in ``order``."""
    listed = f"string_agg({sql(written)}, ',' ORDER BY {order})"
    return [
        Literal("["),
        f"(SELECT coalesce({listed}, '') FROM {source}{row.joined})",
        Literal("]"),
    ]


@dataclass(frozen=True)
class Listing:
    """Where a page is read: columns, source and condition; ``counted`` selects the total."""

    columns: str
    source: str
    where: str
    counted: str


def page(kind: Kind, row: Row, listing: Listing, asked: Asked, part: Slice) -> Written:
    """A connection: the rows of a page, their cursors, whether there are more."""
    reading = asked.reading
    size = part.size
    way = "DESC" if part.backwards else "ASC"
    within = f"{row.alias}.nth <= {size}"

    def listed(written: Written) -> Written:
        rows = f"string_agg({sql(written)}, ',' ORDER BY {row.alias}.nth {way})"
        return [Literal("["), f"coalesce({rows} FILTER (WHERE {within}), '')", Literal("]")]

    def place() -> Written:
        return bare(cursor(row, part))

    def edge(name: str, inner: Asked) -> Written:
        return place() if name == "cursor" else told(kind, row, inner)

    def end(direction: str) -> Written:
        placed = f"array_agg({sql(place())} ORDER BY {row.alias}.nth {direction})"
        return [f"coalesce(({placed} FILTER (WHERE {within}))[1], 'null')"]

    more: Written = [f"(count(*) > {size})::text"]

    def info(name: str, _: Asked) -> Written:
        match name, part.backwards:
            case ("hasNextPage", False) | ("hasPreviousPage", True):
                return more
            case "hasNextPage", True:
                return [Literal(str(part.before is not None).lower())]
            case "hasPreviousPage", False:
                return [Literal(str(part.after is not None).lower())]
            case "startCursor", _:
                return end(way)
            case _:
                return end("ASC" if part.backwards else "DESC")

    def connection(name: str, inner: Asked) -> Written:
        match name:
            case "nodes":
                return listed(told(kind, row, inner))
            case "edges":
                return listed(inner.thing(edge))
            case "pageInfo":
                return inner.thing(info)
            case _:
                return number(f"({listing.counted})")

    written = asked.thing(connection)
    bounds = reading.bound(part.where, part.values)
    rows = (
        f"SELECT {listing.columns}, {part.keyset.columns} FROM {listing.source}"
        f" WHERE {listing.where} AND {bounds} {part.tail}"
    )
    numbered = f"SELECT *, row_number() OVER () AS nth FROM ({rows}) AS page"
    summed = "HAVING true"  # one answer, however many rows and whatever is asked of them
    return [f"(SELECT {sql(written)} FROM ({numbered}) AS {row.alias}{row.joined} {summed})"]


def cursor(row: Row, part: Slice) -> str:
    """As `api.graphql.cursors.cursor` makes it of the row's keys."""
    body: Written = [Literal(f'["{part.keyset.name}"')]
    for at, (_, kind) in enumerate(part.keyset.keys):
        key = row[f"key_{at}"]
        written = {int: number, str: words}.get(kind, bare)(key)
        body += [Literal(","), *written]
    text = sql([*body, Literal("]")])
    digest = f"substr(decode(md5('cursor' || {text}), 'hex'), 1, 6)"
    return opaque(f"{digest} || convert_to({text}, 'UTF8')")

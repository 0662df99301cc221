"""A whole list, row by row: what a page of it would bring, without pages."""

from typing import Any, NamedTuple

from graphql import GraphQLObjectType, get_named_type

from api.graphql.errors import Refused
from api.graphql.planned.asked import Asked, Reading, Unplanned
from api.graphql.planned.planner import LISTS
from api.graphql.planned.rows import row_of, told, with_unit
from api.graphql.planned.written import sql

PAGED = ("first", "after", "last", "before")


class Export(NamedTuple):
    """A statement of one row per line of the export, and the field that says what a line is."""

    statement: str
    values: dict[str, Any]
    line: Asked


def exported(reading: Reading) -> Export:
    """The export of what is asked.

    Errors: ``Refused`` unless it is one list, whole, of which `nodes` are asked, planned.
    """
    roots = [asked for _, asked in reading.roots()]
    if len(roots) != 1 or roots[0].name not in LISTS:
        raise Refused("bad-export", f"an export asks one list: {', '.join(LISTS)}")
    [asked] = roots
    arguments = asked.arguments
    if any(arguments.get(name) is not None for name in PAGED):
        raise Refused("bad-export", "an export has no pages: leave out first, after, last, before")
    line = _nodes(asked)
    try:
        source = LISTS[asked.name](arguments, reading.today)
        row = row_of(reading)
        written = sql(told(source.kind, row, line))
    except Unplanned:
        raise Refused(
            "bad-export",
            "an export holds what is read as it is kept now: balances, payoff and figures as of"
            " another day are told loan by loan, so ask for them in pages",
        ) from None
    way = " DESC" if source.keyset.descending else ""
    order = ", ".join(f"{row[f'key_{at}']}{way}" for at in range(len(source.keyset.keys)))
    condition = reading.bound(source.where.sql, source.where.values)
    columns = f"{with_unit(source.columns, source.currency)}, {source.keyset.columns}"
    rows = f"SELECT {columns} FROM {source.table} WHERE {condition}"
    statement = f"SELECT {written} AS line FROM ({rows}) AS {row.alias}{row.joined}"
    return Export(f"{statement} ORDER BY {order}", reading.values, line)


def _nodes(asked: Asked) -> Asked:
    """The `nodes` of a connection, of which nothing else is asked."""
    found = [inner for _, inner in asked.fields()]
    if [inner.name for inner in found] != ["nodes"]:
        raise Refused("bad-export", "of its list an export asks for `nodes`, and nothing beside")
    return found[0]


def line_type(line: Asked) -> GraphQLObjectType:
    """The type of what a line is."""
    of = get_named_type(line.definition.type)
    assert isinstance(of, GraphQLObjectType), of
    return of

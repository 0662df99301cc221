"""Lines of an export as a Parquet file, each column of the type that the schema says."""

from pathlib import Path
from typing import Any

from graphql import (
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_list_type,
)

from api.graphql.errors import Refused
from api.graphql.planned.asked import Asked


class NoParquet(RuntimeError):
    """The library that writes Parquet is not installed."""

    def __init__(self) -> None:
        super().__init__("Parquet is written by polars: install cartera[parquet]")


def write_parquet(lines: Path, line: Asked) -> Path:
    """The file, made beside ``lines``.

    Errors: ``NoParquet``, ``Refused`` for a field that has no type of its own.
    """
    try:
        import polars as pl
    except ImportError:
        raise NoParquet from None
    made = lines.with_suffix(".parquet")
    schema = {name: _type(pl, asked) for name, asked in line.fields()}
    pl.scan_ndjson(lines, schema=schema).sink_parquet(made)
    return made


def _type(pl: Any, asked: Asked) -> Any:
    """The column's type: objects are structs, lists are lists of them."""
    if asked.name == "__typename":
        return pl.String
    of = get_named_type(asked.definition.type)
    if isinstance(of, GraphQLObjectType):
        kind = pl.Struct({name: _type(pl, inner) for name, inner in asked.fields()})
    elif of.name == "JSON":
        raise Refused("bad-export", f"{asked.name} is JSON, which Parquet has no column for")
    else:
        kind = {
            "Int": pl.Int32,
            "BigInt": pl.Int64,
            "Boolean": pl.Boolean,
            "Date": pl.Date,
            "DateTime": pl.Datetime("us", "UTC"),
        }.get(of.name, pl.String)
    return pl.List(kind) if is_list_type(get_nullable_type(asked.definition.type)) else kind
